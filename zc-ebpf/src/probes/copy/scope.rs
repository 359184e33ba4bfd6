//! Asynchronous operations: what is copied while one is carried out belongs to its path, whichever
//! thread of its process carries it out.

use zc_common::layout::ABSENT;

use super::{Traced, at_entry, at_return};
use crate::{
    account::Account,
    descriptor::{Class, File},
    kernel::offset,
    probes::uring::operation_lane,
};

at_entry!(
    /// `int io_issue_sqe(struct io_kiocb *, unsigned int)`, `io_uring/io_uring.c`, 5.10 to 7.2: run by
    /// the submitter, by an io-wq worker, or by the SQPOLL thread.
    UringBegin, zc_uring_begin, "io_issue_sqe", |call| begin()
);

at_return!(
    /// The end of `io_issue_sqe`. Only now the file is known: it may have been looked up inside.
    UringEnd, zc_uring_end, "io_issue_sqe", |call| {
        let Some(account) = Account::current() else { return 0 };
        let request = call.object(0);
        let opcode = request.load::<u8>(offset!(kiocb_opcode));
        let class = class(request.load::<u64>(offset!(kiocb_file)));
        let result = if call.result_int() == 0 && offset!(kiocb_result) != ABSENT {
            i64::from(request.load::<i32>(offset!(kiocb_result)))
        } else {
            0
        };
        account.end(operation_lane(opcode, class), result);
    }
);

at_entry!(
    /// `int aio_read(struct kiocb *, const struct iocb *, ...)`, `fs/aio.c`, 5.10 to 7.2.
    AioReadBegin, zc_aio_read_begin, "aio_read", |call| begin()
);

at_return!(
    /// The end of `aio_read`.
    AioReadEnd, zc_aio_read_end, "aio_read", |call| end_aio(call, true)
);

at_entry!(
    /// `int aio_write(struct kiocb *, const struct iocb *, ...)`, `fs/aio.c`, 5.10 to 7.2.
    AioWriteBegin, zc_aio_write_begin, "aio_write", |call| begin()
);

at_return!(
    /// The end of `aio_write`.
    AioWriteEnd, zc_aio_write_end, "aio_write", |call| end_aio(call, false)
);

#[inline(always)]
fn begin() {
    if let Some(account) = Account::current() {
        account.begin();
    }
}

#[inline(always)]
fn end_aio<const SITE: usize>(call: Traced<SITE>, reads: bool) {
    let Some(account) = Account::current() else { return };
    let class = class(call.object(0).load::<u64>(offset!(kiocb_filp)));
    account.end(if reads { class.read_lane() } else { class.write_lane() }, 0);
}

#[inline(always)]
fn class(file: u64) -> Class {
    match File::at(file) {
        Some(file) => file.class(),
        None => Class::CLOSED,
    }
}
