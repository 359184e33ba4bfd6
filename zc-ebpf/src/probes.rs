//! The hooks, by kernel subject. Each is a thin function: arguments in, one call to `account`.

mod block;
mod copy;
mod dma;
mod fault;
mod floor;
mod module;
mod net;
mod page_cache;
mod sample;
mod sys_exit;
mod task;
mod uring;
mod writeback;

pub(crate) use sys_exit::forget_pending;

/// Declares a hook twice over one body: as a BTF tracepoint, whose arguments the verifier knows,
/// and as a raw tracepoint for kernels without BTF.
macro_rules! tracepoint {
    ($(#[doc = $doc:literal])* $name:ident, $raw:ident, $hook:literal, |$arguments:ident| $body:expr) => {
        $(#[doc = $doc])*
        #[aya_ebpf::macros::btf_tracepoint(function = $hook)]
        pub(crate) fn $name(ctx: aya_ebpf::programs::BtfTracePointContext) -> i32 {
            #[allow(unused_variables, reason = "some hooks need no argument")]
            let $arguments = $crate::probes::Arguments::typed(aya_ebpf::EbpfContext::as_ptr(&ctx).cast());
            $body;
            0
        }

        $(#[doc = $doc])*
        #[aya_ebpf::macros::raw_tracepoint(tracepoint = $hook)]
        pub(crate) fn $raw(ctx: aya_ebpf::programs::RawTracePointContext) -> i32 {
            #[allow(unused_variables, reason = "some hooks need no argument")]
            let $arguments = $crate::probes::Arguments::untyped(aya_ebpf::EbpfContext::as_ptr(&ctx).cast());
            $body;
            0
        }
    };
}
pub(crate) use tracepoint;

use crate::kernel::Object;

/// The arguments of a tracepoint, in the order of its `TP_PROTO`. Both kinds of tracepoint lay
/// them out as an array of 64-bit words.
#[derive(Clone, Copy)]
pub(crate) struct Arguments {
    words: *const u64,
    /// Whether the verifier knows the types of pointers. Known when a program is compiled: each kind of
    /// tracepoint has one of its own.
    typed: bool,
}

impl Arguments {
    /// Of a program at a BTF tracepoint or at a function.
    #[inline(always)]
    pub(crate) fn typed(words: *const u64) -> Self {
        Self { words, typed: true }
    }

    /// Of a program at a raw tracepoint.
    #[inline(always)]
    pub(crate) fn untyped(words: *const u64) -> Self {
        Self { words, typed: false }
    }

    /// Integer argument `n`; a constant, below the number of arguments this kernel has.
    #[inline(always)]
    pub(crate) fn integer(self, n: usize) -> u64 {
        // One instruction whose place is part of it: of two loads in branches the compiler would make one,
        // from an address that it computes, which the verifier refuses ("dereference of modified ctx ptr").
        macro_rules! word {
            ($($n:literal)*) => {
                match n {
                    $($n => {
                        let value: u64;
                        // SAFETY: the verifier checks the place against the tracepoint's prototype.
                        unsafe {
                            core::arch::asm!(
                                "{value} = *(u64 *)({words} + {place})",
                                value = out(reg) value,
                                words = in(reg) self.words,
                                place = const $n * size_of::<u64>(),
                                options(pure, readonly, nostack, preserves_flags),
                            );
                        }
                        value
                    })*
                    _ => 0,
                }
            };
        }
        word!(0 1 2 3 4 5 6 7 8 9)
    }

    /// Pointer argument `n` as a number: the verifier does not know that it is one, and does not follow
    /// each offset from it as another pointer.
    #[inline(always)]
    pub(crate) fn number(self, n: u32) -> u64 {
        Object::untyped(self.words as u64).read(n * size_of::<u64>() as u32).unwrap_or_default()
    }

    /// Pointer argument `n`.
    #[inline(always)]
    pub(crate) fn object(self, n: usize) -> Object {
        let address = self.integer(n);
        if self.typed { Object::typed(address) } else { Object::untyped(address) }
    }
}
