//! Processes by pid: which incarnation of it is alive now.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};

use super::namespace;
use zc_model::snapshot::ProcessId;

/// A process id that cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch process {pid}: {why}")]
pub struct Unwatchable {
    pid: u32,
    why: String,
}

/// The process that has `pid` now. Its start is as coarse as `/proc` gives it: a clock tick.
///
/// # Errors
/// [`Unwatchable`] when there is no such process, when it is a thread of one, a zombie, or this process.
pub fn find(pid: u32) -> Result<ProcessId> {
    if !namespace::has_host_pids() {
        bail!(
            "cannot watch process {pid}: in this PID namespace (a container) processes have other \
             numbers than the kernel counts by; run zc on the host, or in a container with the \
             host's PID namespace (docker run --pid=host)"
        );
    }
    let refuse = |why: String| Err(Unwatchable { pid, why }.into());
    if pid == std::process::id() {
        return refuse(
            "that is zc itself; what it costs is in the header of zc top, and in `self` of --json"
                .into(),
        );
    }
    let found = match Stat::of(pid) {
        Ok(found) => found,
        // ESRCH: it went between opening and reading.
        Err(error)
            if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH) =>
        {
            return refuse("there is no such process; see `ps -e`".into());
        }
        Err(error) => return Err(error).context(format!("cannot read /proc/{pid}/stat")),
    };
    if found.is_zombie() {
        return refuse("it is a zombie (exited, not yet reaped); see `ps -e`".into());
    }
    if let Some(process) = process_of(pid)
        && process != pid
    {
        return refuse(format!("that is a thread of process {process}; use --pid {process}"));
    }
    Ok(found.id)
}

/// Whether the process that [`find`] has found still runs: a zombie does not, nor does another process with its
/// number.
#[must_use]
pub fn is_running(process: ProcessId) -> bool {
    match Stat::of(process.pid) {
        Ok(now) => now.id == process && !now.is_zombie(),
        // Only a clear "no" counts.
        Err(error) => {
            error.kind() != ErrorKind::NotFound && error.raw_os_error() != Some(libc::ESRCH)
        }
    }
}

/// Whether `process` has its number still, as a zombie, too.
pub(crate) fn is_same(process: ProcessId) -> bool {
    Stat::of(process.pid)
        .is_ok_and(|now| now.id.start_ns / tick_ns() == process.start_ns / tick_ns())
}

/// The name of a process that runs, for messages; it may hold anything. `None` when it has ended.
#[must_use]
pub fn name(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(name.strip_suffix(b"\n").unwrap_or(&name)).into_owned())
}

/// The name of the first thread of a process that runs.
pub(crate) fn leader(process: ProcessId) -> Option<Arc<str>> {
    let stat = Stat::of(process.pid).ok()?;
    let is_it = stat.id.start_ns / tick_ns() == process.start_ns / tick_ns();
    is_it.then(|| name(process.pid).map(Into::into))?
}

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    /// Who it is; the start is as coarse as a clock tick.
    pub(crate) id: ProcessId,
    /// The process id of its parent.
    pub(crate) parent: u32,
    state: u8,
    /// In the program and in the kernel together.
    cpu_ticks: u64,
    threads: u64,
}

impl Stat {
    /// Of the process with this number.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let text = fs::read(format!("/proc/{pid}/stat"))?;
        Self::parse(pid, &text).ok_or_else(|| io::Error::other("it has another form"))
    }

    pub(crate) fn parse(pid: u32, text: &[u8]) -> Option<Self> {
        // The name may hold any bytes, also parentheses: fields follow the last one.
        let end = text.iter().rposition(|byte| *byte == b')')?;
        let text = std::str::from_utf8(&text[end + 1..]).ok()?;
        let fields: Vec<&str> = text.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            id: ProcessId { pid, start_ns: number(19)? * tick_ns() },
            parent: fields.get(1)?.parse().ok()?,
            state: *fields.first()?.as_bytes().first()?,
            cpu_ticks: number(11)?.saturating_add(number(12)?),
            threads: number(17)?,
        })
    }

    /// What it does, as a letter.
    pub(crate) const fn state(&self) -> u8 {
        self.state
    }

    /// How many threads its process has.
    pub(crate) const fn threads(&self) -> u64 {
        self.threads
    }

    /// CPU time since it started.
    pub(crate) const fn cpu_ticks(&self) -> u64 {
        self.cpu_ticks
    }

    /// Whether it has exited. The first thread may have ended before the others: then it is a zombie among
    /// several.
    fn is_zombie(&self) -> bool {
        self.has_ended() && self.threads <= 1
    }

    /// Whether the thread that `/proc` shows has.
    fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// Asks `/proc` about the memory or the root of a process: `ask` gets a number that is good for a path in `/proc`. When
