//! Attaching the groups that consist of tracepoints.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{BtfTracePoint, RawTracePoint},
};

use crate::{
    btf::Btf,
    catalog::{PROBES, Probe, ProbeGroup},
    exit,
    layout::Access,
    refusal::Refusal,
};

/// Attaches all probes of a group. `kprobes`: whether those can be used.
///
/// # Errors
/// When the kernel lacks a tracepoint of the group, and then none is attached; or refuses a program.
pub(super) fn attach_group(
    ebpf: &mut Ebpf,
    group: ProbeGroup,
    access: Access,
    types: Option<&aya::Btf>,
    btf: &Btf,
    kprobes: bool,
) -> Result<(), Refusal> {
    let probes = || PROBES.iter().filter(|probe| probe.group == group && (probe.is_needed)(btf));
    let there = |name: &&str| btf.tracepoint_arguments(name).is_some();
    let mut found = Vec::new();
    for probe in probes() {
        match [probe.tracepoint].into_iter().chain(probe.older).find(there) {
            Some(tracepoint) => found.push((probe, tracepoint)),
            None => return Err(Refusal::NoTracepoint(probe.tracepoint)),
        }
    }
    for (probe, tracepoint) in found {
        if tracepoint == exit::TRACEPOINT
            && kprobes
            && access == Access::Typed
            && exit::attach_function(ebpf, btf)
        {
            continue;
        }
        attach_probe(ebpf, probe, tracepoint, access, types)
            .with_context(|| format!("cannot attach to {tracepoint}"))?;
    }
    Ok(())
}

fn attach_probe(
    ebpf: &mut Ebpf,
    probe: &Probe,
    tracepoint: &str,
    access: Access,
    types: Option<&aya::Btf>,
) -> Result<()> {
    let name = match access {
        Access::Typed => probe.program,
        Access::Checked => probe.raw_program,
    };
    let program =
        ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
    match access {
        Access::Typed => {
            let program: &mut BtfTracePoint = program.try_into()?;
            program.load(tracepoint, types.context("no type information")?)?;
            program.attach()?;
        }
        Access::Checked => {
            let program: &mut RawTracePoint = program.try_into()?;
            program.load()?;
            program.attach(tracepoint)?;
        }
    }
    Ok(())
}
