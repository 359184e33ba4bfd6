//! Call stacks of copies. Only where this was asked for (`setting!(stacks)`).
//!
//! Bytes are weighed where they are settled: those of almost every call are subtracted from a countdown of the CPU,
//! inline ([`passes`]). What turns out to be a sample is taken at the end of the call, by the program itself: there the
//! deepest chains of functions have returned, all of which share 512 bytes. What is copied elsewhere is taken at once. No data of a process leaves the kernel: what is read of its memory is addresses of code,
//! or not passed on.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{BPF_F_USER_STACK, BPF_RB_NO_WAKEUP},
    helpers::{
        bpf_get_prandom_u32,
        generated::{bpf_get_stack, bpf_get_task_stack},
    },
    macros::map,
    maps::{Array, RingBuf, ring_buf::RingBufEntry},
};
use zc_common::{
    MAX_CPUS,
    loss::Loss,
    path::Lane,
    record::UNATTRIBUTED_SLOT,
    stack::{
        BURST, CERTAIN, Countdown, KERNEL_FRAMES, LARGEST_MEAN, LEAST_RING_BYTES, LOGARITHMS,
        MOST_DRAWS, OF_CALL, OF_OTHERS, OF_TIME, Pace, STACK_FRAMES, StackSample, Taken,
        WORDS_ABOVE, countdown,
    },
};

use crate::{
    account::{Account, said_to_be_copied, user_registers},
    arch,
    area::Area,
    atomic,
    cpu::Cpu,
    kernel::{Object, frozen, offset, opaque, setting, variant},
    losses::note_loss,
    objects::{Copies, Done},
    user::peek_user,
};

/// Samples that user space has not taken yet. Writers: any program that takes one. Bound: its bytes; what finds no
/// room is counted in `STACKS_TAKEN`, and as [`Loss::StacksLost`].
#[map]
static STACKS: RingBuf = RingBuf::with_byte_size(LEAST_RING_BYTES, 0);

/// How often samples are taken. Writers: any CPU that takes one, and user space. Not in an array map: every call that
/// copies asks for it.
#[unsafe(link_section = ".bss.pace")]
static mut STACK_PACE: Pace = Pace { mean: 0, left: 0 };

/// What has become of samples. Writers: any CPU, atomically.
#[map]
static STACKS_TAKEN: Array<Taken> = Array::with_max_entries(1, 0);

/// In read-only data, where a lookup is one load.
static TABLE: [u32; LOGARITHMS.len()] = LOGARITHMS;

/// What is to be taken at the end of the call that runs on a CPU.
#[derive(Clone, Copy)]
struct Awaited {
    /// See [`Due`]; 0 when nothing is.
    due: u64,
    /// Bytes that each of its draws stands for.
    bytes: u64,
    /// What the call copied.
    copied: u64,
}

/// Writer: the program at the end of calls, on each CPU.
#[unsafe(link_section = ".bss.awaited")]
static mut AWAITED: [Awaited; MAX_CPUS as usize] =
    [Awaited { due: 0, bytes: 0, copied: 0 }; MAX_CPUS as usize];

#[inline(always)]
fn awaited() -> Option<*mut Awaited> {
    let number = Cpu::number()?;
    // SAFETY: inside the array; only the address is taken.
    Some(unsafe { (&raw mut AWAITED).cast::<Awaited>().add(number) })
}

/// The countdowns of all programs but the one at the end of calls, of which the CPU's state has its own: programs at
/// functions can be preempted, by others that write the same words. All that comes of this is a countdown that is a
/// little too long.
#[unsafe(link_section = ".bss.countdowns")]
static mut OTHERS: [Countdown; MAX_CPUS as usize] = [Countdown::ZERO; MAX_CPUS as usize];

#[inline(always)]
fn countdown_of_others() -> Option<*mut Countdown> {
    let number = Cpu::number()?;
    // SAFETY: inside the array; only the address is taken.
    Some(unsafe { (&raw mut OTHERS).cast::<Countdown>().add(number) })
}

