//! Pages that are dirtied, for some thread to write to storage later.

use zc_common::{layout::ABSENT, syscall::SyscallKind};

use super::{Arguments, page_cache::order, tracepoint};
use crate::{
    account::{Account, Caller, caller, count_late},
    kernel::{Object, offset, setting, variant},
};

/// The file type in `inode.i_mode`, `include/uapi/linux/stat.h`: a block device, and a regular file.
const S_IFMT: u16 = 0o170_000;
const S_IFBLK: u16 = 0o060_000;
const S_IFREG: u16 = 0o100_000;

/// `PAGE_MAPPING_FLAGS`, `include/linux/page-flags.h`: the page belongs to no file.
const MAPPING_FLAGS: u64 = 3;

tracepoint!(
    /// `writeback_dirty_folio(struct folio *folio, struct address_space *mapping)`,
    /// `include/trace/events/writeback.h`, 5.18 to 7.2; `writeback_dirty_page` with a page before.
    /// Fires when a clean page is dirtied, in the thread that does so, where the kernel counts the page in
    /// `write_bytes` of `/proc/PID/io` (`folio_account_dirtied`, `mm/page-writeback.c`).
    zc_dirty_page, zc_dirty_page_raw, "writeback_dirty_folio", |arguments| dirtied(arguments)
);

#[inline(always)]
fn dirtied(arguments: Arguments) {
    const COPY_FILE_RANGE: u8 = SyscallKind::CopyFileRange as u8;

    let Some(account) = Account::current() else { return };
    let bytes = 1 << (order(arguments.object(0)) + u64::from(variant!(page_shift)));
    count_late!(account.late(), block_dirtied_bytes, bytes);
    if is_named(arguments.object(1)) {
        if matches!(caller(), Caller::Unknown | Caller::Call(COPY_FILE_RANGE)) {
            account.note_copied_range();
        }
        if setting!(copy_sites) == 0 {
            account.dirtied_file(bytes);
        }
    }
}

/// Whether pages are those of a file that programs write to: it has a name, even when that was unlinked, and is no
/// directory. Inodes without a name are where file systems keep their metadata, block devices among them.
#[inline(always)]
fn is_named(mapping: Object) -> bool {
    if mapping.is_null() {
        return false;
    }
    let host = mapping.follow(offset!(mapping_host));
    !host.is_null()
        && host.load::<u64>(offset!(inode_dentries)) != 0
        && host.load::<u16>(offset!(inode_mode)) & S_IFMT == S_IFREG
}

/// Whether the memory that `bio` reads into or writes from belongs to no file: to a program or to the kernel.
#[inline(always)]
pub(super) fn is_of_no_file(bio: Object) -> bool {
    first_page(bio).is_some_and(|page| {
        let mapping = page.read::<u64>(offset!(page_mapping)).unwrap_or_default();
        mapping == 0 || mapping & MAPPING_FLAGS != 0
    })
}

/// Whether `bio`, which is about to be written, bypasses the page cache: direct I/O, or a log of the file system in
/// the kernel's own memory. What was dirtied in the page cache has been counted then, be it written back, or as a
/// buffer of a block device (`submit_bh`, `fs/buffer.c`, which sets no mark on the page).
#[inline(always)]
pub(super) fn bypasses_cache(bio: Object) -> bool {
    let Some(page) = first_page(bio) else { return true };
    let mapping = page.read::<u64>(offset!(page_mapping)).unwrap_or_default();
    if mapping == 0 || mapping & MAPPING_FLAGS != 0 {
        return true;
    }
    // A program may write directly from what it has mapped of a file.
    let is_written_back = variant!(pg_writeback) < 64
        && page.read::<u64>(offset!(page_flags)).unwrap_or_default() >> variant!(pg_writeback) & 1
            != 0;
    let host = Object::untyped(mapping).read::<u64>(offset!(mapping_host)).unwrap_or_default();
    let mode = Object::untyped(host).read::<u16>(offset!(inode_mode)).unwrap_or_default();
    !is_written_back && mode & S_IFMT != S_IFBLK
}

/// The head of the page that `bio` begins with. The part of a bio that was split off begins in the
/// middle of the same vector, `struct bio_vec` of 16 bytes.
#[inline(always)]
fn first_page(bio: Object) -> Option<Object> {
    const VECTOR_BYTES: u64 = 16;
    let vectors = bio.load::<u64>(offset!(bio_vectors));
    if vectors == 0 {
        return None;
    }
    let index = u64::from(bio.load::<u32>(offset!(bio_index)));
    let vector = Object::untyped(vectors.wrapping_add(VECTOR_BYTES * index));
    let page = vector.read::<u64>(offset!(vector_page))?;
    let skipped = vector
        .read::<u32>(offset!(vector_offset))?
        .wrapping_add(bio.load::<u32>(offset!(bio_done)));
    let pages = u64::from(skipped >> variant!(page_shift));
    Some(head(page.wrapping_add(pages * u64::from(variant!(page_bytes)))))
}

/// The first page of the folio that `page` belongs to (`_compound_head`,
/// `include/linux/page-flags.h`): tail pages have bit 0 set in a word that holds the address of the
/// head or, in 7.2 when `struct page` has a power of two of bytes, the mask that leads there.
#[inline(always)]
fn head(page: u64) -> Object {
    let object = Object::untyped(page);
    if offset!(page_compound_info) != ABSENT {
        let info = object.read::<u64>(offset!(page_compound_info)).unwrap_or_default();
        if info & 1 == 0 {
            return object;
        }
        return Object::untyped(if variant!(page_bytes).is_power_of_two() {
            page & info
        } else {
            info - 1
        });
    }
    let head = object.read::<u64>(offset!(page_compound_head)).unwrap_or_default();
    if head & 1 == 0 { object } else { Object::untyped(head - 1) }
}
