//! Page faults: pages copied by the first write, pages mapped.

use zc_common::path::{CopyPath, lane};

use super::{Traced, at_return};
use crate::{
    account::{Account, maps_ahead},
    kernel::{Object, offset, setting, variant},
    objects::{self, Copies, Done},
};

/// `FAULT_FLAG_WRITE`, `include/linux/mm_types.h`.
const FAULT_FLAG_WRITE: u32 = 1;
/// `VM_SHARED`, `include/linux/mm.h`.
const VM_SHARED: u64 = 8;
/// `VM_FAULT_ERROR | VM_FAULT_RETRY`, `include/linux/mm_types.h`.
const VM_FAULT_FAILED: u64 = 0x873 | 0x400;

at_return!(
    /// Variant 0: `unsigned long copy_mc_to_kernel(void *, const void *, unsigned len)`,
    /// `arch/x86/lib/copy_mc.c`: what it returns was not copied. Variant 1, before 6.12:
    /// `vm_fault_t wp_page_copy(struct vm_fault *)`, `mm/memory.c`; its page is null when it was the
    /// page of zeros, which is not copied.
    CowCopy, zc_cow_copy, "copy_mc_to_kernel", |call| {
        if call.variant() == 0 {
            broken(i64::from(call.integer(2) as u32) - call.result());
        } else {
            let fault = call.object(0);
            if call.result() as u64 & VM_FAULT_FAILED == 0
                && fault.load::<u64>(offset!(fault_page)) != 0
            {
                broken(1 << variant!(page_shift));
            }
        }
    }
);

at_return!(
    /// `vm_fault_t finish_fault(struct vm_fault *)`, `mm/memory.c`: maps the page that a file has brought. A write to a
    /// private mapping, of whichever kind of file, maps a copy of it, which was made before (`do_cow_fault`); where
    /// `copy_mc_to_kernel` does not see that.
    CowFile, zc_cow_file, "finish_fault", |call| {
        let fault = call.object(0);
        if call.result() as u64 & VM_FAULT_FAILED == 0 && is_write(fault) && !is_shared(fault) {
            broken(1 << variant!(page_shift));
        }
    }
);

/// A page was copied. Threads of the kernel copy pages to move or merge them: that is no fault.
#[inline(always)]
fn broken(bytes: i64) {
    if bytes <= 0 {
        return;
    }
    let Some(account) = Account::current() else { return };
    if account.is_unattributed() {
        account.book_copied(lane(CopyPath::CowCopy), bytes as u64, bytes as u64);
        return account.weigh_now(lane(CopyPath::CowCopy), bytes as u64);
    }
    if account.is_kernel_thread() {
        account.book_copied(lane(CopyPath::KernelCopy), 0, bytes as u64);
    } else {
        account.book_copied(lane(CopyPath::CowCopy), bytes as u64, bytes as u64);
        account.weigh_now(lane(CopyPath::CowCopy), bytes as u64);
    }
}

at_return!(
    /// `void set_pte_range(struct vm_fault *, struct folio *, struct page *, unsigned int nr, unsigned
    /// long)`, `mm/memory.c`, since 6.6; `do_set_pte` (6.1) and `alloc_set_pte` (5.10) map one page.
    MapPages, zc_map_ptes, "set_pte_range", |call| {
        let pages = if call.has_length() { u64::from(call.length() as u32) } else { 1 };
        mapped(call, pages);
    }
);

at_return!(
    /// `vm_fault_t do_set_pmd(struct vm_fault *, ...)`, `mm/memory.c`.
    MapHuge, zc_map_huge, "do_set_pmd", |call| {
        if call.result() as u32 == 0 {
            // A table of entries of 8 bytes fills a page.
            mapped(call, 1 << (variant!(page_shift) - 3));
        }
    }
);

#[inline(always)]
fn mapped<const SITE: usize>(call: Traced<SITE>, pages: u64) {
    let fault = call.object(0);
    let path = match (is_write(fault), is_shared(fault)) {
        (true, true) if is_ahead(fault) => CopyPath::MmapRead,
        (true, true) => CopyPath::MmapWrite,
        // The page is a copy of the one of the file.
        (true, false) => return,
        (false, _) => CopyPath::MmapRead,
    };
    if let Some(account) = Account::current() {
        let bytes = pages << variant!(page_shift);
        account.book(lane(path), bytes as i64);
        account.mapped_in_call(bytes);
        if setting!(objects) != 0 {
            let area = fault.follow(offset!(fault_vma));
            let file = area.read::<u64>(offset!(vma_file)).unwrap_or_default();
            let done = Done::new(account, lane(path), 1, 0);
            objects::files(done, file, file, bytes, Copies::default());
        }
    }
}

#[inline(always)]
fn is_write(fault: Object) -> bool {
    fault.load::<u32>(offset!(fault_flags)) & FAULT_FLAG_WRITE != 0
}

/// Whether the page is mapped ahead of use (`MAP_POPULATE`, mlock, madvise): nothing is written to it. The kernel takes
/// such a fault for itself: neither `FAULT_FLAG_USER`, `FAULT_FLAG_REMOTE` nor `FAULT_FLAG_INTERRUPTIBLE` is set, which
/// every fault of the processor has (`include/linux/mm_types.h`, `mm/gup.c`, 5.10 to 7.2).
#[inline(always)]
fn is_ahead(fault: Object) -> bool {
    const TAKEN: u32 = 0x40 | 0x80 | 0x200;
    fault.load::<u32>(offset!(fault_flags)) & TAKEN == 0 && maps_ahead()
}

#[inline(always)]
fn is_shared(fault: Object) -> bool {
    fault.follow(offset!(fault_vma)).load::<u64>(offset!(vma_flags)) & VM_SHARED != 0
}