/// How many bytes a sample stands for now.
#[inline(always)]
fn mean() -> u64 {
    // SAFETY: a field of a map value, read whole.
    unsafe { (&raw const STACK_PACE.mean).read_volatile() }
}

/// What a sample is of, in one word that is not 0.
#[derive(Clone, Copy)]
struct Due(u64);

impl Due {
    const SLOT_BITS: u32 = 21;
    const LANE_SHIFT: u32 = Self::SLOT_BITS;
    const DRAWS_SHIFT: u32 = Self::LANE_SHIFT + 8;
    const SET: u64 = 1 << 63;

    #[inline(always)]
    fn new(slot: u64, lane: u64, draws: u32) -> Self {
        Self(slot | lane << Self::LANE_SHIFT | u64::from(draws) << Self::DRAWS_SHIFT | Self::SET)
    }

    #[inline(always)]
    fn slot(self) -> u32 {
        self.0 as u32 & ((1 << Self::SLOT_BITS) - 1)
    }

    #[inline(always)]
    fn lane(self) -> u8 {
        (self.0 >> Self::LANE_SHIFT) as u8
    }

    #[inline(always)]
    fn draws(self) -> u32 {
        u32::from((self.0 >> Self::DRAWS_SHIFT) as u8)
    }

    /// Bytes that it stands for.
    #[inline(always)]
    fn weight(self, bytes: u64) -> u64 {
        let draws = u64::from(self.draws());
        if draws == 0 { bytes } else { draws * bytes }
    }
}

impl Account {
    /// Weighs bytes that the running call has copied on `lane`. To be called by the program at its end, on `cpu`.
    /// Whether something is due there now, see [`take_due`].
    #[inline(always)]
    pub(crate) fn weigh(self, cpu: Cpu, lane: Lane, bytes: u64) -> bool {
        setting!(stacks) != 0
            && !passes(cpu, bytes)
            && zc_stack_weigh(self.slot().into(), lane.into(), bytes) != 0
    }

    /// Weighs bytes that were copied on `lane` just now, in any other program.
    #[inline(always)]
    pub(crate) fn weigh_now(self, lane: Lane, bytes: u64) {
        if setting!(stacks) != 0 {
            zc_stack_now(self.slot().into(), lane.into(), bytes);
        }
    }

    /// The same of bytes that were copied some time ago: which stack it was is not known any more.
    #[inline(always)]
    pub(crate) fn weigh_apart(self, lane: Lane, bytes: u64) {
        if setting!(stacks) != 0 {
            zc_stack_apart(self.slot().into(), lane.into(), bytes);
        }
    }
}

/// Weighs what a call has copied that was booked as done, with `bytes`, and has added this to the counts of its lane. To
/// be called by the program at the end of the call.
#[inline(always)]
pub(crate) fn weigh_call(done: Done, bytes: u64, copies: Copies) {
    let copied = said_to_be_copied(done.lane(), bytes, copies);
    zc_stack_weigh(done.slot().into(), done.lane().into(), copied);
}

/// Subtracts bytes that a call has copied from the countdown of its CPU, unless it runs out or has to be drawn: then it
/// is left alone. Whether it did.
#[inline(always)]
fn passes(cpu: Cpu, bytes: u64) -> bool {
    let countdown = cpu.countdown();
    // SAFETY: fields of a map value that only this program writes on this CPU.
    unsafe {
        let near = (*countdown).near;
        // The rest of a countdown is distributed like a new one: with another mean, one is drawn.
        if bytes > near || (*countdown).mean != mean() {
            return false;
        }
        (*countdown).near = near - bytes;
    }
    true
}

