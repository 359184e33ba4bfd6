//! The copy tax: a sampler on every CPU, and the addresses that it looks for.

mod sampler;

use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Array, MapData},
    programs::PerfEvent,
};
use zc_common::text_range::{COPY_RANGES, CopyRanges, TextRange};

use super::{
    attach::programs::{Load, Loader, Target},
    object::{map, program},
    refusal::Refusal,
};
pub use sampler::Sampler;

/// Samples a second on each CPU, on average.
pub const FREQUENCY: u32 = 99;

/// The program that samples.
pub(super) const SAMPLER: Load = Load { program: program::SAMPLE, target: Target::Any };

/// The one that also notes where in their code programs are.
pub(super) const CODE_SAMPLER: Load = Load { program: program::SAMPLE_CODE, target: Target::Any };

/// The one that also takes stacks.
pub(super) const STACK_SAMPLER: Load =
    Load { program: program::SAMPLE_STACKS, target: Target::Any };

/// The kernel's copy routines, sorted by name: code that does nothing but move bytes from one place in
/// memory to another, on any kernel since 5.10.
///
/// On x86 the copy loop is either a routine of its own or, since 6.4 and with a processor whose
/// `rep movsb` is fast, inside the calling function: hence the callers that do little else. A structure
/// that some other function copies to user space that way is missed.
///
/// Left out on purpose: `memset`, `clear_page`, `clear_user` and `iov_iter_zero`, which write zeros
/// and copy nothing; `copy_from_kernel_nofault` and `strncpy_from_user`, which look at kernel
/// structures and names, not at data (and the first of which is how eBPF programs read memory, those
/// of `zc` among them); `copy_process`, `copy_siginfo` and others that are called copies for what they
/// mean, not for what they do.
pub const ROUTINES: &[&str] = &[
    "__arch_copy_from_user",
    "__arch_copy_to_user",
    "__copy_user_flushcache",
    "__copy_user_nocache",
    "__memcpy",
    "__memcpy_flushcache",
    "__memcpy_fromio",
    "__memcpy_toio",
    "__memmove",
    "__pi_copy_page",
    "__pi_memcpy",
    "__pi_memmove",
    "_copy_from_iter",
    "_copy_from_iter_flushcache",
    "_copy_from_iter_full",
    "_copy_from_iter_full_nocache",
    "_copy_from_iter_nocache",
    "_copy_from_user",
    "_copy_mc_to_iter",
    "_copy_to_iter",
    "_copy_to_user",
    "copy_folio_from_iter_atomic",
    "copy_from_user_iter",
    "copy_mc_enhanced_fast_string",
    "copy_mc_fragile",
    "copy_mc_fragile_handle_tail",
    "copy_mc_generic",
    "copy_mc_to_kernel",
    "copy_mc_to_user",
    "copy_page",
    "copy_page_from_iter",
    "copy_page_from_iter_atomic",
    "copy_page_from_iter_iovec",
    "copy_page_regs",
    "copy_page_to_iter",
    "copy_page_to_iter_iovec",
    "copy_page_to_iter_nofault",
    "copy_to_nontemporal",
    "copy_to_user_iter",
    "copy_to_user_iter_mc",
    "copy_user_enhanced_fast_string",
    "copy_user_flushcache",
    "copy_user_generic",
    "copy_user_generic_string",
    "copy_user_generic_unrolled",
    "copy_user_handle_tail",
    "copyin",
    "copyout",
    "copyout_mc",
    "copyout_nofault",
    "crc32c_and_copy_to_iter",
    "csum_and_copy_from_iter",
    "csum_and_copy_from_iter_full",
    "csum_and_copy_from_user",
    "csum_and_copy_to_iter",
    "csum_and_copy_to_user",
    "csum_partial_copy_generic",
    "csum_partial_copy_nocheck",
    "hash_and_copy_to_iter",
    "iov_iter_copy_from_user_atomic",
    "memcpy",
    "memcpy_erms",
    "memcpy_flushcache",
    "memcpy_from_iter",
    "memcpy_fromio",
    "memcpy_orig",
    "memcpy_to_iter",
    "memcpy_toio",
    "memmove",
    "memmove_erms",
    "raw_copy_from_user",
    "raw_copy_to_user",
    "rep_movs_alternative",
];

