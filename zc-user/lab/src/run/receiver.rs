//! The receiver: a process at the far end of the sink that verifies what arrives.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use rustix::thread::CapabilitySet;
use serde::{Deserialize, Serialize};

use crate::{process::child, workload::payload};
use zc_privilege::keep_only;

/// What arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Bytes.
    pub size: u64,
    /// Checksum.
    pub digest: u32,
}

/// Reads standard input to its end and reports on standard error.
///
/// # Errors
/// When the input cannot be read.
pub fn main() -> Result<()> {
    keep_only(CapabilitySet::empty())?;
    let mut input = child::standard_input()?;
    let (size, digest) = payload::digest(&mut input).context("cannot read what arrives")?;
    let report = serde_json::to_string(&Arrival { size, digest })?;
    io::stderr().write_all(report.as_bytes()).context("cannot report")
}
