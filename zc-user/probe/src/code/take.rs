//! Taking entries out of the kernel's table: read and removed at once, so that no sample is lost in between.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _},
};

use zc_common::code::{CODE_PLACES, CodePlace};

/// `BPF_MAP_LOOKUP_AND_DELETE_BATCH`, `include/uapi/linux/bpf.h`, since 5.6.
const LOOKUP_AND_DELETE_BATCH: libc::c_int = 25;

/// Entries at a time. The kernel returns those of whole buckets, of which none has as many.
const BATCH: usize = 1_024;

/// Batches at most: others may fill the table again while it is read.
const MOST_BATCHES: usize = 4 * CODE_PLACES as usize / BATCH;

/// The member `batch` of `union bpf_attr`, `include/uapi/linux/bpf.h`.
#[repr(C)]
#[derive(Default)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

const _: () = assert!(size_of::<Batch>() == 56);

/// All entries of the table, which is left empty.
pub(super) fn all(map: impl AsFd) -> io::Result<Vec<(CodePlace, u64)>> {
    let mut taken = Vec::new();
    let mut keys = vec![CodePlace::default(); BATCH];
    let mut values = vec![0_u64; BATCH];
    // Where the next batch begins, in a form of the kernel's own.
    let mut position = 0_u64;
    for number in 0..MOST_BATCHES {
        let mut next = 0_u64;
        let mut attributes = Batch {
            in_batch: if number == 0 { 0 } else { &raw const position as u64 },
            out_batch: &raw mut next as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: BATCH as u32,
            map_fd: map.as_fd().as_raw_fd().cast_unsigned(),
            ..Batch::default()
        };
        // SAFETY: the attributes, and all that they refer to, live until the call returns, and have room for as many
        // entries as they say.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                LOOKUP_AND_DELETE_BATCH,
                &raw mut attributes,
                size_of::<Batch>(),
            )
        };
        let error = io::Error::last_os_error();
        let is_end = result < 0 && error.raw_os_error() == Some(libc::ENOENT);
        if result < 0 && !is_end {
            return Err(error);
        }
        let count = (attributes.count as usize).min(BATCH);
        taken.extend(keys.iter().copied().zip(values.iter().copied()).take(count));
        if is_end {
            break;
        }
        position = next;
    }
    Ok(taken)
}
