//! Running the built binary.

use std::{
    ffi::OsStr,
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::report::Report;

/// How long to wait for something that takes a second where nothing else runs. Reached only when it
/// hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// The binary under test, as a command line to be completed.
pub(crate) fn zc() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zc"));
    command.env_remove("NO_COLOR").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

/// This program as a workload.
pub(crate) fn workload() -> [PathBuf; 2] {
    [std::env::current_exe().expect("this program has a path"), PathBuf::from("workload")]
}

/// A directory in a file system on a disk: below that of the build, since /tmp may be in memory, which
/// cannot do direct I/O. In the guests of `cargo xtask vm` that one is in memory, and /tmp is not.
pub(crate) fn on_disk() -> TempDir {
    let place = match std::env::var_os("ZC_VM_RESULTS") {
        Some(_) => std::env::temp_dir(),
        None => PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
    };
    TempDir::new_in(place).expect("a directory")
}

/// What `zc stat --json -- COMMAND` saw.
pub(crate) struct Observed {
    pub(crate) report: Report,
    pub(crate) output: Output,
}

/// Runs `zc stat --json OPTIONS -- COMMAND`, which has to succeed.
pub(crate) fn observe<S: AsRef<OsStr>>(options: &[&str], command: &[S]) -> Observed {
    observe_by("stat", options, command)
}

/// As [`observe`], with another verb.
pub(crate) fn observe_by<S: AsRef<OsStr>>(verb: &str, options: &[&str], command: &[S]) -> Observed {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("report.json");
    let output = zc()
        .args([verb, "--json", "-o"])
        .arg(&file)
        .args(options)
        .arg("--")
        .args(command)
        .output()
        .expect("zc runs");
    assert!(
        output.status.success(),
        "zc {verb} ended with {}:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let text = fs::read_to_string(&file).expect("zc has written its report");
    Observed { report: Report::parse(&text), output }
}

/// What `zc` sees of the machine while nothing of ours runs.
pub(crate) fn idle() -> Report {
    observe(&[], &["sleep", "1"]).report
}

/// `zc stat` that watches until the test stops it.
pub(crate) struct Watch {
    child: Child,
    directory: TempDir,
}

impl Watch {
    /// Starts `zc stat OPTIONS` and waits until it counts.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::start_by("stat", options)
    }

    /// As [`Self::start`], with another verb.
    pub(crate) fn start_by(verb: &str, options: &[&str]) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let child = zc()
            .arg(verb)
            .args(options)
            .arg("-o")
            .arg(directory.path().join("report"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("zc runs");
        let mut watch = Self { child, directory };
        watch.wait_until_attached();
        watch
    }

    /// The process that watches.
    pub(crate) fn pid(&self) -> u64 {
        u64::from(self.child.id())
    }

    /// `zc` gives up its privileges for good as soon as everything is attached: that can be seen
    /// from outside.
    fn wait_until_attached(&mut self) {
        let began = Instant::now();
        loop {
            let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
            if status.is_ok_and(|status| status.contains("NoNewPrivs:\t1")) {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("zc is a child") {
                panic!("zc stat ended with {status} instead of watching: {}", self.complaint());
            }
            assert!(began.elapsed() < PATIENCE, "zc stat does not get ready");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            let _ = std::io::Read::read_to_string(stderr, &mut text);
        }
        text
    }

    /// Interrupts it, as Ctrl-C does, and returns what it wrote.
    pub(crate) fn finish_text(mut self) -> String {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a pid");
        kill_process(pid, Signal::INT).expect("zc is there to be interrupted");
        let status = self.child.wait().expect("zc is a child");
        assert!(status.success(), "zc stat ended with {status}: {}", self.complaint());
        let bytes = fs::read(self.directory.path().join("report")).expect("zc has written");
        String::from_utf8(bytes).expect("zc writes UTF-8")
    }

    /// As [`Self::finish_text`], for a watch with `--json`.
    pub(crate) fn finish(self) -> Report {
        Report::parse(&self.finish_text())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // After a panic only: otherwise it has been waited for.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
