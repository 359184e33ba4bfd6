//! The lab reports what it cannot do, before it begins.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use zc_lab::{
    catalog::SCENARIOS,
    scenario::{Scenario, Work},
};

use crate::{
    Test,
    finding::findings,
    requirement::{self, Skip},
    zc::{Finished, UNPRIVILEGED, ZC, in_own_mounts, public, run, through, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("failure::without_privileges_the_work_is_done_and_not_measured", unprivileged),
    ("failure::a_directory_that_cannot_be_used_is_named", directories),
    ("failure::a_file_that_cannot_be_used_is_named", files),
    ("failure::a_file_that_changes_is_found_out", changing_file),
    ("failure::a_file_of_the_users_is_never_written_to", untouched_file),
    ("failure::any_size_and_any_chunk_arrive", sizes),
    ("failure::a_byte_at_a_time_is_counted", bytewise),
    ("failure::what_has_no_room_is_not_begun", room),
    ("failure::a_disk_that_fills_up_is_an_error", full_disk),
    ("failure::without_namespaces_there_is_no_veth", no_namespaces),
    ("failure::without_mkfs_nothing_is_shared", no_mkfs),
    ("failure::internal_subcommands_are_for_the_lab_only", internal),
    ("failure::a_reader_that_leaves_ends_it_quietly", broken_pipe),
    ("failure::output_that_cannot_be_written_is_an_error", full_output),
];

/// Without probes, which take a second to attach and are of no interest here.
pub(crate) fn bare(words: &[&str]) -> Command {
    let none = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    match requirement::ebpf() {
        Ok(()) => through(&none, ZC.as_ref(), words),
        Err(_) => zc(words),
    }
}

/// `zc lab run read_write OPTIONS`.
fn lab(options: &[&str]) -> Finished {
    run(bare(&[&["lab", "run", "read_write"], options].concat()))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn unprivileged() -> Result<(), Skip> {
    let (directory, copy) = public();
    // Writable by everybody.
    let scratch = directory.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    fs::set_permissions(&scratch, fs::Permissions::from_mode(0o777)).unwrap();
    let words = |format: &'static [&str]| {
        let words = ["lab", "run", "read_write", "sendfile", "--size", "100003", "--repeat", "1"];
        let words = [&words[..], &["--sink", "unix", "--dir", text(&scratch)], format].concat();
        match requirement::ebpf() {
            Ok(()) => through(&UNPRIVILEGED, &copy, &words),
            Err(_) => zc(&words),
        }
    };
    let json = run(words(&["--json"])).exits(0).json();
    for finding in findings(&json) {
        assert_eq!((finding.outcome(), finding.judgement()), ("ran", "not_measured"), "{finding}");
        assert_eq!(finding.metric("syscalls"), (None, Some("unavailable")), "{finding}");
        assert_eq!(finding.metric("cpu_copies"), (None, Some("unavailable")), "{finding}");
        assert!(finding.metric("wall_ns").0.is_some(), "{finding}");
    }
    let report = run(words(&[])).exits(0).stdout();
    assert!(report.contains("CAP_BPF") && report.contains("sudo"), "{report}");
    Ok(())
}

fn directories() -> Result<(), Skip> {
    lab(&["--dir", "/no/such/directory"]).fails(1, &["'/no/such/directory'", "--dir"]);
    lab(&["--dir", &*ZC]).fails(1, &["Not a directory", "--dir"]);
    lab(&["--dir", "/proc"]).fails(1, &["'/proc'", "--dir"]);
    requirement::administrator()?;
    let (directory, copy) = public();
    let words = ["lab", "run", "read_write", "--dir", text(directory.path())];
    run(through(&UNPRIVILEGED, &copy, &words)).fails(1, &["Permission denied", "--dir"]);
    Ok(())
}

fn files() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("empty"), "").unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), 0o600.into()).unwrap();
    for (file, words) in [
        (path("missing"), &["missing", "No such file"][..]),
        (directory.path().to_owned(), &["not a regular file"]),
        (path("empty"), &["is empty"]),
        // It has no writer: not even opening it may wait.
        (path("pipe"), &["not a regular file"]),
        ("/dev/zero".into(), &["not a regular file"]),
        ("/proc/version".into(), &["the kernel generates it", "use a file"]),
        ("/sys/kernel/uevent_seqnum".into(), &["the kernel generates it"]),
    ] {
        lab(&["--file", text(&file)]).fails(1, words);
    }
    requirement::administrator()?;
    let (directory, copy) = public();
    let secret = directory.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let words = ["lab", "run", "read_write", "--file", text(&secret)];
    run(through(&UNPRIVILEGED, &copy, &words)).fails(1, &["Permission denied"]);
    Ok(())
}

