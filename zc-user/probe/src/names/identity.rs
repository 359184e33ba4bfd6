//! Processes by pid: which incarnation of it is alive now.

use std::{fs, io::ErrorKind, path::Path};

use anyhow::{Context as _, Result, bail};

use super::namespace;
use zc_model::snapshot::ProcessId;

/// The process that has `pid` now. Its start is as coarse as `/proc` gives it (a clock tick), so
/// compare with [`is_incarnation`].
///
/// # Errors
/// When there is no such process, when it is a thread of one, or when it is a zombie.
pub fn find(pid: u32) -> Result<ProcessId> {
    if !namespace::has_host_pids() {
        bail!(
            "cannot watch process {pid}: in this PID namespace (a container) processes have other \
             numbers than the kernel counts by; run zc on the host, or in a container with the \
             host's PID namespace (docker run --pid=host)"
        );
    }
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        // ESRCH: it went between opening and reading.
        Err(error)
            if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH) =>
        {
            bail!("cannot watch process {pid}: there is no such process; see `ps -e`")
        }
        Err(error) => return Err(error).context(format!("cannot read /proc/{pid}/stat")),
    };
    // The name may hold anything, also parentheses: fields follow the last one.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map(|(_, fields)| fields.split_whitespace().collect())
        .unwrap_or_default();
    let number = |index: usize| -> Result<u64> {
        fields
            .get(index)
            .and_then(|field| field.parse().ok())
            .with_context(|| format!("cannot parse /proc/{pid}/stat"))
    };
    // The first thread may have ended before the others: then it is a zombie among several.
    if matches!(fields.first(), Some(&("Z" | "X"))) && number(17)? <= 1 {
        bail!("cannot watch process {pid}: it is a zombie (exited, not yet reaped); see `ps -e`");
    }
    if let Some(process) = process_of(pid)
        && process != pid
    {
        bail!(
            "cannot watch process {pid}: that is a thread of process {process}; use --pid {process}"
        );
    }
    Ok(ProcessId { pid, start_ns: number(19)? * tick_ns() })
}

/// The process that thread `tid` belongs to: `/proc` answers for threads too.
pub(crate) fn process_of(tid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

/// Whether process `pid` has a thread `tid` now, one that has exited and was not waited for included.
/// Its threads are numbered in the same namespace as the kernel side's.
///
/// Signal 0 is not delivered: the kernel finds the thread and checks whether it belongs to the process
/// (`do_send_specific`, `kernel/signal.c`, 5.10 to 7.2). A look into `/proc` would make it create an
/// entry there for every thread.
#[must_use]
pub fn is_alive(pid: u32, tid: u32) -> bool {
    // SAFETY: integers only, and no signal.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, 0) };
    // Only a clear "no" counts: a thread that may not be signalled is alive.
    sent == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Whether `/proc` shows every process under the id that the kernel side knows: this process is in
/// the initial pid namespace, and no process of another user is hidden from it.
#[must_use]
pub fn sees_every_process() -> bool {
    /// `PROC_PID_INIT_INO`, `include/linux/proc_ns.h`.
    const INITIAL: &str = "pid:[4026531836]";
    fs::read_link("/proc/self/ns/pid").is_ok_and(|name| name.as_os_str() == INITIAL)
        && Path::new("/proc/1/task/1").exists()
}

/// Nanoseconds per clock tick of `/proc`.
#[must_use]
pub fn tick_ns() -> u64 {
    1_000_000_000 / rustix::param::clock_ticks_per_second()
}

/// Whether `sample`, as the kernel side saw it, is the process that `/proc` showed as `found`.
#[must_use]
pub fn is_incarnation(sample: ProcessId, found: ProcessId) -> bool {
    sample.pid == found.pid && sample.start_ns / tick_ns() == found.start_ns / tick_ns()
}

#[cfg(test)]
mod tests {
    use std::{process::Command, sync::mpsc, thread};

    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    use super::*;

    #[test]
    fn a_process_is_there_until_it_has_been_waited_for() {
        let own = std::process::id();
        assert!(is_alive(own, own));
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id();
        waitid(WaitId::Pid(Pid::from_child(&child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
            .unwrap();
        assert!(is_alive(pid, pid), "a zombie has its pid");
        assert!(!is_alive(own, pid), "it is a thread of another process");
        child.wait().unwrap();
        assert!(!is_alive(pid, pid));
    }

    #[test]
    fn a_thread_is_there_until_it_has_left() {
        let own = std::process::id();
        let (tell, told) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            tell.send(rustix::thread::gettid().as_raw_nonzero().get() as u32).unwrap();
            let _ = released.recv();
        });
        let tid = told.recv().unwrap();
        assert!(is_alive(own, tid));
        assert!(!is_alive(tid, tid), "its process has another id");
        drop(release);
        thread.join().unwrap();
        // The kernel reports the end of a thread a moment before it takes its id away.
        while is_alive(own, tid) {
            thread::yield_now();
        }
    }
}
