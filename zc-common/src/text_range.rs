//! Where the kernel's copy routines lie in memory: what the sampler compares addresses with.

/// Most ranges that one table holds. Neighbouring routines share a range, and the list of routines
/// is short: kernels need about half of it.
pub const COPY_RANGES: usize = 64;

/// Addresses of code, from `begin` up to and without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct TextRange {
    /// First address.
    pub begin: u64,
    /// First address after it.
    pub end: u64,
}

impl TextRange {
    /// Fills the table behind the last range: greater than any address.
    pub const BEYOND: Self = Self { begin: u64::MAX, end: u64::MAX };
}

/// The ranges in the order of their addresses, none touching the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct CopyRanges {
    /// The used ones first.
    pub ranges: [TextRange; COPY_RANGES],
}

impl CopyRanges {
    /// No range: no address is in a copy routine.
    pub const EMPTY: Self = Self { ranges: [TextRange::BEYOND; COPY_RANGES] };
}

const _: () = {
    assert!(COPY_RANGES.is_power_of_two());
    assert!(size_of::<CopyRanges>() == 16 * COPY_RANGES);
};
