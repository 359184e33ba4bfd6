//! What is remembered of requests when they are submitted.
//!
//! A completion that does not end a request (multishot) says which ring it belongs to, and the number that the
//! program has given to the request (`user_data`); before 5.18 no completion says more. What the request does, was
//! seen when it was submitted.
//!
//! A program may give the same number to several requests. That does no harm as long as they do the
//! same to the same kind of file; otherwise their bytes are a loss, until all of them have completed.

use aya_ebpf::{macros::map, maps::LruHashMap};
use zc_common::{
    loss::Loss,
    ring::{Noted, Request, RequestKey},
    uring::{Effect, MSG_RING},
};

use super::{
    Completion, book, book_request, describe, effect, file_class, is_buffer_selected, is_counted,
    must_note, note_anonymous,
    operation::{What, class_of},
    passed, silent,
};
use crate::{
    account::Account,
    atomic,
    descriptor::Class,
    follow::is_followed_here,
    kernel::{Object, offset, variant},
    losses::note_loss,
    probes::{Arguments, tracepoint},
};

/// What was submitted, by ring and number: before 5.18 every request that moves data, since then those that take
/// buffers which the program has provided, as every multishot request does. Writers: any CPU. Bound: the numbers
/// in use by programs that are remembered.
#[map]
static URING_REQUESTS: LruHashMap<RequestKey, Request> = LruHashMap::with_max_entries(16_384, 0);

/// What must be known of requests by their address. Writers: any CPU. Bound: the requests under way of which
/// something must be known.
#[map]
pub(super) static URING_NOTED: LruHashMap<u64, Noted> = LruHashMap::with_max_entries(4096, 0);

/// The insertion fails when the key exists (`BPF_NOEXIST`).
const NOEXIST: u64 = 1;

tracepoint!(
    /// `io_uring_submit_req(struct io_kiocb *req)` since 6.4; `io_uring_submit_sqe(struct io_kiocb *req, bool
    /// force_nonblock)` since 6.0; `io_uring_submit_sqe(void *ctx, void *req, ...)`, with seven arguments, before
    /// (5.11 to 5.19 and Debian's 5.10), `include/trace/events/io_uring.h`. What its kind has has been filled in.
    /// Since 5.18 its file has not been found yet.
    zc_uring_submit, zc_uring_submit_raw, "io_uring_submit_req", |arguments| {
        // A ring may be that of a process that is followed, also where the sender is none.
        let request = request(arguments);
        let Some(opcode) = request.read::<u8>(offset!(kiocb_opcode)) else { return 0 };
        if opcode == MSG_RING {
            passed::submitted(request);
        }
        if is_followed_here() {
            submitted(arguments, request, opcode);
        }
    }
);

/// The request that is submitted.
#[inline(always)]
fn request(arguments: Arguments) -> Object {
    // Functions take no pointers of which the verifier knows the type.
    Object::untyped(arguments.number(if variant!(uring_submit_args) == 7 { 1 } else { 0 }))
}

#[inline(always)]
fn submitted(arguments: Arguments, request: Object, opcode: u8) {
    let address = request.address();
    silent::reused(request);
    let effect = effect(opcode);
    if !is_counted(effect) {
        return;
    }
    if variant!(uring_complete_args) == 4 {
        let what = describe(request, opcode, effect, file_class(request));
        let key = RequestKey { ring: arguments.integer(0), user_data: arguments.integer(3) };
        if silent::is_silent(request) {
            // It will not be seen to complete.
            return note_loss(Loss::UringUnseen);
        }
        return remember(key, what, address);
    }
    let is_silent = silent::is_silent(request);
    let is_buffer_selected = is_buffer_selected(request);
    if !is_silent && !is_buffer_selected && !must_note(request, opcode, effect) {
        return;
    }
    let ring = request.read::<u64>(offset!(kiocb_ring)).unwrap_or_default();
    let what = describe(request, opcode, effect, awaited_class(request, ring));
    if is_buffer_selected {
        let user_data = request.read::<u64>(offset!(kiocb_user_data)).unwrap_or_default();
        remember(RequestKey { ring, user_data }, what, address);
    }
    let noted = Noted { what: what.0, ring, is_silent: u64::from(is_silent) };
    if URING_NOTED.insert(address, noted, 0).is_ok() && is_silent {
        silent::begins(ring);
    }
}

/// What the file of a request is that is not open for it yet: its descriptor, or the place among the files that are
/// registered with its ring. [`Class::CLOSED`] when a request before it opens that.
#[inline(always)]
fn awaited_class(request: Object, ring: u64) -> Class {
    /// `IOSQE_FIXED_FILE`, `include/uapi/linux/io_uring.h`; in the kernel the flag has the same number.
    const FIXED_FILE: u8 = 1;
    let fd = request.read::<u32>(offset!(kiocb_fd)).unwrap_or_default();
    let flags = request.read::<u8>(offset!(kiocb_flags)).unwrap_or_default();
    class_of(ring, fd, flags & FIXED_FILE != 0)
}

