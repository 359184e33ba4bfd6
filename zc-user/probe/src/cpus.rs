//! The kernel side's table of CPUs: what each is running.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Array, MapData},
};
use zc_common::{MAX_CPUS, record::CpuState};

use super::object::map;

/// The table, as it is in the object: one value.
type Table = [CpuState; MAX_CPUS as usize];

/// The table, read with one system call.
pub(super) struct Cpus {
    table: Array<MapData, Table>,
    count: usize,
}

impl Cpus {
    /// The table of `ebpf`, of which the first `count` CPUs exist.
    pub(super) fn take(ebpf: &mut Ebpf, count: u32) -> Result<Self> {
        let table = ebpf.take_map(map::CPUS).context("the object has no table of CPUs")?;
        let table = Array::try_from(table).context("the table of CPUs is no array")?;
        Ok(Self { table, count: count as usize })
    }

    /// Thread id and calls not yet charged to it, per CPU.
    pub(super) fn pending(&self) -> Result<Vec<(u32, u64)>> {
        let table = self.table.get(&0, 0).context("cannot read the table of CPUs")?;
        Ok(table[..self.count].iter().map(|cpu| (cpu.pid, cpu.pending_syscalls)).collect())
    }
}