/// Weighs bytes that do not pass. Whether something is due.
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_stack_weigh(slot: u64, lane: u64, bytes: u64) -> u64 {
    if setting!(stacks) == 0 || bytes == 0 {
        return 0;
    }
    let Some(cpu) = Cpu::this() else { return 0 };
    let Some((draws, each)) = weigh(cpu.countdown(), bytes) else { return 0 };
    let due = Due::new(slot, lane, draws);
    let Some(awaited) = awaited() else { return 0 };
    // SAFETY: a map value that only this program writes on this CPU.
    unsafe {
        // Of a call on two paths, of which both are samples: the stack of the first one is taken.
        if (&raw const (*awaited).due).read_volatile() != 0 {
            lose(due, each);
            return 1;
        }
        (&raw mut (*awaited).due).write_volatile(due.0);
        (&raw mut (*awaited).bytes).write_volatile(each);
        (&raw mut (*awaited).copied).write_volatile(bytes);
    }
    1
}

/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_stack_now(slot: u64, lane: u64, bytes: u64) -> u64 {
    if setting!(stacks) == 0 || bytes == 0 {
        return 0;
    }
    let Some(countdown) = countdown_of_others() else { return 0 };
    let Some((draws, each)) = weigh(countdown, bytes) else { return 0 };
    let due = Due::new(slot, lane, draws);
    let Some(mut entry) = begin(due, each, bytes, OF_OTHERS) else { return 0 };
    let sample = entry.as_mut_ptr();
    if variant!(current_task_typed) != 0 && due.slot() != UNATTRIBUTED_SLOT {
        let task = Object::current_task_typed();
        // SAFETY: the task is the running one, and there is room for that many bytes.
        let count = unsafe {
            let frames = (&raw mut (*sample).frames).cast();
            bpf_get_task_stack(
                task.address() as *mut _,
                frames,
                (STACK_FRAMES * size_of::<u64>()) as u32,
                BPF_F_USER_STACK.into(),
            )
        };
        keep_code(sample, count);
    }
    entry.submit(BPF_RB_NO_WAKEUP.into());
    0
}

/// A global function, as above. It calls no other: the kernel lets functions be called eight deep.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_stack_apart(slot: u64, lane: u64, bytes: u64) -> u64 {
    if setting!(stacks) == 0 || bytes == 0 {
        return 0;
    }
    let Some(countdown) = countdown_of_others() else { return 0 };
    let Some((draws, each)) = weigh(countdown, bytes) else { return 0 };
    let due = Due::new(slot, lane, draws);
    if let Some(entry) = begin(due, each, bytes, OF_OTHERS) {
        entry.submit(BPF_RB_NO_WAKEUP.into());
    }
    0
}

/// Subtracts bytes from a countdown. When it runs out: how often, and for how many bytes each time stands; 0 times for
/// what is a sample anyway.
#[inline(always)]
fn weigh(countdown: *mut Countdown, bytes: u64) -> Option<(u32, u64)> {
    let mean = mean();
    if bytes >= CERTAIN * mean {
        return Some((0, bytes));
    }
    // SAFETY: fields of a map value, read whole.
    let mut left = unsafe {
        // As in `passes`.
        if (&raw const (*countdown).mean).read_volatile() == mean {
            let near = (&raw const (*countdown).near).read_volatile();
            near + (&raw const (*countdown).rest).read_volatile()
        } else {
            draw(mean)
        }
    };
    let (mut rest, mut draws) = (bytes, 0);
    for _ in 0..MOST_DRAWS {
        if left >= rest {
            break;
        }
        rest = opaque(rest - left);
        left = opaque(draw(mean));
        draws += 1;
    }
    let left = left.saturating_sub(rest);
    // What is a sample for certain does not pass.
    let near = left.min(CERTAIN * mean - 1);
    // SAFETY: as above, written whole.
    unsafe {
        (&raw mut (*countdown).near).write_volatile(near);
        (&raw mut (*countdown).rest).write_volatile(left - near);
        (&raw mut (*countdown).mean).write_volatile(mean);
    }
    if draws == 0 { None } else { Some((draws, mean)) }
}

/// A new countdown.
#[inline(always)]
fn draw(mean: u64) -> u64 {
    // SAFETY: no arguments.
    let random = unsafe { bpf_get_prandom_u32() };
    countdown(random, mean, |place| TABLE.get(place).map_or(0, frozen))
}

