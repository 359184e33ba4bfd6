//! A process that spends a known part of its CPU time in the kernel's copy routines.

use std::{
    ffi::CString, fs::File, hint::black_box, os::unix::fs::FileExt as _, path::Path, time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use super::{Child, fork};

const CHUNK: usize = 1 << 20;

/// Bytes of the file that is read over and over: it stays in the page cache.
pub(crate) const FILE_BYTES: usize = 64 * CHUNK;

/// This process does it if `kinds` is one; else there is a child for each, named after it, all at the
/// same time.
pub(super) fn burn_all(kinds: &str, milliseconds: u64, path: &Path) {
    if !kinds.contains(',') {
        return burn(kinds, milliseconds, path);
    }
    let children: Vec<_> = kinds
        .split(',')
        .map(|kind| {
            fork(|| {
                let name = CString::new(kind).expect("a name without zeros");
                rustix::thread::set_name(&name).expect("a process may name itself");
                burn(kind, milliseconds, path);
                0
            })
        })
        .collect();
    children.iter().for_each(Child::succeed);
}

/// Uses `milliseconds` of CPU time: all for `copy`ing the file into memory, all to `compute`, or
/// `half` for each.
fn burn(kind: &str, milliseconds: u64, path: &Path) {
    let file = File::open(path).expect("the file");
    let mut buffer = vec![0; CHUNK];
    let end = Duration::from_millis(milliseconds);
    let mut at = 0;
    loop {
        let before = cpu_time();
        if before >= end {
            return;
        }
        if kind != "compute" {
            file.read_exact_at(&mut buffer, at).expect("the file is as long as that");
            at = (at + CHUNK as u64) % FILE_BYTES as u64;
        }
        match kind {
            "copy" => {}
            "half" => compute_for(cpu_time() - before),
            "compute" => compute_for(Duration::from_millis(1)),
            other => panic!("there is no way to '{other}'"),
        }
    }
}

/// Turns in user space for as much CPU time.
fn compute_for(duration: Duration) {
    let end = cpu_time() + duration;
    let mut state = 1_u64;
    while cpu_time() < end {
        for _ in 0..10_000 {
            state = black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
}

/// CPU time of this process.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}
