//! What a `file_operations` or `proto_ops` table says about the files or sockets that use it.
//!
//! Every ext4 file has the same table, every TCP socket too, so a class that was worked out once from
//! inode and superblock holds for the table. That is a cache that cannot go stale, on two conditions: the
//! table lies in the kernel's image or in a module, where nothing else is ever allocated (tables on the
//! heap, as debugfs makes them, are not remembered); and everything is forgotten when a module comes or
//! goes, because the next module may have another table at the same address.

use core::ptr;

use crate::{arch, kernel::difference};

/// What is remembered, in writable data, where it is one load away. Writers: any CPU, whole words.
static mut CLASSES: [u64; SLOTS] = [0; SLOTS];

/// Slots of the table; two tables that share a slot displace each other, which costs time only.
const SLOTS: usize = 256;

/// Bits of a remembered word that hold the class; the address takes the others, so that one store
/// changes both.
const CLASS_BITS: u32 = 8;

/// The slot of the table at `address`: tables are aligned to 32 bytes at least.
#[inline(always)]
fn slot(address: u64) -> *mut u64 {
    let index = (address >> 5) as usize & (SLOTS - 1);
    // SAFETY: inside the array; only the address is taken.
    unsafe { (&raw mut CLASSES).cast::<u64>().add(index) }
}

/// The class remembered for the table at `address`, 0 when there is none.
#[inline(always)]
pub(crate) fn recall(address: u64) -> u64 {
    // SAFETY: a word that is written whole.
    let word = unsafe { ptr::read_volatile(slot(address)) };
    // Of a word of this address, the class is all that is left.
    let class = difference(word, address << CLASS_BITS);
    if class >= 1 << CLASS_BITS { 0 } else { class }
}

/// Remembers `class`, not 0, for the table at `address`.
#[inline(always)]
pub(crate) fn remember(address: u64, class: u8) {
    if arch::is_code(address) {
        // SAFETY: as above; each CPU in a race writes a true word.
        unsafe { ptr::write_volatile(slot(address), address << CLASS_BITS | u64::from(class)) };
    }
}

/// Forgets everything.
///
/// When a module goes, and once more when one comes: a program that was looking at a file of the first
/// when it was unloaded may have written after the first time, not after the second. The memory of a
/// module is given away after a grace period of RCU, which such a program holds up (`free_module`,
/// `kernel/module/main.c`, 5.10 to 7.2).
#[inline(always)]
pub(crate) fn forget_all() {
    for index in 0..SLOTS {
        // SAFETY: inside the array.
        unsafe { ptr::write_volatile((&raw mut CLASSES).cast::<u64>().add(index), 0) };
    }
}
