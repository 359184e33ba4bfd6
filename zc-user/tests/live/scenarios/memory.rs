//! Memory: other processes', mappings of files, and pages copied on write.

use std::{io::Write as _, ptr::null_mut};

use super::{Scenario, Stage, fd, moved, ok};
use crate::report::Process;

const PAGE: usize = 4096;
const LARGE: usize = 10_007;

/// Pages that the scenarios write to.
const PAGES: usize = 101;

/// A read fault maps what is cached of this many bytes around it (`fault_around_bytes`, the kernel's
/// default). The code that a process runs is mapped in this way, too: which windows of it depends on
/// what else goes on in the page cache, so two of them more or less tell nothing.
const WINDOW: u64 = 65_536;

/// Touching one page runs the same code as touching many: what differs is the pages. (A process
/// that has just been forked faults in the code that it runs, too.)
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("process_vm", process_vm, &[moved("process_vm", 5, 5 * LARGE)]),
    Scenario::new("mmap_read_one", |_| mmap_read(1), &[moved("file_write", 1, PAGE)]).in_proc_io(),
    Scenario::new("mmap_read", |_| mmap_read(PAGES), &[moved("file_write", 1, PAGES * PAGE)])
        .in_proc_io()
        .also(|row, ground| {
            let one = ground.row("mmap_read_one");
            let extra = row.path("mmap_read").bytes + 2 * WINDOW - one.path("mmap_read").bytes;
            let known = ((PAGES - 1) * PAGE) as u64;
            assert!((known..=known + 4 * WINDOW).contains(&extra), "{extra} more, {known} known");
            assert_eq!(row.counter("mmap_calls"), one.counter("mmap_calls"));
            assert_eq!(row.counter("munmap_calls"), one.counter("munmap_calls"));
        }),
    Scenario::new("mmap_write_one", |stage| mmap_write(stage, "mmap-1", 1), &[]).in_proc_io(),
    Scenario::new("mmap_write", |stage| mmap_write(stage, "mmap", PAGES), &[]).in_proc_io().also(
        |row, ground| {
            let extra = more(row, ground.row("mmap_write_one"), "mmap_write");
            assert_eq!(extra, ((PAGES - 1) * PAGE) as u64);
            assert_eq!(row.counter("msync_calls"), 1);
        },
    ),
    Scenario::new("cow_copy_one", |_| cow_copy(1), &[]).in_proc_io(),
    Scenario::new("cow_copy", |_| cow_copy(PAGES), &[]).in_proc_io().also(|row, ground| {
        // Both processes write each page: the one that writes it first copies it.
        let both = |row: &Process| {
            let children = ground.report.processes().into_iter().filter(|it| it.parent == row.pid);
            row.path("cow_copy").bytes
                + children.map(|child| child.path("cow_copy").bytes).sum::<u64>()
        };
        let extra = both(row) - both(&ground.row("cow_copy_one"));
        // Some pages of their stacks and libraries are written while they are shared or just after,
        // as it happens.
        let off = extra.abs_diff(((PAGES - 1) * PAGE) as u64);
        assert!(off <= 8 * PAGE as u64, "{extra} B");
    }),
];

/// How many bytes more `row` has on `path`.
fn more(row: &Process, before: Process, path: &str) -> u64 {
    row.path(path).bytes - before.path(path).bytes
}

fn process_vm(_: &Stage) -> Result<(), String> {
    let mut here = [0_u8; LARGE];
    let mut there = [1_u8; LARGE];
    let local = libc::iovec { iov_base: here.as_mut_ptr().cast(), iov_len: LARGE };
    let remote = libc::iovec { iov_base: there.as_mut_ptr().cast(), iov_len: LARGE };
    // SAFETY: two buffers of this process, which is its own peer.
    unsafe {
        let me = libc::getpid();
        for _ in 0..3 {
            let read = libc::process_vm_readv(me, &raw const local, 1, &raw const remote, 1, 0);
            assert_eq!(ok(read), LARGE);
        }
        for _ in 0..2 {
            let written = libc::process_vm_writev(me, &raw const local, 1, &raw const remote, 1, 0);
            assert_eq!(ok(written), LARGE);
        }
    }
    Ok(())
}

fn map(length: usize, protection: i32, flags: i32, descriptor: i32) -> *mut u8 {
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe { libc::mmap(null_mut(), length, protection, flags, descriptor, 0) };
    assert_ne!(address, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    address.cast()
}

/// Of a file in memory, whose cache is made of single pages: of large folios a kernel maps more at a
/// fault than it tells.
fn mmap_read(pages: usize) -> Result<(), String> {
    let mut file = super::files::in_memory();
    file.write_all(&vec![b'z'; PAGES * PAGE][..pages * PAGE]).expect("memory");
    let address = map(pages * PAGE, libc::PROT_READ, libc::MAP_SHARED, fd(&file));
    for page in 0..pages {
        // SAFETY: inside the mapping and the file.
        assert_eq!(unsafe { address.add(page * PAGE).read_volatile() }, b'z');
    }
    // SAFETY: mapped above, unused from here on.
    ok(unsafe { libc::munmap(address.cast(), pages * PAGE) } as isize);
    Ok(())
}

fn mmap_write(stage: &Stage, name: &str, pages: usize) -> Result<(), String> {
    let output = stage.output(name);
    output.set_len((pages * PAGE) as u64).expect("room");
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let address = map(pages * PAGE, protection, libc::MAP_SHARED, fd(&output));
    for page in 0..pages {
        // SAFETY: inside the mapping and the file.
        unsafe { address.add(page * PAGE).write_volatile(1) };
    }
    // SAFETY: mapped above.
    ok(unsafe { libc::msync(address.cast(), pages * PAGE, libc::MS_SYNC) } as isize);
    Ok(())
}

/// Writes to pages that a child shares.
fn cow_copy(pages: usize) -> Result<(), String> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let address = map(pages * PAGE, protection, flags, -1);
    let touch = |page: usize| {
        // SAFETY: inside the mapping, which has small pages only.
        unsafe { address.add(page * PAGE).write_volatile(1) };
    };
    // SAFETY: mapped above.
    unsafe { libc::madvise(address.cast(), pages * PAGE, libc::MADV_NOHUGEPAGE) };
    (0..pages).for_each(touch);
    // The other keeps them shared while this process writes, and writes to nothing itself from now on.
    let other = crate::workload::fork(|| {
        // SAFETY: waits for the signal below.
        unsafe { libc::raise(libc::SIGSTOP) };
        0
    });
    // SAFETY: a child of this process; the status is not requested.
    ok(unsafe { libc::waitpid(other.pid, null_mut(), libc::WUNTRACED) } as isize);
    (0..pages).for_each(touch);
    // SAFETY: a child of this process that has not been waited for.
    ok(unsafe { libc::kill(other.pid, libc::SIGKILL) } as isize);
    other.reap();
    Ok(())
}
