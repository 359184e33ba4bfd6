//! libaio: the result of an operation is known when its event is reaped.
//!
//! Until then the program may have closed the descriptor, or given its number and the memory of the request to
//! something else. What an operation does is noted when it is submitted.
//!
//! Events that a program takes out of the shared ring without a system call are not seen; no
//! tracepoint reports their completion. They remain in a loss.

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns},
    macros::map,
    maps::LruHashMap,
};
use zc_common::{loss::Loss, ring::AioKey};

use super::{Call, Registers, note_received, note_sent};
use crate::{
    account::{Account, zc_accessed},
    descriptor::Class,
    losses::note_losses,
    user::{Layout, read_user},
};

/// What was noted of an operation when it was submitted, or that it was reaped before that.
#[derive(Clone, Copy)]
#[repr(C)]
struct Noted {
    /// The class of its file, and above that its opcode.
    what: u64,
    /// Where in the file it begins.
    position: u64,
    /// When it was reaped, ns of CLOCK_MONOTONIC; 0: it has not been.
    reaped_ns: u64,
    fd: u64,
}

/// Operations under way. Writers: any CPU. Bound: the operations under way that are remembered.
#[map]
static AIO_NOTED: LruHashMap<AioKey, Noted> = LruHashMap::with_max_entries(4096, 0);

/// Another thread may reap an operation before the call that submits it has returned, up to so much earlier. ns.
const EARLY_NS: u64 = 1_000_000_000;

/// Operations walked per call, when they are submitted in as many blocks of as many. Databases keep a few hundred
/// requests under way.
const MAX_EVENTS: u64 = BLOCK * BLOCK;
const BLOCK: u64 = 32;

/// Size of `struct io_event`, `include/uapi/linux/aio_abi.h`, and where it has the address of the `struct iocb` and the
/// result.
const EVENT_BYTES: u64 = 32;
const IOCB: u64 = 8;
const RESULT: u64 = 16;

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

const fn moves_data(opcode: u16) -> bool {
    matches!(opcode, IOCB_CMD_PREAD | IOCB_CMD_PWRITE | IOCB_CMD_PREADV | IOCB_CMD_PWRITEV)
}

#[inline(always)]
fn key(iocb: u64) -> AioKey {
    AioKey { process: bpf_get_current_pid_tgid() >> 32, iocb }
}

/// io_submit(ctx, nr, iocbs): the result counts operations, whose addresses are at `pointers`.
#[inline(always)]
pub(super) fn submitted(pointers: u64, count: u64, layout: Layout) {
    if Account::current().is_none() {
        return;
    }
    for block in 0..BLOCK {
        let first = block * BLOCK;
        if first >= count {
            break;
        }
        let pointers = pointers + first * layout.pointer_bytes();
        zc_aio_submissions(pointers, count - first, layout.number());
    }
    if count > MAX_EVENTS {
        note_losses(Loss::AioEventsTruncated, count - MAX_EVENTS);
    }
}

/// Notes the operations whose pointers begin at `address`: `count` of them, or [`BLOCK`] if that is less.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_aio_submissions(address: u64, count: u64, layout: u64) -> u64 {
    let bytes = Layout::numbered(layout).pointer_bytes();
    for i in 0..BLOCK {
        if i >= count {
            break;
        }
        zc_aio_submitted(address + i * bytes, layout);
    }
    0
}

/// Notes the operation whose pointer is at `address`. A global function, as [`zc_aio_event`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_aio_submitted(address: u64, layout: u64) -> u64 {
    let Some(at) = Layout::numbered(layout).pointer(address) else { return 0 };
    let Some(iocb) = read_user::<Iocb>(at) else { return 0 };
    if !moves_data(iocb.opcode) {
        return 0;
    }
    let key = key(at);
    if let Some(noted) = AIO_NOTED.get_ptr(key) {
        // SAFETY: a map value.
        let reaped_ns = unsafe { (*noted).reaped_ns };
        // SAFETY: the helper takes no arguments.
        if reaped_ns != 0 && unsafe { bpf_ktime_get_ns() }.wrapping_sub(reaped_ns) < EARLY_NS {
            let _ = AIO_NOTED.remove(key);
            return 0;
        }
    }
    let noted = noted(&iocb, 0);
    let _ = AIO_NOTED.insert(key, noted, 0);
    note_losses(Loss::AioUnseen, 1);
    0
}

