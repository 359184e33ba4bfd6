//! Reading kernel memory at the offsets that user space took from BTF.

use core::ptr;

use aya_ebpf::helpers::{
    bpf_get_current_task, bpf_probe_read_kernel,
    generated::{bpf_get_current_task_btf, bpf_task_pt_regs},
};
use zc_common::{config::Config, layout::ABSENT};

/// What is known of the running kernel and of this run. In read-only data that is frozen before load,
/// so the verifier knows every value and drops the branches that are not taken.
#[unsafe(no_mangle)]
pub(crate) static CONFIG: Config = Config::UNKNOWN;

/// The offset of a member of one of this kernel's structures.
macro_rules! offset {
    ($field:ident) => {
        $crate::kernel::frozen(&$crate::kernel::CONFIG.offsets.$field)
    };
}
pub(crate) use offset;

/// Which variant of something this kernel has.
macro_rules! variant {
    ($field:ident) => {
        $crate::kernel::frozen(&$crate::kernel::CONFIG.variants.$field)
    };
}
pub(crate) use variant;

/// A setting of this run.
macro_rules! setting {
    ($field:ident) => {
        $crate::kernel::frozen(&$crate::kernel::CONFIG.settings.$field)
    };
}
pub(crate) use setting;

/// A value of read-only data as the kernel has it. Either user space replaced it before load, so
/// the compiler must not believe what it says here, or the compiler must not drop a check that the
/// verifier, which does not know the contents, insists on.
#[inline(always)]
pub(crate) fn frozen<T: Copy>(value: &'static T) -> T {
    // SAFETY: a reference is valid to read.
    unsafe { ptr::read_volatile(value) }
}

/// A kernel object, and whether the verifier knows its type.
///
/// Typed objects are loaded from directly, a nanosecond each; others go through a checked read. Not
/// every kernel survives a fault in a direct load, see [`Object::load`]: what is typed is valid or
/// null, because the kernel handed it to the hook, or because what it handed over keeps it alive. An
/// address that may be anything else is [`Object::untyped`].
#[derive(Clone, Copy)]
pub(crate) struct Object {
    address: *const u8,
    typed: bool,
}

impl Object {
    /// An argument of a BTF tracepoint, or of a raw one when the kernel has no BTF.
    #[inline(always)]
    pub(crate) fn argument(address: *const u8) -> Self {
        Self { address, typed: setting!(typed) != 0 }
    }

    /// An address that was read from memory the verifier does not know.
    #[inline(always)]
    pub(crate) fn untyped(address: u64) -> Self {
        Self { address: address as *const u8, typed: false }
    }

    /// The running task.
    #[inline(always)]
    pub(crate) fn current_task() -> Self {
        if variant!(current_task_typed) != 0 {
            // SAFETY: no arguments; the running task exists.
            Self { address: unsafe { bpf_get_current_task_btf() }.cast(), typed: true }
        } else {
            // SAFETY: as above.
            Self { address: unsafe { bpf_get_current_task() } as *const u8, typed: false }
        }
    }

    /// The user registers of the running task. Only where `variant!(task_pt_regs)` says so.
    #[inline(always)]
    pub(crate) fn user_registers() -> Self {
        // SAFETY: the helper takes the running task, which exists.
        let regs = unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) };
        Self::argument(regs as *const u8)
    }

    #[inline(always)]
    pub(crate) fn is_null(self) -> bool {
        self.address.is_null()
    }

    #[inline(always)]
    pub(crate) fn address(self) -> u64 {
        self.address as u64
    }

    /// The integer at `offset`, or its default when the memory cannot be read or this kernel
    /// lacks the field.
    #[inline(always)]
    pub(crate) fn load<T: Copy + Default>(self, offset: u32) -> T {
        if offset == ABSENT {
            return T::default();
        }
        if self.typed {
            // Not every kernel survives a fault here. Until 6.4 (fixed in the later ones of 6.1, not in
            // those of 5.10) a program that calls others has no table of exceptions (`jit_subprogs`,
            // `kernel/bpf/verifier.c`), and the kernel oopses while it looks into it. Since 6.3 loads
            // from the arguments of a tracepoint are in no such table (`convert_ctx_accesses`).
            if self.is_null() {
                return T::default();
            }
            // SAFETY: the verifier knows the type behind the pointer, checks the offset against it
            // and handles a fault. Volatile keeps neighbouring loads from being merged, which
            // would cross members.
            unsafe { ptr::read_volatile(self.address.add(offset as usize).cast()) }
        } else {
            self.read(offset).unwrap_or_default()
        }
    }

    /// The pointer at `offset`, keeping the verifier's knowledge.
    #[inline(always)]
    pub(crate) fn follow(self, offset: u32) -> Self {
        Self { address: self.load::<usize>(offset) as *const u8, typed: self.typed }
    }

    /// The value at `offset` by a checked read, whatever the verifier knows.
    #[inline(always)]
    pub(crate) fn read<T>(self, offset: u32) -> Option<T> {
        if offset == ABSENT {
            return None;
        }
        // SAFETY: the helper checks the address.
        unsafe { bpf_probe_read_kernel(self.address.wrapping_add(offset as usize).cast()) }.ok()
    }
}

/// Always zero; in writable memory, so the verifier does not know.
static mut UNKNOWN_ZERO: u64 = 0;

/// `value`, forgotten by the verifier. What it knows exactly it follows one value at a time; a
/// forgotten value is followed once, which keeps a program with many classes of files small.
#[inline(always)]
pub(crate) fn opaque(value: u64) -> u64 {
    // SAFETY: no program writes it.
    value | unsafe { ptr::read_volatile(&raw const UNKNOWN_ZERO) }
}
