//! Too few privileges, just enough, and what is kept of too many.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use rustix::process::Signal;

use super::zc::{Running, UNPRIVILEGED, ZC, path, public, run, through, zc};

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

#[test]
fn what_is_not_needed_is_given_up_once_everything_is_attached() {
    let mut top = Running::start(zc(["top", "--json", "--interval", "0.1"]));
    top.line();
    let status = fs::read_to_string(format!("/proc/{}/status", top.0.id())).unwrap();
    // CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_PERFMON, CAP_BPF: as far as they were there.
    let kept = 1 << 2 | 1 << 19 | 1 << 38 | 1 << 39;
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let own = u64::from_str_radix(field(&own, "CapPrm"), 16).unwrap();
    for set in ["CapPrm", "CapEff"] {
        assert_eq!(u64::from_str_radix(field(&status, set), 16).unwrap(), own & kept, "{set}");
    }
    assert_eq!(u64::from_str_radix(field(&status, "CapInh"), 16).unwrap(), 0);
    assert_eq!(field(&status, "NoNewPrivs"), "1");
    top.signal(Signal::TERM);
    assert_eq!(top.end().0.code(), Some(0));
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
