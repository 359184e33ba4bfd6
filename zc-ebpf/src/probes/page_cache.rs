//! The page cache: lookups by reads, insertions, and pages mapped by faults.

use zc_common::{
    path::{CopyPath, lane},
    syscall::{SYSCALL_TABLE_LEN, SyscallKind},
};

use super::{Arguments, tracepoint};
use crate::{
    account::{Account, count},
    arch,
    kernel::{Object, offset, setting, variant},
};

tracepoint!(
    /// `mm_filemap_get_pages(struct address_space *mapping, pgoff_t index, pgoff_t last_index)`,
    /// `include/trace/events/filemap.h`, 6.12 to 7.2. Both indexes are inclusive.
    zc_get_pages, zc_get_pages_raw, "mm_filemap_get_pages", |arguments| looked_up(arguments)
);

/// A read asks for as many pages as its buffer has room for, beyond the end of the file, and asks
/// again for those that did not fit into a batch (`filemap_read`, `mm/filemap.c`).
#[inline(always)]
fn looked_up(arguments: Arguments) {
    let (index, mut last) = (arguments.integer(1), arguments.integer(2));
    let Some(account) = Account::current() else { return };
    let mapping = arguments.object(0);
    if last > index {
        let size = mapping.follow(offset!(mapping_host)).load::<u64>(offset!(inode_size));
        let end = size.saturating_sub(1) >> variant!(page_shift);
        if end < last {
            last = if end < index { index } else { end };
        }
    }
    if account.continues_lookup(mapping.address(), index, last) {
        return;
    }
    let pages = last.wrapping_sub(index).wrapping_add(1);
    count!(account, page_cache_accesses, pages);
}

tracepoint!(
    /// `mm_filemap_add_to_page_cache(struct folio *folio)`, 5.18 to 7.2 (a page before that).
    zc_add_page, zc_add_page_raw, "mm_filemap_add_to_page_cache", |arguments| inserted(arguments)
);

#[inline(always)]
fn inserted(arguments: Arguments) {
    let Some(account) = Account::current() else { return };
    let folio = arguments.object(0);
    if in_write_call() || is_beyond_end(folio) {
        // Pages made to be written into: no read was waiting for them.
        return;
    }
    let pages = 1 << order(folio);
    count!(account, page_cache_misses, pages);
}

/// Whether a folio lies beyond the end of its file: then it is there to make the file longer,
/// whichever way it is written (splice, sendfile, io_uring).
#[inline(always)]
fn is_beyond_end(folio: Object) -> bool {
    let (Some(mapping), Some(index)) =
        (folio.read::<u64>(offset!(folio_mapping)), folio.read::<u64>(offset!(folio_index)))
    else {
        return false;
    };
    let Some(host) = Object::untyped(mapping).read::<u64>(offset!(mapping_host)) else {
        return false;
    };
    let size = Object::untyped(host).read::<u64>(offset!(inode_size));
    size.is_some_and(|size| index << variant!(page_shift) >= size)
}

/// log2 of the pages in a folio: the low byte of `_flags_1` when the folio is large
/// (`folio_order`, `include/linux/mm.h`, 6.6 to 7.2).
#[inline(always)]
fn order(folio: Object) -> u64 {
    const MAX_ORDER: u64 = 20;
    if variant!(pg_head) >= 64 || offset!(folio_flags_1) == zc_common::layout::ABSENT {
        return 0;
    }
    let flags = folio.read::<u64>(offset!(folio_flags)).unwrap_or_default();
    if flags & (1 << variant!(pg_head)) == 0 {
        return 0;
    }
    let order = folio.read::<u64>(offset!(folio_flags_1)).unwrap_or_default() & 0xff;
    if order > MAX_ORDER { 0 } else { order }
}

/// Whether the running thread is inside a call that writes.
#[inline(always)]
fn in_write_call() -> bool {
    if variant!(task_pt_regs) == 0 {
        return false;
    }
    let number = arch::number(Object::current_task().user_registers());
    if number >= SYSCALL_TABLE_LEN as u64 {
        return false;
    }
    arch::SYSCALLS[number as usize] == SyscallKind::Write as u8
}

tracepoint!(
    /// `mm_filemap_map_pages(struct address_space *mapping, pgoff_t start, pgoff_t end)`, 6.12 to
    /// 7.2: a read fault maps the cached pages around it. Both ends are inclusive, and include
    /// pages that turn out not to be cached.
    zc_map_pages, zc_map_pages_raw, "mm_filemap_map_pages", |arguments| mapped_around(arguments)
);

#[inline(always)]
fn mapped_around(arguments: Arguments) {
    let (start, end) = (arguments.integer(1), arguments.integer(2));
    if end < start || setting!(map_sites) != 0 {
        // The file was truncated at the same time: nothing was mapped.
        return;
    }
    let Some(account) = Account::current() else { return };
    let pages = end - start + 1;
    account.book(lane(CopyPath::MmapRead), (pages << variant!(page_shift)) as i64);
}

tracepoint!(
    /// `mm_filemap_fault(struct address_space *mapping, pgoff_t index)`, 6.12 to 7.2: a fault that
    /// the pages around it could not serve, or a write.
    zc_file_fault, zc_file_fault_raw, "mm_filemap_fault", |arguments| faulted(arguments)
);

#[inline(always)]
fn faulted(_arguments: Arguments) {
    if setting!(map_sites) != 0 {
        return;
    }
    let Some(account) = Account::current() else { return };
    let path = if account.faults_by_write() { CopyPath::MmapWrite } else { CopyPath::MmapRead };
    account.book(lane(path), 1 << variant!(page_shift));
}
