//! Asynchronous operations: what is copied while one is carried out belongs to its path, whichever
//! thread of its process carries it out.

use zc_common::layout::ABSENT;

use super::{Traced, at_entry, at_return};
use crate::{
    account::Account,
    descriptor::{Class, File},
    kernel::{Object, offset, setting},
    objects::Done,
    probes::uring::{copied_of, copies_unseen, lane_of},
};

at_entry!(
    /// `int io_issue_sqe(struct io_kiocb *, unsigned int)`, `io_uring/io_uring.c`, 5.10 to 7.2: run by
    /// the submitter, by an io-wq worker, or by the SQPOLL thread.
    UringBegin, zc_uring_begin, "io_issue_sqe", |call| begin(call, false)
);

at_return!(
    /// The end of `io_issue_sqe`. Only now the file is known: it may have been looked up inside.
    UringEnd, zc_uring_end, "io_issue_sqe", |call| end_uring(call)
);

at_entry!(
    /// `int io_poll_issue(struct io_kiocb *, ...)`, `io_uring/io_uring.c`, 6.0 to 7.2: a request that goes on after a
    /// completion is tried again. Before 6.15 it calls `io_issue_sqe`, since then it does what that does.
    UringRetryBegin, zc_uring_retry_begin, "io_poll_issue", |call| begin(call, true)
);

at_return!(
    /// The end of `io_poll_issue`.
    UringRetryEnd, zc_uring_retry_end, "io_poll_issue", |call| end_uring(call)
);

#[inline(always)]
fn end_uring<const SITE: usize>(call: Traced<SITE>) {
    let Some(account) = Account::current() else { return };
    let request = call.object(0);
    let result = if call.result_int() == 0 && offset!(kiocb_result) != ABSENT {
        i64::from(request.load::<i32>(offset!(kiocb_result)))
    } else {
        0
    };
    let request = Object::untyped(call.number(0));
    let lane = lane_of(request);
    let before = account.copies(lane).unwrap_or_default();
    if result > 0 && !account.has_copied() && copies_unseen(request, lane) {
        account.add_unknown(lane, result as u64);
    }
    account.end(lane, result);
    if setting!(objects) == 0 {
        return;
    }
    let copies = account.copies(lane).map_or(before, |now| now.since(before));
    if copies.are_none() {
        return;
    }
    copied_of(Done::new(account, lane, 0, 0), request, copies);
}

at_entry!(
    /// `int aio_read(struct kiocb *, const struct iocb *, ...)`, `fs/aio.c`, 5.10 to 7.2.
    AioReadBegin, zc_aio_read_begin, "aio_read", |call| begin(call, false)
);

at_return!(
    /// The end of `aio_read`.
    AioReadEnd, zc_aio_read_end, "aio_read", |call| end_aio(call, true)
);

at_entry!(
    /// `int aio_write(struct kiocb *, const struct iocb *, ...)`, `fs/aio.c`, 5.10 to 7.2.
    AioWriteBegin, zc_aio_write_begin, "aio_write", |call| begin(call, false)
);

at_return!(
    /// The end of `aio_write`.
    AioWriteEnd, zc_aio_write_end, "aio_write", |call| end_aio(call, false)
);

#[inline(always)]
fn begin<const SITE: usize>(call: Traced<SITE>, retries: bool) {
    if let Some(account) = Account::current() {
        account.begin(call.number(0), retries);
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
