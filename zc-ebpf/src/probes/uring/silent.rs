//! Requests that complete without an entry in the queue (`IOSQE_CQE_SKIP_SUCCESS`), or for which the queue has no
//! room.
//!
//! No tracepoint tells that such a request has completed. But a ring keeps the memory of requests that have
//! completed, in a list from whose head the next ones are taken (`io_req_add_to_cache`, `io_uring/io_uring.c`, 5.19 to
//! 7.2), and until then a request in that list says with what result it has completed. So requests that are to be silent are noted when they are submitted, and looked for in
//! the list whenever the process is seen to submit, to complete, to wait, or to end. A request that is taken from
//! the list before that is found then. What is never found remains in a loss.

use core::ptr;

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::map, maps::LruHashMap};
use zc_common::{
    layout::ABSENT,
    loss::Loss,
    ring::{Noted, Rings},
};

use super::{
    Completion, accessed_in, book, book_in, file_class, is_buffer_selected, must_note,
    note_anonymous,
    operation::What,
    submission::{URING_NOTED, ended},
};
use crate::{
    account::Account,
    atomic,
    descriptor::Class,
    follow::is_followed_here,
    kernel::{Object, offset, opaque},
    losses::note_losses,
    probes::{Arguments, tracepoint},
};

/// How many silent requests of a ring have not been seen to complete. Writers: any CPU, atomically. Bound: the rings
/// with such requests that are remembered.
#[map]
static URING_SILENT: LruHashMap<u64, u64> = LruHashMap::with_max_entries(1024, 0);

/// The rings with silent requests, by process. Writers: any CPU. Bound: the processes with such rings that are
/// remembered.
#[map]
static URING_RINGS: LruHashMap<u32, Rings> = LruHashMap::with_max_entries(1024, 0);

/// How many silent requests have not been seen to complete. Writers: any CPU, atomically.
static mut PENDING: u64 = 0;

/// Requests of a list that are looked at: so many blocks, of so many each. The verifier follows the two loops one
/// after the other.
const BLOCKS: usize = 32;
const BLOCK: usize = 32;

/// `-EAGAIN`.
const EAGAIN: i32 = -11;

/// `-1` for an addition.
const MINUS_ONE: u64 = u64::MAX;

/// Whether any process has silent requests that have not been seen to complete.
#[inline(always)]
fn are_any() -> bool {
    // SAFETY: a word that is written atomically.
    unsafe { ptr::read_volatile(&raw const PENDING) != 0 }
}

/// Whether a request posts no completion when it succeeds.
#[inline(always)]
pub(super) fn is_silent(request: Object) -> bool {
    /// `IOSQE_CQE_SKIP_SUCCESS`, `include/uapi/linux/io_uring.h`, since 5.17; in the kernel the flag has the same
    /// number.
    const CQE_SKIP: u8 = 1 << 6;
    request.read::<u8>(offset!(kiocb_flags)).unwrap_or_default() & CQE_SKIP != 0
}

/// A silent request of `ring` has been noted.
#[inline(always)]
pub(super) fn begins(ring: u64) {
    note_losses(Loss::UringUnseen, 1);
    atomic::add(&raw mut PENDING, 1);
    match URING_SILENT.get_ptr_mut(ring) {
        Some(count) => atomic::add(count, 1),
        None => {
            let _ = URING_SILENT.insert(ring, 1, 0);
        }
    }
    let process = process();
    let Some(known) = URING_RINGS.get_ptr_mut(process) else {
        let mut rings = [0; Rings::MOST];
        rings[0] = ring;
        let _ = URING_RINGS.insert(process, Rings { rings }, 0);
        return;
    };
    for index in 0..Rings::MOST {
        // SAFETY: inside the array of a map value. Two threads that take the same place lose one of two rings.
        unsafe {
            let place = (&raw mut (*known).rings).cast::<u64>().add(index);
            if *place == ring {
                return;
            }
            if *place == 0 {
                *place = ring;
                return;
            }
        }
    }
}

