//! copy_file_range, and ioctls that share or copy: the name of the call does not tell whether bytes were
//! copied, the outcome does.

use zc_common::{
    path::{CopyPath, lane},
    record::EVIDENCE_DIRECT,
};

use super::{Call, Registers};
use crate::{
    account::Account,
    descriptor::{Class, File},
    kernel::{Object, offset, setting},
    objects,
    user::read_user,
};

/// `_IOW(0x94, 9, int)`, `include/uapi/linux/fs.h`.
const FICLONE: u32 = 0x4004_9409;
/// `_IOW(0x94, 13, struct file_clone_range)`.
const FICLONERANGE: u32 = 0x4020_940d;

/// `_IOWR(0xaa, 3, struct uffdio_copy)`, `include/uapi/linux/userfaultfd.h`.
const UFFDIO_COPY: u32 = 0xc028_aa03;

/// `struct file_clone_range`.
#[derive(Clone, Copy)]
#[repr(C)]
struct CloneRange {
    source: i64,
    source_offset: u64,
    source_length: u64,
    target_offset: u64,
}

/// copy_file_range(in, off, out, off, ...).
///
/// Evidence of a copy: a copy site saw it or, where there are none, the call brought pages into the page
/// cache or dirtied some. Without it the extents were shared, provided the file system can do that, and unless pages were
/// passed on to the device of a target that was opened with `O_DIRECT`.
#[inline(never)]
pub(super) fn copy_file_range(call: &Call<impl Registers>) {
    let bypassed = zc_bypasses(u64::from(call.account.slot()), call.argument(2));
    let Some(source) = call.file(0) else { return };
    let copied = if setting!(copy_sites) != 0 {
        call.account.has_copied()
    } else {
        call.account.has_copied_range()
    };
    let shared = source.can_share_extents() && !copied && bypassed == 0;
    if shared && setting!(copy_sites) == 0 && !is_evident(call, source) {
        let lane = lane(CopyPath::CopyRangeCopied);
        if setting!(notes) != 0 {
            call.note_book(lane, call.result);
        }
        call.account.book(lane, call.result);
        if call.result > 0 {
            call.account.add_unknown(lane, call.result as u64);
        }
        return;
    }
    let path = if shared { CopyPath::CopyRangeReflink } else { CopyPath::CopyRangeCopied };
    call.book(lane(path), call.result);
    if !shared {
        call.accessed_up_to(0, 1);
    }
}

/// Whether a call of the account in a slot passed pages on to the device of the file `fd`, which it writes to and which was
/// opened with `O_DIRECT`. Notes that it was.
///
/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_bypasses(slot: u64, fd: u64) -> u64 {
    let Some(account) = Account::at(slot as u32) else { return 0 };
    if Class::of_current(fd) != Class::DIRECT {
        return 0;
    }
    if setting!(copy_sites) == 0 {
        account.note(EVIDENCE_DIRECT);
    }
    u64::from(account.has_direct())
}

/// Whether a call that has neither brought pages into the page cache nor dirtied any has shared extents for certain.
/// It may have copied between pages that were there, and dirty, before: not where the target has none. What an overlay
/// does is done to the files below, which are not visible, and a small file may lie in the metadata, which is copied.
#[inline(always)]
fn is_evident(call: &Call<impl Registers>, source: File) -> bool {
    let Some(target) = call.file(2) else { return false };
    let pages = Object::untyped(target.mapping()).read::<u64>(offset!(mapping_pages));
    call.result < 0
        || !source.is_of_overlay()
            && !target.is_of_overlay()
            && !source.may_be_inline(call.result as u64)
            && pages == Some(0)
}

/// UFFDIO_COPY: fills pages of the program, or of one that it watches. It may have filled some and failed (`EAGAIN`).
#[inline(always)]
fn filled(call: &Call<impl Registers>) {
    /// `copy` in `struct uffdio_copy`, `include/uapi/linux/userfaultfd.h`: bytes, or a negative error number.
    const COPY: u64 = 32;
    const EAGAIN: i64 = 11;

    if call.result != 0 && call.result != -EAGAIN {
        return;
    }
    if let Some(bytes) = read_user::<i64>(call.argument(2) + COPY)
        && bytes > 0
    {
        call.copied(bytes as u64);
    }
}

/// FICLONE and FICLONERANGE, which share extents or fail, and UFFDIO_COPY.
#[inline(always)]
pub(super) fn ioctl(call: &Call<impl Registers>) {
    let request = call.argument(1) as u32;
    if request == UFFDIO_COPY {
        return filled(call);
    }
    if request != FICLONE && request != FICLONERANGE {
        return;
    }
    let lane = lane(CopyPath::CopyRangeReflink);
    if call.result < 0 {
        return call.book(lane, call.result);
    }
    let (source, offset, length) = if request == FICLONE {
        (call.argument(2), 0, 0)
    } else {
        let Some(range) = read_user::<CloneRange>(call.argument(2)) else { return };
        (range.source as u64, range.source_offset, range.source_length)
    };
    // A length of 0 means up to the end of the file.
    let bytes = if length > 0 {
        length
    } else {
        File::of(call.task, source).map_or(0, |file| file.size().saturating_sub(offset))
    };
    if setting!(notes) != 0 {
        objects::comes_from(source as u32);
    }
    call.book(lane, bytes as i64);
}
