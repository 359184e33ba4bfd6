//! Whatever ends the lab, at whatever moment: nothing of it stays.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use rustix::process::Signal;

use crate::{
    Test,
    requirement::{self, Skip},
    zc::{ZC, deadline, through, until},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("interrupt::nothing_is_left_at_any_moment", any_moment),
    ("interrupt::nothing_is_left_of_a_program", program),
    ("interrupt::nothing_is_left_of_what_takes_privileges", privileged),
];

/// How it is ended, and the status that this gives.
const ENDS: [(Signal, Option<i32>); 4] = [
    (Signal::INT, Some(130)),
    (Signal::TERM, Some(143)),
    (Signal::HUP, Some(129)),
    (Signal::KILL, None),
];

/// A moment, recognised from outside.
type Moment = (&'static str, fn(&Lab) -> bool);

const MOMENTS: [Moment; 6] = [
    ("the payload is being made", |lab| lab.holds_a_file()),
    ("a receiver or worker was started", |lab| !lab.children().is_empty()),
    ("a worker has stopped itself", |lab| lab.states().contains(&'T')),
    ("two run", |lab| lab.states().iter().filter(|state| **state != 'Z').count() >= 2),
    ("a worker is at work", |lab| lab.states().iter().any(|state| matches!(state, 'R' | 'D'))),
    ("one has ended", |lab| lab.states().contains(&'Z')),
];

/// `zc lab run`, and a directory of its own.
struct Lab {
    child: Child,
    directory: tempfile::TempDir,
}

impl Lab {
    /// Runs it without end, with `prefix` before the command.
    fn start(prefix: &[&str], options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let dir = directory.path().to_str().unwrap();
        let words = [&["lab", "run", "--repeat", "1000", "--dir", dir], options].concat();
        // Descriptor 9 is the output once more, and goes to whatever is started: only when all of
        // them are gone does the output end.
        let shell = ["sh", "-c", "exec \"$@\" 9>&1 1>/dev/null", "sh"];
        let mut command: Command = through(&[&shell[..], prefix].concat(), ZC.as_ref(), &words);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, directory }
    }

    fn proc(&self, name: &str) -> std::path::PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(name)
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Whether it has a file in its directory: one without a name.
    fn holds_a_file(&self) -> bool {
        let Ok(descriptors) = fs::read_dir(self.proc("fd")) else { return false };
        let targets = descriptors.flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
        targets.into_iter().any(|target| target.starts_with(self.directory.path()))
    }

    /// Whether there is something with a name in its directory.
    fn has_names(&self) -> bool {
        fs::read_dir(self.directory.path()).unwrap().next().is_some()
    }

    /// Whether one of its children is another program.
    fn runs_a_program(&self) -> bool {
        let name = |pid: String| fs::read_to_string(format!("/proc/{pid}/comm")).ok();
        let mut names = self.children().into_iter().filter_map(name);
        names.any(|name| matches!(name.trim(), "nginx" | "java"))
    }

    fn children(&self) -> Vec<String> {
        let id = self.child.id();
        let children = fs::read_to_string(self.proc(&format!("task/{id}/children")));
        children.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    /// The states of its children.
    fn states(&self) -> Vec<char> {
        let stat = |pid: String| fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        let state = |stat: String| stat.rsplit_once(") ")?.1.chars().next();
        self.children().into_iter().filter_map(stat).filter_map(state).collect()
    }

    /// Ends it, and looks for what is left.
    fn ends(mut self, (signal, code): (Signal, Option<i32>), when: &str) {
        crate::zc::signal(self.child.id(), signal);
        let mut status = None;
        until(&format!("it has ended after {signal:?} when {when}"), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(status.unwrap().code(), code, "{signal:?} when {when}: {stderr}");
        assert_eq!(stderr, "", "{signal:?} when {when}");

        let mut output = self.child.stdout.take().unwrap();
        let (ended, all_ended) = mpsc::channel();
        thread::spawn(move || {
            output.read_to_end(&mut Vec::new()).unwrap();
            ended.send(()).unwrap();
        });
        let wait = all_ended.recv_timeout(deadline());
        assert!(wait.is_ok(), "something runs on after {signal:?} when {when}");
        let names: Vec<_> = fs::read_dir(self.directory.path()).unwrap().collect();
        assert!(names.is_empty(), "{names:?} is left after {signal:?} when {when}");
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let dir = self.directory.path().to_str().unwrap();
        assert!(!mounts.contains(dir), "a mount is left after {signal:?} when {when}: {mounts}");
        assert_eq!(loops_in(self.directory.path()), 0, "loop devices, {signal:?} when {when}");
    }
}

/// Loop devices with a backing file in a directory.
fn loops_in(directory: &Path) -> usize {
    let devices = fs::read_dir("/sys/block").unwrap().flatten();
    let files = devices
        .filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok());
    files.filter(|file| file.starts_with(directory.to_str().unwrap())).count()
}

impl Drop for Lab {
    fn drop(&mut self) {
        // After a panic only.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends one lab after another, each at its moment.
fn interrupt(
    prefix: &[&str],
    options: &[&str],
    moments: &[Moment],
    ends: &[(Signal, Option<i32>)],
) {
    for (when, holds) in moments {
        for end in ends {
            let mut lab = Lab::start(prefix, options);
            until(when, || {
                assert!(lab.is_running(), "it ended before {when}");
                holds(&lab)
            });
            lab.ends(*end, when);
        }
    }
}

/// Without the probes, which take a second to attach.
fn any_moment() -> Result<(), Skip> {
    let none = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let prefix: &[&str] = if requirement::ebpf().is_ok() { &none } else { &[] };
    let options = ["read_write", "sendfile", "--sink", "unix", "--size", "8MiB"];
    interrupt(prefix, &options, &MOMENTS, &ENDS);
    Ok(())
}

/// A compiler, a server, and a directory with files of theirs.
fn program() -> Result<(), Skip> {
    requirement::program("nginx")?;
    requirement::program("javac")?;
    let none = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let prefix: &[&str] = if requirement::ebpf().is_ok() { &none } else { &[] };
    let moments: [Moment; 2] = [
        ("there is a directory", |lab| lab.has_names()),
        ("a program runs", |lab| lab.runs_a_program()),
    ];
    for scenario in ["nginx_sendfile", "rocketmq_like"] {
        interrupt(prefix, &[scenario, "--size", "1MiB"], &moments, &[ENDS[0], ENDS[3]]);
    }
    Ok(())
}

/// With everything that the lab may make: namespaces, devices, mounts.
fn privileged() -> Result<(), Skip> {
    requirement::administrator()?;
    let options = ["--all", "--size", "1MiB"];
    interrupt(&[], &options, &MOMENTS[2..3], &[ENDS[1], ENDS[3]]);
    Ok(())
}
