//! Attaching the groups that consist of tracepoints.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{BtfTracePoint, Program},
};

use zc_common::config::Settings;

use super::programs::{Load, Loader, Target};
use crate::{
    btf::Btf,
    catalog::{PROBES, Probe, ProbeGroup},
    exit,
    layout::Access,
    object::program,
    refusal::Refusal,
    shapes::Link,
};

/// How this kernel is probed at tracepoints.
#[derive(Clone, Copy)]
pub(super) struct Tracepoints<'a> {
    /// The kernel's types.
    pub(super) btf: &'a Btf,
    /// How programs read its memory.
    pub(super) access: Access,
    /// Whether kprobes can be used.
    pub(super) kprobes: bool,
    /// What this run does.
    pub(super) settings: &'a Settings,
}

/// A tracepoint of this kernel and its program.
struct Found {
    tracepoint: &'static str,
    load: Load,
}

impl Tracepoints<'_> {
    /// The programs of a group; none when this kernel cannot have it.
    pub(super) fn loads(self, group: ProbeGroup) -> Vec<Load> {
        let found = self.find(group).unwrap_or_default();
        let loads = found.into_iter().flat_map(|found| {
            if self.counts_by_function(&found) {
                exit::loads(self.takes_stacks()).to_vec()
            } else {
                vec![found.load]
            }
        });
        loads.collect()
    }

    /// Attaches all probes of a group; `attached` is called after each, with the name of its tracepoint and what
    /// keeps it attached.
    ///
    /// # Errors
    /// When the kernel lacks a tracepoint of the group or refuses to load one of its programs, and then none
    /// is attached; or refuses to attach one; or when `attached` fails.
    pub(super) fn attach(
        self,
        ebpf: &mut Ebpf,
        loader: &mut Loader,
        group: ProbeGroup,
        mut attached: impl FnMut(&mut Ebpf, &str, Link) -> Result<()>,
    ) -> Result<(), Refusal> {
        let mut probes = Vec::new();
        for found in self.find(group)? {
            let by_function = self.counts_by_function(&found)
                && exit::load(ebpf, loader, self.takes_stacks()).is_some();
            if !by_function {
                loader.load(ebpf, found.load).with_context(|| cannot(found.tracepoint))?;
            }
            probes.push((found, by_function));
        }
        for (found, by_function) in probes {
            if by_function && exit::attach(ebpf, self.takes_stacks()).is_some() {
                continue;
            }
            // This loads it where the function could not be probed in the end.
            let program =
                loader.load(ebpf, found.load).with_context(|| cannot(found.tracepoint))?;
            let link =
                attach(program, found.tracepoint).with_context(|| cannot(found.tracepoint))?;
            attached(ebpf, found.tracepoint, link)?;
        }
        Ok(())
    }

    /// The tracepoints of a group.
    fn find(self, group: ProbeGroup) -> Result<Vec<Found>, Refusal> {
        let there = |name: &&str| self.btf.tracepoint_arguments(name).is_some();
        PROBES
            .iter()
            .filter(|probe| probe.group == group && (probe.is_needed)(self.btf, self.settings))
            .map(|probe| {
                let tracepoint = [probe.tracepoint].into_iter().chain(probe.older).find(there);
                let tracepoint = tracepoint.ok_or(Refusal::NoTracepoint(probe.tracepoint))?;
                Ok(Found { tracepoint, load: self.load_of(probe, tracepoint) })
            })
            .collect()
    }

    fn load_of(self, probe: &Probe, tracepoint: &'static str) -> Load {
        let (program, raw_program) = if self.takes_stacks() && tracepoint == exit::TRACEPOINT {
            (program::SYS_EXIT_STACKS, program::SYS_EXIT_STACKS_RAW)
        } else {
            (probe.program, probe.raw_program)
        };
        match self.access {
            Access::Typed => Load { program, target: Target::Tracepoint(tracepoint) },
            Access::Checked => Load { program: raw_program, target: Target::Any },
        }
    }

    fn takes_stacks(self) -> bool {
        self.settings.stacks != 0
    }

    /// Whether the exit of system calls is to be counted by a kprobe instead.
    fn counts_by_function(self, found: &Found) -> bool {
        found.tracepoint == exit::TRACEPOINT
            && self.kprobes
            && self.access == Access::Typed
            && exit::has_function(self.btf)
    }
}

fn cannot(tracepoint: &str) -> String {
    format!("cannot attach to {tracepoint}")
}

fn attach(program: &mut Program, tracepoint: &str) -> Result<Link> {
    if let Program::RawTracePoint(program) = program {
        return Ok(Link::Raw(program.attach(tracepoint)?));
    }
    let program: &mut BtfTracePoint = program.try_into()?;
    Ok(Link::Typed(program.attach()?))
}
