//! What the eBPF maps take of the machine's memory, said before it is taken.

use std::io::Write as _;

use anyhow::Result;
use zc_probe::{attach::capacity, follow::Follow, memory};
use zc_render::human;

use crate::cli::{Probing, Usage};

/// What takes more than this is printed, bytes: a sixteenth of the memory of a small server (4 GiB).
const MUCH: u64 = 256 << 20;

/// How many threads to track at most. Prints what their maps take then, if that is much and was asked for.
///
/// # Errors
/// When the machine has less memory available.
pub(super) fn threads(
    probing: &Probing,
    follow: &Follow,
    objects: Option<u32>,
    stacks: bool,
) -> Result<u32> {
    let Some(threads) = probing.max_threads else { return Ok(capacity::default_threads()) };
    let needed = |threads| {
        let (selective, code) = (follow.is_selective(), probing.user_copies);
        memory::at_most(threads, selective, code, probing.ebpf_log, objects, stacks)
    };
    let bytes = needed(threads)?;
    if let Some(available) = memory::available() {
        check(threads, bytes, available, needed)?;
    }
    if bytes > MUCH {
        // Nothing more can be done when standard error is gone.
        let _ = writeln!(std::io::stderr(), "zc: {}", announcement(threads, bytes));
    }
    Ok(threads)
}

fn announcement(threads: u32, bytes: u64) -> String {
    format!(
        "BPF maps for {} threads take up to {} bytes ({}) of kernel memory until zc ends",
        human::count(threads.into()),
        human::count(bytes),
        human::bytes(bytes)
    )
}

/// Refuses what the machine does not have. `needed` is what a number of threads takes.
fn check(
    threads: u32,
    bytes: u64,
    available: u64,
    needed: impl Fn(u32) -> Result<u64>,
) -> Result<()> {
    if bytes <= available {
        return Ok(());
    }
    // Powers of two: the hash table has as many buckets.
    let mut fewer = 1 << threads.ilog2();
    while fewer > LEAST && (fewer >= threads || needed(fewer)? > available) {
        fewer /= 2;
    }
    Err(Usage(format!(
        "cannot track {} threads: their BPF maps take {} bytes ({}), and {} bytes ({}) of \
         memory are available; use --max-threads {fewer}",
        human::count(threads.into()),
        human::count(bytes),
        human::bytes(bytes),
        human::count(available),
        human::bytes(available)
    ))
    .into())
}

/// The fewest threads that `--max-threads` takes.
const LEAST: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// A thousand bytes for each thread.
    fn refusal(threads: u32, available: u64) -> String {
        let needed = |threads: u32| Ok(u64::from(threads) * 1000);
        let bytes = u64::from(threads) * 1000;
        let error = check(threads, bytes, available, needed).unwrap_err();
        assert!(error.is::<Usage>());
        error.to_string()
    }

    #[test]
    fn what_is_refused_names_a_number_that_fits() {
        assert!(check(1000, 1_000_000, 1_000_000, |_| Ok(0)).is_ok());
        assert_eq!(
            refusal(1000, 999_999),
            "cannot track 1,000 threads: their BPF maps take 1,000,000 bytes (977 KiB), and 999,999 \
             bytes (977 KiB) of memory are available; use --max-threads 512"
        );
        assert!(refusal(1024, 1_000_000).ends_with("--max-threads 512"));
        assert!(refusal(1_048_576, 200_000).ends_with("--max-threads 128"));
        assert!(refusal(1_048_576, 1).ends_with("--max-threads 64"));
    }
}
