//! Copy on write: after a fork, the first process that writes to a page gets a copy of it.

use std::{
    hint::black_box,
    io::{PipeWriter, Read as _, Write as _},
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    param::page_size,
    process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid},
};
use zc_common::path::CopyPath;

use crate::{
    process::child,
    sink::Sink,
    workload::{
        job::Job,
        memory,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "cow",
    title: "copy on write after fork",
    group: ScenarioGroup::Memory,
    lesson: "A database forks a child that keeps the memory as it was, to save it. Nothing is \
             copied until the parent writes: then a whole page for the first byte in each.",
    theory: Theory {
        cpu_copies: Some(1.0),
        storage_dma: 0,
        network_dma: 0,
        mode_switches: None,
        claim: "no copy until one process writes; then a page per first write, and a fault for each",
    },
    sinks: &[Sink::Memory],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

fn run(job: &mut Job) -> Result<()> {
    let mut memory = memory::pages(job.size)?;
    job.source.read_exact(&mut memory)?;
    // Huge pages are another lesson.
    memory.advise(memmap2::Advice::NoHugePage).context("cannot request small pages")?;
    fork_and_write(job, &mut memory, page_size())
}

/// Forks a child that holds `memory`, and writes to the first byte of every `step`.
pub(super) fn fork_and_write(job: &mut Job, memory: &mut [u8], step: usize) -> Result<()> {
    let (mut answer, mut telling) = std::io::pipe()?;
    let parent = std::process::id();
    // SAFETY: this process has one thread.
    let held = match unsafe { libc::fork() } {
        -1 => return Err(std::io::Error::last_os_error()).context("cannot fork"),
        0 => {
            let reported = hold(parent, memory, &mut telling).is_ok();
            // SAFETY: nothing that has to be undone: the parent does that.
            unsafe { libc::_exit(i32::from(!reported)) };
        }
        pid => Pid::from_raw(pid).context("a child without pid")?,
    };
    // What it does to begin with is over.
    waitpid(Some(held), WaitOptions::UNTRACED).context("cannot wait for the child")?;
    own_stack(job);
    job.begin()?;
    for page in memory.chunks_mut(step) {
        // A byte that differs, of a page that is still the child's, too.
        page[0] = !page[0];
    }
    job.end()?;
    kill_process(held, Signal::CONT).context("cannot continue the child")?;
    let mut digest = [0; 4];
    answer.read_exact(&mut digest).context("the child has no answer")?;
    let digest = u32::from_le_bytes(digest);
    if crc32fast::hash(memory) == digest {
        bail!("the child sees what the parent wrote");
    }
    job.arrived_as(digest);
    Ok(())
}

/// The child: stops, and reports what it sees when it continues.
fn hold(parent: u32, memory: &[u8], telling: &mut PipeWriter) -> Result<()> {
    if child::follow(Some(parent))? {
        kill_process(getpid(), Signal::STOP)?;
        telling.write_all(&crc32fast::hash(memory).to_le_bytes())?;
    }
    Ok(())
}

/// The stack is shared with the child, too: the pages of it that will be written to are copied
/// here, where it is not counted.
#[inline(never)]
fn own_stack(job: &mut Job) {
    black_box([1_u8; 64 << 10]);
    let job = &raw mut *job;
    // SAFETY: what is there is put back, bit by bit.
    unsafe { job.write_volatile(job.read_volatile()) };
}

fn expect(setting: &Setting) -> Expected {
    let bytes = setting.size.next_multiple_of(page_size() as u64);
    Expected {
        moved: vec![(CopyPath::CowCopy, bytes)],
        copied_bytes: bytes,
        syscalls: Calls::Exactly(0),
        copies_because: None,
        switches_because: None,
    }
}
