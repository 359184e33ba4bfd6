//! libaio: the result of an operation is known when its event is reaped.
//!
//! Until then the program may have closed the descriptor, or given its number and the memory of the request to
//! something else. What an operation does is noted when it is submitted.
//!
//! Events that a program takes out of the shared ring without a system call are not seen; no
//! tracepoint reports their completion. They remain in a loss.

use core::ptr;

use aya_ebpf::{
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns},
    macros::map,
    maps::LruHashMap,
};
use zc_common::{loss::Loss, ring::AioKey};

use super::{Call, Registers, note_received, note_sent};
use crate::{
    account::{Account, zc_accessed},
    atomic,
    descriptor::Class,
    losses::note_losses,
    user::{Layout, read_user},
};

/// What was noted of the operations that have one key when they were submitted, or that one was reaped before that.
/// What is mostly 0 lies apart: of zeros that lie side by side the compiler makes a call of `memset`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Noted {
    /// The class of the file, and above that the opcode, of the last one.
    what: u64,
    /// In what those that are under way differ, [`SAME`] if in nothing.
    differ: u64,
    /// Where in the file the last one begins.
    position: u64,
    /// When one was reaped that was not noted before, ns of CLOCK_MONOTONIC; 0: none was.
    reaped_ns: u64,
    fd: u64,
    /// Whether that took one off what is pending.
    was_pending: u64,
    /// How many are under way.
    under_way: u64,
}

const SAME: u64 = 0;
/// They are in other places of the same kind of file.
const ELSEWHERE: u64 = 1;
/// They do something else, or do it to another kind of file.
const OTHERWISE: u64 = 2;

/// Operations under way. Writers: any CPU. Bound: the operations under way that are remembered. What is forgotten is
/// looked for in the memory of the program when it is reaped.
#[map]
static AIO_NOTED: LruHashMap<AioKey, Noted> = LruHashMap::with_max_entries(4096, 0);

/// How many operations of a process have been submitted and not been seen to complete. Writers: any CPU, atomically.
/// Bound: the processes that are remembered; what is forgotten stays in the loss.
#[map]
static AIO_PENDING: LruHashMap<u32, u64> = LruHashMap::with_max_entries(1024, 0);

/// More than this can only be unseen of a process that reaps in its own memory (`fs.aio-max-nr` is 65,536 for all processes
/// together, `fs/aio.c`): what it submits under a key that is in use, it has reaped before.
const MOST_PENDING: u64 = 1 << 20;

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
fn key(iocb: u64, data: u64) -> AioKey {
    AioKey { process: bpf_get_current_pid_tgid() >> 32, iocb, data }
}

#[inline(always)]
fn process() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// How many operations of the running process are pending.
#[inline(always)]
fn pending() -> u64 {
    // SAFETY: a map value, written atomically.
    AIO_PENDING.get_ptr(process()).map_or(0, |count| unsafe { ptr::read_volatile(count) })
}

/// Notes that one more is pending.
#[inline(always)]
fn begins() {
    note_losses(Loss::AioUnseen, 1);
    match AIO_PENDING.get_ptr_mut(process()) {
        Some(count) => atomic::add(count, 1),
        None => {
            let _ = AIO_PENDING.insert(process(), 1, 0);
        }
    }
}

/// Notes that one was reaped. Whether it was pending: not if it was submitted before `zc` began to count.
#[inline(always)]
fn ends() -> bool {
    let Some(count) = AIO_PENDING.get_ptr_mut(process()) else { return false };
    // SAFETY: as above.
    if unsafe { ptr::read_volatile(count) } == 0 {
        return false;
    }
    atomic::add(count, u64::MAX);
    note_losses(Loss::AioUnseen, u64::MAX);
    true
}

