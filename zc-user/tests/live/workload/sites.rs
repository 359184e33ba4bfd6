//! Two functions that make the kernel copy: one three times as much as the other.

use std::{fs::File, hint::black_box, os::fd::AsRawFd as _, path::Path};

use rustix::process::Signal;

/// Bytes that one function reads at a time.
pub(crate) const ONE: usize = 10_007;
/// Bytes that the other one does.
pub(crate) const THREE: usize = 3 * ONE;
/// Reads of each.
pub(crate) const TIMES: usize = 60_000;

/// Reads a file of at least [`THREE`] bytes.
pub(crate) fn sites(path: &Path) {
    let file = File::open(path).expect("the file");
    let mut buffer = vec![0_u8; THREE];
    for _ in 0..TIMES {
        assert_eq!(three(&file, &mut buffer), THREE as isize);
        assert_eq!(one(&file, &mut buffer), ONE as isize);
    }
}

/// The same while the parent, which is `zc`, takes no samples.
pub(crate) fn unread(path: &Path) {
    let parent = rustix::process::getppid().expect("a parent");
    rustix::process::kill_process(parent, Signal::STOP).expect("it is ours");
    // Each 128 samples stand for twice as much as those before: room is for eleven times as many.
    (0..10).for_each(|_| sites(path));
    rustix::process::kill_process(parent, Signal::CONT).expect("it is ours");
}

/// The same as [`sites`] in a second thread, after the first one has ended.
pub(crate) fn without_first_thread(path: &Path) {
    let path = path.to_owned();
    std::thread::spawn(move || {
        let is_zombie = || {
            let status = std::fs::read_to_string("/proc/self/status").expect("the status");
            status.contains("State:\tZ")
        };
        while !is_zombie() {
            std::thread::yield_now();
        }
        sites(&path);
        std::process::exit(0);
    });
    // SAFETY: it ends this thread only, and what it has on its stack is not used by others.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("the thread has ended");
}

/// The call is not the last thing that it does: it would not be on the stack then.
#[inline(never)]
fn three(file: &File, buffer: &mut [u8]) -> isize {
    // SAFETY: the buffer is as long.
    black_box(unsafe { libc::pread(file.as_raw_fd(), buffer.as_mut_ptr().cast(), THREE, 0) })
}

/// As above.
#[inline(never)]
fn one(file: &File, buffer: &mut [u8]) -> isize {
    // SAFETY: as above.
    black_box(unsafe { libc::pread(file.as_raw_fd(), buffer.as_mut_ptr().cast(), ONE, 0) })
}