fn changing_file() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("log");
    fs::write(&file, vec![7; 1 << 20]).unwrap();
    let done = AtomicBool::new(false);
    let finished = thread::scope(|scope| {
        let append = || {
            let mut log = fs::OpenOptions::new().append(true).open(&file).unwrap();
            while !done.load(Ordering::Relaxed) {
                io::Write::write_all(&mut log, b"more").unwrap();
                // So that the file stays small.
                thread::sleep(Duration::from_millis(1));
            }
        };
        scope.spawn(append);
        let finished = lab(&["--file", text(&file), "--repeat", "1000"]);
        done.store(true, Ordering::Relaxed);
        finished.exits(1)
    });
    let told = finished.stdout() + &finished.stderr();
    assert!(told.contains("changed while it was used"), "{told}");
    Ok(())
}

/// Every scenario that is no program of its own.
fn mechanisms() -> Vec<&'static str> {
    let is_mechanism = |scenario: &&&Scenario| matches!(scenario.work, Work::Mechanism(_));
    let mechanisms = SCENARIOS.iter().filter(is_mechanism);
    mechanisms.map(|scenario| scenario.id).collect()
}

fn untouched_file() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("precious");
    let content: Vec<u8> = (0..300_007_u32).map(|i| (i % 251) as u8).collect();
    fs::write(&file, &content).unwrap();
    let before = fs::metadata(&file).unwrap();
    let ids = mechanisms();
    let options =
        ["--file", text(&file), "--repeat", "1", "--json", "--dir", text(directory.path())];
    let words = [&["lab", "run"], &ids[..], &options].concat();
    // With all privileges: what could be written to would be.
    let findings = findings(&run(zc(words)).exits(0).json());
    assert_eq!(findings.len(), ids.len());
    let after = fs::metadata(&file).unwrap();
    assert_eq!(after.modified().unwrap(), before.modified().unwrap());
    assert!(fs::read(&file).unwrap() == content, "the file was written to");
    assert_eq!(names_in(&directory), ["precious"]);
    Ok(())
}

