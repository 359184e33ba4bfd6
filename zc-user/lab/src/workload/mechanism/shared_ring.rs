//! Shared memory: two programs map the same pages and pass each other descriptors.

use std::{
    io::{PipeWriter, Read as _, Write as _},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result};
use memmap2::{MmapMut, MmapOptions};
use rustix::{
    fs::{MemfdFlags, ftruncate, memfd_create},
    io::Errno,
    param::page_size,
    process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid},
    thread::futex,
};

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
    id: "shared_ring",
    title: "shared memory",
    group: ScenarioGroup::Memory,
    lesson: "Both programs have mapped the payload, and pass only places and lengths to each other. \
             The kernel moves nothing; a program calls it only to wait for the other.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 0,
        network_dma: 0,
        mode_switches: Some(0),
        claim: "fbufs, today a shared memfd mapping: buffers that several programs map, and no \
                call to pass one on",
    },
    sinks: &[Sink::Memory],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

/// Descriptors that fit between the two.
const SLOTS: u32 = 64;
/// How often to look again before asking the kernel to wait.
const SPINS: u32 = 10_000;

/// What both programs map: counters that only grow. A descriptor is its own number here, since the
/// chunks lie one behind the other; programs that pass buffers in any order put a place and a
/// length into a slot.
#[repr(C)]
struct Ring {
    produced: AtomicU32,
    consumed: AtomicU32,
}

fn run(job: &mut Job) -> Result<()> {
    memory::fits(job.size)?;
    let file = memfd_create("zc-lab", MemfdFlags::CLOEXEC).context("cannot make shared memory")?;
    let room = job.size + page_size() as u64;
    ftruncate(&file, room).context("cannot make room in shared memory")?;
    // SAFETY: memory of this process, which is not truncated.
    let mut memory = unsafe { MmapOptions::new().len(usize::try_from(room)?).map_mut(&file) }
        .context("cannot map shared memory")?;
    // The payload is made in place, as a program does that is written for shared buffers.
    job.source.read_exact(&mut memory[page_size()..])?;
    let chunks = u32::try_from(job.size.div_ceil(job.chunk as u64))
        .context("too many transfers: use a greater --chunk")?;

    let (mut answer, mut telling) = std::io::pipe()?;
    let parent = std::process::id();
    // SAFETY: this process has one thread.
    let consumer = match unsafe { libc::fork() } {
        -1 => return Err(std::io::Error::last_os_error()).context("cannot fork"),
        0 => {
            let reported = consume(parent, &memory, job.chunk, chunks, &mut telling).is_ok();
            // SAFETY: nothing that has to be undone: the parent does that.
            unsafe { libc::_exit(i32::from(!reported)) };
        }
        pid => Pid::from_raw(pid).context("a child without pid")?,
    };
    // It has every page mapped then.
    let proceed = || {
        waitpid(Some(consumer), WaitOptions::UNTRACED).context("cannot wait for the consumer")?;
        kill_process(consumer, Signal::CONT).context("cannot continue the consumer")
    };
    proceed()?;
    drop(telling);

    let ring = ring(&memory);
    job.begin()?;
    for chunk in 0..chunks {
        wait(&ring.consumed, |consumed| chunk - consumed < SLOTS)?;
        publish(&ring.produced, chunk + 1)?;
    }
    wait(&ring.consumed, |consumed| consumed == chunks)?;
    job.end()?;
    proceed()?;
    let mut digest = [0; 4];
    answer.read_exact(&mut digest).context("the consumer has no answer")?;
    job.arrived_as(u32::from_le_bytes(digest));
    Ok(())
}

/// The other program: looks at every byte where it lies.
fn consume(
    parent: u32,
    memory: &MmapMut,
    size: usize,
    chunks: u32,
    telling: &mut PipeWriter,
) -> Result<()> {
    if !child::follow(Some(parent))? {
        return Ok(());
    }
    let (ring, payload) = (ring(memory), &memory[page_size()..]);
    // A fork does not copy the page tables of shared memory: map it all before the work.
    std::hint::black_box(payload.iter().step_by(page_size()).fold(0, |sum, byte| sum ^ byte));
    kill_process(getpid(), Signal::STOP)?;
    let mut hasher = crc32fast::Hasher::new();
    for (chunk, bytes) in (0..chunks).zip(payload.chunks(size)) {
        wait(&ring.produced, |produced| produced > chunk)?;
        hasher.update(bytes);
        publish(&ring.consumed, chunk + 1)?;
    }
    // The answer is for the lab, and no part of the work.
    kill_process(getpid(), Signal::STOP)?;
    Ok(telling.write_all(&hasher.finalize().to_le_bytes())?)
}

/// The first page, as both see it.
fn ring(memory: &MmapMut) -> &Ring {
    // SAFETY: a page of zeros that only atomic accesses change, for as long as it is mapped.
    unsafe { &*memory.as_ptr().cast() }
}

/// The highest bit of a counter says that the other program sleeps until it changes.
const SLEEPS: u32 = 1 << 31;

/// Tells the other program, and wakes it only if it sleeps.
fn publish(counter: &AtomicU32, value: u32) -> Result<()> {
    if counter.swap(value, Ordering::AcqRel) & SLEEPS != 0 {
        futex::wake(counter, futex::Flags::empty(), 1).context("cannot wake the other side")?;
    }
    Ok(())
}

/// Looks for a while, then sleeps until the other program has changed it.
fn wait(counter: &AtomicU32, enough: impl Fn(u32) -> bool) -> Result<()> {
    loop {
        let mut seen = counter.load(Ordering::Acquire);
        for _ in 0..SPINS {
            if enough(seen & !SLEEPS) {
                return Ok(());
            }
            std::hint::spin_loop();
            seen = counter.load(Ordering::Acquire);
        }
        let asleep = seen | SLEEPS;
        if counter.compare_exchange(seen, asleep, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            match futex::wait(counter, futex::Flags::empty(), asleep, None) {
                Ok(()) | Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error).context("cannot wait for the other side"),
            }
        }
    }
}

fn expect(_: &Setting) -> Expected {
    Expected {
        moved: Vec::new(),
        copied_bytes: 0,
        // As many as one has to wait for the other: the kernel is not needed for more.
        syscalls: Calls::AtLeast(0),
        copies_because: None,
        switches_because: None,
    }
}