#[inline(always)]
fn process() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// A silent request of `ring` has been seen to complete.
#[inline(always)]
fn seen(ring: u64) {
    note_losses(Loss::UringUnseen, MINUS_ONE);
    atomic::add(&raw mut PENDING, MINUS_ONE);
    if let Some(count) = URING_SILENT.get_ptr_mut(ring) {
        atomic::add(count, MINUS_ONE);
    }
}

/// What was noted of a silent request that has not been seen to complete, which is no longer one; null if it is none.
/// No `Option`: kernels before 6.3 refuse to let the half of it that is not set be moved about.
#[inline(always)]
fn take(request: u64) -> *mut Noted {
    let Some(noted) = URING_NOTED.get_ptr_mut(request) else { return ptr::null_mut() };
    // SAFETY: a map value; the ring's lock is held, or the ring is at rest.
    unsafe {
        if (*noted).is_silent == 0 {
            return ptr::null_mut();
        }
        (*noted).is_silent = 0;
    }
    noted
}

/// A request posts a completion, though it may have been silent: it has failed.
#[inline(always)]
pub(super) fn spoke(request: Object) {
    if !are_any() {
        return;
    }
    let noted = take(request.address());
    if !noted.is_null() {
        // SAFETY: a map value.
        seen(unsafe { (*noted).ring });
    }
}

/// The memory of a request is taken for another one: what it was before has completed, with the result that is still
/// there. Memory that came from elsewhere is cleared; nothing is 0 that completes silently with bytes.
#[inline(always)]
pub(super) fn reused(request: Object) {
    if !are_any() {
        return;
    }
    let noted = take(request.address());
    let result = request.read::<i32>(offset!(kiocb_result)).unwrap_or_default();
    if !noted.is_null() && result > 0 {
        // SAFETY: a map value.
        let (ring, what) = unsafe { ((*noted).ring, (*noted).what) };
        seen(ring);
        book(What(what), result);
    }
}

/// Looks for silent requests of the running process that have completed.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_uring_settle() -> u64 {
    if !are_any() {
        return 0;
    }
    let Some(account) = Account::current() else { return 0 };
    let slot = u64::from(account.slot());
    let Some(known) = URING_RINGS.get_ptr(process()) else { return 0 };
    for index in 0..Rings::MOST {
        // SAFETY: inside the array of a map value.
        let ring =
            unsafe { ptr::read_volatile((&raw const (*known).rings).cast::<u64>().add(index)) };
        if ring == 0 {
            break;
        }
        let pending = URING_SILENT.get_ptr(ring);
        // SAFETY: a map value.
        if pending.is_none_or(|pending| unsafe { ptr::read_volatile(pending) } == 0) {
            continue;
        }
        walk(ring, offset!(ring_completed), slot);
        walk(ring, offset!(ring_free), slot);
        walk(ring, offset!(ring_free_locked), slot);
    }
    0
}

/// Books the silent requests that have completed in the list of `ring` whose first link is at the offset `first`, on
/// the account in `slot`.
#[inline(always)]
fn walk(ring: u64, first: u32, slot: u64) {
    if first == ABSENT {
        return;
    }
    let mut link = opaque(Object::untyped(ring).read::<u64>(first).unwrap_or_default());
    for _ in 0..BLOCKS {
        if link == 0 {
            break;
        }
        link = zc_uring_walk(ring, link, slot);
    }
}

/// Books a block of such a list that begins at `link`. Where the next one begins; 0 when all is done.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_uring_walk(ring: u64, link: u64, slot: u64) -> u64 {
    let mut link = link;
    for _ in 0..BLOCK {
        if link == 0 {
            return 0;
        }
        zc_uring_found(link - u64::from(offset!(kiocb_list)), slot);
        link = opaque(Object::untyped(link).read::<u64>(0).unwrap_or_default());
        let pending = URING_SILENT.get_ptr(ring);
        // SAFETY: a map value.
        if pending.is_none_or(|pending| unsafe { ptr::read_volatile(pending) } == 0) {
            return 0;
        }
    }
    link
}