/// Counts a sample that was taken. Where there are too many of them, each stands for more bytes from now on.
#[inline(always)]
fn note_taken() {
    let pace = &raw mut STACK_PACE;
    // SAFETY: fields of a map value. Two CPUs may double the mean at once: user space takes that back.
    unsafe {
        atomic::add(&raw mut (*pace).left, u64::MAX);
        let left = (&raw const (*pace).left).read_volatile();
        if left.cast_signed() > 0 {
            return;
        }
        (&raw mut (*pace).left).write_volatile(BURST);
        let mean = (&raw const (*pace).mean).read_volatile();
        if mean < LARGEST_MEAN {
            (&raw mut (*pace).mean).write_volatile(mean * 2);
        }
    }
}

/// There was no room for a sample.
#[inline(always)]
fn lose(due: Due, each: u64) {
    note_loss(Loss::StacksLost);
    if let Some(taken) = STACKS_TAKEN.get_ptr_mut(0) {
        // SAFETY: fields of a map value; only their addresses are taken.
        unsafe {
            atomic::add(&raw mut (*taken).lost, 1);
            atomic::add(&raw mut (*taken).lost_bytes, due.weight(each));
        }
    }
}

/// A sample with everything but its stack.
#[inline(always)]
fn begin(due: Due, each: u64, copied: u64, kind: u8) -> Option<RingBufEntry<StackSample>> {
    let taken = STACKS_TAKEN.get_ptr_mut(0)?;
    if kind != OF_TIME {
        // SAFETY: a field of a map value; only its address is taken.
        atomic::add(unsafe { &raw mut (*taken).taken }, 1);
        note_taken();
    }
    let Some(mut entry) = STACKS.reserve::<StackSample>(0) else {
        if kind == OF_TIME {
            note_loss(Loss::StacksLost);
            // SAFETY: a field of a map value; only its address is taken.
            atomic::add(unsafe { &raw mut (*taken).lost_time }, 1);
        } else {
            lose(due, each);
        }
        return None;
    };
    let sample = entry.as_mut_ptr();
    // SAFETY: a reserved part of the ring. Volatile: of fields that lie side by side the compiler may make a call of
    // `memset`, which is a loop over their bytes here.
    unsafe {
        let set = |field: *mut u64, value: u64| field.write_volatile(value);
        set(&raw mut (*sample).start_ns, 0);
        set(&raw mut (*sample).bytes, each);
        set(&raw mut (*sample).copied, copied);
        let memory = Object::untyped(Object::current_task().load::<u64>(offset!(task_mm)));
        let stack = memory.read::<u64>(offset!(mm_stack)).unwrap_or_default();
        set(&raw mut (*sample).memory, stack);
        (&raw mut (*sample).tgid).write_volatile(0);
        (&raw mut (*sample).draws).write_volatile(due.draws());
        (&raw mut (*sample).lane).write_volatile(due.lane());
        (&raw mut (*sample).kind).write_volatile(kind);
        (&raw mut (*sample).is_cut).write_volatile(0);
        (&raw mut (*sample).frame_bytes).write_volatile(0);
        (&raw mut (*sample).kernel_bytes).write_volatile(0);
        for word in 0..WORDS_ABOVE {
            set((&raw mut (*sample).above).cast::<u64>().add(word), 0);
        }
        let comm = (&raw mut (*sample).comm).cast::<u64>();
        set(comm, 0);
        set(comm.add(1), 0);
        if let Some(account) = Account::at(due.slot()) {
            let (tgid, start_ns) = account.process();
            (&raw mut (*sample).tgid).write_volatile(tgid);
            set(&raw mut (*sample).start_ns, start_ns);
            account.copy_name(comm);
        }
    }
    Some(entry)
}

