//! Writeback: pages that one thread dirtied, and another writes to a device.

use aya_ebpf::{macros::map, maps::LruHashMap};
use zc_common::{layout::ABSENT, record::Owner, syscall::SyscallKind};

use super::{Arguments, tracepoint};
use crate::{
    account::{Account, Caller, LateAccount, caller},
    kernel::{Object, offset, variant},
};

/// The thread that dirtied the last page of a file, by the address of its `struct inode`. Writers: any
/// CPU. Bound: the files with dirty pages that are remembered; beyond it the one least recently used
/// is forgotten, and what is written of it is unattributed.
#[map]
static DIRTIED_BY: LruHashMap<u64, Owner> = LruHashMap::with_max_entries(16_384, 0);

/// The file type in `inode.i_mode`, `include/uapi/linux/stat.h`, and a block device.
const S_IFMT: u16 = 0o170_000;
const S_IFBLK: u16 = 0o060_000;

/// `PAGE_MAPPING_FLAGS`, `include/linux/page-flags.h`: the page belongs to no file.
const MAPPING_FLAGS: u64 = 3;

tracepoint!(
    /// `writeback_dirty_folio(struct folio *folio, struct address_space *mapping)`,
    /// `include/trace/events/writeback.h`, 5.18 to 7.2; `writeback_dirty_page` with a page before.
    /// Fires when a clean page is dirtied, in the thread that does so.
    zc_dirty_page, zc_dirty_page_raw, "writeback_dirty_folio", |arguments| dirtied(arguments)
);

#[inline(always)]
fn dirtied(arguments: Arguments) {
    const COPY_FILE_RANGE: u8 = SyscallKind::CopyFileRange as u8;

    let mapping = arguments.object(1);
    if mapping.is_null() {
        return;
    }
    let host = mapping.follow(offset!(mapping_host));
    if host.is_null() {
        return;
    }
    let named = host.load::<u64>(offset!(inode_dentries)) != 0;
    if !named && host.load::<u16>(offset!(inode_mode)) & S_IFMT != S_IFBLK {
        // A file that a program writes to has a name, even when that was unlinked. Inodes without a
        // name are where file systems keep their metadata.
        return;
    }
    let Some(account) = Account::current() else { return disown(host.address()) };
    if matches!(caller(), Caller::Unknown | Caller::Call(COPY_FILE_RANGE)) {
        account.note_copied_range();
    }
    let owner = account.owner();
    let inode = host.address();
    if let Some(known) = DIRTIED_BY.get_ptr(inode) {
        // A look is much cheaper than an update, and a file has one writer for most of the time.
        // SAFETY: a map value; torn at worst, then it is written again.
        let known = unsafe { core::ptr::read_volatile(known) };
        if known.slot == owner.slot && known.start_ns == owner.start_ns {
            return;
        }
    }
    let _ = DIRTIED_BY.insert(inode, owner, 0);
}

/// Notes that a process that is not followed has dirtied the last page of a file.
#[inline(always)]
fn disown(inode: u64) {
    if DIRTIED_BY.get_ptr(inode).is_some() {
        let _ = DIRTIED_BY.remove(inode);
    }
}

/// The thread that dirtied the pages that `bio` is about to write: the one that dirtied the last page
/// of their file. Pages that are not being written back (direct I/O, the journal) and metadata are the
/// issuer's own, if it is followed. Unknown is who dirtied what was dirty before the programs were attached, and pages of
/// a file that is not remembered any more.
#[inline(always)]
pub(super) fn dirtier(bio: Object, issuer: Option<LateAccount>) -> Option<LateAccount> {
    let Some(inode) = written_back(bio) else { return issuer };
    if let Some(owner) = DIRTIED_BY.get_ptr(inode.address()) {
        // SAFETY: a map value; one that is being replaced belongs to no thread, which is
        // noticed.
        return LateAccount::of(unsafe { &*owner });
    }
    if inode.read::<u64>(offset!(inode_dentries)) == Some(0) {
        issuer
    } else {
        LateAccount::unattributed()
    }
}

/// The inode of the page that `bio` begins with, if it is being written back.
#[inline(always)]
fn written_back(bio: Object) -> Option<Object> {
    if variant!(pg_writeback) >= 64 {
        return None;
    }
    let page = first_page(bio)?;
    let flags = page.read::<u64>(offset!(page_flags))?;
    if flags & (1 << variant!(pg_writeback)) == 0 {
        return None;
    }
    let mapping = page.read::<u64>(offset!(page_mapping))?;
    if mapping == 0 || mapping & MAPPING_FLAGS != 0 {
        return None;
    }
    let host = Object::untyped(mapping).read::<u64>(offset!(mapping_host))?;
    if host == 0 { None } else { Some(Object::untyped(host)) }
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
