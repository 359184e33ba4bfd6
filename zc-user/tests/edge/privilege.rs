//! Too few privileges, just enough, and what is kept of too many.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::{fs::XattrFlags, process::Signal};
use serde_json::Value;

use super::{
    pty::Pty,
    zc::{
        Running, UNPRIVILEGED, ZC, attached, in_own_mounts, path, public, run, through, until, zc,
    },
};

/// `CapEff` and the like of a status file.
fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    line.unwrap_or_else(|| panic!("no {name} in {status}"))
}

#[test]
fn zc_names_the_privileges_that_an_unprivileged_user_lacks() {
    let (_directory, copy) = public();
    for arguments in [&["stat", "--", "true"][..], &["top", "--once"], &["stat", "-d", "1"]] {
        run(through(&UNPRIVILEGED, &copy, arguments)).fails(1, &["CAP_BPF", "sudo", "setcap"]);
    }
    let doctor = run(through(&UNPRIVILEGED, &copy, &["doctor"])).exits(1);
    let report = doctor.stdout();
    assert!(
        report.contains("BLOCKING  privileges") && report.contains("fix: run with sudo"),
        "{report}"
    );
}

#[test]
fn zc_names_the_capabilities_that_root_lacks() {
    let none = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    run(through(&none, ZC.as_ref(), &["stat", "--", "true"])).fails(1, &["CAP_BPF", "CAP_PERFMON"]);
    // One of the two is not enough, and the message does not blame a missing file.
    let one = ["setpriv", "--bounding-set=-all,+bpf"];
    run(through(&one, ZC.as_ref(), &["top", "--once"])).fails(1, &["CAP_PERFMON", "sudo"]);
}

#[test]
fn zc_says_that_capabilities_of_a_user_namespace_do_not_count() {
    let unshare = ["unshare", "--user", "--map-root-user"];
    run(through(&unshare, ZC.as_ref(), &["stat", "--", "true"]))
        .fails(1, &["user namespace", "host"]);
    run(through(&unshare, ZC.as_ref(), &["doctor"])).exits(1);
}

#[test]
fn two_capabilities_are_enough_and_count_exactly() {
    let (directory, copy) = public();
    let target = directory.path().join("target");
    fs::write(&target, "").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o666)).unwrap();
    let two = ["--inh-caps=+bpf,+perfmon", "--ambient-caps=+bpf,+perfmon"];
    let of = format!("of={}", target.display());
    let dd = ["stat", "--json", "--", "dd", "if=/dev/zero", &of, "bs=4099", "count=7"];
    let document = run(through(&[&UNPRIVILEGED[..], &two].concat(), &copy, &dd)).exits(0).json();
    assert_eq!(path(&document, "dd", "file_write"), (7, 7 * 4099));
    assert_eq!(path(&document, "dd", "pseudo_read"), (7, 7 * 4099));
}

/// What goes on to be needed: CAP_PERFMON, CAP_BPF. In the lab, locked memory, too (CAP_IPC_LOCK).
const KEPT: u64 = 1 << 38 | 1 << 39;
const KEPT_BY_THE_LAB: u64 = KEPT | 1 << 14;

/// Every thread of process `pid` has `kept`, as far as this process has it, and nothing else.
#[track_caller]
fn keeps_only(pid: u32, kept: u64, what: &str) {
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let own = u64::from_str_radix(field(&own, "CapPrm"), 16).unwrap();
    let mut threads = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            let name = field(&status, "Name");
            let held = u64::from_str_radix(field(&status, set), 16).unwrap();
            assert_eq!(held, own & kept, "{what}: {set} of {name}");
        }
        for set in ["CapInh", "CapAmb"] {
            assert_eq!(u64::from_str_radix(field(&status, set), 16).unwrap(), 0, "{what}: {set}");
        }
        assert_eq!(field(&status, "NoNewPrivs"), "1", "{what}");
        threads += 1;
    }
    assert!(threads > 0, "{what}");
}

#[test]
fn what_is_not_needed_is_given_up_in_every_thread() {
    let lab = ["lab", "run", "read_write", "--size", "100003", "--repeat", "1000", "--quiet"];
    for (words, kept) in [
        (&["top", "--json", "--interval", "0.1"][..], KEPT),
        (&["top", "--json", "--without", "tax"], KEPT & !(1 << 38)),
        (&["top", "--csv", "--ebpf-log"], KEPT),
        (&["stat", "--duration", "1000"], KEPT),
        (&lab, KEPT_BY_THE_LAB),
        (&["demo", "--text", "--wait", "--size", "100003"], KEPT_BY_THE_LAB | 1 << 21 | 1 << 12),
    ] {
        let zc = Running::start(zc(words));
        zc.attached();
        keeps_only(zc.0.id(), kept, &words.join(" "));
    }
}

/// CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE.
const FOR_FILES: u64 = 1 << 19 | 1 << 40;

#[test]
fn the_thread_that_looks_at_code_has_no_right_but_to_open_files() {
    let zc = Running::start(zc(["top", "--json", "--interval", "0.1", "--user-copies"]));
    zc.attached();
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let own = u64::from_str_radix(field(&own, "CapPrm"), 16).unwrap();
    // It begins with the first sample.
    until("both threads have what they keep", || {
        let threads = fs::read_dir(format!("/proc/{}/task", zc.0.id())).unwrap();
        let mut held: Vec<_> = threads
            .filter_map(|it| fs::read_to_string(it.unwrap().path().join("status")).ok())
            .map(|it| u64::from_str_radix(field(&it, "CapPrm"), 16).unwrap())
            .collect();
        held.sort_unstable();
        held == [own & FOR_FILES, own & (KEPT | FOR_FILES)]
    });
}

#[test]
fn a_command_whose_code_was_looked_at_ends_as_usual() {
    // The right to signal it is dropped in the end, in all threads.
    let words = ["stat", "--json", "--user-copies", "--", "sh", "-c", "sleep 1; exit 7"];
    let output = Running::start(zc(words)).end().0;
    assert_eq!(output.code(), Some(7));
}

#[test]
fn the_thread_that_reads_keys_has_no_more() {
    let mut pty = Pty::open(100, 30);
    let mut top = pty.spawn(&["top", "--interval", "0.1"]);
    attached(top.id());
    let tasks = format!("/proc/{}/task", top.id());
    // It reads the keys.
    pty.press("/");
    until("the thread is there", || fs::read_dir(&tasks).unwrap().count() > 1);
    keeps_only(top.id(), KEPT, "top");
    pty.press("\u{3}");
    until("zc has ended", || top.try_wait().unwrap().is_some());
}

#[test]
fn while_a_command_runs_it_can_be_signalled() {
    let mut stat = Running::start(zc(["stat", "--", "sh", "-c", "echo ready; exec sleep 1000"]));
    stat.line();
    stat.attached();
    // CAP_KILL: the command may change its user.
    keeps_only(stat.0.id(), KEPT | 1 << 5, "stat");
    stat.signal(Signal::TERM);
    assert_eq!(stat.end().0.code(), Some(143));
}

/// CAP_PERFMON, CAP_BPF: what counting takes.
const TWO: u64 = 1 << 38 | 1 << 39;
/// What `zc doctor` recommends: CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_SYSLOG and CAP_CHECKPOINT_RESTORE, too.
const RECOMMENDED: u64 = TWO | 1 << 2 | 1 << 19 | 1 << 34 | 1 << 40;

/// A copy of the binary with these file capabilities.
fn with_file_capabilities(permitted: u64) -> (tempfile::TempDir, PathBuf) {
    let (directory, copy) = public();
    // `struct vfs_cap_data` of version 2, include/uapi/linux/capability.h, with the flag that makes them effective.
    let (low, high) = (permitted as u32, (permitted >> 32) as u32);
    let data: Vec<u8> =
        [0x0200_0001, low, 0, high, 0].into_iter().flat_map(u32::to_le_bytes).collect();
    rustix::fs::setxattr(&copy, "security.capability", &data, XattrFlags::empty()).unwrap();
    (directory, copy)
}

