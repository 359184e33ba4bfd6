//! Processes by pid: which incarnation of it is alive now.

use std::{fs, io::ErrorKind};

use anyhow::{Context as _, Result, bail};

use crate::sample::snapshot::ProcessId;

/// The process that has `pid` now. Its start is as coarse as `/proc` gives it (a clock tick), so
/// compare with [`is_incarnation`].
///
/// # Errors
/// When there is no such process.
pub fn find(pid: u32) -> Result<ProcessId> {
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("cannot watch process {pid}: there is no such process; see `ps -e`")
        }
        Err(error) => return Err(error).context(format!("cannot read /proc/{pid}/stat")),
    };
    // The name may hold anything, also parentheses: fields follow the last one.
    let ticks: u64 = stat
        .rsplit_once(')')
        .and_then(|(_, fields)| fields.split_whitespace().nth(19))
        .and_then(|field| field.parse().ok())
        .with_context(|| format!("cannot make sense of /proc/{pid}/stat"))?;
    Ok(ProcessId { pid, start_ns: ticks * tick_ns() })
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
