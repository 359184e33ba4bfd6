//! Bytes per open object: files, sockets, pipes. Only where this was asked for (`setting!(objects)`); what is here is
//! then done at the end of each call that moved data, in addition to what `account` does.

use core::ptr;

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap},
};
use zc_common::{
    MAX_CPUS,
    loss::Loss,
    object::{
        END_FROM, END_TO, LANE_ENDS, NO_ROOM, OUTSIDE, ObjectDetail, ObjectKey, Row, RowKey,
        UNKNOWN_OBJECT, outside,
    },
    path::{LANES, Lane},
    record::LaneCount,
};

use crate::{
    account::Account,
    atomic,
    cpu::Cpu,
    descriptor::File,
    kernel::{Object, frozen, offset, opaque, setting},
    losses::note_loss,
    stacks,
};

mod flow;
mod name;

use flow::{zc_flow, zc_flow_in, zc_flow_out};
use name::zc_object_describe;

/// What each process moved from or to each object, by lane. Writers: any CPU, atomically. A hash because objects have
/// no bounded number. Bound: `--max-objects`; beyond it `OBJECTS_OUTSIDE` counts, and the loss
/// [`Loss::ObjectsExhausted`]. User space removes rows that are idle, with their details.
#[map]
static OBJECT_ROWS: HashMap<RowKey, Row> = HashMap::with_max_entries(1, 0);

/// What names the objects of the rows. Writers: the CPU that sees an object first. Bound: as many as there are rows.
#[map]
static OBJECT_DETAILS: HashMap<ObjectKey, ObjectDetail> = HashMap::with_max_entries(1, 0);

/// What is in no row, by reason, end and lane. Writers: any CPU, atomically.
#[map]
static OBJECTS_OUTSIDE: Array<LaneCount> = Array::with_max_entries(OUTSIDE, 0);

/// The insertion fails when the key exists (`BPF_NOEXIST`).
const NOEXIST: u64 = 1;

/// In read-only data: the stack is short.
static EMPTY: Row = Row::ZERO;
static ENDS: [u8; LANES] = LANE_ENDS;

/// What was done on a lane, for the record in a slot, in one word.
#[derive(Clone, Copy)]
pub(crate) struct Done(u64);

impl Done {
    const SLOT_BITS: u32 = 21;
    const LANE_SHIFT: u32 = Self::SLOT_BITS;
    const OPS_SHIFT: u32 = Self::LANE_SHIFT + 8;
    const OPS_BITS: u32 = 16;
    const ERROR_SHIFT: u32 = Self::OPS_SHIFT + Self::OPS_BITS;
    const END_SHIFT: u32 = Self::ERROR_SHIFT + 1;

    /// `ops` calls that succeeded, up to 65,535, or one that failed.
    #[inline(always)]
    pub(crate) fn new(account: Account, lane: Lane, ops: u64, errors: u64) -> Self {
        Self(
            u64::from(account.slot())
                | u64::from(lane) << Self::LANE_SHIFT
                | ops << Self::OPS_SHIFT
                | errors << Self::ERROR_SHIFT,
        )
    }

    #[inline(always)]
    fn at(self, end: u8) -> Self {
        Self(self.0 | u64::from(end) << Self::END_SHIFT)
    }

    #[inline(always)]
    pub(crate) fn slot(self) -> u32 {
        self.0 as u32 & ((1 << Self::SLOT_BITS) - 1)
    }

    #[inline(always)]
    pub(crate) fn lane(self) -> u8 {
        (self.0 >> Self::LANE_SHIFT) as u8
    }

    #[inline(always)]
    fn ops(self) -> u64 {
        (self.0 >> Self::OPS_SHIFT) & ((1 << Self::OPS_BITS) - 1)
    }

    #[inline(always)]
    fn errors(self) -> u64 {
        (self.0 >> Self::ERROR_SHIFT) & 1
    }

    #[inline(always)]
    fn end(self) -> u8 {
        (self.0 >> Self::END_SHIFT) as u8 & 1
    }

    /// What has been copied on its lane by the thread, or 0 where several CPUs write that.
    #[inline(always)]
    fn copies(self) -> Copies {
        let account = Account::at(self.slot());
        account.and_then(|account| account.copies(self.lane())).unwrap_or_default()
    }