/// Takes what is due on this CPU, if anything is: the stack of the call that returns. `context`: that of the program.
///
/// Not a global function: those do not take a context.
#[inline(never)]
pub(crate) fn take_due(context: *mut c_void) {
    let Some(awaited) = awaited() else { return };
    // SAFETY: as in `zc_stack_weigh`.
    let (due, each, copied) = unsafe {
        let due = (&raw const (*awaited).due).read_volatile();
        if due == 0 {
            return;
        }
        (&raw mut (*awaited).due).write_volatile(0);
        let each = (&raw const (*awaited).bytes).read_volatile();
        (due, each, (&raw const (*awaited).copied).read_volatile())
    };
    let due = Due(due);
    let Some(mut entry) = begin(due, each, copied, OF_CALL) else { return };
    let sample = entry.as_mut_ptr();
    take_frames(context, sample);
    take_above(sample);
    entry.submit(BPF_RB_NO_WAKEUP.into());
}

/// The words above the stack pointer.
#[inline(always)]
fn take_above(sample: *mut StackSample) {
    let task = Object::current_task();
    if let Some(registers) = user_registers(task) {
        let stack = arch::stack_pointer(registers);
        let link = arch::link(registers);
        for word in 0..WORDS_ABOVE as u64 {
            let code = if word == 0 && link != 0 {
                zc_code_at(link)
            } else {
                zc_code_word(stack + word * size_of::<u64>() as u64)
            };
            // SAFETY: inside the array.
            unsafe {
                let above = (&raw mut (*sample).above).cast::<u64>();
                above.add(word as usize).write_volatile(code);
            }
        }
    }
}

/// The user's stack of the running thread.
#[inline(always)]
fn take_frames(context: *mut c_void, sample: *mut StackSample) {
    // SAFETY: there is room for that many bytes.
    let count = unsafe {
        let frames = (&raw mut (*sample).frames).cast();
        let size = (STACK_FRAMES * size_of::<u64>()) as u32;
        bpf_get_stack(context, frames, size, BPF_F_USER_STACK.into())
    };
    keep_code(sample, count);
}

/// Keeps frames up to the first one that is no code: what the register of frame pointers led to was no stack then.
#[inline(always)]
fn keep_code(sample: *mut StackSample, count: i64) {
    let mut bytes = count as i32;
    for frame in 0..STACK_FRAMES {
        let end = (frame * size_of::<u64>()) as i32;
        if end >= bytes {
            break;
        }
        // SAFETY: inside the array.
        let place = unsafe { (&raw mut (*sample).frames).cast::<u64>().add(frame) };
        // SAFETY: as above.
        if zc_code_at(unsafe { place.read_volatile() }) == 0 {
            bytes = end;
            // SAFETY: a field of a reserved part of the ring.
            unsafe { (&raw mut (*sample).is_cut).write_volatile(1) };
            break;
        }
    }
    // SAFETY: as above.
    unsafe { (&raw mut (*sample).frame_bytes).write_volatile(bytes) };
}

/// Takes the stack of a thread that the sampler found in a copy routine. `context`: that of its program.
#[inline(always)]
pub(crate) fn take_time(context: *mut c_void, account: Account) {
    let due = Due::new(account.slot().into(), 0, 0);
    let Some(mut entry) = begin(due, 0, 0, OF_TIME) else { return };
    let sample = entry.as_mut_ptr();
    take_frames(context, sample);
    // SAFETY: there is room for that many bytes.
    unsafe {
        let frames = (&raw mut (*sample).kernel_frames).cast();
        let count = bpf_get_stack(context, frames, (KERNEL_FRAMES * size_of::<u64>()) as u32, 0);
        (&raw mut (*sample).kernel_bytes).write_volatile(count as i32);
    }
    take_above(sample);
    entry.submit(BPF_RB_NO_WAKEUP.into());
}

/// The word at an address of the running process, if it is an address of its code; otherwise 0.
///
/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_code_word(address: u64) -> u64 {
    peek_user::<u64>(address).map_or(0, |word| zc_code_at(word))
}

/// `address`, if there is code of the running process; otherwise 0.
///
/// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_code_at(address: u64) -> u64 {
    if setting!(stacks) == 0 || !arch::is_of_user(address) || address >> 12 == 0 {
        return 0;
    }
    if Area::at(address).is_some_and(Area::is_code) { address } else { 0 }
}
