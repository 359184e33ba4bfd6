//! io_uring as 32-bit programs use it: the messages of a ring that was set up by a 32-bit call have their layout.

use std::os::{fd::RawFd, unix::net::UnixDatagram};

use super::{
    super::completions::can_be_tried_again, LARGE, Low, Stage, can_enter_by_int80, int80, number,
    ok,
};

/// Sizes of the structures: `include/uapi/linux/io_uring.h`.
const ENTRIES: u32 = 8;
const RECVMSG: u32 = 10;
const CANCEL: u32 = 14;
const PROVIDE_BUFFERS: u32 = 31;
const BUFFER_SELECT: u32 = 1 << 5;
/// `IORING_RECV_MULTISHOT`, in the upper half of the first word of an entry.
const MULTISHOT: u32 = 2 << 16;

/// A ring that is written and read by hand: libraries set them up by 64-bit calls.
struct Ring {
    fd: RawFd,
    queues: *mut u8,
    entries: *mut [u32; 16],
    /// `struct io_uring_params`.
    parameters: [u32; 30],
    reaped: u32,
}

impl Ring {
    fn new(memory: &mut Low) -> Result<Self, String> {
        const SETUP: u32 = 425;
        const SHARED: i32 = libc::MAP_SHARED | libc::MAP_POPULATE;
        const ENTRIES_AT: libc::off_t = 0x1000_0000;

        let address = memory.words(&[0; 30]);
        let result = int80(SETUP, [ENTRIES, address, 0, 0, 0, 0]);
        if result < 0 {
            return Err(format!("no io_uring by a 32-bit call: {result}"));
        }
        let fd = result as RawFd;
        // SAFETY: the kernel has filled it in; the sizes of both mappings are at most those of its rings.
        unsafe {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let map = |bytes, at| libc::mmap(std::ptr::null_mut(), bytes, access, SHARED, fd, at);
            let parameters = (address as *const [u32; 30]).read();
            let (queues, entries) = (map(4096, 0), map(64 * ENTRIES as usize, ENTRIES_AT));
            assert!(queues != libc::MAP_FAILED && entries != libc::MAP_FAILED);
            Ok(Self { fd, queues: queues.cast(), entries: entries.cast(), parameters, reaped: 0 })
        }
    }

    /// A word of the queues, at the offset that is word `at` of the parameters.
    fn word(&self, at: usize, further: u32) -> *mut u32 {
        // SAFETY: the kernel has said where it is.
        unsafe { self.queues.add((self.parameters[at] + further) as usize).cast() }
    }

    /// Submits an entry, the first 12 words.
    fn submit(&self, entry: [u32; 12]) {
        const ENTER: libc::c_long = 426;
        // Words of the parameters: the tail and the array of the queue of submissions.
        const TAIL: usize = 11;
        const ARRAY: usize = 16;
        // SAFETY: memory of the ring, which the kernel looks at in the call only.
        unsafe {
            let tail = self.word(TAIL, 0).read_volatile();
            let place = tail % ENTRIES;
            let mut words = [0; 16];
            words[..12].copy_from_slice(&entry);
            self.entries.add(place as usize).write_volatile(words);
            self.word(ARRAY, 4 * place).write_volatile(place);
            self.word(TAIL, 0).write_volatile(tail + 1);
            let submitted = libc::syscall(ENTER, self.fd, 1, 0, 0, 0, 0);
            assert_eq!(ok(submitted as isize), 1);
        }
    }

    /// Waits for the next completion: its result.
    fn result(&mut self) -> i32 {
        const ENTER: libc::c_long = 426;
        const GETEVENTS: u32 = 1;
        // Words of the parameters: the head, the tail and the entries of the queue of completions.
        const HEAD: usize = 20;
        const TAIL: usize = 21;
        const COMPLETIONS: usize = 25;
        // SAFETY: memory of the ring.
        unsafe {
            while self.word(TAIL, 0).read_volatile() == self.reaped {
                ok(libc::syscall(ENTER, self.fd, 0, 1, GETEVENTS, 0, 0) as isize);
            }
            let place = self.reaped % (2 * ENTRIES);
            let result = self.word(COMPLETIONS, 16 * place + 8).read_volatile();
            self.reaped += 1;
            self.word(HEAD, 0).write_volatile(self.reaped);
            result.cast_signed()
        }
    }
}

/// Datagrams that are larger than the buffers of the messages: the results are their lengths.
pub(super) fn truncated(_: &Stage) -> Result<(), String> {
    can_enter_by_int80()?;
    let mut memory = Low::new();
    let mut ring = Ring::new(&mut memory)?;
    let (from, to) = UnixDatagram::pair().expect("a pair of sockets");
    let message = memory.message(2);
    for _ in 0..5 {
        assert_eq!(from.send(&[1; LARGE]).expect("room"), LARGE);
        let flags = libc::MSG_TRUNC.cast_unsigned();
        ring.submit([RECVMSG, number(&to), 0, 0, message, 0, 1, flags, 0, 0, 0, 0]);
        assert_eq!(ring.result(), LARGE as i32);
    }
    Ok(())
}

/// One request for all datagrams, into buffers that begin with a header, an address and control messages.
pub(super) fn multishot(_: &Stage) -> Result<(), String> {
    const NAME: u32 = 28;
    const CONTROL: u32 = 64;
    const HEADER: u32 = 16;
    // What the program calls the request.
    const RECEIVES: u32 = 3;
    can_enter_by_int80()?;
    can_be_tried_again()?;
    let mut memory = Low::new();
    let mut ring = Ring::new(&mut memory)?;
    let buffers = memory.room(16 * 8192);
    ring.submit([PROVIDE_BUFFERS, 16, 0, 0, buffers, 0, 8192, 0, 0, 0, 0, 0]);
    assert!(ring.result() >= 0);
    let (from, to) = UnixDatagram::pair().expect("a pair of sockets");
    let message = memory.words(&[0, NAME, 0, 0, 0, CONTROL, 0]);
    let first = RECVMSG | BUFFER_SELECT << 8 | MULTISHOT;
    ring.submit([first, number(&to), 0, 0, message, 0, 1, 0, RECEIVES, 0, 0, 0]);
    for _ in 0..5 {
        assert_eq!(from.send(&[1; LARGE]).expect("room"), LARGE);
        let result = ring.result();
        if result == -libc::EINVAL {
            return Err("this kernel has no such request that goes on".to_owned());
        }
        assert_eq!(result, LARGE as i32 + (HEADER + NAME + CONTROL) as i32);
    }
    ring.submit([CANCEL, 0, 0, 0, RECEIVES, 0, 0, 0, 0, 0, 0, 0]);
    let mut ends = [ring.result(), ring.result()];
    ends.sort_unstable();
    assert_eq!(ends, [-libc::ECANCELED, 0]);
    Ok(())
}
