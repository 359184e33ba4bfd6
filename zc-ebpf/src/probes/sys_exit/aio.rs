//! libaio: the result of an operation is known when its event is reaped.
//!
//! Events that a program takes out of the shared ring without a system call are not seen; no
//! tracepoint reports their completion.

use zc_common::loss::Loss;

use super::{Call, note_received, note_sent, read_user};
use crate::{
    account::{Account, zc_accessed},
    descriptor::Class,
    losses::note_losses,
};

/// Events walked per call. Databases keep a few hundred requests under way.
const MAX_EVENTS: u64 = 1024;

/// `struct io_event`, `include/uapi/linux/aio_abi.h`.
#[derive(Clone, Copy)]
#[repr(C)]
struct IoEvent {
    data: u64,
    iocb: u64,
    result: i64,
    result2: i64,
}

/// `struct iocb`, as far as it is needed.
#[derive(Clone, Copy)]
#[repr(C)]
struct Iocb {
    data: u64,
    key_and_flags: u64,
    opcode: u16,
    priority: i16,
    fd: u32,
    buffer: u64,
    length: u64,
    position: u64,
}

const IOCB_CMD_PREAD: u16 = 0;
const IOCB_CMD_PWRITE: u16 = 1;
const IOCB_CMD_PREADV: u16 = 7;
const IOCB_CMD_PWRITEV: u16 = 8;

/// io_getevents(ctx, min, nr, events, ...): the result counts events.
#[inline(never)]
pub(super) fn reaped(call: &Call) {
    if call.result <= 0 {
        return;
    }
    let count = call.result as u64;
    let events = call.argument(3);
    for i in 0..MAX_EVENTS {
        if i >= count {
            break;
        }
        zc_aio_event(events + i * size_of::<IoEvent>() as u64);
    }
    if count > MAX_EVENTS {
        note_losses(Loss::AioEventsTruncated, count - MAX_EVENTS);
    }
}

/// Books the event at `address`. A global function, which the verifier follows once instead of once
/// per event (see `zc_class`); such a function takes numbers only.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_aio_event(address: u64) -> u64 {
    if let Some(account) = Account::current() {
        book(account, address);
    }
    0
}

#[inline(always)]
fn book(account: Account, address: u64) {
    let Some(event) = read_user::<IoEvent>(address) else { return };
    let Some(iocb) = read_user::<Iocb>(event.iocb) else { return };
    let class = Class::of_current(u64::from(iocb.fd));
    match iocb.opcode {
        IOCB_CMD_PREAD | IOCB_CMD_PREADV => {
            account.book(class.read_lane(), event.result);
            note_received(account, class, event.result);
            if class == Class::FILE && event.result > 0 {
                let bytes = event.result as u64;
                let end = iocb.position.wrapping_add(bytes);
                zc_accessed(u64::from(account.slot()), u64::from(iocb.fd), end, bytes);
            }
        }
        IOCB_CMD_PWRITE | IOCB_CMD_PWRITEV => {
            account.book(class.write_lane(), event.result);
            note_sent(account, class, event.result);
        }
        _ => {}
    }
}