    /// Whether bytes on its lane come from an object and go to one.
    #[inline(always)]
    fn has_both_ends(self) -> bool {
        const BOTH: u8 = 1 << END_FROM | 1 << END_TO;
        self.ends() & BOTH == BOTH
    }

    #[inline(always)]
    fn ends(self) -> u8 {
        let index = opaque(u64::from(self.lane())) as usize;
        ENDS.get(index).map_or(0, frozen)
    }
}

/// Bytes that the CPU copied, as they are on a lane.
#[derive(Clone, Copy, Default)]
pub(crate) struct Copies {
    pub(crate) copied: u64,
    pub(crate) assumed: u64,
}

impl Copies {
    #[inline(always)]
    pub(crate) fn are_none(self) -> bool {
        self.copied | self.assumed == 0
    }

    /// What was added since there were so many.
    #[inline(always)]
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            copied: self.copied.wrapping_sub(before.copied),
            assumed: self.assumed.wrapping_sub(before.assumed),
        }
    }
}

/// No descriptor: it is not known any more what the object was.
pub(crate) const NO_DESCRIPTOR: u32 = u32::MAX;

/// A call of the thread that runs on a CPU, which has been booked.
#[derive(Clone, Copy)]
struct Pending {
    /// [`Done`]; 0 when there is none.
    done: u64,
    /// The descriptors of where the bytes came from, and in the upper half of where they went to.
    descriptors: u64,
    bytes: u64,
    /// What had been copied on its lane before.
    before: Copies,
    /// For what is passed on: the last turn before the call, and what the buffers of both held.
    turn: u64,
    held: [u64; 2],
}

/// What the program at the end of a call has booked and not counted per object yet. Writer: that program, on its CPU:
/// the kernel runs it there for no other thread in between, also where it can be preempted (7.2).
#[unsafe(link_section = ".bss.pending")]
static mut PENDING: [Pending; MAX_CPUS as usize] = [Pending {
    done: 0,
    descriptors: 0,
    bytes: 0,
    before: Copies { copied: 0, assumed: 0 },
    turn: 0,
    held: [0; 2],
}; MAX_CPUS as usize];

/// What is pending on this CPU.
#[inline(always)]
fn pending() -> Option<*mut Pending> {
    let number = Cpu::number()?;
    // SAFETY: inside the array; only the address is taken.
    Some(unsafe { (&raw mut PENDING).cast::<Pending>().add(number) })
}

/// Notes the descriptors between which the running call of an account moves bytes, and that nothing is booked yet.
#[inline(always)]
pub(crate) fn between(account: Account, from: u32, to: u32) {
    zc_object_between(account.slot().into(), from.into(), to.into());
}

/// Notes that the bytes come from this descriptor, whatever was noted before.
#[inline(always)]
pub(crate) fn comes_from(from: u32) {
    let Some(pending) = pending() else { return };
    // SAFETY: a map value that only this program writes on this CPU.
    unsafe { set((&raw mut (*pending).descriptors).cast::<u32>(), from) };
}

/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_object_between(slot: u64, from: u64, to: u64) -> u64 {
    if setting!(notes) == 0 {
        return 0;
    }
    let Some(pending) = pending() else { return 0 };
    let account = Account::at(slot as u32);
    let (turn, first, second) = account.map_or((0, 0, 0), Account::incoming);
    // SAFETY: a map value that only this program writes on this CPU.
    unsafe {
        set(&raw mut (*pending).done, 0);
        set(&raw mut (*pending).descriptors, from | to << 32);
        set(&raw mut (*pending).turn, turn);
        let held = (&raw mut (*pending).held).cast::<u64>();
        set(held, first);
        set(held.add(1), second);
    }
    0
}

/// To be called before the running call is booked: notes what has been copied on the lane. Of a call on two paths the
/// second one is not attributed.
#[inline(always)]
pub(crate) fn books(done: Done, bytes: u64) {
    zc_object_books(done.0, bytes);
}

