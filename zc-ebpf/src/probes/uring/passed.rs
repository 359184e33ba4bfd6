//! Messages from ring to ring (`IORING_OP_MSG_RING`) that bring flags of their own (`IORING_MSG_RING_FLAGS_PASS`).
//!
//! The completion that such a message posts is the sender's invention, and may look like one of a request that goes on,
//! down to the number. What is to be posted is noted when the message is submitted; a completion that is the
//! same to the last bit is taken for it. Messages that are sent without a ring (`IORING_REGISTER_SEND_MSG_RING`, since
//! 6.13) are not seen.

use aya_ebpf::{macros::map, maps::LruHashMap};
use zc_common::{layout::ABSENT, ring::PassedKey, uring::MSG_RING};

use super::{Completion, operation::registered_file};
use crate::{
    atomic,
    descriptor::File,
    kernel::{Object, offset},
};

/// How many such completions are to be posted. Writers: any CPU, atomically. Bound: those under way that are remembered.
#[map]
static URING_PASSED: LruHashMap<PassedKey, u64> = LruHashMap::with_max_entries(4096, 0);

/// What `request` is going to post in the ring whose open file is at `file`; `None` of what looks like no request that
/// goes on.
#[inline(always)]
fn posts(request: Object, file: impl Fn() -> u64) -> Option<PassedKey> {
    /// `IORING_MSG_RING_FLAGS_PASS`, `include/uapi/linux/io_uring.h`, since 6.3.
    const PASS: u32 = 1 << 1;
    /// `IORING_MSG_DATA`.
    const DATA: u32 = 0;

    if offset!(uring_passed_flags) == ABSENT
        || request.read::<u32>(offset!(uring_passed_kind))? & PASS == 0
        || request.read::<u32>(offset!(uring_passed_command))? != DATA
    {
        return None;
    }
    let flags = request.read::<u32>(offset!(uring_passed_flags))?;
    let result = request.read::<u32>(offset!(uring_passed_result))?;
    let user_data = request.read::<u64>(offset!(uring_passed_data))?;
    let ring = Object::untyped(file()).read::<u64>(offset!(file_private_data))?;
    let key = PassedKey { ring, user_data, outcome: u64::from(flags) << 32 | u64::from(result) };
    goes_on(flags).then_some(key)
}

/// `IORING_CQE_F_MORE`.
#[inline(always)]
fn goes_on(flags: u32) -> bool {
    flags & 1 << 1 != 0
}

/// Such a request is submitted. Its file has not been found yet.
#[inline(always)]
pub(super) fn submitted(request: Object) {
    if offset!(uring_passed_flags) != ABSENT {
        zc_uring_passes(request.address());
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_uring_passes(request: u64) -> u64 {
    /// `IOSQE_FIXED_FILE`, `include/uapi/linux/io_uring.h`; in the kernel the flag has the same number.
    const FIXED_FILE: u8 = 1;

    let request = Object::untyped(request);
    let target = || {
        let fd = u64::from(request.read::<u32>(offset!(kiocb_fd)).unwrap_or_default());
        let flags = request.read::<u8>(offset!(kiocb_flags)).unwrap_or_default();
        if flags & FIXED_FILE == 0 {
            return File::address_of(Object::current_task(), fd);
        }
        let ring = request.read::<u64>(offset!(kiocb_ring)).unwrap_or_default();
        registered_file(Object::untyped(ring), fd)
    };
    let Some(key) = posts(request, target) else { return 0 };
    match URING_PASSED.get_ptr_mut(key) {
        Some(count) => atomic::add(count, 1),
        None => {
            let _ = URING_PASSED.insert(key, 1, 0);
        }
    }
    0
}

/// A request with this opcode has failed: if it was such a message, it has posted nothing.
#[inline(always)]
pub(super) fn failed(request: Object, opcode: u8) {
    if opcode != MSG_RING {
        return;
    }
    let file = || request.read::<u64>(offset!(kiocb_file)).unwrap_or_default();
    if let Some(key) = posts(request, file) {
        take(key);
    }
}

/// Whether `completion`, which names no request, is that of such a message.
#[inline(always)]
pub(super) fn is_passed(completion: Completion) -> bool {
    completion.goes_on()
        && take(PassedKey {
            ring: completion.ring,
            user_data: completion.user_data,
            outcome: u64::from(completion.flags) << 32 | u64::from(completion.result as u32),
        })
}

/// Takes one off what is to be posted. Whether there was one.
#[inline(always)]
fn take(key: PassedKey) -> bool {
    let Some(count) = URING_PASSED.get_ptr_mut(key) else { return false };
    // SAFETY: a map value.
    if unsafe { *count } > 1 {
        atomic::add(count, u64::MAX);
        return true;
    }
    URING_PASSED.remove(key).is_ok()
}
