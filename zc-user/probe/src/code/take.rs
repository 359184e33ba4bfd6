//! Taking entries out of the kernel's table: read and removed at once, so that no sample is lost in between.

use std::{io, os::fd::AsFd};

use zc_common::code::{CODE_PLACES, CodePlace};

use crate::hash;

/// Entries at most: others may fill the table again while it is read.
const MOST: usize = 4 * CODE_PLACES as usize;

/// All entries of the table, which is left empty.
pub(super) fn all(map: impl AsFd) -> io::Result<Vec<(CodePlace, u64)>> {
    hash::take_all(map, 0, MOST)
}
