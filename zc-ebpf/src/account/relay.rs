//! Bytes that a thread passes on unchanged: what it writes or sends right after it has read or received it,
//! from the same buffer. Addresses are compared, never the data.
//!
//! A program that changes what it passes on has another buffer for the result, or spends time in user
//! mode; user space weighs the latter.

use zc_common::{
    record::{INCOMING, Incoming, RELAY_FILE, RELAY_LEAST_BYTES, RELAY_NONE, Record},
    syscall::SyscallKind,
};

use super::{Account, count};
use crate::{
    descriptor::{Class, File},
    kernel::{Object, offset, opaque},
    user::Layout,
};

/// Targets of bytes that are passed on: the counters are in the order of sources, then targets.
const ENDS: u64 = 3;

/// `O_ACCMODE`, `O_WRONLY` and `O_APPEND`, `include/uapi/asm-generic/fcntl.h`.
const O_ACCMODE: u32 = 3;
const O_WRONLY: u32 = 1;
const O_APPEND: u32 = 0o2000;

/// How the buffer of a call is given: as its address.
pub(crate) const ONE_BUFFER: u64 = 0;
/// How the buffer of a call is given: as a vector of buffers.
pub(crate) const VECTOR: u64 = 1;
/// How the buffer of a call is given: as a message with a vector of buffers.
pub(crate) const MESSAGE: u64 = 2;

/// Added to these: structures in user memory have 32-bit members.
pub(crate) const NARROW: u64 = 1 << 2;

/// For [`zc_relay`]: the call is towards the descriptor.
pub(crate) const SENDS: u64 = 1 << 8;

/// The file at the other end, as it is now.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    /// How it was opened.
    pub(crate) flags: u32,
    /// Where its pages are.
    pub(crate) mapping: u64,
}

impl Target {
    /// Whether the kernel could move bytes of the file `source` there by itself. What is also read is a
    /// database, or updated in place; to the end of a file the kernel neither splices nor copies ranges
    /// (`O_APPEND`, `fs/splice.c` and `fs/read_write.c`, 5.10 to 7.2).
    #[inline(always)]
    fn can_take(self, source: u64) -> bool {
        self.flags & (O_ACCMODE | O_APPEND) == O_WRONLY && self.mapping != source
    }
}

impl Account {
    /// Notes that `bytes` came into the buffer at `address` from `source`, a `RELAY_` value, a file if `mapping`
    /// is not 0.
    #[inline(always)]
    pub(crate) fn came_in(self, source: u64, mapping: u64, address: u64, bytes: u64) {
        let Some(record) = self.own() else { return };
        // SAFETY: a map value; this thread is its only writer.
        unsafe {
            let last = (*record).relay.turn;
            // What this buffer held is gone.
            let other = incoming(record, last);
            if (*other).address == address {
                (*other).bytes = 0;
            }
            let turn = last ^ 1;
            (*record).relay.turn = turn;
            let incoming = &mut *incoming(record, turn);
            incoming.address = address;
            incoming.bytes = bytes;
            incoming.source = source;
            incoming.mapping = mapping;
        }
    }

    /// Whether bytes that came in may still go out.
    #[inline(always)]
    pub(crate) fn has_incoming(self) -> bool {
        // SAFETY: as above.
        self.own().is_some_and(|record| unsafe {
            let [one, other] = &(*record).relay.incoming;
            one.bytes | other.bytes != 0
        })
    }

    /// The last turn, and how many bytes the buffers of both still hold: what a call changes of these tells what it has
    /// filled or passed on.
    #[inline(always)]
    pub(crate) fn incoming(self) -> (u64, u64, u64) {
        let Some(record) = self.own() else { return (0, 0, 0) };
        // SAFETY: as above.
        unsafe {
            let relay = &raw const (*record).relay;
            let buffers = (&raw const (*relay).incoming).cast::<Incoming>();
            (
                (&raw const (*relay).turn).read_volatile(),
                (&raw const (*buffers).bytes).read_volatile(),
                (&raw const (*buffers.add(1)).bytes).read_volatile(),
            )
        }
    }

    /// Counts `bytes` that went out of the buffer at `address` to `target`, a `RELAY_` value, if they are the
    /// next of those that came in. `file` tells about the target if it is a file, `user_ns` is the time in user
    /// mode of the thread.
    #[inline(always)]
    pub(crate) fn went_out(
        self,
        target: u64,
        address: u64,
        bytes: u64,
        file: impl FnOnce() -> Target,
        user_ns: impl FnOnce() -> u64,
    ) {
        let Some(record) = self.own() else { return };
        // SAFETY: as above.
        unsafe {
            let mut turn = (*record).relay.turn;
            if (*incoming(record, turn)).address != address {
                turn ^= 1;
            }
            let incoming = &mut *incoming(record, turn);
            if incoming.address != address || incoming.bytes < bytes {
                return;
            }
            incoming.address = address.wrapping_add(bytes);
            incoming.bytes -= bytes;
            if target == RELAY_FILE && !file().can_take(incoming.mapping) {
                return;
            }
            let now = user_ns() | 1;
            let before = (*record).relay.user_ns;
            (*record).relay.user_ns = now;
            if before != 0 {
                (*record).counters.relayed_user_ns += now.wrapping_sub(before);
            }
            // Neither end is none of these: the values begin with 1.
            let index = opaque((incoming.source - 1) * ENDS + target - 1);
            if let Some(counter) = counter(record, index) {
                *counter += bytes;
                (*record).updates += 1;
            }
        }
    }
}

