//! Kernels before 5.18, which do not say what has completed: only which ring, and the number that
//! the program has given to the request (`user_data`). What that is, was seen when it was submitted.
//!
//! A program may give the same number to several requests. That does no harm as long as they do the
//! same to the same kind of file; otherwise their bytes are a loss, until all of them have completed.

use aya_ebpf::{macros::map, maps::LruHashMap};
use zc_common::{
    loss::Loss,
    ring::{Request, RequestKey},
};

use super::{book, file_class, moves_data};
use crate::{
    atomic,
    descriptor::Class,
    kernel::Object,
    losses::note_loss,
    probes::{Arguments, tracepoint},
};

/// What was submitted to io_uring, on kernels that do not name the request when it completes. Writers:
/// any CPU. Bound: the numbers in use by programs that are remembered; elsewhere one.
#[map]
static URING_REQUESTS: LruHashMap<RequestKey, Request> = LruHashMap::with_max_entries(16_384, 0);

/// The insertion fails when the key exists (`BPF_NOEXIST`).
const NOEXIST: u64 = 1;

tracepoint!(
    /// `io_uring_submit_sqe(void *ctx, void *req, u8 opcode, u64 user_data, u32 flags, bool
    /// force_nonblock, bool sq_thread)`, 5.11 to 5.17 and Debian's 5.10,
    /// `include/trace/events/io_uring.h`. The file of the request has been found by then.
    zc_uring_submit, zc_uring_submit_raw, "io_uring_submit_sqe", |arguments| submitted(arguments)
);

#[inline(always)]
fn submitted(arguments: Arguments) {
    let opcode = arguments.integer(2) as u8;
    if !moves_data(opcode) {
        return;
    }
    let class = file_class(Object::untyped(arguments.integer(1)));
    let key = RequestKey { ring: arguments.integer(0), user_data: arguments.integer(3) };
    let what = u64::from(opcode) << 8 | u64::from(class.number());
    let Some(request) = URING_REQUESTS.get_ptr_mut(key) else {
        let request = Request { what, submitted: 1, completed: 0, is_ambiguous: 0 };
        if URING_REQUESTS.insert(key, request, NOEXIST).is_err() {
            note_loss(Loss::UringAnonymousCompletions);
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
        atomic::add(&raw mut (*request).submitted, 1);
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
        return note_loss(Loss::UringAnonymousCompletions);
    }
    book((what >> 8) as u8, Class::numbered(what as u8), arguments.integer(2) as i32);
}
