//! Reading kernel memory at the offsets that user space took from BTF.

use core::{arch::asm, ptr};

use aya_ebpf::helpers::{
    bpf_get_current_task, bpf_probe_read_kernel,
    generated::{bpf_get_current_task_btf, bpf_task_pt_regs},
};
use zc_common::{
    layout::ABSENT,
    placeholder::{CAST, CONSTANT},
};

/// The index of a word of `Config`.
macro_rules! word {
    ($($field:ident).+) => {
        zc_common::placeholder::word(core::mem::offset_of!(zc_common::config::Config, $($field).+))
    };
}
pub(crate) use word;

/// The offset of a member of one of this kernel's structures.
macro_rules! offset {
    ($field:ident) => {
        $crate::kernel::constant!($crate::kernel::word!(offsets.$field))
    };
}
pub(crate) use offset;

/// Which variant of something this kernel has.
macro_rules! variant {
    ($field:ident) => {
        $crate::kernel::constant!($crate::kernel::word!(variants.$field))
    };
}
pub(crate) use variant;

/// A setting of this run.
macro_rules! setting {
    ($field:ident) => {
        $crate::kernel::constant!($crate::kernel::word!(settings.$field))
    };
}
pub(crate) use setting;

/// The word of `Config` with this index: an immediate operand, which user space has written into the
/// instruction.
macro_rules! constant {
    ($word:expr) => {{
        let value: u64;
        // SAFETY: a move. User space makes it one of 32 bits, which clears the others.
        #[allow(unused_unsafe, reason = "it may stand in an unsafe block")]
        unsafe {
            core::arch::asm!(
                "{value} = {word}",
                value = out(reg) value,
                word = const zc_common::placeholder::CONSTANT + $word,
                options(pure, nomem, nostack, preserves_flags),
            );
            core::hint::assert_unchecked(value <= u64::from(u32::MAX));
        }
        value as u32
    }};
}
pub(crate) use constant;

/// A member of a structure of which the verifier knows the type, in one instruction: `u64` or `u32`, the
/// address of the structure, and the field of `Offsets`. The structure exists: see [`Object::load`].
macro_rules! member {
    ($type:ident, $address:expr, $field:ident) => {{
        let value: u64;
        // SAFETY: the verifier checks the access. Not `pure`: another thread may change the member.
        #[allow(unused_unsafe, reason = "it may stand in an unsafe block")]
        unsafe {
            core::arch::asm!(
                concat!("{value} = *(", stringify!($type), " *)({address} + {offset})"),
                value = out(reg) value,
                address = in(reg) $address,
                offset = const zc_common::placeholder::MEMBER as u32
                    + $crate::kernel::word!(offsets.$field),
                options(readonly, nostack, preserves_flags),
            );
            core::hint::assert_unchecked(value <= u64::from($type::MAX));
        }
        value
    }};
}
pub(crate) use member;

/// As [`member`], of an [`Object`] that is not null, be it typed or not.
macro_rules! field {
    ($type:ident, $object:expr, $field:ident) => {
        if $object.is_typed() {
            $crate::kernel::member!($type, $object.address(), $field) as $type
        } else {
            $object.load::<$type>($crate::kernel::offset!($field))
        }
    };
}
pub(crate) use field;

/// A value of read-only data as the kernel has it. Either user space replaced it before load, so
/// the compiler must not believe what it says here, or the compiler must not drop a check that the
/// verifier, which does not know the contents, insists on.
#[inline(always)]
pub(crate) fn frozen<T: Copy>(value: &'static T) -> T {
    // SAFETY: a reference is valid to read.
    unsafe { ptr::read_volatile(value) }
}

/// `address` as that of a structure of 64-bit integers, which the verifier lets be read: a read that
/// faults gives 0. Only where `variant!(cast)` says so.
#[inline(always)]
pub(crate) fn words(address: u64) -> u64 {
    let words: u64;
    // SAFETY: `bpf_rdonly_cast` does nothing: the verifier makes a move of it
    // (`fixup_kfunc_call`, `kernel/bpf/verifier.c`, 6.2 to 7.2).
    unsafe {
        asm!(
            "r2 = {id}",
            "call {cast}",
            id = const CONSTANT + word!(variants.words),
            cast = const CAST,
            inout("r1") address => _,
            out("r2") _,
            out("r3") _,
            out("r4") _,
            out("r5") _,
            out("r0") words,
            options(nomem, nostack),
        );
    }
    words
}

