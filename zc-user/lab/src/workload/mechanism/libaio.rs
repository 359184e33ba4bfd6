//! libaio: asynchronous I/O as databases did it before io_uring, for O_DIRECT only.

use std::{io, os::fd::AsRawFd as _, ptr::null_mut};

use anyhow::{Context as _, Result, bail};
use zc_common::path::CopyPath;

use crate::{
    sink::Sink,
    unsupported::Unsupported,
    workload::{
        direct::{self, BLOCK},
        job::Job,
        memory,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "libaio",
    title: "libaio direct read",
    group: ScenarioGroup::Asynchronous,
    lesson: "The older interface: one call submits eight reads, another collects them. Without \
             O_DIRECT the first would wait for one read after the other.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 1,
        network_dma: 0,
        mode_switches: None,
        claim: "two calls for many reads, as databases do with a cache of their own",
    },
    sinks: &[Sink::Memory],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

/// Requests that are submitted by one call.
const BATCH: usize = 8;

/// `struct iocb`, `include/uapi/linux/aio_abi.h`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Request {
    data: u64,
    key_and_flags: u64,
    opcode: u16,
    priority: i16,
    fd: u32,
    buffer: u64,
    bytes: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    event_fd: u32,
}

/// `IOCB_CMD_PREAD`.
const READ: u16 = 0;

/// `struct io_event`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Event {
    data: u64,
    request: u64,
    result: i64,
    result2: i64,
}

fn run(job: &mut Job) -> Result<()> {
    let context = context()?;
    let mut memory = memory::pages(job.size.next_multiple_of(BLOCK))?;
    direct::enable(&job.source)?;
    let (fd, step) = (job.source.as_raw_fd().cast_unsigned(), direct::step(job.chunk));
    job.begin()?;
    let (mut position, mut filled) = (0, 0);
    for batch in memory.chunks_mut(step * BATCH) {
        let mut requests = [Request::default(); BATCH];
        let mut count = 0;
        for (piece, request) in batch.chunks_mut(step).zip(&mut requests) {
            let (buffer, bytes) = (piece.as_mut_ptr() as u64, piece.len() as u64);
            *request =
                Request { opcode: READ, fd, buffer, bytes, offset: position, ..Request::default() };
            position += bytes.cast_signed();
            count += 1;
        }
        filled += complete(context, &mut requests[..count])?;
    }
    // Before the context is given back, which takes a call.
    job.end()?;
    // SAFETY: made by io_setup; nothing is under way any more.
    unsafe { libc::syscall(libc::SYS_io_destroy, context) };
    job.arrived(&memory[..filled]);
    Ok(())
}

/// `io_setup`: room for a batch.
fn context() -> Result<u64> {
    let mut context = 0_u64;
    // SAFETY: a number of requests, and a pointer to where the kernel puts its handle.
    if unsafe { libc::syscall(libc::SYS_io_setup, BATCH, &raw mut context) } == 0 {
        return Ok(context);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENOSYS) => Err(Unsupported("this kernel has no libaio".to_owned()).into()),
        Some(libc::EAGAIN) => Err(Unsupported(
            "the system-wide limit of libaio requests is reached: raise sysctl fs.aio-max-nr"
                .to_owned(),
        )
        .into()),
        _ => Err(error).context("cannot set up libaio"),
    }
}

/// `io_submit`, then `io_getevents` for all of them; the bytes that were read.
fn complete(context: u64, requests: &mut [Request]) -> Result<usize> {
    let count = requests.len();
    let pointers: Vec<_> = requests.iter_mut().map(|request| &raw mut *request).collect();
    // SAFETY: as many pointers to requests as said, whose memory outlives them: all are awaited.
    let submitted =
        unsafe { libc::syscall(libc::SYS_io_submit, context, count, pointers.as_ptr()) };
    if usize::try_from(submitted) != Ok(count) {
        return Err(io::Error::last_os_error()).context("cannot submit all reads");
    }
    let mut events = [Event::default(); BATCH];
    let forever = null_mut::<libc::timespec>();
    // SAFETY: room for as many events as requested.
    let reaped = unsafe {
        libc::syscall(libc::SYS_io_getevents, context, count, count, events.as_mut_ptr(), forever)
    };
    if usize::try_from(reaped) != Ok(count) {
        return Err(io::Error::last_os_error()).context("cannot await the reads");
    }
    let mut bytes = 0;
    for event in &events[..count] {
        match usize::try_from(event.result) {
            Ok(got) => bytes += got,
            Err(_) => bail!("cannot read the payload: error {}", -event.result),
        }
    }
    Ok(bytes)
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::DirectRead, setting.size)],
        copied_bytes: 0,
        syscalls: Calls::Exactly(2 * direct::transfers(setting).div_ceil(BATCH as u64)),
        copies_because: None,
        switches_because: direct::switches_because(setting),
    }
}