#[test]
fn capabilities_of_the_file_count_and_open_no_file_that_the_user_may_not() {
    let (directory, copy) = with_file_capabilities(RECOMMENDED);
    let counted = run(through(&UNPRIVILEGED, &copy, &["stat", "--json", "--", "true"])).exits(0);
    assert!(!counted.json()["processes"].as_array().unwrap().is_empty());

    let secret = directory.path().join("secret");
    fs::write(&secret, "step hush\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let new = directory.path().join("new");
    let (secret, new, home) =
        (secret.to_str().unwrap(), new.to_str().unwrap(), directory.path().to_str().unwrap());
    for (status, words) in [
        (2, &["demo", "--text", "--script", secret][..]),
        (2, &["top", "--once", "--btf", secret]),
        (2, &["stat", "--btf", secret, "--", "true"]),
        (1, &["stat", "-o", secret, "--", "true"]),
        (1, &["stat", "-o", new, "--", "true"]),
        (1, &["lab", "run", "read_write", "-o", new]),
        (1, &["lab", "run", "read_write", "--file", secret]),
        (1, &["lab", "run", "read_write", "--dir", home]),
        (1, &["lab", "run", "nginx_sendfile", "--file", secret]),
        (1, &["docs", "man", "--to", home]),
    ] {
        let refused = run(through(&UNPRIVILEGED, &copy, words)).exits(status);
        let said = format!("{}{}", refused.stdout(), refused.stderr());
        assert!(said.contains("ermission denied"), "{words:?}: {said}");
        assert!(!said.contains("hush"), "{words:?}: {said}");
    }
    let doctor = run(through(&UNPRIVILEGED, &copy, &["doctor", "--btf", secret])).exits(1).stdout();
    assert!(doctor.contains("Permission denied"), "{doctor}");
    assert!(!Path::new(new).exists());
}

/// What an unprivileged user's `zc` with these file capabilities says of a shell of root that runs `script`.
fn about_root(permitted: u64, script: &str, words: &[&str]) -> Value {
    let (_directory, copy) = with_file_capabilities(permitted);
    let mut shell = Command::new("sh").args(["-c", script]).spawn().unwrap();
    let pid = shell.id().to_string();
    let words = [words, &["--json", "--duration", "2", "--pid", &pid]].concat();
    let found = run(through(&UNPRIVILEGED, &copy, &words));
    shell.kill().unwrap();
    shell.wait().unwrap();
    found.exits(0).json()
}

/// A file in a directory that only root may enter, and a script that reads it, one byte with a call.
fn secret_reads() -> (tempfile::TempDir, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data").display().to_string();
    fs::write(&data, "x\n".repeat(5003)).unwrap();
    let script = format!("while :; do while read x; do :; done < {data}; done");
    (directory, data, script)
}

#[test]
fn two_capabilities_are_enough_for_the_names_of_files() {
    let (_directory, data, script) = secret_reads();
    let found = about_root(TWO, &script, &["files"]);
    let names = found["objects"].as_array().unwrap().iter().map(|row| row["name"].as_str());
    let names: Vec<_> = names.collect();
    assert!(names.contains(&Some(&*data)), "{names:?}");
}

#[test]
fn copies_by_other_users_are_known_with_what_zc_doctor_recommends() {
    // CAP_SYSLOG: the sampler takes it.
    for (permitted, knows) in [(RECOMMENDED, true), (TWO | 1 << 34, false)] {
        let found = about_root(permitted, "while :; do :; done", &["stat", "--user-copies"]);
        let counters = &found["processes"][0]["counters"];
        let count = |name: &str| counters[name].as_u64().unwrap();
        let (all, unknown) = (count("cpu_samples"), count("unknown_code_samples"));
        assert!(all > 0, "{counters}");
        assert_eq!(2 * unknown < all, knows, "{unknown} of {all}");
    }
}

/// The modules of the innermost frames of a process of root, as `zc stacks` of an unprivileged user names them, and
/// what `zc doctor` says of call stacks and of user copies.
fn code_of_root(permitted: u64) -> (Vec<String>, [String; 2]) {
    let (_directory, copy) = with_file_capabilities(permitted);
    let (_directory_of_data, _, script) = secret_reads();
    let stacks = about_root(permitted, &script, &["stacks"])["stacks"].as_array().unwrap().clone();
    let reads = stacks.iter().filter(|row| row["path"] == "file_read");
    let modules = reads.map(|row| row["frames"][0]["module"].as_str().unwrap().to_owned());
    let report = run(through(&UNPRIVILEGED, &copy, &["doctor"])).exits(0).stdout();
    let line = |check: &str| report.lines().find(|line| line.contains(check)).unwrap().to_owned();
    (modules.collect(), [line("  call stacks  "), line("  user copies  ")])
}

#[test]
fn the_code_of_other_users_is_looked_at_with_what_zc_doctor_recommends() {
    let (_directory, copy) = public();
    let doctor = run(through(&UNPRIVILEGED, &copy, &["doctor"])).exits(1).stdout();
    let fix = "setcap cap_bpf,cap_perfmon,cap_dac_read_search,cap_sys_ptrace,cap_checkpoint_restore,cap_syslog+ep";
    assert!(doctor.contains(fix), "{doctor}");

    let (modules, lines) = code_of_root(RECOMMENDED);
    assert!(!modules.is_empty() && modules.iter().all(|it| it.contains('/')), "{modules:?}");
    assert!(lines[0].starts_with("OK  "), "{lines:?}");
    let (modules, lines) = code_of_root(TWO);
    assert!(!modules.is_empty() && modules.iter().all(|it| it == "?"), "{modules:?}");
    assert!(lines[0].starts_with("DEGRADED") && lines[0].contains("CAP_SYS_PTRACE"), "{lines:?}");
    assert!(lines[1].starts_with("DEGRADED"), "{lines:?}");
}

/// CAP_SYS_PTRACE is kept where `/proc` hides processes without it, and nowhere else.
#[test]
fn what_proc_hides_is_seen_as_long_as_that_takes() {
    let (_directory, copy) = with_file_capabilities(RECOMMENDED);
    let stranger = format!("{} {}", UNPRIVILEGED.join(" "), copy.display());
    for (options, zc, shows) in [
        ("hidepid=0", stranger.as_str(), false),
        ("hidepid=1", stranger.as_str(), true),
        ("hidepid=2", stranger.as_str(), true),
        // Those of this group see everything: root is not one of them.
        ("hidepid=2,gid=65534", stranger.as_str(), false),
        ("hidepid=2,gid=65533", "$0", true),
        ("hidepid=2", "$0", false),
    ] {
        let mount = format!("mount -t proc -o {options} proc /proc");
        let script = format!("{mount}; exec {zc} top --json --interval 0.1");
        let zc = Running::start(in_own_mounts(&script));
        zc.attached();
        for thread in fs::read_dir(format!("/proc/{}/task", zc.0.id())).unwrap() {
            let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
            for set in ["CapPrm", "CapEff"] {
                let kept = u64::from_str_radix(field(&status, set), 16).unwrap();
                assert_eq!(kept, KEPT | u64::from(shows) << 19, "{script}: {set}");
            }
        }
        zc.signal(Signal::INT);
        assert_eq!(zc.end().0.code(), Some(0), "{script}");
    }
}

#[test]
fn what_the_user_may_read_is_not_repeated_either() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    for line in
        ["hush", "hush hush", "step hush", "title x\nstep sendfile hush=1", "compare hush hush"]
    {
        fs::write(&script, line).unwrap();
        let refused = run(zc(["demo", "--text", "--script", script.to_str().unwrap()])).exits(2);
        assert!(!refused.stderr().contains("hush"), "{}", refused.stderr());
    }
}

