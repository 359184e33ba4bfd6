//! Bytes by where they came from and where they went to: of a call that moves them from one object to another, of a
//! thread that passes on what it has just read, and through pipes of which only references to pages are moved.

use aya_ebpf::{
    macros::map,
    maps::{HashMap, LruHashMap},
};
use zc_common::{
    loss::Loss,
    object::{FLOW_RELAYED, Filled, Flow, FlowKey, ObjectKey},
    path::{CopyPath, Lane, lane},
};

use super::{Done, NOEXIST, object_key};
use crate::{account::Account, atomic, kernel::setting, losses::note_loss};

/// What each process moved from an object to another. Writers: any CPU, atomically. A hash because objects have no
/// bounded number. Bound: `--max-objects`; beyond it the loss [`Loss::FlowsExhausted`].
#[map]
static OBJECT_FLOWS: HashMap<FlowKey, Flow> = HashMap::with_max_entries(1, 0);

/// The objects from which threads have last filled their two buffers, by slot and turn. Writer: the thread. Bound: as
/// many as there are rows; the least recently used give way, and what is passed on from there is in no flow.
#[map]
static INCOMING_OBJECTS: LruHashMap<u64, ObjectKey> = LruHashMap::with_max_entries(1, 0);

/// Where what is in a pipe came from. Writers: who moves something into the pipe or out of it: two that do so at the same
/// time may both be taken for the last one, which makes the source that of either. Bound: as above; what leaves a
/// forgotten pipe came from the pipe.
#[map]
static PIPES_FILLED: LruHashMap<ObjectKey, Filled> = LruHashMap::with_max_entries(1, 0);

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
    let Some(mut from) = object_key(from) else { return 0 };
    let of = done.lane();
    if leaves_pipe(of)
        && let Some(source) = take(&from, bytes)
    {
        from = source;
    }
    if enters_pipe(of) {
        fill(&to, &from, bytes);
    }
    add(account, &from, &to, of, bytes);
    0
}

/// Where the bytes of a pipe came from is not known any more when a call has copied some into it or out of it.
#[inline(always)]
pub(super) fn forget(done: Done, pipe: &ObjectKey) {
    if is_one_of(done.lane(), [CopyPath::PipeRead, CopyPath::PipeWrite, CopyPath::Vmsplice]) {
        let _ = PIPES_FILLED.remove(pipe);
    }
}

#[inline(always)]
fn is_one_of<const N: usize>(of: Lane, paths: [CopyPath; N]) -> bool {
    paths.iter().any(|path| lane(*path) == of)
}

#[inline(always)]
fn enters_pipe(of: Lane) -> bool {
    is_one_of(
        of,
        [
            CopyPath::SendfileToPipe,
            CopyPath::SpliceFilePipe,
            CopyPath::SpliceSocketPipe,
            CopyPath::SplicePipePipe,
            CopyPath::Tee,
        ],
    )
}

#[inline(always)]
fn leaves_pipe(of: Lane) -> bool {
    is_one_of(
        of,
        [
            CopyPath::SplicePipeSocket,
            CopyPath::SplicePipeFile,
            CopyPath::SplicePipePipe,
            CopyPath::SplicePipePseudo,
        ],
    )
}

/// A key in a map value, member by member: the compiler would make a call of `memmove`, which is a loop over bytes here.
#[inline(always)]
unsafe fn key_at(key: *const ObjectKey) -> ObjectKey {
    // SAFETY: the caller's.
    unsafe {
        ObjectKey {
            inode: (&raw const (*key).inode).read_volatile(),
            device: (&raw const (*key).device).read_volatile(),
            generation: (&raw const (*key).generation).read_volatile(),
        }
    }
}

#[inline(always)]
unsafe fn is(key: *const ObjectKey, other: &ObjectKey) -> bool {
    // SAFETY: the caller's.
    let key = unsafe { key_at(key) };
    key.inode == other.inode && key.device == other.device && key.generation == other.generation
}

#[inline(always)]
unsafe fn set(key: *mut ObjectKey, other: &ObjectKey) {
    // SAFETY: the caller's.
    unsafe {
        (&raw mut (*key).inode).write_volatile(other.inode);
        (&raw mut (*key).device).write_volatile(other.device);
        (&raw mut (*key).generation).write_volatile(other.generation);
    }
}

/// Notes that `bytes` came from `from` into the pipe `to`.
#[inline(always)]
fn fill(to: &ObjectKey, from: &ObjectKey, bytes: u64) {
    if let Some(filled) = PIPES_FILLED.get_ptr_mut(to) {
        // SAFETY: a map value; see there for who writes it.
        unsafe {
            if (*filled).bytes == 0 {
                set(&raw mut (*filled).from, from);
            } else if !is(&raw const (*filled).from, from) {
                (&raw mut (*filled).from.inode).write_volatile(0);
            }
            (*filled).bytes += bytes;
        }
        return;
    }
    let filled = Filled { from: *from, bytes };
    let _ = PIPES_FILLED.insert(to, filled, NOEXIST);
}

/// Takes `bytes` out of a pipe: the object that they came from, where that is known.
#[inline(always)]
fn take(pipe: &ObjectKey, bytes: u64) -> Option<ObjectKey> {
    let filled = PIPES_FILLED.get_ptr_mut(pipe)?;
    // SAFETY: as above.
    unsafe {
        if (*filled).bytes < bytes {
            (*filled).bytes = 0;
            return None;
        }
        (*filled).bytes -= bytes;
        let from = key_at(&raw const (*filled).from);
        if from.inode == 0 { None } else { Some(from) }
    }
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