/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_object_books(done: u64, bytes: u64) -> u64 {
    if setting!(notes) == 0 {
        return 0;
    }
    let Some(pending) = pending() else { return 0 };
    let Copies { copied, assumed } = Done(done).copies();
    // SAFETY: as above. Volatile: of fields that lie side by side the compiler may make a call of `memcpy`, which is a
    // loop over their bytes here.
    unsafe {
        if (&raw const (*pending).done).read_volatile() != 0 {
            return 0;
        }
        set(&raw mut (*pending).done, done);
        set(&raw mut (*pending).bytes, bytes);
        set(&raw mut (*pending).before.copied, copied);
        set(&raw mut (*pending).before.assumed, assumed);
    }
    0
}

/// Counts the call that was noted on this CPU, if there is one.
///
/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_object_settle() -> u64 {
    if setting!(notes) == 0 {
        return 0;
    }
    let Some(pending) = pending() else { return 0 };
    // SAFETY: as above.
    let (done, descriptors, bytes) = unsafe { noted(pending) };
    // SAFETY: as above.
    let before = unsafe { (&raw const (*pending).before).read_volatile() };
    if done == 0 {
        return 0;
    }
    // SAFETY: as above.
    unsafe { set(&raw mut (*pending).done, 0) };
    let copies = Done(done).copies().since(before);
    if setting!(stacks) != 0 {
        stacks::weigh_call(Done(done), bytes, copies);
    }
    if setting!(objects) == 0 {
        return 0;
    }
    let task = Object::current_task();
    let from = File::address_of(task, descriptors);
    let to = File::address_of(task, descriptors >> 32);
    each_end(Done(done), opaque(from), opaque(to), bytes, copies);
    0
}

/// What was done, the descriptors, and the bytes.
#[inline(always)]
unsafe fn noted(pending: *const Pending) -> (u64, u64, u64) {
    // SAFETY: the caller's: a map value that only this program writes on this CPU.
    unsafe {
        (
            (&raw const (*pending).done).read_volatile(),
            (&raw const (*pending).descriptors).read_volatile(),
            (&raw const (*pending).bytes).read_volatile(),
        )
    }
}

/// Counts from where to where the call moved bytes that was noted on this CPU. To be called before
/// [`zc_object_settle`], after which it is not noted any more.
///
/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_flow_settle() -> u64 {
    if setting!(objects) == 0 {
        return 0;
    }
    let Some(pending) = pending() else { return 0 };
    // SAFETY: as above.
    let (done, descriptors, bytes) = unsafe { noted(pending) };
    if done == 0 {
        return 0;
    }
    let task = Object::current_task();
    let from = opaque(File::address_of(task, descriptors));
    let to = opaque(File::address_of(task, descriptors >> 32));
    let Some(account) = Account::at(Done(done).slot()) else { return 0 };
    let (turn, first, second) = account.incoming();
    // SAFETY: as above.
    let (before, held, other) = unsafe {
        let held = (&raw const (*pending).held).cast::<u64>();
        let turn = (&raw const (*pending).turn).read_volatile();
        (turn, held.read_volatile(), held.add(1).read_volatile())
    };
    if turn != before {
        return zc_flow_in(done, turn, from);
    }
    if first != held || second != other {
        return zc_flow_out(done, to, held.wrapping_sub(first), other.wrapping_sub(second));
    }
    if Done(done).has_both_ends() { zc_flow(done, from, to, bytes) } else { 0 }
}

/// The lowest bit of the address of an open file: it is that of an inode, of which no open file is known.
const IS_INODE: u64 = 1;

/// Counts what was moved from or to an inode, whose address this is.
#[inline(always)]
pub(crate) fn inode(done: Done, inode: u64, bytes: u64) {
    files(done, inode | IS_INODE, inode | IS_INODE, bytes, Copies::default());
}

/// Counts what was moved between open files, whose addresses these are; 0 where one is not known.
#[inline(always)]
pub(crate) fn files(done: Done, from: u64, to: u64, bytes: u64, copies: Copies) {
    if done.has_both_ends() {
        zc_flow(done.0, from, to, bytes);
    }
    each_end(done, from, to, bytes, copies);
}

/// Counts what was moved from the one and to the other, each on its own.
#[inline(always)]
fn each_end(done: Done, from: u64, to: u64, bytes: u64, copies: Copies) {
    let ends = done.ends();
    if ends & 1 << END_FROM != 0 {
        zc_object(done.at(END_FROM).0, from, bytes, copies.copied, copies.assumed);
    }
    if ends & 1 << END_TO != 0 {
        zc_object(done.at(END_TO).0, to, bytes, copies.copied, copies.assumed);
    }
}