/// the first thread has ended and others run, it has neither any more; then `ask` gets the number of another one.
///
/// `/proc` finds any thread by its number, without listing it (`proc_pid_lookup`, `fs/proc/base.c`, 5.10 to 7.2).
pub(crate) fn ask<T>(pid: u32, ask: impl Fn(u32) -> Option<T>) -> Option<T> {
    ask(pid).or_else(|| ask(living_thread(pid)?))
}

/// A thread of a process of which the first one has ended before others.
fn living_thread(pid: u32) -> Option<u32> {
    let first = Stat::of(pid).ok()?;
    if !first.has_ended() || first.threads <= 1 {
        return None;
    }
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let mut threads = threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    threads.find(|thread| Stat::of(*thread).is_ok_and(|it| !it.has_ended()))
}

/// The process that thread `tid` belongs to: `/proc` answers for threads too.
pub(crate) fn process_of(tid: u32) -> Option<u32> {
    // The name, in the first line, may hold any bytes.
    let status = fs::read(format!("/proc/{tid}/status")).ok()?;
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Tgid:"))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
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
    sent == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Whether `/proc` shows every process under the id that the kernel side knows: this process is in
/// the initial pid namespace, and no process of another user is hidden from it.
#[must_use]
pub fn sees_every_process() -> bool {
    /// `PROC_PID_INIT_INO`, `include/linux/proc_ns.h`.
    const INITIAL: &str = "pid:[4026531836]";
    fs::read_link("/proc/self/ns/pid").is_ok_and(|name| name.as_os_str() == INITIAL)
        && sees_other_users()
}

/// Processes that `/proc` shows and lets one look into: some of them, if there are very many. The first ones are
/// the kernel's, which are root's.
#[must_use]
pub fn visible() -> Vec<u32> {
    const SOME: usize = 256;
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| can_enter(*pid)).take(SOME).collect()
}

/// Whether `/proc` hides one of these processes now, which has not ended.
#[must_use]
pub fn hides(visible: &[u32]) -> bool {
    visible.iter().any(|pid| !can_enter(*pid) && is_alive(*pid, *pid))
}

/// With `hidepid` a directory is not there, or cannot be entered.
fn can_enter(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/task/{pid}")).exists()
}

/// Whether `/proc` shows the first process, which is root's: with `hidepid` it hides those of other users.
fn sees_other_users() -> bool {
    Path::new("/proc/1/task/1").exists()
}

/// Nanoseconds per clock tick of `/proc`.
#[must_use]
pub fn tick_ns() -> u64 {
    1_000_000_000 / rustix::param::clock_ticks_per_second()
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
    fn names_may_hold_any_bytes() {
        let tail = "R 7 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 3 0 500 0 0";
        for name in [&b"cat"[..], b"a) R 9 (b", b"\xff\xfe\x80\xc3", b"\n ("] {
            let text = [b"42 (", name, b") ", tail.as_bytes()].concat();
            let stat = Stat::parse(42, &text).unwrap();
            assert_eq!((stat.parent, stat.threads, stat.state), (7, 3, b'R'), "{name:?}");
            assert_eq!(stat.id, ProcessId { pid: 42, start_ns: 500 * tick_ns() });
        }
        assert!(Stat::parse(42, b"42 (cat").is_none());
    }

    #[test]
    fn this_process_runs_and_another_start_is_not_it() {
        let own = Stat::of(std::process::id()).unwrap().id;
        assert!(is_running(own));
        assert!(!is_running(ProcessId { start_ns: own.start_ns + tick_ns(), ..own }));
        assert!(find(own.pid).unwrap_err().is::<Unwatchable>(), "zc does not watch itself");
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
