//! What is concluded about copies where there are no copy sites.
//!
//! The paths that read and write memory copy each byte once. On the others it depends: a file system may do direct I/O
//! through the page cache, and not every socket takes references to pages. What other hooks have seen of a call tells;
//! where nothing does, its bytes are unknown.

use core::ptr;

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::map, maps::LruHashMap};
use zc_common::{
    path::{COPIES_EACH_BYTE, CopyPath, IS_PSEUDO, LANES, Lane, TAKES_EVIDENCE, lane},
    record::{EVIDENCE_COPY, EVIDENCE_DIRECT, EVIDENCE_NOTHING, EVIDENCE_REFERENCE, FLAG_KTHREAD},
    syscall::SyscallKind,
};

use super::{Account, Caller, NOEXIST, caller, staged::is_in_call};
use crate::{
    atomic,
    kernel::{frozen, opaque, setting},
    objects::Copies,
};

static UNCERTAIN: [bool; LANES] = TAKES_EVIDENCE;
static EACH: [bool; LANES] = COPIES_EACH_BYTE;
static PSEUDO: [bool; LANES] = IS_PSEUDO;

/// Bytes that asynchronous operations of a process have asked block devices for, past the page cache, and that no
/// completion has explained. Of the process: one thread makes the requests (the submitter, a worker or the thread that
/// polls the queue of io_uring), and another one may see the completion. Writers: any CPU, atomically; two that take
/// at the same time may leave less than nothing, which is a negative number. Bound: the processes that do so and are
/// remembered; what was asked for by another one is unknown.
#[map]
static DIRECT_REQUESTED: LruHashMap<u32, u64> = LruHashMap::with_max_entries(1024, 0);

const DIRECT_READ: Lane = lane(CopyPath::DirectRead);
const DIRECT_WRITE: Lane = lane(CopyPath::DirectWrite);
const SENDFILE_TO_FILE: Lane = lane(CopyPath::SendfileToFile);
const SPLICE_PIPE_FILE: Lane = lane(CopyPath::SplicePipeFile);
const COPY_RANGE_COPIED: Lane = lane(CopyPath::CopyRangeCopied);

/// Whether the bytes of a lane take evidence.
#[inline(always)]
fn is_uncertain(of: Lane) -> bool {
    UNCERTAIN.get(opaque(u64::from(of)) as usize).is_some_and(frozen)
}

/// Whether each byte of a lane is modelled as one copy.
#[inline(always)]
fn copies_each_byte(of: Lane) -> bool {
    EACH.get(opaque(u64::from(of)) as usize).is_some_and(frozen)
}

/// Whether a lane is of a pseudo file, of which unexplained bytes are taken to be copied.
#[inline(always)]
fn is_pseudo(of: Lane) -> bool {
    PSEUDO.get(opaque(u64::from(of)) as usize).is_some_and(frozen)
}

/// Of `bytes` that a call moved on a lane, and of what it added to the counts of that, how many are said to be copied.
#[inline(always)]
pub(crate) fn said_to_be_copied(of: Lane, bytes: u64, copies: Copies) -> u64 {
    if setting!(copy_sites) != 0 || is_pseudo(of) {
        copies.copied + copies.assumed
    } else if copies_each_byte(of) {
        bytes
    } else {
        copies.copied
    }
}

#[inline(always)]
fn process() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// Notes `bytes` that an operation of the running process asks a block device for.
#[inline(always)]
fn note_requested(bytes: u64) {
    let process = process();
    if DIRECT_REQUESTED.get_ptr(process).is_none() {
        // Another CPU may be faster: it is there now either way.
        let _ = DIRECT_REQUESTED.insert(process, 0, NOEXIST);
    }
    if let Some(requested) = DIRECT_REQUESTED.get_ptr_mut(process) {
        atomic::add(requested, bytes);
    }
}

/// The running process ends: its number may be another one's next.
#[inline(always)]
pub(super) fn forget_requested() {
    if setting!(copy_sites) == 0 {
        let _ = DIRECT_REQUESTED.remove(process());
    }
}

/// Takes up to `bytes` of what operations of the running process have asked block devices for: how many.
#[inline(always)]
fn take_requested(bytes: u64) -> u64 {
    let Some(requested) = DIRECT_REQUESTED.get_ptr_mut(process()) else { return 0 };
    // SAFETY: a map value, which is written atomically.
    let left = unsafe { ptr::read_volatile(requested) }.cast_signed().max(0).cast_unsigned();
    let taken = if left < bytes { left } else { bytes };
    atomic::add(requested, taken.wrapping_neg());
    taken
}

