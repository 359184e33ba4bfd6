//! Giving up what is not needed any more, once the probes are attached.

use anyhow::{Context as _, Result};
use rustix::thread::{CapabilitySet, capabilities};

use zc_privilege::keep_only;

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
    let mut kept = KEPT | extra;
    if !held.permitted.contains(CapabilitySet::BPF) {
        // Before Linux 5.8, or granted as a whole: reading maps takes this one.
        kept |= CapabilitySet::SYS_ADMIN;
    }
    keep_only(kept)
}
