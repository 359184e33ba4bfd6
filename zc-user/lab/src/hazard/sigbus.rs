//! A mapped file is truncated: a process that touches a page that is gone is killed.

use std::{
    fs::File,
    io::Read as _,
    os::{fd::AsRawFd as _, unix::fs::FileExt as _},
    ptr,
    sync::atomic::{AtomicI32, Ordering},
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    mm::{MapFlags, ProtFlags, mmap, munmap},
    param::page_size,
    process::{Pid, Resource, Rlimit, Signal, WaitOptions, setrlimit, waitpid},
};

use super::{Case, Fact, Hazard, truncate};
use crate::workload::job::Job;

pub(super) const HAZARD: Hazard = Hazard {
    id: "sigbus",
    title: "a mapped file is truncated while it is read",
    lesson: "A page that the file no longer has cannot be mapped: the reader gets no error but a \
             signal, which kills it. The rest of the last page reads as zeros.",
    danger: "log rotation with copytruncate, or a configuration file that is written in place, \
             kills every program that has the file mapped",
    cases: &[Case { title: "mapped, truncated, read", run }],
    figures: |_| Vec::new(),
};

/// Where the child reports why it was killed.
static REPORT: AtomicI32 = AtomicI32::new(-1);

fn run(job: &mut Job) -> Result<Vec<Fact>> {
    let page = page_size();
    let size = usize::try_from(job.size)?;
    let left = 10 * page + 1009;
    let gone = 11 * page;
    // SAFETY: a new mapping; it is only read, through volatile accesses.
    let map =
        unsafe { mmap(ptr::null_mut(), size, ProtFlags::READ, MapFlags::SHARED, &job.source, 0) };
    let map = map.context("cannot map the file")?.cast::<u8>();

    job.begin()?;
    let before = job.source.read_at(&mut [0; 1], gone as u64)?;
    truncate(&job.source, left as u64)?;
    let after = job.source.read_at(&mut [0; 1], gone as u64)?;
    // SAFETY: within the mapping, and on a page that the file still has a part of.
    let behind_the_end = unsafe { map.add(left + 1).read_volatile() };
    let death = touch(map, gone)?;
    job.end()?;
    // SAFETY: the mapping made above, which is no longer used.
    unsafe { munmap(map.cast(), size)? };

    let address = map.addr() + gone;
    let at = format!("offset {gone} of the mapping, address {address:#x}");
    let death = match death {
        Some((Signal::BUS, fault)) => Fact::new(
            fault == Some((address, libc::BUS_ADRERR)),
            format!(
                "truncated to {left} bytes: reading {at}, killed the reader with SIGBUS, which \
                 reported {} (BUS_ADRERR: the address does not exist)",
                fault.map_or_else(|| "no address".to_owned(), |(named, _)| format!("{named:#x}"))
            ),
        ),
        Some((signal, _)) => {
            Fact::new(false, format!("reading {at}, killed the reader with {signal:?}"))
        }
        None => Fact::new(false, format!("reading {at}, did not kill the reader")),
    };
    Ok(vec![
        death,
        Fact::new(
            (before, after) == (1, 0),
            format!(
                "read() at the same offset returned {before}, and afterwards {after}: no error, no signal"
            ),
        ),
        Fact::new(
            behind_the_end == 0,
            format!("one byte after the end, on the last page, reads as {behind_the_end}"),
        ),
    ])
}

type Fault = (usize, i32);

/// Has a child read one byte, and returns the signal that killed it, with the address and the code
/// that came with the signal.
fn touch(map: *const u8, offset: usize) -> Result<Option<(Signal, Option<Fault>)>> {
    let (told, tell) = std::io::pipe().context("cannot make a pipe")?;
    REPORT.store(tell.as_raw_fd(), Ordering::Relaxed);
    // SAFETY: this process has no other thread, so that the child may do anything.
    match unsafe { libc::fork() } {
        -1 => bail!("cannot make a child: {}", std::io::Error::last_os_error()),
        0 => {
            // SAFETY: within the mapping; what happens on a page that is gone is what is shown.
            unsafe { read_and_die(map.add(offset)) }
        }
        child => {
            drop(tell);
            let child = Pid::from_raw(child).context("a child without pid")?;
            let (_, status) = waitpid(Some(child), WaitOptions::empty())?.context("no child")?;
            let signal = status.terminating_signal().and_then(Signal::from_named_raw);
            Ok(signal.map(|signal| (signal, fault(told))))
        }
    }
}

/// Reads a byte, and ends the process with 0 if that was possible.
///
/// # Safety
/// `at` was mapped.
unsafe fn read_and_die(at: *const u8) -> ! {
    // The process is killed on purpose: no core dump.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // SAFETY: a handler that only calls write, for a signal of this very thread; no destructor of
    // the process that this was runs.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = tell as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESETHAND;
        libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut());
        at.read_volatile();
        libc::_exit(0)
    }
}

/// Reports address and code. The handler is gone by now: the read is done again, and kills.
extern "C" fn tell(_: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes the information of a SIGBUS; write is safe in a handler.
    unsafe {
        let fault = [(*info).si_addr() as usize, (*info).si_code as usize];
        libc::write(REPORT.load(Ordering::Relaxed), fault.as_ptr().cast(), size_of_val(&fault));
    }
}

fn fault(told: impl Into<std::os::fd::OwnedFd>) -> Option<Fault> {
    let mut words = [0; 2 * size_of::<usize>()];
    File::from(told.into()).read_exact(&mut words).ok()?;
    let (address, code) = words.split_at(size_of::<usize>());
    let word = |bytes: &[u8]| Some(usize::from_ne_bytes(bytes.try_into().ok()?));
    Some((word(address)?, i32::try_from(word(code)?).ok()?))
}
