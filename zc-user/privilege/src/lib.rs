//! Gives up what is not needed any more.

use anyhow::{Context as _, Result};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs,
};

/// Drops every capability of this thread but `kept`, and the way to new ones, for good.
///
/// # Errors
/// When the kernel refuses; nothing was dropped then.
pub fn keep_only(kept: CapabilitySet) -> Result<()> {
    let held = capabilities(None).context("cannot read the capabilities of this process")?;
    let kept = held.permitted & kept;
    set_no_new_privs(true).context("cannot set no_new_privs")?;
    set_capabilities(
        None,
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() },
    )
    .context("cannot drop capabilities")
}
