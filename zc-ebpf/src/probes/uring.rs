//! io_uring: an operation is booked when it completes, on the process that owns the ring.
//!
//! Completions are posted by the submitter, an io-wq worker or the SQPOLL thread; all three are
//! threads of the process that owns the ring.

use zc_common::{
    loss::Loss,
    path::{CopyPath, Lane, lane},
};

use super::{Arguments, tracepoint};
use crate::{
    account::{Account, count, zc_accessed},
    descriptor::{Class, File},
    kernel::{Object, offset, variant},
    losses::note_loss,
};

mod submission;
mod worker;

// `enum io_uring_op`, `include/uapi/linux/io_uring.h`.
const READV: u8 = 1;
const WRITEV: u8 = 2;
const READ_FIXED: u8 = 4;
const WRITE_FIXED: u8 = 5;
const SENDMSG: u8 = 9;
const RECVMSG: u8 = 10;
const READ: u8 = 22;
const WRITE: u8 = 23;
const SEND: u8 = 26;
const RECV: u8 = 27;
const SPLICE: u8 = 30;
const TEE: u8 = 33;
const SEND_ZC: u8 = 47;
const SENDMSG_ZC: u8 = 48;
const READ_MULTISHOT: u8 = 49;
const READV_FIXED: u8 = 60;
const WRITEV_FIXED: u8 = 61;

tracepoint!(
    /// `io_uring_complete(struct io_ring_ctx *ctx, struct io_kiocb *req, struct io_uring_cqe
    /// *cqe)` since 6.18; `(void *ctx, void *req, u64 user_data, int res, ...)` since 5.18,
    /// `include/trace/events/io_uring.h`. Before, it names no request, see [`submission`].
    zc_uring_complete, zc_uring_complete_raw, "io_uring_complete", |arguments| completed(arguments)
);

#[inline(always)]
fn completed(arguments: Arguments) {
    if variant!(uring_complete_args) == 4 {
        return submission::completed(arguments);
    }
    let request = Object::untyped(arguments.integer(1));
    if request.is_null() {
        return note_loss(Loss::UringAnonymousCompletions);
    }
    let result = if variant!(uring_complete_args) > 3 {
        arguments.integer(3) as i32
    } else {
        Object::untyped(arguments.integer(2)).read::<i32>(offset!(cqe_res)).unwrap_or_default()
    };
    let Some(opcode) = request.read::<u8>(offset!(kiocb_opcode)) else { return };
    if moves_data(opcode) {
        let class = file_class(request);
        book(opcode, class, result);
        if class == Class::FILE && result > 0 && is_read(opcode) {
            accessed(request, result as u64);
        }
    }
}

/// Counts the pages that `bytes` lie in, which a request has read: its position has advanced. A request
/// begins with what is particular to its kind, for reads a `struct io_rw` (`io_kiocb_to_cmd`,
/// `include/linux/io_uring_types.h`, 6.0 to 7.2; `struct io_kiocb`, `fs/io_uring.c`, before).
#[inline(always)]
fn accessed(request: Object, bytes: u64) {
    if offset!(kiocb_file) != 0 || offset!(uring_kiocb) != 0 {
        return;
    }
    let Some(account) = Account::current() else { return };
    let file = request.read::<u64>(offset!(kiocb_file)).unwrap_or_default();
    if let Some(end) = request.read::<u64>(offset!(kiocb_pos)) {
        zc_accessed(u64::from(account.slot()), file, end, bytes);
    }
}

/// What the file of a request is: also of one that is registered and has no descriptor.
#[inline(always)]
fn file_class(request: Object) -> Class {
    let file = request.read::<u64>(offset!(kiocb_file)).unwrap_or_default();
    match File::at(file) {
        Some(file) => file.class(),
        None => Class::CLOSED,
    }
}

/// Books an operation that has completed.
#[inline(always)]
fn book(opcode: u8, class: Class, result: i32) {
    let Some(account) = Account::current() else { return };
    count!(account, uring_ops, 1);
    let result = i64::from(result);
    if is_read(opcode) {
        account.book(class.read_lane(), result);
        if result > 0 && class.is_network() {
            count!(account, net_rx_bytes, result as u64);
        }
        return;
    }
    account.book(operation_lane(opcode, class), result);
    if result > 0 && class.is_network() {
        count!(account, net_tx_bytes, result as u64);
        if is_zerocopy(opcode) {
            count!(account, zerocopy_requested_bytes, result as u64);
            count!(account, zerocopy_uring_bytes, result as u64);
        }
    }
}

/// Whether an operation is one that moves data.
#[inline(always)]
fn moves_data(opcode: u8) -> bool {
    is_read(opcode)
        || matches!(
            opcode,
            WRITEV | WRITE_FIXED | WRITE | SEND | SENDMSG | WRITEV_FIXED | SPLICE | TEE
        )
        || is_zerocopy(opcode)
}

#[inline(always)]
fn is_read(opcode: u8) -> bool {
    matches!(opcode, READV | READ_FIXED | READ | RECV | RECVMSG | READ_MULTISHOT | READV_FIXED)
}

#[inline(always)]
fn is_zerocopy(opcode: u8) -> bool {
    opcode == SEND_ZC || opcode == SENDMSG_ZC
}

/// The lane of an operation on a file of this class.
#[inline(always)]
pub(super) fn operation_lane(opcode: u8, class: Class) -> Lane {
    match opcode {
        TEE => lane(CopyPath::Tee),
        // The source is not visible at completion; a pipe as the target means it was no pipe.
        SPLICE => match class {
            Class::PIPE => lane(CopyPath::SpliceFilePipe),
            Class::FILE | Class::DIRECT | Class::MEMORY => lane(CopyPath::SplicePipeFile),
            Class::PSEUDO | Class::VOID | Class::CLOSED => lane(CopyPath::SplicePipePseudo),
            _ => lane(CopyPath::SplicePipeSocket),
        },
        _ if is_zerocopy(opcode) => lane(CopyPath::SocketSendZerocopy),
        _ if is_read(opcode) => class.read_lane(),
        _ => class.write_lane(),
    }
}
