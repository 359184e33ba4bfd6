//! copy_file_range and the clone ioctls: the name of the call does not tell whether bytes were
//! copied, the outcome does.

use zc_common::path::{CopyPath, lane};

use super::{Call, read_user};
use crate::{descriptor::File, kernel::setting};

/// `_IOW(0x94, 9, int)`, `include/uapi/linux/fs.h`.
const FICLONE: u32 = 0x4004_9409;
/// `_IOW(0x94, 13, struct file_clone_range)`.
const FICLONERANGE: u32 = 0x4020_940d;

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
/// cache or dirtied some. Without it the extents were shared, provided the file system can do that.
#[inline(always)]
pub(super) fn copy_file_range(call: &Call) {
    let Some(source) = call.file(0) else { return };
    let copied = if setting!(copy_sites) != 0 {
        call.account.has_copied()
    } else {
        call.account.has_copied_range()
    };
    let shared = source.can_share_extents() && !copied;
    let path = if shared { CopyPath::CopyRangeReflink } else { CopyPath::CopyRangeCopied };
    call.book(lane(path), call.result);
    if !shared {
        call.accessed_up_to(0, 1);
    }
}

/// FICLONE and FICLONERANGE: they share extents or fail.
#[inline(always)]
pub(super) fn ioctl(call: &Call) {
    let request = call.argument(1) as u32;
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
    call.book(lane, bytes as i64);
}
