//! What a mechanism finds when it begins: an open source, an open sink, and memory.

use std::{
    fs::File,
    mem::{self, ManuallyDrop},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use rustix::process::{Pid, Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

use zc_privilege::keep_only;

use crate::run::rights;

/// A mechanism's surroundings, in the worker process.
///
/// The work begins with [`Self::begin`]: what is done before is not counted. It ends when
/// the mechanism returns, or with [`Self::end`].
pub struct Job {
    /// The payload: a file opened for reading, at its start. A mechanism without source ignores it.
    pub source: File,
    /// Where the payload goes: a socket, a pipe or a file.
    pub sink: File,
    /// Bytes of the payload.
    pub size: u64,
    /// Bytes of one transfer, at most.
    pub chunk: usize,
    /// `chunk` bytes of memory that have been touched: no page faults are left in them.
    pub buffer: Vec<u8>,
    pid: Pid,
    /// Whether an observer continues it when it stops.
    attended: bool,
    began: Option<(Duration, Duration)>,
    took: Option<(Duration, Duration)>,
    told: Option<String>,
    completions: Option<Completions>,
    digest: Option<u32>,
}

/// What a worker reports when it has finished.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Time from the beginning to the end of the work.
    pub wall_ns: u64,
    /// CPU time of the worker in between, user and system.
    pub cpu_ns: u64,
    /// What the kernel reported to the program about its request, in a sentence.
    pub told: Option<String>,
    /// What the kernel reported of zero-copy sends.
    pub completions: Option<Completions>,
    /// Checksum of the payload as the worker has it, where it goes nowhere else.
    pub digest: Option<u32>,
}

/// What the kernel reported to the program of its zero-copy sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completions {
    /// Sends that requested it.
    pub sends: u64,
    /// Those that were copied after all.
    pub copied: u64,
}

impl Job {
    /// A job in this process.
    #[must_use]
    pub fn new(source: File, sink: File, size: u64, chunk: usize) -> Self {
        Self {
            source,
            sink,
            size,
            chunk,
            // Written, not only allocated: zeroed memory would be mapped on first use.
            buffer: vec![0xa5; chunk],
            pid: getpid(),
            attended: true,
            began: None,
            took: None,
            told: None,
            completions: None,
            digest: None,
        }
    }

    /// A job that does not stop for an observer.
    #[must_use]
    pub fn unattended(source: File, sink: File, size: u64, chunk: usize) -> Self {
        Self { attended: false, ..Self::new(source, sink, size, chunk) }
    }

    /// The work begins: gives up the privileges that preparing it may have taken, and stops until
    /// the observer has looked.
    ///
    /// # Errors
    /// When the process cannot stop itself.
    pub fn begin(&mut self) -> Result<()> {
        // Locked memory is what rings and zero-copy sends are charged: its limit is no part of
        // any lesson.
        keep_only(rights::MEMORY)?;
        let cpu = cpu_time();
        self.stop()?;
        self.began = Some((wall_time(), cpu));
        Ok(())
    }

    /// The work ends, if it has not ended yet: stops until the observer has looked.
    ///
    /// # Errors
    /// When the work never began, or the process cannot stop itself.
    pub fn end(&mut self) -> Result<()> {
        if self.took.is_some() {
            return Ok(());
        }
        let (began, cpu) = self.began.ok_or_else(|| anyhow!("the work never began"))?;
        let wall = wall_time().saturating_sub(began);
        self.stop()?;
        self.took = Some((wall, cpu_time().saturating_sub(cpu)));
        Ok(())
    }

    /// Keeps what the kernel reported to the program about its request.
    pub fn tell(&mut self, told: impl Into<String>) {
        self.told = Some(told.into());
    }

    /// Keeps what the kernel reported of zero-copy sends: how many there were, and how many of them it
    /// copied after all.
    pub fn completed(&mut self, sends: u64, copied: u64) {
        self.completions = Some(Completions { sends, copied });
        self.tell(format!(
            "zero-copy was requested for {sends} sends; the kernel reported to the program that \
             it copied {copied} of them"
        ));
    }

    /// Keeps the checksum of a payload that stays in this process. Call it after [`Self::end`].
    pub fn arrived(&mut self, payload: &[u8]) {
        self.digest = Some(crc32fast::hash(payload));
    }

    /// Keeps the checksum that another process has found.
    pub const fn arrived_as(&mut self, digest: u32) {
        self.digest = Some(digest);
    }

    /// The memory, for as long as `self` is borrowed otherwise.
    ///
    /// It is never freed: to shrink the heap is a system call (brk), which would be counted or not
    /// depending on what else is on the heap.
    pub fn take_buffer(&mut self) -> ManuallyDrop<Vec<u8>> {
        ManuallyDrop::new(mem::take(&mut self.buffer))
    }

    pub(crate) fn report(&self) -> Result<WorkerReport> {
        let (wall, cpu) = self.took.context("the work has not ended")?;
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Ok(WorkerReport {
            wall_ns: ns(wall),
            cpu_ns: ns(cpu),
            told: self.told.clone(),
            completions: self.completions,
            digest: self.digest,
        })
    }

    /// Exactly one system call, which is over before the process stops: a stopped process has no
    /// call under way that would be counted later.
    fn stop(&self) -> Result<()> {
        if !self.attended {
            return Ok(());
        }
        kill_process(self.pid, Signal::STOP).context("cannot stop itself")
    }
}

/// The time, by exactly one system call: where a clock can be read without one (vDSO) depends on the
/// machine, and the calls of the lab are taken off what is counted.
fn wall_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes to the one structure given. It does not fail: the clock exists.
    unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, &raw mut time) };
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// CPU time of this process, ended threads and user time included.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (seconds, nanoseconds) = (time.tv_sec.cast_unsigned(), time.tv_nsec.cast_unsigned());
    Duration::new(seconds, u32::try_from(nanoseconds).unwrap_or(0))
}