/// Books a request that has completed, if it is one that was to be silent and has not been booked.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_uring_found(address: u64, slot: u64) -> u64 {
    let request = Object::untyped(address);
    let Some(result) = request.read::<i32>(offset!(kiocb_result)) else { return 0 };
    if result == EAGAIN {
        // It is in the list of what is about to complete, but will be tried once more (`REQ_F_REISSUE`).
        return 0;
    }
    let noted = take(address);
    if noted.is_null() {
        return 0;
    }
    // SAFETY: a map value.
    let (ring, what) = unsafe { ((*noted).ring, (*noted).what) };
    seen(ring);
    let mut what = What(what);
    if what.class() == Class::CLOSED {
        what = what.with_class(file_class(request));
    }
    if is_buffer_selected(request) {
        ended(request);
    }
    if what.depends_on_buffer() && !must_note(request, 0, what.effect()) {
        what = what.with_room_of(request);
    }
    book_in(slot as u32, what, result);
    accessed_in(slot as u32, request, what, result);
    0
}

tracepoint!(
    /// `io_uring_task_work_run(void *tctx, unsigned int count[, unsigned int loops])`, 6.0 to 7.2: work has been done
    /// for requests that waited.
    zc_uring_work, zc_uring_work_raw, "io_uring_task_work_run", |arguments| worked(arguments)
);

tracepoint!(
    /// `io_uring_local_work_run(void *ctx, int count, unsigned int loops)`, 6.1 to 7.2: the same, of a ring that leaves
    /// it to the program (`IORING_SETUP_DEFER_TASKRUN`).
    zc_uring_local_work, zc_uring_local_work_raw, "io_uring_local_work_run", |arguments| worked(arguments)
);

#[inline(always)]
fn worked(arguments: Arguments) {
    if arguments.integer(1) as u32 != 0 && are_any() && is_followed_here() {
        zc_uring_settle();
    }
}

/// A thread of the running process ends.
#[inline(always)]
pub(crate) fn ends() {
    if are_any() {
        zc_uring_settle();
    }
}

/// The queue has no room for the completion of a request, which is not named: it is one of those that the ring is
/// about to complete. Several with the same number and result do no harm if they do the same with the same file.
#[inline(always)]
pub(super) fn overflowed(completion: Completion) {
    const MOST_COMPLETED: usize = 64;
    let ring = Object::untyped(completion.ring);
    let mut link = opaque(ring.read::<u64>(offset!(ring_completed)).unwrap_or_default());
    // Forgotten: the verifier need not follow each request that may be the one.
    let (mut found, mut does) = (opaque(0), opaque(0));
    for _ in 0..MOST_COMPLETED {
        if link == 0 {
            break;
        }
        let address = link - u64::from(offset!(kiocb_list));
        let result = u64::from(completion.result as u32);
        let what = zc_uring_compare(address, completion.user_data, result);
        if what != 0 {
            if does != 0 && does != what {
                return note_anonymous();
            }
            (found, does) = (opaque(address), opaque(what));
        }
        link = opaque(Object::untyped(link).read::<u64>(0).unwrap_or_default());
    }
    if found != 0 {
        super::finished(Object::untyped(found), completion.result);
    } else if link != 0 || offset!(ring_free_locked) != ABSENT {
        // There are more, or, until 6.2, a worker completes requests by itself.
        note_anonymous();
    }
}

/// What a request does, if it has this number and result: its operation and file, 0 if not.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_uring_compare(address: u64, user_data: u64, result: u64) -> u64 {
    let request = Object::untyped(address);
    if request.read::<u64>(offset!(kiocb_user_data)) != Some(user_data)
        || request.read::<u32>(offset!(kiocb_result)) != Some(result as u32)
        || is_silent(request)
    {
        return 0;
    }
    let opcode = request.read::<u8>(offset!(kiocb_opcode)).unwrap_or_default();
    let file = request.read::<u64>(offset!(kiocb_file)).unwrap_or_default();
    file << 8 | u64::from(opcode)
}
