//! Messages of several buffers, sent and received by one call.

use std::{os::fd::AsRawFd, ptr::null_mut};

use super::{fd, ok};

/// `N` messages of several buffers each.
pub(super) struct Messages<const N: usize> {
    _buffers: Vec<Vec<u8>>,
    _vectors: Vec<Vec<libc::iovec>>,
    headers: [libc::mmsghdr; N],
    length: usize,
}

impl<const N: usize> Messages<N> {
    /// Every message has `count` buffers of `length` bytes.
    pub(super) fn new(length: usize, count: usize) -> Self {
        let mut buffers: Vec<_> = (0..N * count).map(|_| vec![1_u8; length]).collect();
        let mut vectors: Vec<Vec<libc::iovec>> = buffers
            .chunks_mut(count)
            .map(|buffers| {
                let entry = |buffer: &mut Vec<u8>| libc::iovec {
                    iov_base: buffer.as_mut_ptr().cast(),
                    iov_len: length,
                };
                buffers.iter_mut().map(entry).collect()
            })
            .collect();
        // SAFETY: structures of integers and pointers; zeros mean no address and no control data.
        let mut headers: [libc::mmsghdr; N] = unsafe { std::mem::zeroed() };
        for (header, vector) in headers.iter_mut().zip(&mut vectors) {
            header.msg_hdr.msg_iov = vector.as_mut_ptr();
            header.msg_hdr.msg_iovlen = count;
        }
        Self { _buffers: buffers, _vectors: vectors, headers, length }
    }

    pub(super) fn send(&mut self, socket: &impl AsRawFd) {
        // SAFETY: the header points to buffers of this structure.
        let count = unsafe { libc::sendmsg(fd(socket), &raw const self.headers[0].msg_hdr, 0) };
        assert_eq!(ok(count), self.length);
    }

    pub(super) fn receive(&mut self, socket: &impl AsRawFd, flags: i32) -> usize {
        // SAFETY: as above.
        ok(unsafe { libc::recvmsg(fd(socket), &raw mut self.headers[0].msg_hdr, flags) })
    }

    pub(super) fn exchange_many(&mut self, from: &impl AsRawFd, to: &impl AsRawFd, flags: i32) {
        self.send_many(from);
        self.receive_many(to, flags);
    }

    pub(super) fn send_many(&mut self, socket: &impl AsRawFd) {
        let count = u32::try_from(N).expect("a few");
        // SAFETY: as above.
        let sent = unsafe { libc::sendmmsg(fd(socket), self.headers.as_mut_ptr(), count, 0) };
        assert_eq!(ok(sent as isize), N);
    }

    pub(super) fn receive_many(&mut self, socket: &impl AsRawFd, flags: i32) {
        let count = u32::try_from(N).expect("a few");
        // SAFETY: as above.
        let received = unsafe {
            libc::recvmmsg(fd(socket), self.headers.as_mut_ptr(), count, flags, null_mut())
        };
        assert_eq!(ok(received as isize), N);
    }
}
