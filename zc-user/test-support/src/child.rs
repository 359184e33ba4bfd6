//! Children of a process with one thread, and what the kernel says of them.

use std::fs;

/// A child of this process.
pub struct Child {
    pub pid: i32,
}

/// What the kernel says of a child that has ended.
pub struct Usage {
    pub code: i32,
    pub minor: i64,
    pub major: i64,
    pub voluntary: i64,
    pub involuntary: i64,
}

/// The bytes that the kernel charged to a process.
pub struct ProcIo {
    pub rchar: u64,
    pub wchar: u64,
    /// Counted when pages of files on disks become dirty, and at direct writes.
    pub write_bytes: u64,
}

/// Runs `body` in a child, which ends with the status it returns.
pub fn fork(body: impl FnOnce() -> i32) -> Child {
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
    pub fn wait_until_dead(&self) {
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
    pub fn proc_io(&self) -> ProcIo {
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
    pub fn reap(&self) -> Usage {
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
    pub fn succeed(&self) {
        assert_eq!(self.reap().code, 0, "child {} failed", self.pid);
    }
}
