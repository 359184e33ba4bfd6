//! Operations that are deferred to a worker thread of the kernel (io-wq): those that would have to wait
//! and cannot be polled, and those requested with `IOSQE_ASYNC`.

use core::arch::asm;

use super::{effect, is_counted};
use crate::{
    account::{Account, count},
    kernel::{Object, offset, variant},
    probes::{Arguments, tracepoint},
};

tracepoint!(
    /// `io_uring_queue_async_work(struct io_kiocb *req, int rw)` since 6.0, `(void *ctx, void *req,
    /// ...)` since 5.18, `(void *ctx, int rw, void *req, struct io_wq_work *work, unsigned int
    /// flags)` before, `include/trace/events/io_uring.h`. Runs in the thread that submits.
    zc_uring_defer, zc_uring_defer_raw, "io_uring_queue_async_work", |arguments| deferred(arguments)
);

#[inline(always)]
fn deferred(arguments: Arguments) {
    let request = match variant!(uring_defer_args) {
        5 => place(arguments, 2),
        7 => place(arguments, 1),
        _ => place(arguments, 0),
    };
    let opcode = Object::untyped(request).read::<u8>(offset!(kiocb_opcode));
    if !opcode.is_some_and(|opcode| is_counted(effect(opcode))) {
        return;
    }
    let Some(account) = Account::current() else { return };
    count!(account, uring_punted_ops, 1);
}

/// Argument `n`.
#[inline(always)]
fn place(arguments: Arguments, n: usize) -> u64 {
    let request = arguments.integer(n);
    // Otherwise the compiler makes one load of all of them, from an address that it computes, which
    // the verifier refuses.
    // SAFETY: no instruction.
    unsafe { asm!("") };
    request
}