/// The running process ends: its number may be another one's next.
#[inline(always)]
pub(crate) fn forget() {
    let _ = AIO_PENDING.remove(process());
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
    let key = key(at, iocb.data);
    if let Some(noted) = AIO_NOTED.get_ptr(key) {
        // SAFETY: a map value.
        let (reaped_ns, was_pending) = unsafe { ((*noted).reaped_ns, (*noted).was_pending) };
        // SAFETY: the helper takes no arguments.
        if reaped_ns != 0 && unsafe { bpf_ktime_get_ns() }.wrapping_sub(reaped_ns) < EARLY_NS {
            if was_pending != 0 {
                begins();
            }
            let _ = AIO_NOTED.remove(key);
            return 0;
        }
    }
    begins();
    note(key, &iocb);
    0
}

/// Notes an operation that has been submitted.
#[inline(always)]
fn note(key: AioKey, iocb: &Iocb) {
    let mut noted = noted(iocb);
    if let Some(other) = AIO_NOTED.get_ptr(key)
        && pending() < MOST_PENDING
    {
        // SAFETY: a map value.
        let other = unsafe { &*other };
        if other.reaped_ns == 0 && other.under_way != 0 {
            let mut differ = other.differ;
            if other.what != noted.what {
                differ = OTHERWISE;
            } else if differ == SAME && (other.position, other.fd) != (noted.position, noted.fd) {
                differ = ELSEWHERE;
            }
            noted.differ = differ;
            noted.under_way += other.under_way;
        }
    }
    let _ = AIO_NOTED.insert(key, noted, 0);
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
    let Some(data) = read_user::<u64>(address) else { return };
    let Some(iocb) = read_user::<u64>(address + IOCB) else { return };
    let Some(result) = read_user::<i64>(address + RESULT) else { return };
    let key = key(iocb, data);
    if is_under_way(key) {
        ends();
    } else {
        // Too large for the stack of this one: all frames share 512 bytes.
        zc_aio_unknown(iocb, data);
    }
    let Some(noted) = AIO_NOTED.get_ptr_mut(key) else { return };
    // SAFETY: a map value.
    let (what, position, fd) = unsafe { ((*noted).what, (*noted).position, (*noted).fd) };
    // SAFETY: as above.
    let (differ, under_way) = unsafe { ((*noted).differ, (*noted).under_way) };
    if under_way > 1 {
        // SAFETY: as above; written atomically, as others may be reaped elsewhere.
        atomic::add(unsafe { &raw mut (*noted).under_way }, u64::MAX);
    } else if under_way == 1 {
        let _ = AIO_NOTED.remove(key);
    }
    if differ != SAME {
        note_losses(Loss::AioAmbiguous, 1);
    }
    if differ == OTHERWISE {
        return;
    }
    let class = Class::numbered(what as u8);
    if class == Class::CLOSED && result > 0 {
        note_losses(Loss::DescriptorUnreadable, 1);
    }
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
    AIO_NOTED.get_ptr(key).is_some_and(|noted| unsafe { (*noted).under_way } != 0)
}

/// Notes what an operation does that is not noted, and is reaped, as far as that is still known: it was submitted
/// before `zc` began to count, its submission has not returned, or it was forgotten.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_aio_unknown(at: u64, data: u64) -> u64 {
    let key = key(at, data);
    let _ = AIO_NOTED.remove(key);
    let Some(iocb) = read_user::<Iocb>(at) else { return 0 };
    if iocb.data != data {
        // It is another one by now.
        ends();
        note_losses(Loss::AioAmbiguous, 1);
        return 0;
    }
    if moves_data(iocb.opcode) {
        let mut noted = noted(&iocb);
        noted.under_way = 0;
        noted.was_pending = u64::from(ends());
        // SAFETY: the helper takes no arguments.
        noted.reaped_ns = unsafe { bpf_ktime_get_ns() };
        let _ = AIO_NOTED.insert(key, noted, 0);
    }
    0
}

#[inline(always)]
fn noted(iocb: &Iocb) -> Noted {
    let class = Class::of_current(u64::from(iocb.fd));
    Noted {
        what: u64::from(iocb.opcode) << 8 | u64::from(class.number()),
        differ: SAME,
        position: iocb.position,
        reaped_ns: 0,
        fd: u64::from(iocb.fd),
        was_pending: 0,
        under_way: 1,
    }
}
