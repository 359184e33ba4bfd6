//! What is done with hash maps of the kernel that the loader's library does not do: many entries are read in one call,
//! and an entry is read and removed at once.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd},
};

use aya::{Pod, maps::Map};
use aya_obj::generated::bpf_cmd;

/// Entries at a time. The kernel returns those of whole buckets, of which none has as many.
const BATCH: usize = 1_024;

/// `ENOTSUPP`, `include/linux/errno.h`: the kernel's own, which it lets out here.
const NOT_SUPPORTED: i32 = 524;

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

/// That for one element.
#[repr(C)]
struct Element {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

const _: () = assert!(size_of::<Element>() == 32);

/// A hash map with such keys and values.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a>(BorrowedFd<'a>);

impl<'a> Table<'a> {
    /// `None` when the map is of another kind.
    pub(crate) fn of(map: &'a Map) -> Option<Self> {
        match map {
            Map::HashMap(data) => Some(Self(data.fd().as_fd())),
            _ => None,
        }
    }

    /// All entries (`BPF_MAP_LOOKUP_BATCH`, since 5.6).
    pub(crate) fn all<K: Pod + Default, V: Pod>(self, empty: V) -> io::Result<Vec<(K, V)>> {
        read(self.0, bpf_cmd::BPF_MAP_LOOKUP_BATCH, empty, usize::MAX)
    }

    /// Removes an entry; what it had, unless it was not there. Before 5.14 what is added between both is lost.
    pub(crate) fn take<K: Pod, V: Pod>(self, key: &K, empty: V) -> io::Result<Option<V>> {
        let mut value = empty;
        let mut both = |command| {
            // SAFETY: the kernel writes as many bytes as a value of the map has.
            unsafe { self.element(command, key, (&raw mut value).cast()) }
        };
        let taken = match both(bpf_cmd::BPF_MAP_LOOKUP_AND_DELETE_ELEM) {
            Err(error) if error.raw_os_error() == Some(NOT_SUPPORTED) => {
                both(bpf_cmd::BPF_MAP_LOOKUP_ELEM).and_then(|()| self.remove(key))
            }
            taken => taken,
        };
        match taken {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            taken => taken.map(|()| Some(value)),
        }
    }

    /// Removes an entry.
    pub(crate) fn remove<K: Pod>(self, key: &K) -> io::Result<()> {
        // SAFETY: the kernel reads a key only.
        unsafe { self.element(bpf_cmd::BPF_MAP_DELETE_ELEM, key, std::ptr::null_mut()) }
    }

    /// # Safety
    /// What the command does with `value` has to be sound.
    unsafe fn element<K: Pod>(self, command: bpf_cmd, key: &K, value: *mut u8) -> io::Result<()> {
        let attributes = Element {
            map_fd: self.0.as_raw_fd().cast_unsigned(),
            pad: 0,
            key: std::ptr::from_ref(key) as u64,
            value: value as u64,
            flags: 0,
        };
        // SAFETY: the attributes and the key live until the call returns; the caller's for the value.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                command as libc::c_int,
                &raw const attributes,
                size_of::<Element>(),
            )
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// All entries of a map, which is left empty (`BPF_MAP_LOOKUP_AND_DELETE_BATCH`, since 5.6): no value is added to in
/// between. At most about `most` of them, since others may fill it again while it is read.
pub(crate) fn take_all<K: Pod + Default, V: Pod>(
    map: impl AsFd,
    empty: V,
    most: usize,
) -> io::Result<Vec<(K, V)>> {
    read(map.as_fd(), bpf_cmd::BPF_MAP_LOOKUP_AND_DELETE_BATCH, empty, most)
}

fn read<K: Pod + Default, V: Pod>(
    map: BorrowedFd<'_>,
    command: bpf_cmd,
    empty: V,
    most: usize,
) -> io::Result<Vec<(K, V)>> {
    let mut found = Vec::new();
    let mut keys = vec![K::default(); BATCH];
    let mut values = vec![empty; BATCH];
    // Where the next batch begins, in a form of the kernel's own.
    let mut position = 0_u64;
    let mut is_first = true;
    while is_first || found.len() < most {
        let mut next = 0_u64;
        let mut attributes = Batch {
            in_batch: if is_first { 0 } else { &raw const position as u64 },
            out_batch: &raw mut next as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: BATCH as u32,
            map_fd: map.as_raw_fd().cast_unsigned(),
            ..Batch::default()
        };
        // SAFETY: the attributes, and all that they refer to, live until the call returns, and have room for as many
        // entries as they say.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                command as libc::c_int,
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
        found.extend(keys.iter().copied().zip(values.iter().copied()).take(count));
        if is_end {
            break;
        }
        (position, is_first) = (next, false);
    }
    Ok(found)
}