impl Account {
    /// The running thread asks a block device to read or write `bytes`, which do not go through the page cache of a file
    /// that they are of. Of what goes from one descriptor to another, it tells how it is written.
    #[inline(always)]
    pub(crate) fn requested(self, bytes: u64, writes: bool) {
        const READ: u8 = SyscallKind::Read as u8;
        const PREAD: u8 = SyscallKind::Pread as u8;
        const WRITE: u8 = SyscallKind::Write as u8;
        const SENDFILE: u8 = SyscallKind::Sendfile as u8;
        const SPLICE: u8 = SyscallKind::Splice as u8;
        const COPY_FILE_RANGE: u8 = SyscallKind::CopyFileRange as u8;

        let Some(record) = self.own() else { return };
        // SAFETY: a map value; this thread is its only writer.
        unsafe {
            match caller() {
                Caller::Call(READ | PREAD | WRITE) => (*record).staged.direct += bytes,
                Caller::Call(SENDFILE | SPLICE | COPY_FILE_RANGE) if writes => {
                    (*record).staged.direct += bytes;
                }
                Caller::Operation if (*record).flags & FLAG_KTHREAD == 0 => note_requested(bytes),
                _ => {}
            }
        }
    }

    /// The running thread has dirtied `bytes` of a file. Calls that are to write do so by a copy. A thread of the kernel
    /// may have copied (a loop device), or a call that moves no data (what opens a file of an overlay), or not. What a
    /// fault makes ready to be written to has not been copied.
    #[inline(always)]
    pub(crate) fn dirtied_file(self, bytes: u64) {
        const NONE: u8 = SyscallKind::None as u8;
        const WRITE: u8 = SyscallKind::Write as u8;
        const SENDFILE: u8 = SyscallKind::Sendfile as u8;
        const SPLICE: u8 = SyscallKind::Splice as u8;
        const COPY_FILE_RANGE: u8 = SyscallKind::CopyFileRange as u8;

        if self.is_kernel_thread() {
            return self.add_unknown(lane(CopyPath::KernelCopy), bytes);
        }
        match caller() {
            Caller::Call(WRITE | SENDFILE | SPLICE | COPY_FILE_RANGE) => {
                if let Some(record) = self.own() {
                    // SAFETY: as above.
                    unsafe { (*record).staged.copied = 1 };
                }
            }
            Caller::Call(NONE) if is_in_call() && !self.writes_to_mapping() => {
                self.add_unknown(lane(CopyPath::KernelCopy), bytes);
            }
            _ => {}
        }
    }

    /// The end of a call on `lane`, which moved `result` bytes or failed.
    #[inline(always)]
    pub(super) fn conclude(self, of: Lane, result: i64) {
        let Some(count) = self.lane(of) else { return };
        if result <= 0 || !is_uncertain(of) {
            return;
        }
        let moved = result as u64;
        let Some(record) = self.own() else {
            // SAFETY: a field of a map value; only its address is taken.
            return atomic::add(unsafe { &raw mut (*count).assumed }, moved);
        };
        // SAFETY: map values; this thread is their only writer.
        unsafe {
            let staged = &raw const (*record).staged;
            let evidence = (*staged).evidence;
            let (mut is_copied, mut explained) = (evidence & EVIDENCE_COPY != 0, 0);
            let is_to_file = matches!(of, SENDFILE_TO_FILE | SPLICE_PIPE_FILE | COPY_RANGE_COPIED);
            if is_to_file && evidence & EVIDENCE_DIRECT == 0 {
                is_copied = true;
            } else if of == DIRECT_READ || of == DIRECT_WRITE || is_to_file {
                let inserted = &raw const (*record).inserted;
                let is_cached = (*inserted).mapping != 0 && (*inserted).is_named != 0;
                is_copied = (*staged).copied != 0 || of == DIRECT_READ && is_cached;
                explained = (*staged).direct;
            } else if evidence & (EVIDENCE_REFERENCE | EVIDENCE_NOTHING) != 0 {
                explained = moved;
            }
            if is_copied {
                (*count).copied += moved;
            } else {
                (*count).assumed += moved.saturating_sub(explained);
            }
        }
    }

    /// An asynchronous operation on `of` has moved `result` bytes, or failed; `evidence`: what the kinds of its files say.
    #[inline(always)]
    pub(crate) fn conclude_operation(self, of: Lane, result: i64, evidence: u64) {
        if setting!(copy_sites) != 0 || result <= 0 {
            return;
        }
        let moved = result as u64;
        if !is_uncertain(of) {
            if setting!(stacks) != 0 && copies_each_byte(of) {
                self.weigh_apart(of, moved);
            }
            return;
        }
        if evidence & EVIDENCE_COPY != 0 {
            self.add_copied(of, moved);
            self.weigh_apart(of, moved);
        } else if evidence & (EVIDENCE_REFERENCE | EVIDENCE_NOTHING) == 0 {
            let is_direct = of == DIRECT_READ || of == DIRECT_WRITE || of == SPLICE_PIPE_FILE;
            let explained = if is_direct { take_requested(moved) } else { 0 };
            self.add_unknown(of, moved - explained);
            if setting!(stacks) != 0 && is_pseudo(of) {
                self.weigh_apart(of, moved - explained);
            }
        }
    }

    /// Adds bytes of which nothing shows whether they were copied.
    #[inline(always)]
    pub(crate) fn add_unknown(self, of: Lane, bytes: u64) {
        let Some(count) = self.lane(of) else { return };
        // SAFETY: a field of a map value; only its address is taken.
        let unknown = unsafe { &raw mut (*count).assumed };
        if self.own().is_none() {
            atomic::add(unknown, bytes);
        } else {
            // SAFETY: as above; this thread is the only writer.
            unsafe { *unknown += bytes };
        }
    }
}