/// What has a name in a directory.
fn names_in(directory: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn sizes() -> Result<(), Skip> {
    for (size, chunk) in
        [("1", "1"), ("1", "64KiB"), ("4099", "4097"), ("65536", "1GiB"), ("7", "2")]
    {
        let options = ["--size", size, "--chunk", chunk, "--repeat", "1", "--json"];
        let findings = findings(
            &run(bare(&[&["lab", "run"], &mechanisms()[..], &options].concat())).exits(0).json(),
        );
        for finding in findings {
            assert!(matches!(finding.outcome(), "ran" | "skipped"), "{size} by {chunk}: {finding}");
        }
    }
    for (option, value) in
        [("--size", "0"), ("--chunk", "0"), ("--chunk", "2GiB"), ("--size", "-1")]
    {
        assert_eq!(lab(&[&format!("{option}={value}")]).output.status.code(), Some(2));
    }
    Ok(())
}

fn bytewise() -> Result<(), Skip> {
    requirement::ebpf()?;
    let words = ["lab", "run", "read_write", "sendfile", "--size", "1009", "--chunk", "1"];
    let options = ["--sink", "pipe", "--repeat", "1", "--json"];
    let findings = findings(&run(zc(words.iter().chain(&options))).exits(0).json());
    for (finding, calls) in findings.iter().zip([2 * 1009 + 1, 1009 + 1]) {
        assert_eq!(finding.judgement(), "as_textbook", "{finding}");
        assert_eq!(finding.metric("syscalls").0, Some(f64::from(calls)), "{finding}");
    }
    Ok(())
}

fn room() -> Result<(), Skip> {
    let directory = tempfile::tempdir().unwrap();
    lab(&["--size", "1PiB", "--dir", text(directory.path())])
        .fails(1, &["1.0 PiB", "are free", "--dir", "--size"]);
    assert!(names_in(&directory).is_empty());
    Ok(())
}

fn full_disk() -> Result<(), Skip> {
    requirement::administrator()?;
    // The payload does not fit; the payload fits, and its copy does not.
    let script = |words: &str| {
        format!(
            "mount -t tmpfs -o size=1m none /mnt; \
             exec setpriv --bounding-set=-all --inh-caps=-all \"$0\" lab run --dir /mnt {words}"
        )
    };
    run(in_own_mounts(&script("read_write --size 2MiB"))).fails(1, &["are free", "--dir"]);
    let sink = "read_write --size 700KiB --sink file --json --repeat 1";
    let finished = run(in_own_mounts(&script(sink))).exits(1);
    let findings = findings(&finished.json());
    let why = findings[0].why().unwrap();
    assert_eq!(findings[0].outcome(), "failed");
    for word in ["No space left", "--dir", "--size"] {
        assert!(why.contains(word), "{why}");
    }
    Ok(())
}

/// The only finding of a run says why it was skipped, in all of these words, and nothing failed.
fn skipped(command: Command, words: &[&str]) {
    let finished = run(command).exits(0);
    let findings = findings(&finished.json());
    assert_eq!(findings[0].outcome(), "skipped", "{}", findings[0]);
    let why = findings[0].why().unwrap();
    assert!(words.iter().all(|word| why.contains(word)), "{why}");
}

fn no_namespaces() -> Result<(), Skip> {
    requirement::administrator()?;
    let script = "echo 0 >/proc/sys/user/max_net_namespaces; \
                  exec \"$0\" lab run sendfile --sink veth --size 1009 --repeat 1 --json";
    let prefix = ["unshare", "--user", "--map-root-user", "sh", "-ec", script];
    skipped(through(&prefix, ZC.as_ref(), &[]), &["network namespace", "run as root"]);
    Ok(())
}

fn no_mkfs() -> Result<(), Skip> {
    requirement::administrator()?;
    // In the way of both programs, wherever they are; without probes, which are of no interest.
    let script = "for name in mkfs.btrfs mkfs.xfs; do \
                      file=$(command -v $name) || continue; \
                      mount --bind /dev/null \"$(readlink -f \"$file\")\"; \
                  done; \
                  exec setpriv --bounding-set=-bpf,-perfmon \"$0\" \
                      lab run copy_range_reflink --size 1009 --repeat 1 --json";
    skipped(in_own_mounts(script), &["mkfs", "not installed", "--dir"]);
    Ok(())
}

fn internal() -> Result<(), Skip> {
    let worker = ["lab", "worker", "read_write", "--size", "1", "--chunk", "1"];
    let parented = [&["lab", "--parent", "1"], &worker[1..]].concat();
    for words in [&worker[..], &parented, &["lab", "receiver"]] {
        run(zc(words)).fails(2, &["internal subcommand", "zc lab run"]);
        // Nor does it disturb streams that are closed.
        let closed = ["sh", "-c", "exec \"$0\" \"$@\" <&- >&-"];
        run(through(&closed, ZC.as_ref(), words)).fails(2, &["internal subcommand", "zc lab run"]);
    }
    Ok(())
}

const OUTPUTS: [&[&str]; 3] = [
    &["lab", "list"],
    &["lab", "run", "read_write", "--size", "1009", "--repeat", "1"],
    &["lab", "run", "read_write", "--size", "1009", "--repeat", "1", "--json"],
];

fn broken_pipe() -> Result<(), Skip> {
    for words in OUTPUTS {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = bare(words).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert!(output.stderr.is_empty(), "{words:?}: {output:?}");
        assert_eq!(output.status.code(), Some(0), "{words:?}");
    }
    Ok(())
}

fn full_output() -> Result<(), Skip> {
    for words in OUTPUTS {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = bare(words).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.starts_with("zc: cannot write ") && stderr.contains("No space left"),
            "{words:?}: {stderr}"
        );
        assert_eq!(output.status.code(), Some(1), "{words:?}");
    }
    Ok(())
}