/// The address that lies `offset` bytes behind another, of which the compiler knows nothing.
#[inline(always)]
fn sum(address: *const u8, offset: u32) -> *const u64 {
    let mut sum = address as u64;
    // SAFETY: one instruction.
    unsafe {
        asm!(
            "{sum} += {offset}",
            sum = inout(reg) sum,
            offset = in(reg) u64::from(offset),
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum as *const u64
}

/// The lower half of an address, as an integer: the verifier refuses arithmetic with an address of which it
/// knows the type, but half of one is no address to it (`check_alu_op`, `kernel/bpf/verifier.c`).
#[inline(always)]
pub(crate) fn low_half(address: u64) -> u64 {
    let half: u64;
    // SAFETY: a move of 32 bits, which clears the others.
    unsafe {
        asm!("w1 = w1", inout("r1") address => half, options(pure, nomem, nostack, preserves_flags));
        core::hint::assert_unchecked(half <= u64::from(u32::MAX));
    }
    half
}

/// The bits of `value` that are in `MASK`, of which the compiler knows nothing: it would leave out what it knows to change
/// nothing, and the verifier needs.
#[inline(always)]
pub(crate) fn within<const MASK: u32>(mut value: u64) -> u64 {
    // SAFETY: one instruction.
    unsafe {
        asm!(
            "{value} &= {mask}",
            value = inout(reg) value,
            mask = const MASK,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    value
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

    /// An address of which the verifier knows the type, in a program that is loaded only where it does.
    #[inline(always)]
    pub(crate) fn typed(address: u64) -> Self {
        Self { address: address as *const u8, typed: true }
    }

    /// An address that was read from memory the verifier does not know.
    #[inline(always)]
    pub(crate) fn untyped(address: u64) -> Self {
        Self { address: address as *const u8, typed: false }
    }

    /// As [`Self::untyped`], of an object that exists as long as the program runs (the kernel frees it after
    /// an RCU grace period): read directly where the kernel allows it. Pointers in it are integers, not for
    /// [`Self::follow`].
    #[inline(always)]
    pub(crate) fn words(address: u64) -> Self {
        if variant!(cast) != 0 {
            Self { address: words(address) as *const u8, typed: true }
        } else {
            Self::untyped(address)
        }
    }

    /// The running task, where `variant!(current_task_typed)` says that the verifier knows its type.
    #[inline(always)]
    pub(crate) fn current_task_typed() -> Self {
        // SAFETY: no arguments; the running task exists.
        Self { address: unsafe { bpf_get_current_task_btf() }.cast(), typed: true }
    }

    /// The running task.
    #[inline(always)]
    pub(crate) fn current_task() -> Self {
        if variant!(current_task_typed) != 0 {
            Self::current_task_typed()
        } else {
            // SAFETY: as above.
            Self { address: unsafe { bpf_get_current_task() } as *const u8, typed: false }
        }
    }

    /// The user registers of this task, which is the running one. Only where `variant!(task_pt_regs)` says
    /// so.
    #[inline(always)]
    pub(crate) fn user_registers(self) -> Self {
        // SAFETY: the helper takes a task of which the verifier knows the type.
        let regs = unsafe { bpf_task_pt_regs(self.address.cast_mut().cast()) };
        Self::typed(regs as u64)
    }

    #[inline(always)]
    pub(crate) fn is_typed(self) -> bool {
        self.typed
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

    /// The words at `offset`, where every kernel has them, in an object that is not null.
    #[inline(always)]
    pub(crate) fn load_words<const COUNT: usize>(self, offset: u32) -> [u64; COUNT] {
        if self.typed {
            let mut words = [0; COUNT];
            // The compiler must not know the sum, which it would compute once more for each word.
            let first = sum(self.address, offset);
            for (place, word) in words.iter_mut().enumerate() {
                // SAFETY: see [`Self::load`].
                *word = unsafe { ptr::read_volatile(first.add(place)) };
            }
            words
        } else {
            self.read(offset).unwrap_or([0; COUNT])
        }
    }

    /// As [`Self::load`], from an object that is never null: the running task, the caller's registers.
    #[inline(always)]
    pub(crate) fn load_present<T: Copy + Default>(self, offset: u32) -> T {
        if self.typed {
            // SAFETY: as above.
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

    /// The object that a member of `object` points to: `address` was read by [`field`].
    #[inline(always)]
    pub(crate) fn member_of(object: Self, address: u64) -> Self {
        Self { address: address as *const u8, typed: object.typed }
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

/// The bits in which two values differ, of which the compiler knows nothing: it would compute a part of them once
/// more instead of using what it has.
#[inline(always)]
pub(crate) fn difference(mut one: u64, other: u64) -> u64 {
    // SAFETY: one instruction.
    unsafe {
        asm!(
            "{one} ^= {other}",
            one = inout(reg) one,
            other = in(reg) other,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    one
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
