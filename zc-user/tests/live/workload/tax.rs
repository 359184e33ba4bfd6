//! A process that spends a part of its CPU time in the kernel's copy routines, and measures that part.

use std::{
    ffi::CString, fs::File, hint::black_box, os::unix::fs::FileExt as _, path::Path, time::Duration,
};

use rustix::{
    process::{Signal, set_parent_process_death_signal},
    time::{ClockId, clock_gettime},
};

use super::{Child, fork};

const CHUNK: usize = 64 << 10;

/// Bytes of the file that is read over and over: it stays in the page cache.
pub(crate) const FILE_BYTES: usize = 64 << 20;

/// How work that copies alternates with work that does not.
#[derive(Clone, Copy)]
enum Rhythm {
    /// It does not: all of it copies, or nothing.
    Steady { copying: bool },
    /// After random times, so that no sampler can keep step.
    Random,
    /// With a fixed period in nanoseconds, so that one with the same period keeps step.
    Beat(u64),
}

/// Of the period, the part in which [`Rhythm::Beat`] copies, in percent.
const BEAT: u64 = 42;

impl Rhythm {
    fn parse(kind: &str) -> Self {
        match kind.split_once(':') {
            None if kind == "copy" => Self::Steady { copying: true },
            None if kind == "compute" => Self::Steady { copying: false },
            None if kind == "random" => Self::Random,
            Some(("beat", period)) => Self::Beat(period.parse().expect("nanoseconds")),
            _ => panic!("there is no way to '{kind}'"),
        }
    }

    /// Whether to copy now, and until when on the monotonic clock.
    fn next(self, copied: bool) -> (bool, Duration) {
        let now = monotonic();
        match self {
            Self::Steady { copying } => (copying, now + Duration::from_millis(1)),
            Self::Random => (!copied, now + Duration::from_micros(fastrand::u64(100..1_000))),
            Self::Beat(period) => {
                let at = now.as_nanos() as u64 % period;
                let change = period * BEAT / 100;
                let (copying, end) = if at < change { (true, change) } else { (false, period) };
                (copying, now + Duration::from_nanos(end - at))
            }
        }
    }
}

/// This process does it if `kinds` is one; else there is a child for each, named after it, all at the
/// same time. Each prints a line: its kind, and in nanoseconds the CPU time of the phases in which it
/// copied, and of all.
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

/// Uses `milliseconds` of CPU time.
fn burn(kind: &str, milliseconds: u64, path: &Path) {
    let rhythm = Rhythm::parse(kind);
    // It may have days to do, and a test that is killed cannot end it.
    set_parent_process_death_signal(Some(Signal::KILL)).expect("a process may wish to end");
    let file = File::open(path).expect("the file");
    let mut buffer = vec![0; CHUNK];
    let begin = cpu_time();
    let end = begin + Duration::from_millis(milliseconds);
    let (mut at, mut copying, mut copied) = (0, false, Duration::ZERO);
    let mut before = begin;
    while before < end {
        let until;
        (copying, until) = rhythm.next(copying);
        while monotonic() < until {
            if copying {
                file.read_exact_at(&mut buffer, at).expect("the file is as long as that");
                at = (at + CHUNK as u64) % FILE_BYTES as u64;
            } else {
                compute();
            }
        }
        let now = cpu_time();
        if copying {
            copied += now - before;
        }
        before = now;
    }
    println!("{kind} {} {}", copied.as_nanos(), (before - begin).as_nanos());
}

/// Stays in user space for some microseconds.
fn compute() {
    let mut state = 1_u64;
    for _ in 0..1_000 {
        state = black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// CPU time of this process.
fn cpu_time() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// A clock that is read without a system call.
fn monotonic() -> Duration {
    read(ClockId::Monotonic)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}
