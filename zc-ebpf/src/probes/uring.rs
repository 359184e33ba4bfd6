//! io_uring: an operation is booked when it completes, on the process that owns the ring.
//!
//! Completions are posted by the submitter, an io-wq worker or the SQPOLL thread; all three are
//! threads of the process that owns the ring. What posts none is found by other means, see [`silent`].

use zc_common::{
    loss::Loss,
    path::{CopyPath, lane},
};

use super::{Arguments, tracepoint};
use crate::{
    account::Account,
    descriptor::{Class, PAGES_COPIED, pages_into},
    kernel::{Object, offset, variant},
    losses::note_loss,
    objects::{Copies, Done},
};

mod operation;
mod passed;
mod silent;
mod submission;
mod worker;

use operation::{
    What, accessed_in, book, book_in, book_request, command, describe, effect, file_class,
    is_buffer_selected, is_counted, must_note, note_object,
};
pub(crate) use silent::{ends as process_ends, zc_uring_settle};

tracepoint!(
    /// `io_uring_complete(struct io_ring_ctx *ctx, struct io_kiocb *req, struct io_uring_cqe
    /// *cqe)` since 6.18; `(void *ctx, void *req, u64 user_data, int res, unsigned cflags, ...)` since
    /// 5.18, `include/trace/events/io_uring.h`. Before, it names no request, see [`submission`].
    zc_uring_complete, zc_uring_complete_raw, "io_uring_complete", |arguments| completed(arguments)
);

/// What a completion says.
#[derive(Clone, Copy)]
struct Completion {
    ring: u64,
    user_data: u64,
    result: i32,
    flags: u32,
}

impl Completion {
    /// Of the arguments of `io_uring_complete`, since 5.18.
    #[inline(always)]
    fn of(arguments: Arguments) -> Self {
        let ring = arguments.integer(0);
        if variant!(uring_complete_args) > 3 {
            return Self {
                ring,
                user_data: arguments.integer(2),
                result: arguments.integer(3) as i32,
                flags: arguments.integer(4) as u32,
            };
        }
        let entry = Object::untyped(arguments.integer(2));
        Self {
            ring,
            user_data: entry.read::<u64>(offset!(cqe_user_data)).unwrap_or_default(),
            result: entry.read::<i32>(offset!(cqe_res)).unwrap_or_default(),
            flags: entry.read::<u32>(offset!(cqe_flags)).unwrap_or_default(),
        }
    }

    /// Whether the request that has posted it goes on: `IORING_CQE_F_MORE`.
    #[inline(always)]
    fn goes_on(self) -> bool {
        self.flags & 1 << 1 != 0
    }
}

#[inline(always)]
fn completed(arguments: Arguments) {
    if variant!(uring_complete_args) == 4 {
        return submission::completed(arguments);
    }
    let request = Object::untyped(arguments.integer(1));
    let completion = Completion::of(arguments);
    if request.is_null() {
        if passed::is_passed(completion) {
            return;
        }
        return submission::went_on(completion);
    }
    finished(request, completion.result);
    zc_uring_settle();
}

/// A request has completed with an entry in the queue.
#[inline(always)]
fn finished(request: Object, result: i32) {
    let Some(opcode) = request.read::<u8>(offset!(kiocb_opcode)) else { return };
    let effect = effect(opcode);
    if !is_counted(effect) {
        if effect == zc_common::uring::Effect::Command as u8 {
            command(request);
        } else if result < 0 {
            passed::failed(request, opcode);
        }
        return;
    }
    silent::spoke(request);
    let Some(account) = Account::current() else { return };
    let what = what_of(request, opcode, effect);
    if is_buffer_selected(request) {
        submission::ended(request);
    }
    book_request(account, request, what, result);
    accessed_in(account.slot(), request, what, result);
}

/// What a request does that has completed, or is about to.
#[inline(always)]
pub(crate) fn what_of(request: Object, opcode: u8, effect: u8) -> What {
    let class = file_class(request);
    if must_note(request, opcode, effect)
        && let Some(what) = submission::noted(request)
    {
        return what.with_class(class);
    }
    if is_buffer_selected(request)
        && let Some(what) = submission::numbered(request)
    {
        return what.with_class(class);
    }
    describe(request, opcode, effect, class)
}

/// The path of what the CPU copies while `request` is carried out.
#[inline(always)]
pub(crate) fn lane_of(request: Object) -> zc_common::path::Lane {
    let opcode = request.read::<u8>(offset!(kiocb_opcode)).unwrap_or_default();
    let effect = effect(opcode);
    if effect == zc_common::uring::Effect::Receive as u8 {
        // Its flags change how many bytes are moved, not on which path; and its message may be gone.
        return file_class(request).read_lane();
    }
    what_of(request, opcode, effect).lane()
}

/// Whether `request`, a splice on the path of `of`, copies although no copy site sees it, as
/// [`splice`](super::sys_exit) has it: into a socket that takes no references, or out of a unix socket.
#[inline(always)]
pub(crate) fn copies_unseen(request: Object, of: zc_common::path::Lane) -> bool {
    const TO_SOCKET: zc_common::path::Lane = lane(CopyPath::SplicePipeSocket);
    const FROM_SOCKET: zc_common::path::Lane = lane(CopyPath::SpliceSocketPipe);
    match of {
        TO_SOCKET => {
            let file = request.read::<u64>(offset!(kiocb_file)).unwrap_or_default();
            pages_into(file) == PAGES_COPIED
        }
        FROM_SOCKET => {
            let opcode = request.read::<u8>(offset!(kiocb_opcode)).unwrap_or_default();
            what_of(request, opcode, effect(opcode)).source() == Class::UNIX
        }
        _ => false,
    }
}

/// Counts what the CPU copied while `request` was carried out, for what is counted per object.
#[inline(always)]
pub(crate) fn copied_of(done: Done, request: Object, copies: Copies) {
    let opcode = request.read::<u8>(offset!(kiocb_opcode)).unwrap_or_default();
    note_object(done, request, What::of_effect(effect(opcode)), 0, copies);
}

tracepoint!(
    /// `io_uring_cqe_overflow(void *ctx, unsigned long long user_data, s32 res, u32 cflags, void *ocqe)`,
    /// 5.18 to 7.2: there was no room for a completion.
    zc_uring_overflow, zc_uring_overflow_raw, "io_uring_cqe_overflow", |arguments| overflowed(arguments)
);

#[inline(always)]
fn overflowed(arguments: Arguments) {
    let completion = Completion {
        ring: arguments.integer(0),
        user_data: arguments.integer(1),
        result: arguments.integer(2) as i32,
        flags: arguments.integer(3) as u32,
    };
    if passed::is_passed(completion) {
        return;
    }
    if completion.goes_on() {
        return submission::went_on(completion);
    }
    silent::overflowed(completion);
}

/// Notes that the bytes of a completion of the running process are not counted.
#[inline(always)]
fn note_anonymous() {
    if Account::current().is_some() {
        note_loss(Loss::UringAnonymousCompletions);
    }
}
