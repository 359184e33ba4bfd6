//! Memory: other processes', mappings of files, and pages copied on write.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    ptr::null_mut,
};

use super::{Ground, Scenario, Stage, fd, moved, ok};
use crate::{report::Process, requirement};

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
    Scenario::new("mapped_ahead_one", |stage| mapped_ahead(stage, "ahead-1", 1), &[]),
    Scenario::new("mapped_ahead", |stage| mapped_ahead(stage, "ahead", PAGES), &[]).also(
        |row, ground| {
            // Each way wrote one page, before it mapped the others.
            let one = ground.row("mapped_ahead_one");
            assert_eq!(row.path("mmap_write").bytes, one.path("mmap_write").bytes);
            let known = (AHEAD.len() * (PAGES - 1) * PAGE) as u64;
            let extra = more(row, one, "mmap_read") + 2 * WINDOW;
            assert!(extra >= known, "{extra} more, {known} known");
        },
    ),
    Scenario::new("cow_copy_one", |_| cow_copy(1, touch), &[]).in_proc_io(),
    Scenario::new("cow_copy", |_| cow_copy(PAGES, touch), &[])
        .in_proc_io()
        .also(|row, ground| copied_pages(row, ground, "cow_copy_one")),
    // The kernel writes to the pages: at faults that it takes like a program does, and for a device.
    Scenario::new(
        "cow_by_read_one",
        |stage| cow_copy(1, |memory| read(stage, memory, "cow-read-1", 0)),
        &[moved("file_write", 1, PAGES * PAGE), moved("file_read", 1, PAGE)],
    )
    .in_proc_io(),
    Scenario::new(
        "cow_by_read",
        |stage| cow_copy(PAGES, |memory| read(stage, memory, "cow-read", 0)),
        &[moved("file_write", 1, PAGES * PAGE), moved("file_read", 1, PAGES * PAGE)],
    )
    .in_proc_io()
    .also(|row, ground| copied_pages(row, ground, "cow_by_read_one")),
    Scenario::new(
        "cow_by_direct_read_one",
        |stage| cow_copy(1, |memory| read(stage, memory, "cow-direct-1", libc::O_DIRECT)),
        &[moved("file_write", 1, PAGES * PAGE), moved("direct_read", 1, PAGE)],
    )
    .in_proc_io(),
    Scenario::new(
        "cow_by_direct_read",
        |stage| cow_copy(PAGES, |memory| read(stage, memory, "cow-direct", libc::O_DIRECT)),
        &[moved("file_write", 1, PAGES * PAGE), moved("direct_read", 1, PAGES * PAGE)],
    )
    .in_proc_io()
    .also(|row, ground| copied_pages(row, ground, "cow_by_direct_read_one")),
    Scenario::new(
        "cow_of_file_one",
        |stage| cow_of_file(&mut stage.output("cow-file-1"), 1),
        &[moved("file_write", 1, PAGES * PAGE)],
    ),
    Scenario::new(
        "cow_of_file",
        |stage| cow_of_file(&mut stage.output("cow-file"), PAGES),
        &[moved("file_write", 1, PAGES * PAGE)],
    )
    .also(|row, ground| {
        copied_pages(row, ground, "cow_of_file_one");
        // Nothing was written to the file itself.
        let one = ground.row("cow_of_file_one");
        assert_eq!(row.path("mmap_write").bytes, one.path("mmap_write").bytes);
    }),
    Scenario::new(
        "cow_of_memory_one",
        |_| cow_of_file(&mut super::files::in_memory(), 1),
        &[moved("file_write", 1, PAGES * PAGE)],
    ),
    Scenario::new(
        "cow_of_memory",
        |_| cow_of_file(&mut super::files::in_memory(), PAGES),
        &[moved("file_write", 1, PAGES * PAGE)],
    )
    .also(|row, ground| copied_pages(row, ground, "cow_of_memory_one")),
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

/// Maps all pages of a shared mapping of this length ahead of use.
type Ahead = fn(*mut libc::c_void, usize) -> i32;

/// Ways to do so. The last one has the pages ready to be written to; there is none before 5.14.
const AHEAD: [Ahead; 3] = [
    // SAFETY: a mapping, which stays as it is.
    |address, length| unsafe { libc::mlock(address, length) },
    |address, length| {
        const AGAIN: i32 = libc::MAP_SHARED | libc::MAP_FIXED | libc::MAP_POPULATE;
        // SAFETY: the mapping of the file that is at the descriptor, once more.
        let at = unsafe { libc::mmap(address, length, PROTECTION, AGAIN, MAPPED, 0) };
        if at == address { 0 } else { -1 }
    },
    |address, length| {
        /// `MADV_POPULATE_WRITE`, `include/uapi/asm-generic/mman-common.h`.
        const POPULATE_WRITE: i32 = 23;
        // SAFETY: as above.
        unsafe {
            if requirement::kernel_before(5, 14) {
                return libc::mlock(address, length);
            }
            libc::madvise(address, length, POPULATE_WRITE)
        }
    },
];