/// Whether `symbol` is a copy routine, or a part of one that the compiler made a function of its own
/// (`copy_page_to_iter.part.0`, `_copy_to_iter.cold`).
#[must_use]
pub fn is_copy_routine(symbol: &str) -> bool {
    let name = symbol.split_once('.').map_or(symbol, |(name, _)| name);
    ROUTINES.binary_search(&name).is_ok()
}

/// Gathers the copy routines from a symbol table that is in the order of its addresses.
#[derive(Default)]
pub(super) struct Routines {
    found: Vec<TextRange>,
    /// Where the routine begins whose end is not known yet.
    open: Option<u64>,
}

impl Routines {
    /// Takes the next symbol. `kind` is that of `nm`.
    pub(super) fn push(&mut self, address: u64, kind: &str, name: &str) {
        self.end_at(address);
        if self.open.is_none()
            && address != 0
            && matches!(kind, "t" | "T" | "w" | "W")
            && is_copy_routine(name)
        {
            self.open = Some(address);
        }
    }

    /// Ends an open routine unless `address` is only another name of it.
    pub(super) fn end_at(&mut self, address: u64) {
        let Some(begin) = self.open.filter(|begin| *begin < address) else { return };
        self.open = None;
        match self.found.last_mut() {
            Some(last) if last.end == begin => last.end = address,
            _ => self.found.push(TextRange { begin, end: address }),
        }
    }

    /// The table for the kernel side.
    pub(super) fn ranges(mut self) -> Result<CopyRanges, Refusal> {
        self.found.sort_unstable_by_key(|range| range.begin);
        let count = self.found.len();
        if count == 0 {
            return Err(Refusal::NoCopyRoutine);
        }
        let mut table = CopyRanges::EMPTY;
        let Some(used) = table.ranges.get_mut(..count) else {
            return Err(Refusal::TooManyCopyRoutines { found: count, room: COPY_RANGES });
        };
        used.copy_from_slice(&self.found);
        Ok(table)
    }
}

/// Starts the sampler on every CPU that is online.
pub(super) fn attach(
    ebpf: &mut Ebpf,
    loader: &mut Loader,
    sampler: Load,
    routines: &CopyRanges,
    frequency: u32,
) -> Result<Sampler> {
    let mut table: Array<&mut MapData, CopyRanges> = Array::try_from(
        ebpf.map_mut(map::COPY_ROUTINES).context("the object has no map COPY_ROUTINES")?,
    )?;
    table.set(0, routines, 0).context("cannot store the addresses of the copy routines")?;
    let program: &mut PerfEvent =
        loader.load(ebpf, sampler).context("cannot load the sampler")?.try_into()?;
    Sampler::start(program.fd()?.as_fd(), frequency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_knows_the_parts_of_a_routine() {
        assert!(ROUTINES.is_sorted_by(|a, b| a < b));
        for name in ["memcpy", "_copy_to_iter.cold", "copy_page_to_iter.part.0"] {
            assert!(is_copy_routine(name), "{name}");
        }
        for name in ["memset", "clear_page_erms", "copy_process", "", ".part.0", "memcpy_x"] {
            assert!(!is_copy_routine(name), "{name}");
        }
    }

    #[test]
    fn more_routines_than_the_table_holds_are_a_refusal() {
        let mut routines = Routines::default();
        for n in 1..=COPY_RANGES as u64 + 1 {
            routines.push(n * 16, "t", "memcpy");
            routines.push(n * 16 + 8, "t", "other");
        }
        let refusal = routines.ranges().unwrap_err();
        let found = COPY_RANGES + 1;
        assert_eq!(refusal, Refusal::TooManyCopyRoutines { found, room: COPY_RANGES });
    }
}
