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
fn process_of(tid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

/// Whether process `pid` has a thread `tid` now. Its threads are numbered in the same namespace as
/// the kernel side's.
#[must_use]
pub fn is_alive(pid: u32, tid: u32) -> bool {
    // Only a clear "no" counts: hidden or unreadable is alive.
    !matches!(Path::new(&format!("/proc/{pid}/task/{tid}")).try_exists(), Ok(false))
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
