//! Calls that wait, and how to know that they do.

use std::{
    fs, io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    ptr::null_mut,
    thread,
};

/// `_IOWR(0xaa, ...)`, and the structures that these take, `include/uapi/linux/userfaultfd.h`.
const UFFDIO_API: u64 = 0xc018_aa3f;
const UFFDIO_REGISTER: u64 = 0xc020_aa00;
const UFFDIO_ZEROPAGE: u64 = 0xc020_aa04;
const UFFD_API: u64 = 0xaa;
const REGISTER_MISSING: u64 = 1;
/// `sizeof(struct uffd_msg)`.
const MESSAGE: usize = 32;

/// Memory in which every access waits.
pub(super) struct Held {
    memory: *mut u8,
    length: usize,
    faults: OwnedFd,
}

// SAFETY: the memory belongs to no thread.
unsafe impl Sync for Held {}

impl Held {
    /// At least `bytes` of it.
    pub(super) fn new(bytes: usize) -> Result<Self, String> {
        let length = bytes.next_multiple_of(64 << 10);
        // SAFETY: memory at an address that the kernel chooses, and a descriptor that it makes.
        let (memory, faults) = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let memory = libc::mmap(null_mut(), length, protection, flags, -1, 0);
            assert_ne!(memory, libc::MAP_FAILED, "mmap: {}", io::Error::last_os_error());
            let faults = libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC);
            if faults < 0 {
                return Err(format!("no userfaultfd: {}", io::Error::last_os_error()));
            }
            (memory.cast(), OwnedFd::from_raw_fd(faults as i32))
        };
        let held = Self { memory, length, faults };
        held.control(UFFDIO_API, &mut [UFFD_API, 0, 0]);
        held.control(UFFDIO_REGISTER, &mut [memory as u64, length as u64, REGISTER_MISSING, 0]);
        Ok(held)
    }

    pub(super) fn address(&self) -> *mut u8 {
        self.memory
    }

    /// Returns when a thread waits for the memory.
    pub(super) fn until_touched(&self) {
        let mut message = [0_u8; MESSAGE];
        // SAFETY: a buffer and its length.
        let read =
            unsafe { libc::read(self.faults.as_raw_fd(), message.as_mut_ptr().cast(), MESSAGE) };
        assert_eq!(read, MESSAGE as isize, "userfaultfd: {}", io::Error::last_os_error());
    }

    /// Lets all go on that wait for it.
    pub(super) fn release(&self) {
        self.control(UFFDIO_ZEROPAGE, &mut [self.memory as u64, self.length as u64, 0, 0]);
    }

    fn control<const WORDS: usize>(&self, request: u64, argument: &mut [u64; WORDS]) {
        // SAFETY: the request takes a structure of so many words.
        let result = unsafe { libc::ioctl(self.faults.as_raw_fd(), request as _, argument) };
        assert_eq!(result, 0, "userfaultfd: {}", io::Error::last_os_error());
    }
}

/// Returns when a thread of this process waits in the system call `number`.
pub(super) fn until_waiting(number: i64) {
    let begins = format!("{number} ");
    loop {
        for thread in fs::read_dir("/proc/self/task").unwrap() {
            // The call that a thread sleeps in, or "running".
            let call = fs::read_to_string(thread.unwrap().path().join("syscall"));
            if call.is_ok_and(|call| call.starts_with(&begins)) {
                return;
            }
        }
        thread::yield_now();
    }
}
