//! What this machine cannot run: reported, and no failure of the lab.

/// Exit status of a process of the lab that ends with [`Unsupported`]; its standard error says why.
pub const EXIT_STATUS: u8 = 77;

/// The kernel, the file system or the privileges do not allow it: why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);
