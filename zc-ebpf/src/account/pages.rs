//! Pages of the page cache: those that reads access, by arithmetic, and those that the same call has
//! brought in.
//!
//! No hook is needed where the kernel looks pages up: the position and the result of a read tell which
//! pages its bytes lie in.

use zc_common::record::{EVIDENCE_COPIED_RANGE, EVIDENCE_INSERTED, PageRun};

use super::{Account, count};
use crate::{
    descriptor::{Class, File},
    kernel::{Object, offset, opaque, variant},
};

/// For [`zc_accessed`]: the position is the file's own.
pub(crate) const OWN_POSITION: u64 = u64::MAX;

/// The pages in which `bytes`, at least one, lie that end at `end`.
#[inline(always)]
pub(super) fn pages(end: u64, bytes: u64) -> PageRun {
    let shift = variant!(page_shift);
    PageRun {
        first: end.wrapping_sub(bytes) >> shift,
        end: (end.wrapping_sub(1) >> shift).wrapping_add(1),
    }
}

/// Counts the pages that a read of `bytes` accessed, which ended at `end`, or where the file is read next
/// ([`OWN_POSITION`]), for the account in `slot`: pages of the file `file`, a descriptor of the running
/// task or the address of an open file, which is above all descriptors. Nothing where it is not read
/// through the page cache.
///
/// A global function, which the verifier follows once (see `zc_class`); the slot, because finding the
/// account again would take too much of the stack.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn zc_accessed(slot: u64, file: u64, end: u64, bytes: u64) -> u64 {
    let Some(account) = Account::at(slot as u32) else { return 0 };
    let file = if file > u64::from(u32::MAX) {
        File::at(file)
    } else {
        File::of(Object::current_task(), file)
    };
    let Some(file) = file else { return 0 };
    if bytes == 0 || file.class() != Class::FILE {
        return 0;
    }
    let end = opaque(if end == OWN_POSITION { file.position() } else { end });
    let accessed = pages(end, bytes);
    count!(account, page_cache_accesses, accessed.end.wrapping_sub(accessed.first));
    let fetched = account.fetched(file, accessed);
    if fetched > 0 {
        count!(account, page_cache_fetched, fetched);
    }
    0
}

impl Account {
    /// How many of the pages `accessed` of `file` the running call has brought in.
    #[inline(always)]
    fn fetched(self, file: File, accessed: PageRun) -> u64 {
        let Some(record) = self.own() else { return 0 };
        // SAFETY: a map value; this thread is its only writer.
        let inserted = unsafe { &(*record).inserted };
        if inserted.mapping == 0 {
            return 0;
        }
        let mapping = file.mapping();
        if inserted.mapping != mapping {
            // A file that has no pages has them in a file beneath it (overlayfs).
            let own = Object::untyped(mapping).read::<u64>(offset!(mapping_pages));
            if inserted.is_named == 0 || own != Some(0) {
                return 0;
            }
        }
        inserted.among(accessed)
    }

    /// Notes pages that the running call brings into the page cache, of a file that has a name or not.
    #[inline(always)]
    pub(crate) fn note_inserted(self, mapping: u64, is_named: bool, run: PageRun) {
        let Some(record) = self.own() else {
            // Who will read them is unknown: what is read ahead is taken to be read by the call.
            return count!(self, page_cache_fetched, run.end.wrapping_sub(run.first));
        };
        // SAFETY: as above.
        unsafe { (*record).inserted.add(mapping, is_named, run) };
        self.note(EVIDENCE_INSERTED);
    }

    /// Notes that the running call, which is copy_file_range, has changed the page cache.
    #[inline(always)]
    pub(crate) fn note_copied_range(self) {
        self.note(EVIDENCE_COPIED_RANGE);
    }

    /// Whether it has.
    #[inline(always)]
    pub(crate) fn has_copied_range(self) -> bool {
        // SAFETY: as above.
        self.own()
            .is_some_and(|record| unsafe { (*record).staged.evidence & EVIDENCE_COPIED_RANGE != 0 })
    }
}
