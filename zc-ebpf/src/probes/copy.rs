//! The copy sites: functions whose return says how many bytes the CPU copied.

use core::arch::asm;

use zc_common::{layout::ABSENT, placeholder, site::Shape};

use super::Arguments;
use crate::{
    account::Account,
    kernel::{Object, constant, offset, variant},
};

mod bounce;
mod fault;
mod file;
mod mark;
mod pipe;
mod scope;
mod socket;
mod transmit;

/// The index of the word of `Config` that tells a field of the shape of a site.
macro_rules! shape {
    ($site:ident . $field:ident) => {
        placeholder::word(
            core::mem::offset_of!(zc_common::config::Config, shapes)
                + $site * size_of::<Shape>()
                + core::mem::offset_of!(Shape, $field),
        )
    };
}

/// Declares the program of a site at the return of its function. It does nothing for a process that is not
/// followed, unless it is `late`: what it counts, or forgets, may be another process's then.
macro_rules! at_return {
    (late $($declared:tt)*) => {
        $crate::probes::copy::at_return!(@ (true) $($declared)*);
    };
    (@ ($counts:expr) $(#[doc = $doc:literal])* $site:ident, $program:ident, $function:literal, |$call:ident| $body:expr) => {
        $(#[doc = $doc])*
        #[aya_ebpf::macros::fexit(function = $function)]
        pub(crate) fn $program(ctx: aya_ebpf::programs::FExitContext) -> i32 {
            let $call =
                $crate::probes::copy::Traced::<{ zc_common::site::Site::$site as usize }>::new(
                    aya_ebpf::EbpfContext::as_ptr(&ctx).cast(),
                );
            if $counts {
                $body;
            }
            0
        }
    };
    ($($declared:tt)*) => {
        $crate::probes::copy::at_return!(@ ($crate::follow::is_followed_here()) $($declared)*);
    };
}
pub(crate) use at_return;

/// As [`at_return`], at the entry of the function.
macro_rules! at_entry {
    (late $($declared:tt)*) => {
        $crate::probes::copy::at_entry!(@ (true) $($declared)*);
    };
    (@ ($counts:expr) $(#[doc = $doc:literal])* $site:ident, $program:ident, $function:literal, |$call:ident| $body:expr) => {
        $(#[doc = $doc])*
        #[aya_ebpf::macros::fentry(function = $function)]
        pub(crate) fn $program(ctx: aya_ebpf::programs::FEntryContext) -> i32 {
            #[allow(unused_variables, reason = "some sites need no argument")]
            let $call =
                $crate::probes::copy::Traced::<{ zc_common::site::Site::$site as usize }>::new(
                    aya_ebpf::EbpfContext::as_ptr(&ctx).cast(),
                );
            if $counts {
                $body;
            }
            0
        }
    };
    ($($declared:tt)*) => {
        $crate::probes::copy::at_entry!(@ ($crate::follow::is_followed_here()) $($declared)*);
    };
}
pub(crate) use at_entry;

/// The argument whose place is a field of the shape of a site, in one instruction.
macro_rules! argument {
    ($call:expr, $field:ident) => {{
        let value: u64;
        // SAFETY: the verifier checks the place against the function's prototype.
        unsafe {
            asm!(
                "{value} = *(u64 *)({context} + {offset})",
                value = out(reg) value,
                context = in(reg) $call.0.words,
                offset = const placeholder::ARGUMENT as u32 + shape!(SITE.$field),
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        value
    }};
}

/// A call of a traced kernel function, that of the site with this discriminant.
#[derive(Clone, Copy)]
pub(crate) struct Traced<const SITE: usize>(Arguments);

impl<const SITE: usize> Traced<SITE> {
    #[inline(always)]
    pub(crate) fn new(context: *const u64) -> Self {
        Self(Arguments::typed(context))
    }

    /// Integer argument `n`, a constant.
    #[inline(always)]
    pub(crate) fn integer(self, n: usize) -> u64 {
        self.0.integer(n)
    }

    /// Pointer argument `n`, a constant, as a number: see [`Arguments::number`].
    #[inline(always)]
    pub(crate) fn number(self, n: u32) -> u64 {
        self.0.number(n)
    }

    /// Pointer argument `n`, a constant.
    #[inline(always)]
    pub(crate) fn object(self, n: usize) -> Object {
        self.0.object(n)
    }

    /// What the function returned: it lies behind the arguments.
    #[inline(always)]
    pub(crate) fn result(self) -> i64 {
        argument!(self, arguments) as i64
    }

    /// As [`Self::result`], of a function that returns an `int`.
    #[inline(always)]
    pub(crate) fn result_int(self) -> i64 {
        i64::from(self.result() as i32)
    }

    /// The argument that tells a length or a count.
    #[inline(always)]
    pub(crate) fn length(self) -> u64 {
        argument!(self, length)
    }

    /// Whether the function has such an argument.
    #[inline(always)]
    pub(crate) fn has_length(self) -> bool {
        constant!(shape!(SITE.length)) != Shape::NONE
    }

    /// Which of the functions of a site it is.
    #[inline(always)]
    pub(crate) fn variant(self) -> u32 {
        constant!(shape!(SITE.variant))
    }

    /// Whether bytes between the caller's buffer and the kernel are copied: not when the buffer is
    /// a pipe, which takes references to pages, nor when it throws everything away.
    #[inline(always)]
    pub(crate) fn copies(self) -> bool {
        let iter = Object::typed(argument!(self, iter));
        let kind = if offset!(iter_type) == ABSENT {
            iter.load::<u8>(offset!(iter_type_old))
        } else {
            iter.load::<u8>(offset!(iter_type))
        };
        let kind = u32::from(kind) & variant!(iter_mask);
        kind != variant!(iter_pipe) && kind != variant!(iter_discard)
    }
}

/// Counts `bytes` that were copied for the running thread.
#[inline(always)]
fn copied(bytes: i64) {
    if bytes > 0 && !Account::stage_straight(bytes as u64, false) {
        copied_out_of_line(bytes as u64, false);
    }
}

/// As [`copied`]; an outer function will return them once more.
#[inline(always)]
fn copied_inside(bytes: i64) {
    if bytes > 0 && !Account::stage_straight(bytes as u64, true) {
        copied_out_of_line(bytes as u64, true);
    }
}

/// What is left of either when something is out of the ordinary.
#[inline(never)]
fn copied_out_of_line(bytes: u64, nested: bool) {
    let Some(account) = Account::current() else { return };
    account.copied(bytes);
    if nested {
        account.note_nested(bytes);
    }
}

/// Counts what `call` returned: all of it was copied.
#[inline(always)]
fn whole<const SITE: usize>(call: Traced<SITE>) {
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
