//! How much the maps hold, and the memory for them.

use anyhow::{Error, Result};

/// Lets programs and maps take as much memory as they need. Only kernels before 5.11 count it against
/// the limit; a process that may not raise it gets the kernel's refusal, which [`crate::refusal::Barred`] explains.
pub(super) fn lift_memory_limit() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
}

/// CPUs that may ever come online: their numbers go up to this.
pub(crate) fn possible_cpus() -> Result<u32> {
    let count = aya::util::nr_cpus().map_err(|(path, error)| {
        Error::new(error).context(format!("cannot read the number of CPUs from {path}"))
    })?;
    Ok(u32::try_from(count)?.min(zc_common::MAX_CPUS))
}

/// Whether this process can open that many more files, and some for everything else.
pub(super) fn may_open(files: usize) -> bool {
    use rustix::process::{Resource, getrlimit};
    const OTHERS: usize = 64;
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let limit = getrlimit(Resource::Nofile).current;
    limit.is_none_or(|limit| (open + files + OTHERS) as u64 <= limit)
}

/// Slots for that many threads, and for the unattributed row.
pub(crate) fn slots(threads: u32) -> u32 {
    threads.max(64) + 1
}

/// Threads to track when nothing else is asked for: twice those there are, and room for a burst; between
/// 8,192 and 131,072.
#[must_use]
pub fn default_threads() -> u32 {
    const LEAST: u32 = 8_192;
    const MOST: u32 = 131_072;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    // The fourth field is "running/all".
    let threads: u32 = load
        .split_whitespace()
        .nth(3)
        .and_then(|field| field.split('/').nth(1))
        .and_then(|count| count.parse().ok())
        .unwrap_or(LEAST / 2);
    (2 * threads + 4096).next_power_of_two().clamp(LEAST, MOST)
}
