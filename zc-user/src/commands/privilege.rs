//! Giving up what is not needed any more, once the probes are attached.

use anyhow::{Context as _, Result};
use rustix::thread::{CapabilitySet, capabilities};

use zc_privilege::{keep_only, with_only};
use zc_probe::{code::RIGHTS, live::Live, names::identity};

/// Drops every capability but those that `live` goes on to need, plus `extra`, for good.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn drop_unneeded(live: Option<&Live>, extra: CapabilitySet) -> Result<()> {
    keep_only(live.map(needs).transpose()?.unwrap_or(CapabilitySet::empty()) | extra)
}

/// What counting takes after the start.
fn needs(live: &Live) -> Result<CapabilitySet> {
    let held = capabilities(None).context("cannot read the capabilities of this process")?;
    if !held.permitted.contains(CapabilitySet::BPF) {
        // Before Linux 5.8, or granted as a whole: what follows takes this one.
        return Ok(CapabilitySet::SYS_ADMIN);
    }
    // Before Linux 5.19 every use of a map takes it where unprivileged users may not use bpf(2).
    let mut needs = CapabilitySet::BPF;
    if live.attached().sampler.is_some() {
        // For the CPUs that come online.
        needs |= CapabilitySet::PERFMON;
    }
    if live.looks_at_files() {
        // For the files of other processes.
        needs |= RIGHTS;
    }
    let visible = with_only(needs | CapabilitySet::SYS_PTRACE, identity::visible);
    if visible.is_some_and(|seen| with_only(needs, || identity::hides(&seen)).unwrap_or(true)) {
        // `/proc` is mounted with hidepid: without it, the names of processes could not be read.
        needs |= CapabilitySet::SYS_PTRACE;
    }
    Ok(needs)
}