/// Counts one end: what was moved from or to the open file at an address.
///
/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_object(done: u64, file: u64, bytes: u64, copied: u64, assumed: u64) -> u64 {
    if setting!(objects) == 0 {
        return 0;
    }
    let done = Done(done);
    let Some(account) = Account::at(done.slot()) else { return 0 };
    let count = match key_of(done, account, file) {
        None => element(done, UNKNOWN_OBJECT),
        Some(key) => match row(&key, account, file) {
            // SAFETY: a field of a map value; only its address is taken.
            Some(row) => Some(unsafe { &raw mut (*row).count }),
            None => {
                note_loss(Loss::ObjectsExhausted);
                element(done, NO_ROOM)
            }
        },
    };
    let Some(count) = count else { return 0 };
    // SAFETY: fields of a map value; only their addresses are taken.
    unsafe {
        atomic::add(&raw mut (*count).ops, done.ops());
        atomic::add(&raw mut (*count).bytes, bytes);
        atomic::add(&raw mut (*count).errors, done.errors());
        atomic::add(&raw mut (*count).copied, copied);
        atomic::add(&raw mut (*count).assumed, assumed);
    }
    0
}

/// The element for what is in no row.
#[inline(always)]
fn element(done: Done, reason: usize) -> Option<*mut LaneCount> {
    OBJECTS_OUTSIDE.get_ptr_mut(outside(reason, usize::from(done.end()), usize::from(done.lane())))
}

/// The row of the process of an account, for the open file at an address.
#[inline(always)]
fn key_of(done: Done, account: Account, file: u64) -> Option<RowKey> {
    let object = object_key(file)?;
    let (tgid, start_ns) = account.process();
    Some(RowKey { object, start_ns, tgid, lane: done.lane(), end: done.end(), pad: [0; 2] })
}

/// The key of the open file at an address.
#[inline(always)]
fn object_key(file: u64) -> Option<ObjectKey> {
    if file == 0 {
        return None;
    }
    let inode = inode_of(file)?;
    let block = Object::untyped(inode.read::<u64>(offset!(inode_sb))?);
    Some(ObjectKey {
        inode: inode.read::<u64>(offset!(inode_number))?,
        device: block.read::<u32>(offset!(sb_device))?,
        generation: inode.read::<u32>(offset!(inode_generation)).unwrap_or_default(),
    })
}

/// The inode of the open file at an address.
#[inline(always)]
fn inode_of(file: u64) -> Option<Object> {
    let inode = if file & IS_INODE != 0 {
        file & !IS_INODE
    } else {
        Object::untyped(file).read::<u64>(offset!(file_inode))?
    };
    if inode == 0 { None } else { Some(Object::untyped(inode)) }
}

/// The row, which is made when there is none and there is room.
#[inline(always)]
fn row(key: &RowKey, account: Account, file: u64) -> Option<*mut Row> {
    if let Some(row) = OBJECT_ROWS.get_ptr_mut(key) {
        return Some(row);
    }
    // Another CPU may be faster: either way it is there then, unless the table is full.
    let empty: &Row = &EMPTY;
    let is_new = OBJECT_ROWS.insert(key, empty, NOEXIST).is_ok();
    let row = OBJECT_ROWS.get_ptr_mut(key)?;
    if is_new {
        // SAFETY: a field of a map value.
        unsafe { account.copy_name((&raw mut (*row).comm).cast()) };
        zc_object_describe(file);
    }
    Some(row)
}

/// The detail of an object that has none yet, to be filled in.
#[inline(always)]
fn new_detail(key: &ObjectKey) -> Option<*mut ObjectDetail> {
    let nothing: &ObjectDetail = &name::NOTHING;
    OBJECT_DETAILS.insert(key, nothing, NOEXIST).ok()?;
    OBJECT_DETAILS.get_ptr_mut(key)
}

/// A field of a detail, written whole: user space reads it at the same time.
#[inline(always)]
unsafe fn set<T>(field: *mut T, value: T) {
    // SAFETY: the caller's: a field of a map value.
    unsafe { ptr::write_volatile(field, value) };
}
