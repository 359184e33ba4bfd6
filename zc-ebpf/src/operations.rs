//! What a `file_operations` or `proto_ops` table says about the files or sockets that use it.
//!
//! Every ext4 file has the same table, every TCP socket too, so a class that was worked out once
//! from inode and superblock holds for the table. That is a cache that cannot go stale, on one
//! condition: the table lies in the kernel image, whose memory is never reused. Tables of modules
//! and tables made on the heap (debugfs) are not remembered.

use aya_ebpf::{macros::map, maps::Array};

use crate::kernel::frozen;

/// What an operations table of the kernel image says about files or sockets, learned as they are
/// seen. Writers: any CPU, whole words.
#[map]
static CLASS_BY_OPERATIONS: Array<u64> = Array::with_max_entries(SLOTS, 0);

/// First address of the kernel image, and the first after it; equal when they are not known.
#[unsafe(no_mangle)]
static IMAGE_BEGIN: u64 = 0;
/// See [`IMAGE_BEGIN`].
#[unsafe(no_mangle)]
static IMAGE_END: u64 = 0;

/// Slots of the table; two tables that share a slot displace each other, which costs time only.
const SLOTS: u32 = 256;

/// Bits of a remembered word that hold the class; the address takes the others, so that one store
/// changes both.
const CLASS_BITS: u32 = 8;

#[inline(always)]
fn is_static(address: u64) -> bool {
    address >= frozen(&IMAGE_BEGIN) && address < frozen(&IMAGE_END)
}

/// Tables are aligned to 32 bytes at least.
#[inline(always)]
fn slot(address: u64) -> Option<*mut u64> {
    CLASS_BY_OPERATIONS.get_ptr_mut((address >> 5) as u32 % SLOTS)
}

/// The class remembered for the table at `address`, 0 when there is none.
#[inline(always)]
pub(crate) fn recall(address: u64) -> u8 {
    if !is_static(address) {
        return 0;
    }
    let Some(slot) = slot(address) else { return 0 };
    // SAFETY: a word of a map value.
    let word = unsafe { slot.read_volatile() };
    if word >> CLASS_BITS == address << CLASS_BITS >> CLASS_BITS { word as u8 } else { 0 }
}

/// Remembers `class`, not 0, for the table at `address`.
#[inline(always)]
pub(crate) fn remember(address: u64, class: u8) {
    if is_static(address)
        && let Some(slot) = slot(address)
    {
        // SAFETY: a word of a map value; each CPU in a race writes a true word.
        unsafe { slot.write_volatile(address << CLASS_BITS | u64::from(class)) };
    }
}
