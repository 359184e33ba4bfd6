//! The workloads: what this program does when it is started as `live workload NAME`.
//!
//! They run single-threaded from `main`, before any test, so they may fork.

pub(crate) mod crowd;
mod iperf;
mod launch;
mod life;
pub(crate) mod tax;
mod traffic;
pub(crate) mod writeback;

use std::{
    ffi::OsString,
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    process::ExitCode,
};

pub(crate) use iperf::Talk;
pub(crate) use launch::{Launch, Launched};

/// Runs the workload that the command line names.
pub(crate) fn main(words: &[OsString]) -> ExitCode {
    let text = |n: usize| words.get(n).and_then(|word| word.to_str()).unwrap_or_default();
    let count = |n: usize| text(n).parse().expect("a number");
    match text(0) {
        "scenarios" => crate::scenarios::run_all(Path::new(text(1))),
        "launch" => launch::launch(Path::new(text(1))),
        "swarm" => life::swarm(count(1), count(2), Path::new(text(3))),
        "nested" => life::nested(count(1), count(2), Path::new(text(3))),
        "reuse" => life::reuse(Path::new(text(1))),
        "thread-exec" => life::thread_exec(count(1), Path::new(text(2))),
        "write" => life::write(count(1), Path::new(text(2))),
        "names" => life::names(Path::new(text(1))),
        "crowd" => crowd::crowd(count(1)),
        "tax" => {
            tax::burn_all(text(1), count(2) as u64, Path::new(text(3)));
        }
        "traffic" => traffic::traffic(),
        "iperf" => iperf::iperf(Path::new(text(1)), Path::new(text(2))),
        "writeback" => writeback::writeback(Path::new(text(1)), text(2), Path::new(text(3))),
        other => panic!("there is no workload '{other}'"),
    }
    ExitCode::SUCCESS
}

/// A child of this process.
pub(crate) struct Child {
    pub(crate) pid: i32,
}

/// What the kernel says of a child that has ended.
pub(crate) struct Usage {
    pub(crate) code: i32,
    pub(crate) minor: i64,
    pub(crate) major: i64,
    pub(crate) voluntary: i64,
    pub(crate) involuntary: i64,
}

/// The bytes that the kernel charged to a process.
pub(crate) struct ProcIo {
    pub(crate) rchar: u64,
    pub(crate) wchar: u64,
    /// Counted when pages of files on disks become dirty, and at direct writes.
    pub(crate) write_bytes: u64,
}

/// Runs `body` in a child, which ends with the status it returns.
pub(crate) fn fork(body: impl FnOnce() -> i32) -> Child {
    // SAFETY: this process has one thread, so the child may do anything.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(101);
        // SAFETY: ends the process; nothing that is buffered here is to be written twice.
        unsafe { libc::_exit(status) };
    }
    Child { pid }
}

impl Child {
    /// Returns when it has ended; it stays a zombie, so `/proc` still knows it.
    pub(crate) fn wait_until_dead(&self) {
        // SAFETY: a structure of integers, filled by the call.
        let result = unsafe {
            let mut information: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(
                libc::P_PID,
                self.pid.cast_unsigned(),
                &raw mut information,
                libc::WEXITED | libc::WNOWAIT,
            )
        };
        assert_eq!(result, 0, "waitid: {}", std::io::Error::last_os_error());
    }

    /// What it read and wrote.
    pub(crate) fn proc_io(&self) -> ProcIo {
        let text = fs::read_to_string(format!("/proc/{}/io", self.pid)).expect("I/O accounting");
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
            line.trim().parse().expect("a number")
        };
        ProcIo {
            rchar: field("rchar:"),
            wchar: field("wchar:"),
            write_bytes: field("write_bytes:"),
        }
    }

    /// Waits for it, and takes its account.
    pub(crate) fn reap(&self) -> Usage {
        let mut status = 0;
        // SAFETY: both structures are integers, filled by the call.
        let (pid, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            (libc::wait4(self.pid, &raw mut status, 0, &raw mut usage), usage)
        };
        assert_eq!(pid, self.pid, "wait4: {}", std::io::Error::last_os_error());
        Usage {
            code: if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 },
            minor: usage.ru_minflt,
            major: usage.ru_majflt,
            voluntary: usage.ru_nvcsw,
            involuntary: usage.ru_nivcsw,
        }
    }

    /// Waits for it; it must have succeeded.
    pub(crate) fn succeed(&self) {
        assert_eq!(self.reap().code, 0, "child {} failed", self.pid);
    }
}

/// A gate that several processes wait at until it is opened: they read from it, and it closes.
pub(crate) struct Gate {
    inside: UnixStream,
    outside: UnixStream,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let (inside, outside) = UnixStream::pair().expect("a pair of sockets");
        Self { inside, outside }
    }

    /// Announces that the caller has arrived, and waits.
    pub(crate) fn wait(&mut self) {
        self.inside.write_all(b"!").expect("somebody counts");
        let _ = self.inside.read(&mut [0]).expect("somebody opens");
    }

    /// Waits until `count` have arrived.
    pub(crate) fn await_arrivals(&mut self, count: usize) {
        self.outside.read_exact(&mut vec![0; count]).expect("all arrive");
    }

    /// Lets everybody through.
    pub(crate) fn open(&self) {
        self.outside.shutdown(std::net::Shutdown::Write).expect("the gate opens");
    }
}
