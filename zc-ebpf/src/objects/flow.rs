//! Bytes by where they came from and where they went to: of a call that moves them from one object to another, and of
//! a thread that passes on what it has just read. A pipe is an object like others: which bytes leave it is known to
//! no one who does not look at all that use it.

use aya_ebpf::{
    macros::map,
    maps::{HashMap, LruHashMap},
};
use zc_common::{
    loss::Loss,
    object::{FLOW_RELAYED, Flow, FlowKey, ObjectKey},
};

use super::{Done, NOEXIST, object_key};
use crate::{account::Account, atomic, kernel::setting, losses::note_loss};

/// What each process moved from an object to another. Writers: any CPU, atomically. A hash because objects have no
/// bounded number. Bound: `--max-objects`; beyond it the loss [`Loss::FlowsExhausted`]. User space removes
/// those that are idle.
#[map]
static OBJECT_FLOWS: HashMap<FlowKey, Flow> = HashMap::with_max_entries(1, 0);

/// The objects from which threads have last filled their two buffers, by slot and turn. Writer: the thread. Bound: as
/// many as there are rows; the least recently used give way, and what is passed on from there is in no flow.
#[map]
static INCOMING_OBJECTS: LruHashMap<u64, ObjectKey> = LruHashMap::with_max_entries(1, 0);

/// In read-only data: the stack is short.
static NO_FLOW: Flow = Flow { ops: 0, bytes: 0 };

#[inline(always)]
fn buffer(done: Done, turn: u64) -> u64 {
    u64::from(done.slot()) << 1 | turn & 1
}

/// Notes that the thread has filled the buffer of this turn from the open file at an address.
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) extern "C" fn zc_flow_in(done: u64, turn: u64, file: u64) -> u64 {
    if setting!(objects) == 0 {
        return 0;
    }
    let buffer = buffer(Done(done), turn);
    let _ = match object_key(file) {
        Some(key) => INCOMING_OBJECTS.insert(buffer, key, 0),
        None => INCOMING_OBJECTS.remove(buffer),
    };
    0
}

/// Counts what the thread has written or sent to the open file at an address out of the buffers of both turns.
///
/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) extern "C" fn zc_flow_out(done: u64, file: u64, first: u64, second: u64) -> u64 {
    if setting!(objects) == 0 {
        return 0;
    }
    let done = Done(done);
    let Some(account) = Account::at(done.slot()) else { return 0 };
    let Some(to) = object_key(file) else { return 0 };
    for (turn, bytes) in [(0, first), (1, second)] {
        if bytes != 0
            && let Some(from) = INCOMING_OBJECTS.get_ptr(buffer(done, turn))
        {
            // SAFETY: a map value; the thread is its only writer.
            add(account, unsafe { &*from }, &to, FLOW_RELAYED, bytes);
        }
    }
    0
}

/// Counts what a call moved between two open files, whose addresses these are.
///
/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) extern "C" fn zc_flow(done: u64, from: u64, to: u64, bytes: u64) -> u64 {
    if setting!(objects) == 0 || bytes == 0 {
        return 0;
    }
    let done = Done(done);
    let Some(account) = Account::at(done.slot()) else { return 0 };
    let Some(to) = object_key(to) else { return 0 };
    let Some(from) = object_key(from) else { return 0 };
    add(account, &from, &to, done.lane(), bytes);
    0
}

#[inline(always)]
fn add(account: Account, from: &ObjectKey, to: &ObjectKey, of: u8, bytes: u64) {
    let (tgid, start_ns) = account.process();
    let key = &FlowKey { from: *from, to: *to, start_ns, tgid, lane: of.into() };
    let flow = OBJECT_FLOWS.get_ptr_mut(key).or_else(|| {
        let none: &Flow = &NO_FLOW;
        // Another CPU may be faster: either way it is there then, unless the table is full.
        let _ = OBJECT_FLOWS.insert(key, none, NOEXIST);
        OBJECT_FLOWS.get_ptr_mut(key)
    });
    let Some(flow) = flow else { return note_loss(Loss::FlowsExhausted) };
    // SAFETY: fields of a map value; only their addresses are taken.
    unsafe {
        atomic::add(&raw mut (*flow).ops, 1);
        atomic::add(&raw mut (*flow).bytes, bytes);
    }
}
