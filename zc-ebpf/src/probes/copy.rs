//! The copy sites: functions whose return says how many bytes the CPU copied.

use core::arch::asm;

use zc_common::site::{Shape, Shapes, Site};

use super::Arguments;
use crate::{
    account::Account,
    kernel::{Object, frozen, offset, variant},
};

mod bounce;
mod fault;
mod file;
mod mark;
mod pipe;
mod scope;
mod socket;
mod transmit;

/// How this kernel's functions are called; replaced by user space before load.
#[unsafe(no_mangle)]
static SHAPES: Shapes = Shapes::UNKNOWN;

/// Declares the program of a site at the return of its function.
macro_rules! at_return {
    ($(#[doc = $doc:literal])* $site:ident, $program:ident, $function:literal, |$call:ident| $body:expr) => {
        $(#[doc = $doc])*
        #[aya_ebpf::macros::fexit(function = $function)]
        pub(crate) fn $program(ctx: aya_ebpf::programs::FExitContext) -> i32 {
            let $call = $crate::probes::copy::Traced::new(
                aya_ebpf::EbpfContext::as_ptr(&ctx).cast(),
                zc_common::site::Site::$site,
            );
            $body;
            0
        }
    };
}
pub(crate) use at_return;

/// Declares the program of a site at the entry of its function.
macro_rules! at_entry {
    ($(#[doc = $doc:literal])* $site:ident, $program:ident, $function:literal, |$call:ident| $body:expr) => {
        $(#[doc = $doc])*
        #[aya_ebpf::macros::fentry(function = $function)]
        pub(crate) fn $program(ctx: aya_ebpf::programs::FEntryContext) -> i32 {
            #[allow(unused_variables, reason = "some sites need no argument")]
            let $call = $crate::probes::copy::Traced::new(
                aya_ebpf::EbpfContext::as_ptr(&ctx).cast(),
                zc_common::site::Site::$site,
            );
            $body;
            0
        }
    };
}
pub(crate) use at_entry;

/// A call of a traced kernel function.
#[derive(Clone, Copy)]
pub(crate) struct Traced {
    arguments: Arguments,
    shape: &'static Shape,
}

impl Traced {
    #[inline(always)]
    pub(crate) fn new(context: *const u64, site: Site) -> Self {
        Self { arguments: Arguments(context), shape: &SHAPES.0[site as usize] }
    }

    /// Integer argument `n`, a constant.
    #[inline(always)]
    pub(crate) fn integer(self, n: usize) -> u64 {
        self.arguments.integer(n)
    }

    /// Pointer argument `n`, a constant.
    #[inline(always)]
    pub(crate) fn object(self, n: usize) -> Object {
        self.arguments.object(n)
    }

    /// What the function returned: it lies behind the arguments.
    #[inline(always)]
    pub(crate) fn result(self) -> i64 {
        self.nth(frozen(&self.shape.arguments)) as i64
    }

    /// As [`Self::result`], of a function that returns an `int`.
    #[inline(always)]
    pub(crate) fn result_int(self) -> i64 {
        i64::from(self.result() as i32)
    }

    /// The argument that tells a length or a count.
    #[inline(always)]
    pub(crate) fn length(self) -> u64 {
        self.nth(frozen(&self.shape.length))
    }

    /// Whether the function has such an argument.
    #[inline(always)]
    pub(crate) fn has_length(self) -> bool {
        frozen(&self.shape.length) != Shape::NONE
    }

    /// Which of the functions of a site it is.
    #[inline(always)]
    pub(crate) fn variant(self) -> u8 {
        frozen(&self.shape.variant)
    }

    /// Whether bytes between the caller's buffer and the kernel are copied: not when the buffer is
    /// a pipe, which takes references to pages, nor when it throws everything away.
    #[inline(always)]
    pub(crate) fn copies(self) -> bool {
        let iter = Object::argument(self.nth(frozen(&self.shape.iter)) as *const u8);
        let kind = if offset!(iter_type) == zc_common::layout::ABSENT {
            iter.load::<u8>(offset!(iter_type_old))
        } else {
            iter.load::<u8>(offset!(iter_type))
        };
        let kind = u32::from(kind) & variant!(iter_mask);
        kind != variant!(iter_pipe) && kind != variant!(iter_discard)
    }

    /// Word `n`, which the verifier knows.
    #[inline(always)]
    fn nth(self, n: u8) -> u64 {
        macro_rules! words {
            ($($word:literal)*) => {$(
                if n == $word {
                    let value = self.arguments.integer($word);
                    // Otherwise the compiler makes one load of all, from an address that it
                    // computes, which the verifier refuses.
                    // SAFETY: no instruction.
                    unsafe { asm!("") };
                    return value;
                }
            )*};
        }
        words!(0 1 2 3 4 5 6 7);
        0
    }
}

/// Counts `bytes` that were copied for the running thread.
#[inline(always)]
fn copied(bytes: i64) {
    if bytes > 0
        && let Some(account) = Account::current()
    {
        account.copied(bytes as u64);
    }
}

/// Counts what `call` returned: all of it was copied.
#[inline(always)]
fn whole(call: Traced) {
    if call.copies() {
        copied(call.result());
    }
}

/// Notes that the running call handed `bytes` over by reference.
#[inline(always)]
fn referenced(bytes: i64) {
    if bytes > 0
        && let Some(account) = Account::current()
    {
        account.note(zc_common::record::EVIDENCE_REFERENCE);
    }
}