/// io_getevents(ctx, min, nr, events, ...): the result counts events.
#[inline(never)]
pub(super) fn reaped(call: &Call<impl Registers>) {
    if call.result <= 0 {
        return;
    }
    let count = call.result as u64;
    let (events, slot) = (call.argument(3), u64::from(call.account.slot()));
    // Not in blocks: one function more, and there are nine within each other.
    for i in 0..MAX_EVENTS {
        if i >= count {
            break;
        }
        zc_aio_event(events + i * EVENT_BYTES, slot);
    }
    if count > MAX_EVENTS {
        note_losses(Loss::AioEventsTruncated, count - MAX_EVENTS);
    }
}

/// Books the event at `address`, for the account in a slot. A global function, which the verifier follows once instead
/// of once per event (see `zc_class`); such a function takes numbers only.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_aio_event(address: u64, slot: u64) -> u64 {
    if let Some(account) = Account::at(slot as u32) {
        book(account, address);
    }
    0
}

#[inline(always)]
fn book(account: Account, address: u64) {
    let Some(iocb) = read_user::<u64>(address + IOCB) else { return };
    let Some(result) = read_user::<i64>(address + RESULT) else { return };
    let key = key(iocb);
    if !is_under_way(key) {
        // Too large for the stack of this one: all frames share 512 bytes.
        zc_aio_unknown(iocb);
    }
    let Some(noted) = AIO_NOTED.get_ptr(key) else { return };
    // SAFETY: a map value.
    let (what, position, fd) = unsafe { ((*noted).what, (*noted).position, (*noted).fd) };
    if is_under_way(key) {
        let _ = AIO_NOTED.remove(key);
        note_losses(Loss::AioUnseen, u64::MAX);
    }
    let class = Class::numbered(what as u8);
    match (what >> 8) as u16 {
        IOCB_CMD_PREAD | IOCB_CMD_PREADV => {
            account.book(class.read_lane(), result);
            account.conclude_operation(class.read_lane(), result, class.evidence());
            note_received(account, class, result);
            if class == Class::FILE && result > 0 {
                let bytes = result as u64;
                let end = position.wrapping_add(bytes);
                zc_accessed(u64::from(account.slot()), fd, end, bytes);
            }
        }
        IOCB_CMD_PWRITE | IOCB_CMD_PWRITEV => {
            account.book(class.write_lane(), result);
            account.conclude_operation(class.write_lane(), result, class.evidence());
            note_sent(account, class, result);
        }
        _ => {}
    }
}

/// Whether an operation was noted when it was submitted, and has not been reaped.
#[inline(always)]
fn is_under_way(key: AioKey) -> bool {
    // SAFETY: a map value.
    AIO_NOTED.get_ptr(key).is_some_and(|noted| unsafe { (*noted).reaped_ns } == 0)
}

/// Notes what an operation does that was not noted when it was submitted, and is reaped, as far as that is still known.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_aio_unknown(at: u64) -> u64 {
    let key = key(at);
    let _ = AIO_NOTED.remove(key);
    let Some(iocb) = read_user::<Iocb>(at) else { return 0 };
    if moves_data(iocb.opcode) {
        // SAFETY: the helper takes no arguments.
        let noted = noted(&iocb, unsafe { bpf_ktime_get_ns() });
        let _ = AIO_NOTED.insert(key, noted, 0);
    }
    0
}

#[inline(always)]
fn noted(iocb: &Iocb, reaped_ns: u64) -> Noted {
    let class = Class::of_current(u64::from(iocb.fd));
    Noted {
        what: u64::from(iocb.opcode) << 8 | u64::from(class.number()),
        position: iocb.position,
        reaped_ns,
        fd: u64::from(iocb.fd),
    }
}
