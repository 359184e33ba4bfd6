//! Bounce buffers: memory that the device cannot reach is copied to and from memory that it can.

use super::at_return;
use crate::account::{Account, LateAccount, count_late};

/// `DMA_TO_DEVICE`, `include/linux/dma-direction.h`.
const DMA_TO_DEVICE: u32 = 1;

at_return!(late
    /// `void swiotlb_bounce(..., phys_addr_t, size_t size, enum dma_data_direction)`,
    /// `kernel/dma/swiotlb.c`, 5.10 to 7.2. Filled by the thread that submits; emptied in an interrupt,
    /// which is unattributed.
    Bounce, zc_bounce, "swiotlb_bounce", |call| {
        let late = if call.integer(3) as u32 == DMA_TO_DEVICE {
            Account::current().map(Account::late)
        } else {
            LateAccount::unattributed()
        };
        if let Some(late) = late {
            count_late!(late, bounces, 1);
            count_late!(late, bounced_bytes, call.integer(2));
        }
    }
);