/// The descriptor of the file that is mapped.
const MAPPED: i32 = 77;
const PROTECTION: i32 = libc::PROT_READ | libc::PROT_WRITE;

/// Writes to the first page of a shared mapping of a file, and has all of its pages mapped ahead; once for each way.
fn mapped_ahead(stage: &Stage, name: &str, pages: usize) -> Result<(), String> {
    for (at, ahead) in AHEAD.into_iter().enumerate() {
        let file = stage.output(&format!("{name}-{at}"));
        file.set_len((pages * PAGE) as u64).expect("room");
        // SAFETY: descriptors.
        assert_eq!(unsafe { libc::dup2(fd(&file), MAPPED) }, MAPPED);
        let length = pages * PAGE;
        let address = map(length, PROTECTION, libc::MAP_SHARED, fd(&file));
        // SAFETY: inside the mapping.
        unsafe { address.write_volatile(1) };
        ok(ahead(address.cast(), length) as isize);
    }
    Ok(())
}

/// That `row` has copied all of the pages, and `one` a single one. They may be a few more or fewer: some pages of
/// their stacks and libraries are written while they are shared or just after, as it happens.
fn copied_pages(row: &Process, ground: &Ground, one: &str) {
    // Of two processes that write to a shared page, the one that writes to it first copies it.
    let both = |row: &Process| {
        let children = ground.report.processes().into_iter().filter(|it| it.parent == row.pid);
        row.path("cow_copy").bytes + children.map(|child| child.path("cow_copy").bytes).sum::<u64>()
    };
    let extra = both(row) - both(&ground.row(one));
    let off = extra.abs_diff(((PAGES - 1) * PAGE) as u64);
    assert!(off <= 8 * PAGE as u64, "{extra} B");
}

/// Writes to each of these pages.
fn touch(memory: &mut [u8]) -> Result<(), String> {
    for page in memory.chunks_mut(PAGE) {
        // SAFETY: a byte of the page.
        unsafe { page.as_mut_ptr().write_volatile(1) };
    }
    Ok(())
}

/// Fills these pages from a new file, which is opened with `flags`.
fn read(stage: &Stage, memory: &mut [u8], name: &str, flags: i32) -> Result<(), String> {
    let mut plain = stage.output(name);
    plain.write_all(&[b'z'; PAGES * PAGE]).and_then(|()| plain.sync_all()).expect("room");
    let path = stage.directory.join(name);
    let file = fs::File::options().read(true).custom_flags(flags).open(path);
    let Ok(file) = file else {
        return Err("this file system has no O_DIRECT".to_owned());
    };
    assert_eq!(file.read_at(memory, 0).expect("readable"), memory.len());
    Ok(())
}

/// Writes to pages of a private mapping of a file, none of which was mapped before. Each is private then.
fn cow_of_file(file: &mut fs::File, pages: usize) -> Result<(), String> {
    file.write_all(&[b'z'; PAGES * PAGE]).expect("room");
    let length = PAGES * PAGE;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let address = map(length, protection, libc::MAP_PRIVATE, fd(file));
    // SAFETY: the mapping, which nothing else uses.
    let memory = unsafe { std::slice::from_raw_parts_mut(address, length) };
    touch(&mut memory[..pages * PAGE])
}

/// Has `write` write to pages that a child shares.
fn cow_copy(
    pages: usize,
    write: impl FnOnce(&mut [u8]) -> Result<(), String>,
) -> Result<(), String> {
    let length = pages * PAGE;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let address = map(length, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1);
    // SAFETY: the mapping, which nothing else uses. It has small pages only.
    let memory = unsafe {
        libc::madvise(address.cast(), length, libc::MADV_NOHUGEPAGE);
        std::slice::from_raw_parts_mut(address, length)
    };
    touch(memory)?;
    // The other keeps them shared while this process writes, and writes to nothing itself from now on.
    let other = crate::workload::fork(|| {
        // SAFETY: waits for the signal below.
        unsafe { libc::raise(libc::SIGSTOP) };
        0
    });
    // SAFETY: a child of this process; the status is not requested.
    ok(unsafe { libc::waitpid(other.pid, null_mut(), libc::WUNTRACED) } as isize);
    let written = write(memory);
    // SAFETY: a child of this process that has not been waited for.
    ok(unsafe { libc::kill(other.pid, libc::SIGKILL) } as isize);
    other.reap();
    written
}
