//! What could not be counted where it belongs, by reason.

use aya_ebpf::{macros::map, maps::Array};
use zc_common::loss::Loss;

use crate::atomic;

/// Writers: any CPU, atomically.
#[map]
static LOSSES: Array<u64> = Array::with_max_entries(Loss::COUNT as u32, 0);

/// Counts a loss.
#[inline(always)]
pub(crate) fn note_loss(loss: Loss) {
    note_losses(loss, 1);
}

/// Counts several losses of the same kind.
#[inline(always)]
pub(crate) fn note_losses(loss: Loss, count: u64) {
    if let Some(counter) = LOSSES.get_ptr_mut(loss as u32) {
        atomic::add(counter, count);
    }
}
