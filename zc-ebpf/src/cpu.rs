//! What each CPU is running: the thread, the calls that it made since it came, and what was last
//! looked up for it.

use core::ptr;

use aya_ebpf::bindings::bpf_func_id::BPF_FUNC_get_smp_processor_id;
use zc_common::{MAX_CPUS, record::CpuState, stack::Countdown};

use crate::{
    atomic,
    kernel::{difference, variant},
};

/// Writer: the CPU itself. User space reads the calls that are not charged yet. In data of its own, not in an
/// array map: its address is an operand of the instruction, and every system call asks for it.
#[unsafe(link_section = ".bss.cpus")]
static mut CPUS: [CpuState; MAX_CPUS as usize] = [CpuState::ZERO; MAX_CPUS as usize];

/// Bits of a slot in [`CpuState::remembered`].
const SLOT_BITS: u32 = 21;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// The CPU that a program runs on.
#[derive(Clone, Copy)]
pub(crate) struct Cpu(*mut CpuState);

impl Cpu {
    /// This CPU. `None` on one beyond the table.
    #[inline(always)]
    pub(crate) fn this() -> Option<Self> {
        let number = Self::number()?;
        // SAFETY: inside the array; only the address is taken.
        Some(Self(unsafe { (&raw mut CPUS).cast::<CpuState>().add(number) }))
    }

    /// Its number, which is below [`MAX_CPUS`]. `None` on one beyond the table.
    #[inline(always)]
    pub(crate) fn number() -> Option<usize> {
        // As 64 bits, which the helper fills: of 32 the compiler would clear the others.
        // SAFETY: the helper of this number takes no arguments.
        let number = unsafe {
            let helper: unsafe extern "C" fn() -> u64 =
                core::mem::transmute(BPF_FUNC_get_smp_processor_id as usize);
            helper()
        };
        if number >= u64::from(MAX_CPUS) { None } else { Some(number as usize) }
    }

    /// Counts a call that has returned. It is charged at the next switch.
    #[inline(always)]
    pub(crate) fn count_call(self) {
        // SAFETY: a field of a map value that only this CPU writes.
        let pending = unsafe { &raw mut (*self.0).pending_syscalls };
        if variant!(exit_is_preempted) != 0 {
            // The switch takes the pending calls away, in the middle of an addition if it must.
            atomic::add(pending, 1);
        } else {
            // SAFETY: as above.
            unsafe { *pending += 1 };
        }
    }

    /// The calls that are not charged yet.
    #[inline(always)]
    pub(crate) fn pending_calls(self) -> u64 {
        // SAFETY: a field of a map value that only this CPU writes.
        unsafe { (*self.0).pending_syscalls }
    }

    /// Forgets the pending calls: they have been charged.
    #[inline(always)]
    pub(crate) fn clear_calls(self) {
        // SAFETY: as above.
        unsafe { (*self.0).pending_syscalls = 0 };
    }

    /// The countdown to the next call stack.
    #[inline(always)]
    pub(crate) fn countdown(self) -> *mut Countdown {
        // SAFETY: a field of a map value; only its address is taken.
        unsafe { &raw mut (*self.0).countdown }
    }

    /// Whether a supervisor may answer calls of the thread that runs here.
    #[inline(always)]
    pub(crate) fn is_supervised(self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.0).supervised != 0 }
    }

    /// Notes whether it may.
    #[inline(always)]
    pub(crate) fn supervises(self, supervised: u64) {
        // SAFETY: as above.
        unsafe { (*self.0).supervised = supervised };
    }

    /// Notes that the thread `pid` runs from now on.
    #[inline(always)]
    pub(crate) fn runs(self, pid: u32) {
        // SAFETY: as above.
        unsafe { (*self.0).pid = pid };
    }

    /// The slot of the thread `identity`, if it is the one last looked up on this CPU.
    ///
    /// The slot is remembered with 43 bits of who it was, in one word: programs at functions can be
    /// preempted at any place, by threads that write the word too, so a check and what it is about
    /// must be read and written at once.
    #[inline(always)]
    pub(crate) fn recall_slot(self, identity: u64) -> Option<u32> {
        // SAFETY: a value of the map, written by this CPU only, whole.
        Self::slot_of(unsafe { ptr::read_volatile(&raw const (*self.0).remembered) }, identity)
    }

    /// The slot in a remembered word, if that is of the thread `identity`: then it is all that is left.
    #[inline(always)]
    pub(crate) fn slot_of(remembered: u64, identity: u64) -> Option<u32> {
        let slot = difference(remembered, identity << SLOT_BITS);
        if slot > u64::from(SLOT_MASK) { None } else { Some(slot as u32) }
    }

    /// What is remembered of the thread `identity`.
    #[inline(always)]
    pub(crate) fn word_of(identity: u64, slot: u32) -> u64 {
        identity << SLOT_BITS | u64::from(slot & SLOT_MASK)
    }

    /// Remembers a thread and its slot.
    #[inline(always)]
    pub(crate) fn remember(self, word: u64) {
        // SAFETY: as above.
        unsafe { ptr::write_volatile(&raw mut (*self.0).remembered, word) };
    }

    /// Forgets the slot: the thread's slot may change.
    #[inline(always)]
    pub(crate) fn forget_slot(self) {
        // SAFETY: as above.
        unsafe { ptr::write_volatile(&raw mut (*self.0).remembered, 0) };
    }

    /// What is known of the process that runs here, see [`crate::follow`].
    #[inline(always)]
    pub(crate) fn followed(self) -> u64 {
        // SAFETY: a value of the map, written by this CPU only, whole.
        unsafe { ptr::read_volatile(&raw const (*self.0).followed) }
    }

    /// Notes what is known of the process that runs here from now on.
    #[inline(always)]
    pub(crate) fn follows(self, word: u64) {
        // SAFETY: as above.
        unsafe { ptr::write_volatile(&raw mut (*self.0).followed, word) };
    }

    /// As [`Self::followed`], by its stack.
    #[inline(always)]
    pub(crate) fn followed_by_stack(self) -> u64 {
        // SAFETY: as above.
        unsafe { ptr::read_volatile(&raw const (*self.0).followed_by_stack) }
    }

    /// As [`Self::follows`], by its stack.
    #[inline(always)]
    pub(crate) fn follows_by_stack(self, word: u64) {
        // SAFETY: as above.
        unsafe { ptr::write_volatile(&raw mut (*self.0).followed_by_stack, word) };
    }

    /// Address of the socket whose packet is segmented here, 0 when none is.
    #[inline(always)]
    pub(crate) fn segmented_socket(self) -> u64 {
        // SAFETY: as above.
        unsafe { (*self.0).segmenting }
    }

    /// Remembers the socket whose packet is segmented here, 0 when the segmentation has ended. A thread
    /// that transmits is not preempted in between.
    #[inline(always)]
    pub(crate) fn segments(self, socket: u64) {
        // SAFETY: as above.
        unsafe { (*self.0).segmenting = socket };
    }
}
