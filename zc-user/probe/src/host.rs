//! The machine, and what `zc` can see of it.

use std::collections::BTreeMap;

use rustix::system::uname;
use zc_model::snapshot::Host;

use crate::coverage::Coverage;

/// Describes the machine and the limits that follow from what is attached. `users` are the names that are wanted.
#[must_use]
pub fn describe(coverage: &Coverage, users: BTreeMap<u32, String>, user_copies: bool) -> Host {
    let names = uname();
    Host {
        name: names.nodename().to_string_lossy().into_owned(),
        kernel: names.release().to_string_lossy().into_owned(),
        arch: names.machine().to_string_lossy().into_owned(),
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        page_bytes: rustix::param::page_size() as u64,
        clock_ticks: rustix::param::clock_ticks_per_second(),
        copies: coverage.copies(),
        users,
        user_copies,
        limitations: coverage.limitations().to_vec(),
    }
}
