//! Runs `zc` and waits for it, always with a deadline.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The path of the binary under test: Cargo puts it one directory above the test programs.
pub static ZC: LazyLock<String> = LazyLock::new(|| {
    let program = std::env::current_exe().expect("a test program has a path");
    let directory = program.ancestors().nth(2).expect("a test program lies in a directory");
    let zc = directory.join("zc");
    assert!(zc.is_file(), "there is no {}: build the package zc-user", zc.display());
    zc.into_os_string().into_string().expect("a path that is text")
});

/// Long enough for the busiest machine; reached only when something hangs.
const DEADLINE: Duration = Duration::from_secs(300);

/// The same in an emulated machine, which `cargo xtask vm` kills if it takes too long.
const EMULATED_DEADLINE: Duration = Duration::from_secs(600);

/// How long to wait for anything.
pub fn deadline() -> Duration {
    if std::env::var_os("ZC_VM_RESULTS").is_some() { EMULATED_DEADLINE } else { DEADLINE }
}

/// Runs a command as a user without any privilege.
pub const UNPRIVILEGED: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// A copy of the binary that every user may run.
pub fn public() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = directory.path().join("zc");
    install(Path::new(&*ZC), &copy, 0o755);
    (directory, copy)
}

/// Copies a file that is to be executed. Another process does it: what this one has open for writing, a process
/// that another test starts at this moment has open, too, and the kernel executes no such file.
#[track_caller]
pub fn install(source: &Path, target: &Path, mode: u32) {
    let mode = format!("{mode:o}");
    let mut command = Command::new("install");
    let status = command.args(["-m", &mode]).args([source, target]).status().unwrap();
    assert!(status.success(), "install: {status}");
}

/// `zc` with these words.
pub fn zc<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Command {
    let mut command = Command::new(&*ZC);
    command.args(words);
    hardened(command)
}

/// A command that starts `zc` in other circumstances: `words` come first, then what follows.
pub fn through(words: &[&str], program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(program).args(arguments);
    hardened(command)
}

/// A script with `zc` as `$0`, in a mount namespace of its own.
pub fn in_own_mounts(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", script, &*ZC]);
    hardened(command)
}

fn hardened(mut command: Command) -> Command {
    // As if the user had requested backtraces: the output must not contain one.
    command.env("RUST_BACKTRACE", "1").env_remove("NO_COLOR").stdin(Stdio::null());
    // The tests read English, also on the machine of a developer who does not.
    for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        if std::env::var(name).is_ok_and(|locale| locale.starts_with("zh")) {
            command.env(name, "C.UTF-8");
        }
    }
    with_default_signals(&mut command);
    command
}

/// Has a command obey signals that this process ignores, as the background jobs of a shell ignore INT
/// and QUIT: programs inherit that.
pub fn with_default_signals(command: &mut Command) {
    // SAFETY: sets nothing but how the child responds to signals, which may be done there.
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
}

/// Runs to the end.
pub fn run(mut command: Command) -> Finished {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let (done, outcome) = std::sync::mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    let output = outcome.recv_timeout(deadline()).unwrap_or_else(|_| {
        signal(pid, Signal::KILL);
        panic!("{command:?} does not end");
    });
    Finished { output: output.unwrap(), what: format!("{command:?}") }
}

/// What a run left.
pub struct Finished {
    pub output: Output,
    what: String,
}

impl Finished {
    pub fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    /// It exited with `code`, and neither output contains a panic, a backtrace or a verifier log.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        for text in [self.stdout(), self.stderr()] {
            for inside in ["panicked", "backtrace", "processed 0 insns", "Verifier output"] {
                assert!(!text.contains(inside), "{}: {inside}\n{text}", self.what);
            }
        }
        let (output, what) = (&self.output, &self.what);
        let said = format!("{}{}", self.stderr(), self.stdout());
        assert_eq!(output.status.code(), Some(code), "{what}: {said}");
        self
    }

    /// It failed with `code` and one line on standard error that contains all of `words`.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) {
        let finished = self.exits(code);
        let (text, what) = (finished.stderr(), &finished.what);
        assert!(finished.output.stdout.is_empty(), "{what}: {}", finished.stdout());
        assert!(text.starts_with("zc: ") && text.lines().count() == 1, "{what}: {text}");
        for word in words {
            assert!(text.contains(word), "{what}: '{word}' is not in: {text}");
        }
    }

    /// Its standard output, as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.what, self.stderr()))
    }
}

/// A row of `paths` of the only process called `comm`: operations and bytes moved.
#[track_caller]
pub fn path(document: &Value, comm: &str, path: &str) -> (u64, u64) {
    let processes = document["processes"].as_array().unwrap();
    let mut found = processes.iter().filter(|process| process["comm"] == comm);
    let process = found.next().unwrap_or_else(|| panic!("no {comm} in {document}"));
    assert!(found.next().is_none(), "several {comm} in {document}");
    let paths = process["paths"].as_array().unwrap();
    let row = paths.iter().find(|row| row["path"] == path);
    row.map_or((0, 0), |row| (row["ops"].as_u64().unwrap(), row["moved_bytes"].as_u64().unwrap()))
}

/// A process that runs during the test; it is killed when the test ends.
pub struct Running(pub Child);

impl Running {
    pub fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// The next line of its standard output.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        BufReader::with_capacity(1, self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    pub fn signal(&self, kind: Signal) {
        signal(self.0.id(), kind);
    }

    /// Waits until every probe is attached and what is not needed was given up.
    pub fn attached(&self) {
        attached(self.0.id());
    }

    /// Waits for the end, reading what it still writes.
    pub fn end(mut self) -> (ExitStatus, String, String) {
        let mut streams = (self.0.stdout.take().unwrap(), self.0.stderr.take().unwrap());
        let out = thread::spawn(move || std::io::read_to_string(&mut streams.0).unwrap());
        let err = thread::spawn(move || std::io::read_to_string(&mut streams.1).unwrap());
        let mut status = None;
        until("the program has ended", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap(), out.join().unwrap(), err.join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended by itself, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until every probe is attached and what is not needed was given up.
pub fn attached(pid: u32) {
    let path = format!("/proc/{pid}/status");
    until("zc has attached", || fs::read_to_string(&path).unwrap().contains("NoNewPrivs:\t1"));
}

pub fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// Waits for something that has no event to wait for.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + deadline();
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