/// Remembers what is submitted under a number.
#[inline(always)]
fn remember(key: RequestKey, what: What, address: u64) {
    let what = what.0;
    let Some(request) = URING_REQUESTS.get_ptr_mut(key) else {
        let request = Request { what, address, submitted: 1, completed: 0, is_ambiguous: 0 };
        if URING_REQUESTS.insert(key, request, NOEXIST).is_err() {
            note_anonymous();
        }
        return;
    };
    // SAFETY: a map value. One thread submits at a time, as the ring has one lock for that; a number
    // is seen to be free when its completion is, which is counted before the program gets it.
    unsafe {
        if (*request).submitted == (*request).completed {
            (*request).what = what;
            (*request).is_ambiguous = 0;
        } else if (*request).what != what {
            (*request).is_ambiguous = 1;
        }
        (*request).address = address;
        atomic::add(&raw mut (*request).submitted, 1);
    }
}

/// What was noted of a request when it was submitted.
#[inline(always)]
pub(super) fn noted(request: Object) -> Option<What> {
    let noted = URING_NOTED.get_ptr(request.address())?;
    // SAFETY: a map value.
    Some(What(unsafe { (*noted).what }))
}

/// What was remembered under the number of a request that takes a buffer which the program has provided, when its
/// memory does not say it.
#[inline(always)]
pub(super) fn numbered(request: Object) -> Option<What> {
    let remembered = of_number(request)?;
    // SAFETY: a map value.
    unsafe {
        let what = What((*remembered).what);
        (what.has_header() && (*remembered).is_ambiguous == 0).then_some(what)
    }
}

/// Such a request has completed.
#[inline(always)]
pub(super) fn ended(request: Object) {
    let Some(remembered) = of_number(request) else { return };
    // SAFETY: a map value, written atomically.
    unsafe {
        if (*remembered).submitted != (*remembered).completed {
            atomic::add(&raw mut (*remembered).completed, 1);
        }
    }
}

#[inline(always)]
fn of_number(request: Object) -> Option<*mut Request> {
    let ring = request.read::<u64>(offset!(kiocb_ring))?;
    let user_data = request.read::<u64>(offset!(kiocb_user_data))?;
    URING_REQUESTS.get_ptr_mut(RequestKey { ring, user_data })
}

/// A request has posted a completion and goes on, or something that is no request of the ring has posted one: another
/// ring (`IORING_OP_MSG_RING`).
#[inline(always)]
pub(super) fn went_on(completion: Completion) {
    /// `IORING_CQE_F_BUFFER`, `include/uapi/linux/io_uring.h`: it tells which buffer it has taken. What accepts,
    /// polls or waits, takes none.
    const BUFFER: u32 = 1;
    /// `IORING_CQE_F_NOTIF`: a zero-copy send is done with its pages.
    const NOTIFICATION: u32 = 1 << 3;
    if !completion.goes_on() || completion.flags & NOTIFICATION != 0 {
        return;
    }
    let key = RequestKey { ring: completion.ring, user_data: completion.user_data };
    let Some(request) = URING_REQUESTS.get_ptr_mut(key) else {
        if completion.flags & BUFFER != 0 {
            note_anonymous();
        }
        return;
    };
    // SAFETY: a map value.
    let (what, address, is_known) = unsafe {
        let is_under_way = (*request).submitted != (*request).completed;
        ((*request).what, (*request).address, is_under_way && (*request).is_ambiguous == 0)
    };
    let mut what = What(what);
    if completion.flags & BUFFER == 0 && what.effect() != Effect::ReceiveZerocopy as u8 {
        return;
    }
    if !is_known {
        return note_anonymous();
    }
    // It is under way: its memory says what it works with.
    let request = Object::untyped(address);
    if what.class() == Class::CLOSED {
        what = what.with_class(file_class(request));
    }
    if what.depends_on_buffer() {
        what = what.with_room_of(request);
    }
    if let Some(account) = Account::current() {
        book_request(account, request, what, completion.result);
    }
}

/// `io_uring_complete(void *ctx, u64 user_data, int res, unsigned cflags)`, before 5.18.
#[inline(always)]
pub(super) fn completed(arguments: Arguments) {
    let key = RequestKey { ring: arguments.integer(0), user_data: arguments.integer(1) };
    // What moves no data is not in the map.
    let Some(request) = URING_REQUESTS.get_ptr_mut(key) else { return };
    // SAFETY: a map value.
    let (what, is_open, is_ambiguous) = unsafe {
        let is_open = (*request).submitted != (*request).completed;
        ((*request).what, is_open, (*request).is_ambiguous != 0)
    };
    if !is_open {
        // Something that moves no data and has the number of what has completed.
        return;
    }
    // SAFETY: a map value, written atomically.
    unsafe { atomic::add(&raw mut (*request).completed, 1) };
    if is_ambiguous {
        return note_anonymous();
    }
    book(What(what), arguments.integer(2) as i32);
}