/// The buffer that was filled in this turn.
#[inline(always)]
unsafe fn incoming(record: *mut Record, turn: u64) -> *mut Incoming {
    // SAFETY: inside the array; only the address is taken. The caller's: a map value.
    unsafe { (&raw mut (*record).relay.incoming).cast::<Incoming>().add((turn & 1) as usize) }
}

impl Account {
    /// Counts pages of a file that were mapped: if a write or send faulted them in, the program has not touched
    /// them before. A fault in user mode is in no call.
    #[inline(always)]
    pub(crate) fn mapped_in_call(self, bytes: u64) {
        const WRITE: u8 = SyscallKind::Write as u8;
        const SENDTO: u8 = SyscallKind::Sendto as u8;
        const SENDMSG: u8 = SyscallKind::Sendmsg as u8;
        if matches!(self.running_call(), Some(WRITE | SENDTO | SENDMSG)) {
            count!(self, mapped_sent_bytes, bytes);
        }
    }
}

/// The counter of bytes that are passed on, by its index.
#[inline(always)]
fn counter(record: *mut Record, index: u64) -> Option<*mut u64> {
    if index >= ENDS * ENDS {
        return None;
    }
    // SAFETY: the counters follow each other.
    unsafe { Some((&raw mut (*record).counters.relayed_file_file_bytes).add(index as usize)) }
}

/// Counts the first buffers of a call which moved `bytes` to `target`, a `RELAY_` value, for what is passed on, for
/// the account in `slot`. `given` at argument `address`: how and where the buffers are. A call to a file is left
/// out: copies of files have one buffer.
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_gathered(
    slot: u64,
    address: u64,
    given: u64,
    bytes: u64,
    target: u64,
) -> u64 {
    let Some(account) = Account::at(slot as u32) else { return 0 };
    let vector = vector(address, given);
    let mut left = bytes;
    for at in 0..INCOMING as u64 {
        let buffer = layout(given).buffer(vector, at);
        if !buffer.is_read() {
            return 0;
        }
        let part = if buffer.len < left { buffer.len } else { left };
        if part == 0 {
            return 0;
        }
        let task = Object::current_task();
        let file = || Target { flags: 0, mapping: 0 };
        account.went_out(target, buffer.base, part, file, || task.load(offset!(task_utime)));
        left = opaque(left - part);
    }
    0
}

/// How structures in user memory are laid out.
#[inline(always)]
fn layout(given: u64) -> Layout {
    Layout::numbered(given & NARROW)
}

/// The address of the vector of buffers that is `given` at argument `address`.
#[inline(always)]
fn vector(address: u64, given: u64) -> u64 {
    if given & MESSAGE != 0 { layout(given).vector(address).base } else { address }
}

/// The address of the first buffer of a call which moved `bytes`, if it holds them all, otherwise 0. A global
/// function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_first_buffer(address: u64, given: u64, bytes: u64) -> u64 {
    let buffer = layout(given).buffer(vector(address, given), 0);
    if buffer.is_read() && buffer.len >= bytes { buffer.base } else { 0 }
}

/// Notes or counts a call on `fd`, a descriptor of the running task whose record is in `slot`, that moved
/// `bytes`, for what is passed on. `what`: the class of the descriptor, then how the buffer is given, at bit
/// 4, and [`SENDS`].
///
/// A global function, see `zc_accessed`.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_relay(slot: u64, fd: u64, address: u64, bytes: u64, what: u64) -> u64 {
    if (bytes as i64) < RELAY_LEAST_BYTES {
        return 0;
    }
    let Some(account) = Account::at(slot as u32) else { return 0 };
    let end = Class::numbered((what & 0xf) as u8).relay_end();
    let sends = what & SENDS != 0;
    if end == RELAY_NONE || sends && !account.has_incoming() {
        return 0;
    }
    let given = (what >> 4) & 0xf;
    let is_one = given & !NARROW == ONE_BUFFER;
    if sends && !is_one && end != RELAY_FILE {
        return zc_gathered(slot, address, given, bytes, end);
    }
    let address = if is_one { address } else { zc_first_buffer(address, given, bytes) };
    if address == 0 {
        return 0;
    }
    let mut file = Target { flags: 0, mapping: 0 };
    if end == RELAY_FILE
        && let Some(open) = File::of(Object::current_task(), fd)
    {
        file = Target { flags: open.flags(), mapping: open.mapping() };
    }
    if sends {
        let task = Object::current_task();
        let user_ns = || task.load(offset!(task_utime));
        account.went_out(end, opaque(address), bytes, || file, user_ns);
    } else {
        account.came_in(end, file.mapping, opaque(address), bytes);
    }
    0
}
