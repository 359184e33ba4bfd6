//! A directory for the files of a program. It is removed when the lab exits, even if it is killed.
//!
//! A keeper process makes the directory and removes it when the lab closes a pipe between them:
//! the kernel closes it even if the lab is killed.

use std::{
    fs,
    io::{self, PipeWriter, Read as _, Write as _},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail};

use zc_privilege::keep_only;

use super::child::Child;
use crate::run::rights;

/// A directory that exists for as long as this.
pub(crate) struct Scratch {
    path: PathBuf,
    keeper: Child,
    lease: Option<PipeWriter>,
}

/// How often the keeper tries: a program that is being killed may still make files.
const ATTEMPTS: u32 = 10;

impl Scratch {
    /// A new directory in `directory`.
    pub(crate) async fn new(directory: &Path) -> Result<Self> {
        let (waiting, lease) = io::pipe().context("cannot make a pipe")?;
        let words = ["scratch".as_ref(), directory.as_os_str()];
        let keeper = Child::spawn(&words, waiting.into(), Stdio::piped())?;
        // Before it has printed the path: if the lab ends now, the keeper must not be killed as other
        // children are, because it may have made the directory.
        let mut scratch = Self { path: PathBuf::new(), keeper, lease: Some(lease) };
        scratch.path = std::ffi::OsString::from_vec(scratch.keeper.line().await?).into();
        Ok(scratch)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a file in it.
    pub(crate) fn write(&self, name: &str, contents: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::write(&path, contents).with_context(|| format!("cannot write '{}'", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.lease.take());
        // The directory is gone before the lab is.
        self.keeper.outlast();
    }
}

/// Makes a directory in `directory`, prints its path, and removes it at the end of standard input.
///
/// # Errors
/// When it cannot be made or removed.
pub fn main(directory: &Path) -> Result<()> {
    keep_only(rights::FILES)?;
    let scratch = tempfile::Builder::new().prefix("zc-lab-").tempdir_in(directory);
    let scratch = scratch.with_context(|| {
        format!(
            "cannot make a directory in '{}'; choose another directory with --dir",
            directory.display()
        )
    })?;
    let mut out = io::stdout().lock();
    out.write_all(scratch.path().as_os_str().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush().context("cannot print the directory")?;
    // Nothing is ever sent: the end of the input is the message.
    let _ = io::stdin().read(&mut [0]);
    let path = scratch.keep();
    for _ in 0..ATTEMPTS {
        match fs::remove_dir_all(&path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot remove '{}'", path.display()));
            }
        }
    }
    bail!("cannot remove '{}': files keep appearing in it", path.display())
}
