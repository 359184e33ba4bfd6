//! What `zc` itself costs: its CPU time and memory, and the kernel memory and run time of its eBPF.

use std::{
    fs::{self, File},
    os::{fd::RawFd, unix::fs::FileExt as _},
};

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};

use zc_model::snapshot::SelfCost;

/// More than the kernel says of a program.
const INFO_BYTES: usize = 2_048;

/// Our own maps and programs.
pub struct Cost {
    maps: u64,
    /// What the kernel says of each program, `/proc/self/fdinfo/FD`. Kept open: to read it again
    /// is a quarter of the work.
    programs: Vec<File>,
    /// The one of them that does nothing.
    idle: Option<File>,
}

impl Cost {
    /// Finds every eBPF descriptor of this process. `idle` is that of a program that does nothing, if
    /// there is one.
    ///
    /// # Errors
    /// When `/proc/self/fd` cannot be read.
    pub fn survey(idle: Option<RawFd>) -> Result<Self> {
        let idle = idle.map(about).transpose()?;
        let mut cost = Self { maps: 0, programs: Vec::new(), idle };
        let mut seen = std::collections::HashSet::new();
        for entry in fs::read_dir("/proc/self/fd").context("cannot read /proc/self/fd")? {
            let entry = entry.context("cannot read /proc/self/fd")?;
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let Some(fd) = entry.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok())
            else {
                continue;
            };
            match target.to_str() {
                // Maps are held by several descriptors (programs, mappings): each map once.
                Some("anon_inode:bpf-map")
                    if field(fd, "map_id").is_none_or(|id| seen.insert(id)) =>
                {
                    cost.maps += field(fd, "memlock").unwrap_or(0);
                }
                Some("anon_inode:bpf-prog") => cost.programs.push(about(fd)?),
                _ => {}
            }
        }
        Ok(cost)
    }

    /// A map of so many bytes has been added.
    pub(crate) fn add_map(&mut self, bytes: u64) {
        self.maps += bytes;
    }

    /// The cost up to now.
    #[must_use]
    pub fn sample(&self) -> SelfCost {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let (run_ns, runs) = self.program_runs().unzip();
        SelfCost {
            cpu_ns: cpu.tv_sec as u64 * 1_000_000_000 + cpu.tv_nsec as u64,
            rss_bytes: rss_bytes().unwrap_or(0),
            map_bytes: self.maps,
            program_run_ns: run_ns,
            program_runs: runs,
        }
    }

    /// Run time and runs of the programs, while the kernel keeps such statistics
    /// (`kernel.bpf_stats_enabled`); they cost every run two clock reads, so they are off.
    fn program_runs(&self) -> Option<(u64, u64)> {
        let enabled = fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").ok()?;
        if enabled.trim() == "0" {
            return None;
        }
        Some((self.sum("run_time_ns"), self.sum("run_cnt")))
    }

    /// Events that a program missed because they came while it was running on the same CPU: the
    /// kernel does not run it again (`bpf_prog_info.recursion_misses`, 5.12 and newer; before that,
    /// and for tracepoints before 6.1, it does). What the idle one misses is no loss.
    #[must_use]
    pub fn recursions(&self) -> u64 {
        const MISSES: &str = "recursion_misses";
        let nothing = self.idle.as_ref().and_then(|idle| value(idle, MISSES)).unwrap_or(0);
        self.sum(MISSES).saturating_sub(nothing)
    }

    /// Sum of a field over all programs; those that lack it have nothing to add.
    fn sum(&self, name: &str) -> u64 {
        self.programs.iter().filter_map(|program| value(program, name)).sum()
    }
}

/// What the kernel says of a program of ours.
fn about(fd: RawFd) -> Result<File> {
    File::open(format!("/proc/self/fdinfo/{fd}")).context("cannot read about our own programs")
}

/// A field of what the kernel says now.
fn value(program: &File, name: &str) -> Option<u64> {
    let mut buffer = [0; INFO_BYTES];
    let bytes = program.read_at(&mut buffer, 0).ok()?;
    find(std::str::from_utf8(&buffer[..bytes]).ok()?, name)
}

/// A field of `/proc/self/fdinfo/FD`.
fn field(fd: RawFd, name: &str) -> Option<u64> {
    find(&fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?, name)
}

/// A field of such a text.
fn find(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}

fn rss_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
