//! Control structures in the memory of a program: lengths, descriptors, addresses. Never the data that a call
//! moves.

use aya_ebpf::helpers::bpf_probe_read_user;
use zc_common::loss::Loss;

use crate::{kernel::opaque, losses::note_losses};

/// A control structure of the caller. `None` where it cannot be read.
#[inline(always)]
pub(crate) fn peek_user<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_user(address as *const T) }.ok()
}

/// A control structure of the caller, or a loss.
#[inline(always)]
pub(crate) fn read_user<T>(address: u64) -> Option<T> {
    let value = peek_user(address);
    if value.is_none() {
        note_losses(Loss::UserMemoryUnreadable, 1);
    }
    value
}

/// `struct iovec`, `include/uapi/linux/uio.h`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct IoVec {
    pub(crate) base: u64,
    pub(crate) len: u64,
}

impl IoVec {
    /// Where it could not be read. No `Option`: the verifier refuses to let the half of it that is not set be moved
    /// about.
    const UNREADABLE: Self = Self { base: 0, len: u64::MAX };

    /// Whether it was read.
    #[inline(always)]
    pub(crate) fn is_read(self) -> bool {
        self.len != u64::MAX
    }
}

/// `struct compat_iovec`, `include/linux/compat.h`.
#[derive(Clone, Copy)]
#[repr(C)]
struct NarrowIoVec {
    base: u32,
    len: u32,
}

/// How structures in user memory are laid out: 0 as a 64-bit program has them, 1 as a 32-bit one. A number, which
/// global functions take.
#[derive(Clone, Copy)]
pub(crate) struct Layout(u64);

impl Layout {
    /// That of 64-bit programs.
    pub(crate) const NATIVE: Self = Self(0);

    /// What [`Self::number`] has made a number.
    #[inline(always)]
    pub(crate) fn numbered(number: u64) -> Self {
        Self(number)
    }

    /// As a number, 0 or 1.
    #[inline(always)]
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn is_narrow(self) -> bool {
        self.0 != 0
    }

    /// The buffer `index` of the vector at `address`.
    #[inline(always)]
    pub(crate) fn buffer(self, address: u64, index: u64) -> IoVec {
        if self.is_narrow() {
            return match peek_user::<NarrowIoVec>(address + index * size_of::<NarrowIoVec>() as u64)
            {
                Some(buffer) => IoVec { base: u64::from(buffer.base), len: u64::from(buffer.len) },
                None => IoVec::UNREADABLE,
            };
        }
        peek_user(address + index * size_of::<IoVec>() as u64).unwrap_or(IoVec::UNREADABLE)
    }

    /// The vector of buffers of the `struct user_msghdr` (`include/linux/socket.h`; `struct compat_msghdr`,
    /// `include/net/compat.h`) at `address`: its members `msg_iov` and `msg_iovlen`.
    #[inline(always)]
    pub(crate) fn vector(self, address: u64) -> IoVec {
        const VECTOR: u64 = 16;
        const NARROW_VECTOR: u64 = 8;
        self.buffer(address + if self.is_narrow() { NARROW_VECTOR } else { VECTOR }, 0)
    }

    /// Where a message at `address` has `msg_namelen` and `msg_controllen`, as above.
    #[inline(always)]
    pub(crate) fn lengths(self, address: u64) -> (u64, u64) {
        if self.is_narrow() { (address + 4, address + 20) } else { (address + 8, address + 40) }
    }

    /// Bytes of a pointer.
    #[inline(always)]
    pub(crate) fn pointer_bytes(self) -> u64 {
        opaque(if self.is_narrow() { size_of::<u32>() } else { size_of::<u64>() } as u64)
    }

    /// The pointer at `address`, or a loss.
    #[inline(always)]
    pub(crate) fn pointer(self, address: u64) -> Option<u64> {
        if self.is_narrow() { read_user::<u32>(address).map(u64::from) } else { read_user(address) }
    }

    /// Bytes of a buffer of a vector.
    #[inline(always)]
    pub(crate) fn buffer_bytes(self) -> u64 {
        opaque(if self.is_narrow() { size_of::<NarrowIoVec>() } else { size_of::<IoVec>() } as u64)
    }

    /// Bytes of a `struct mmsghdr`: a message, then its length.
    #[inline(always)]
    pub(crate) fn message_bytes(self) -> u64 {
        opaque(if self.is_narrow() { 32 } else { 64 })
    }

    /// Where the length is there.
    #[inline(always)]
    pub(crate) fn message_length_place(self) -> u64 {
        opaque(if self.is_narrow() { 28 } else { 56 })
    }
}
