//! The kernel side's table of CPUs: what each is running.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use anyhow::{Context as _, Result, bail};
use aya::{
    Ebpf,
    maps::{Map, MapData},
};
use zc_common::{MAX_CPUS, record::CpuState};

use super::object::map;

/// The table, read with one system call.
pub(super) struct Cpus {
    map: MapData,
    /// What was read last: one value, too large for the stack.
    table: Vec<CpuState>,
    count: usize,
}

/// Arguments of `bpf(BPF_MAP_LOOKUP_ELEM)` (`union bpf_attr`, `include/uapi/linux/bpf.h`).
#[repr(C)]
struct Lookup {
    map: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl Cpus {
    /// The table of `ebpf`, of which the first `count` CPUs exist.
    pub(super) fn take(ebpf: &mut Ebpf, count: u32) -> Result<Self> {
        let table = ebpf.take_map(map::CPUS).context("the object has no table of CPUs")?;
        let Map::Array(map) = table else { bail!("the table of CPUs is no array") };
        let size = map.info().context("cannot ask for the table of CPUs")?.value_size();
        let table = vec![CpuState::ZERO; MAX_CPUS as usize];
        // The kernel fills as many bytes as its value has.
        anyhow::ensure!(size as usize == size_of_val(table.as_slice()), "another table of CPUs");
        Ok(Self { map, table, count: count as usize })
    }

    /// Thread id and calls not yet charged to it, per CPU.
    pub(super) fn pending(&mut self) -> Result<impl Iterator<Item = (u32, u64)> + '_> {
        const BPF_MAP_LOOKUP_ELEM: libc::c_long = 1;
        let key = 0_u32;
        let lookup = Lookup {
            map: self.map.fd().as_fd().as_raw_fd().cast_unsigned(),
            pad: 0,
            key: (&raw const key) as u64,
            value: self.table.as_mut_ptr() as u64,
            flags: 0,
        };
        // SAFETY: the arguments live as long as the call; the value has room for what the kernel writes, as
        // was made certain when the table was taken, and every bit pattern is a valid one.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_MAP_LOOKUP_ELEM,
                &raw const lookup,
                size_of::<Lookup>(),
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error()).context("cannot read the table of CPUs");
        }
        Ok(self.table[..self.count].iter().map(|cpu| (cpu.pid, cpu.pending_syscalls)))
    }
}
