//! Atomic additions, for counters that several CPUs write.

use core::arch::asm;

/// Adds to a counter in a map.
#[inline(always)]
pub(crate) fn add(counter: *mut u64, value: u64) {
    // The target's `core` offers atomics without `fetch_add`, as BPF before 5.12 cannot return the
    // old value.
    // SAFETY: an addition to a map value, which is aligned to 8 and lives as long as the program.
    unsafe {
        asm!("lock *(u64 *)({counter} + 0) += {value}", counter = in(reg) counter, value = in(reg) value);
    }
}
