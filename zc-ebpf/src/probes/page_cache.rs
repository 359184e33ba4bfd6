//! The page cache: insertions, and pages mapped by faults.

use zc_common::{
    layout::ABSENT,
    path::{CopyPath, lane},
    record::{FAULT_OF_READ, FAULT_OF_WRITE, PageRun},
    syscall::SyscallKind,
};

use super::{Arguments, tracepoint};
use crate::{
    account::{Account, Caller, caller, count},
    kernel::{Object, offset, setting, variant},
    objects::{self, Done},
};

tracepoint!(
    /// `mm_filemap_add_to_page_cache(struct folio *folio)`, 5.18 to 7.2 (a page before that).
    zc_add_page, zc_add_page_raw, "mm_filemap_add_to_page_cache", |arguments| inserted(arguments)
);

#[inline(always)]
fn inserted(arguments: Arguments) {
    const NONE: u8 = SyscallKind::None as u8;
    const WRITE: u8 = SyscallKind::Write as u8;
    const COPY_FILE_RANGE: u8 = SyscallKind::CopyFileRange as u8;

    let caller = caller();
    if caller == Caller::Call(WRITE) {
        // Pages made to be written into: no read was waiting for them.
        return;
    }
    let Some(account) = Account::current() else { return };
    let Some(place) = Place::of(arguments.object(0)) else { return };
    let is_named = place.is_named();
    if is_named && matches!(caller, Caller::Unknown | Caller::Call(COPY_FILE_RANGE)) {
        account.note_copied_range();
    }
    if place.is_beyond_end() {
        return;
    }
    let PageRun { first, end } = place.run;
    count!(account, page_cache_misses, end.wrapping_sub(first));
    match caller {
        // No read of bytes: a fault, or advice.
        Caller::Call(NONE) => {}
        // Which operation will read them is not known until it completes: what is read ahead is taken to
        // be read by one.
        Caller::Operation => count!(account, page_cache_fetched, end.wrapping_sub(first)),
        _ => account.note_inserted(place.mapping, is_named, place.run),
    }
}

/// Where a folio is inserted.
#[derive(Clone, Copy)]
struct Place {
    /// Address of the `struct address_space`.
    mapping: u64,
    host: Object,
    run: PageRun,
}

impl Place {
    #[inline(always)]
    fn of(folio: Object) -> Option<Self> {
        let (mapping, first) = if offset!(folio_mapping) == ABSENT {
            // Before 5.16.
            (folio.read::<u64>(offset!(page_mapping))?, folio.read::<u64>(offset!(page_index))?)
        } else {
            (folio.read::<u64>(offset!(folio_mapping))?, folio.read::<u64>(offset!(folio_index))?)
        };
        let host = Object::untyped(mapping).read::<u64>(offset!(mapping_host))?;
        let run = PageRun { first, end: first.wrapping_add(1 << order(folio)) };
        Some(Self { mapping, host: Object::untyped(host), run })
    }

    /// Whether it lies beyond the end of its file: then it is there to make the file longer,
    /// whichever way it is written (splice, sendfile, io_uring).
    #[inline(always)]
    fn is_beyond_end(&self) -> bool {
        let size = self.host.read::<u64>(offset!(inode_size));
        size.is_some_and(|size| self.run.first << variant!(page_shift) >= size)
    }

    /// Whether the file has a name: neither a block device nor where a file system keeps its metadata.
    #[inline(always)]
    fn is_named(&self) -> bool {
        self.host.read::<u64>(offset!(inode_dentries)).is_some_and(|first| first != 0)
    }
}

/// log2 of the pages in a folio that is large: the low byte of `_flags_1` (`folio_order`,
/// `include/linux/mm.h`, 6.6 to 7.2), `_folio_order` before, `compound_order` of its second page until 6.1.
#[inline(always)]
pub(super) fn order(folio: Object) -> u64 {
    const MAX_ORDER: u64 = 20;
    if variant!(pg_head) >= 64 {
        return 0;
    }
    let flags = if offset!(folio_flags) == ABSENT {
        folio.read::<u64>(offset!(page_flags))
    } else {
        folio.read::<u64>(offset!(folio_flags))
    };
    if flags.unwrap_or_default() & (1 << variant!(pg_head)) == 0 {
        return 0;
    }
    let order = if offset!(page_order) != ABSENT {
        folio.read::<u8>(variant!(page_bytes) + offset!(page_order)).map(u64::from)
    } else if offset!(folio_order) != ABSENT {
        folio.read::<u8>(offset!(folio_order)).map(u64::from)
    } else {
        folio.read::<u64>(offset!(folio_flags_1)).map(|flags| flags & 0xff)
    };
    let order = order.unwrap_or_default();
    if order > MAX_ORDER { 0 } else { order }
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
    let bytes = pages << variant!(page_shift);
    book_mapped(account, arguments, CopyPath::MmapRead, bytes);
}

/// Books pages that were mapped, of the `struct address_space` in the first argument.
#[inline(always)]
fn book_mapped(account: Account, arguments: Arguments, path: CopyPath, bytes: u64) {
    account.book(lane(path), bytes as i64);
    account.mapped_in_call(bytes);
    if setting!(objects) != 0 {
        let inode = arguments.object(0).read::<u64>(offset!(mapping_host)).unwrap_or_default();
        objects::inode(Done::new(account, lane(path), 1, 0), inode, bytes);
    }
}

tracepoint!(
    /// `mm_filemap_fault(struct address_space *mapping, pgoff_t index)`, 6.12 to 7.2: a fault that
    /// the pages around it could not serve, or a write.
    zc_file_fault, zc_file_fault_raw, "mm_filemap_fault", |arguments| faulted(arguments)
);

#[inline(always)]
fn faulted(arguments: Arguments) {
    if setting!(map_sites) != 0 {
        return;
    }
    let Some(account) = Account::current() else { return };
    let path = match account.fault_kind() {
        FAULT_OF_READ => CopyPath::MmapRead,
        FAULT_OF_WRITE => CopyPath::MmapWrite,
        // The page is a copy of the one of the file.
        _ => return,
    };
    book_mapped(account, arguments, path, 1 << variant!(page_shift));
}
