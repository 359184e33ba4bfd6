//! Giving up what is not needed any more, once the probes are attached.

use anyhow::{Context as _, Result};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs,
};

/// What reading maps and naming processes takes.
const KEPT: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::SYS_PTRACE);

/// Drops every capability but those that reading takes, plus `extra`, for good.
///
/// # Errors
/// When the kernel refuses; nothing was dropped then.
pub(super) fn drop_unneeded(extra: CapabilitySet) -> Result<()> {
    let held = capabilities(None).context("cannot read the capabilities of this process")?;
    let mut kept = held.permitted & (KEPT | extra);
    if !kept.contains(CapabilitySet::BPF) {
        // Before Linux 5.8, or granted as a whole: reading maps takes this one.
        kept |= held.permitted & CapabilitySet::SYS_ADMIN;
    }
    set_no_new_privs(true).context("cannot set no_new_privs")?;
    set_capabilities(
        None,
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() },
    )
    .context("cannot drop capabilities")
}
