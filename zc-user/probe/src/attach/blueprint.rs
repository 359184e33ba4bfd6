//! Maps that the loader does not make: arrays of maps, and maps that are added to one later.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use aya::{Ebpf, maps::Map};
use aya_obj::generated::{bpf_attr, bpf_cmd, bpf_map_type};

/// A map, as the kernel makes it (`BPF_MAP_CREATE`).
#[derive(Clone, Copy)]
pub(crate) struct Blueprint<'a> {
    pub(crate) kind: bpf_map_type,
    /// Bytes of a key.
    pub(crate) key: usize,
    /// Bytes of a value.
    pub(crate) value: usize,
    pub(crate) entries: u32,
    pub(crate) flags: u32,
    /// A map like those that an array of maps holds.
    pub(crate) inner: Option<&'a OwnedFd>,
}

impl<'a> Blueprint<'a> {
    /// An array of maps like `inner`.
    pub(crate) fn array_of_maps(entries: u32, inner: &'a OwnedFd) -> Self {
        Self {
            kind: bpf_map_type::BPF_MAP_TYPE_ARRAY_OF_MAPS,
            key: size_of::<u32>(),
            value: size_of::<u32>(),
            entries,
            flags: 0,
            inner: Some(inner),
        }
    }

    /// Makes the map.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn build(self) -> io::Result<OwnedFd> {
        // SAFETY: integers only, for which 0 is a value.
        let mut attributes: bpf_attr = unsafe { std::mem::zeroed() };
        // SAFETY: the part of the union that the command reads.
        let map = unsafe { &mut attributes.__bindgen_anon_1 };
        map.map_type = self.kind as u32;
        map.key_size = self.key as u32;
        map.value_size = self.value as u32;
        map.max_entries = self.entries;
        map.map_flags = self.flags;
        map.inner_map_fd = self.inner.map_or(0, |inner| inner.as_raw_fd().cast_unsigned());
        // SAFETY: the kernel reads that many bytes, and creates a descriptor.
        unsafe {
            let command = bpf_cmd::BPF_MAP_CREATE as libc::c_int;
            let bytes = size_of::<bpf_attr>();
            let map = libc::syscall(libc::SYS_bpf, command, &raw const attributes, bytes);
            if map < 0 {
                Err(io::Error::last_os_error())
            } else {
                Ok(OwnedFd::from_raw_fd(map as i32))
            }
        }
    }

    /// Makes the map in place of the array `name` of the object. To be called before a program is loaded: then the
    /// programs have it in place of the object's.
    ///
    /// # Errors
    /// When the object has no such array, or the kernel refuses.
    pub(crate) fn replace(self, ebpf: &Ebpf, name: &str) -> Result<()> {
        let Some(Map::Array(placeholder)) = ebpf.map(name) else {
            anyhow::bail!("the object has no array {name}")
        };
        self.build()
            .and_then(|map| {
                let place = placeholder.fd().as_fd().as_raw_fd();
                // SAFETY: two descriptors; the instructions of the programs name the second one by its number.
                let placed = unsafe { libc::dup3(map.as_raw_fd(), place, libc::O_CLOEXEC) };
                if placed < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
            })
            .with_context(|| format!("cannot make the map {name}"))
    }
}