#[test]
fn a_command_has_the_limits_that_it_has_without_zc() {
    let script = "ulimit -Sn; ulimit -Hn; ulimit -Sl; ulimit -Hl";
    // zc raises its own again when the command has been started, and the command may be faster.
    let wait = r#"for i in $(seq 10000); do set -- $(grep "open files" /proc/$PPID/limits);
        [ $4 = $5 ] && break; done; cat /proc/$PPID/limits >&2"#;
    let limits = |first: &str| format!("ulimit -Sn 100; exec {first}");
    let bare =
        Command::new("sh").args(["-c", &limits(&format!("sh -c '{script}'"))]).output().unwrap();
    let under = limits(&format!("\"$0\" stat -o /dev/null -- sh -c '{script}; {wait}'"));
    let under = run(through(&["sh", "-c", &under], ZC.as_ref(), &[])).exits(0);
    assert_eq!(under.stdout(), String::from_utf8(bare.stdout).unwrap());
    // zc itself takes as many files as it may have.
    let files = under.stderr();
    let files = files.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files: Vec<_> = files.split_whitespace().skip(3).collect();
    assert_eq!(files[0], files[1]);
}

#[test]
fn a_command_has_every_privilege_that_it_has_without_zc() {
    let words = ["grep", "-E", "^(Cap|NoNewPrivs|Seccomp|SigIgn|SigBlk)", "/proc/self/status"];
    // As `with_default_signals` does for zc. Not with it, which would keep the library from ignoring
    // two signals of its own, as it does in programs that it starts otherwise.
    let defaults = "--default-signal=INT,QUIT,TERM,HUP";
    let bare = Command::new("env").arg(defaults).args(words).output().unwrap();
    let under = run(zc(["stat", "--"].iter().chain(&words))).exits(0);
    assert_eq!(under.stdout(), String::from_utf8(bare.stdout).unwrap());
}
