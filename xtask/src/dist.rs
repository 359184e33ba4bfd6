//! `dist`: one static binary that runs on any Linux of this architecture, with its checksum.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::setup::{self, Needs};
use crate::shell;
use crate::workspace;

pub(crate) fn run() -> Result<()> {
    setup::prepare(Needs::default())?;
    let built = build()?;
    let directory = workspace::target()?.join("dist");
    let shipped = directory.join("zc");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create '{}'", directory.display()))?;
    fs::copy(&built, &shipped)
        .with_context(|| format!("cannot copy '{}' to '{}'", built.display(), shipped.display()))?;

    let checksum = shell::capture(Command::new("sha256sum").arg("zc").current_dir(&directory))?;
    let file = directory.join("zc.sha256");
    fs::write(&file, &checksum).with_context(|| format!("cannot write '{}'", file.display()))?;
    let bytes = fs::metadata(&shipped).map_or(0, |metadata| metadata.len());
    print!("{}: {bytes} bytes, static\n{checksum}", shipped.display());
    Ok(())
}

/// Builds the static binary and returns its path. The caller has done the set-up.
pub(crate) fn build() -> Result<PathBuf> {
    let host = workspace::host_triple()?;
    // With an explicit target, cargo does not pass the flag to build scripts and procedural macros,
    // which must stay dynamic.
    let mut build = shell::cargo(&["build", "--release", "--package", "zc-user", "--bin", "zc"]);
    build.args(["--target", &host]).env("RUSTFLAGS", "-C target-feature=+crt-static");
    shell::run(&mut build)?;
    let built = workspace::target()?.join(&host).join("release").join("zc");
    verify(&built)?;
    Ok(built)
}

/// Checks that the binary needs no shared library, and that it starts.
fn verify(binary: &Path) -> Result<()> {
    let ldd = Command::new("ldd").arg(binary).output().context("cannot run `ldd`")?;
    let said = [ldd.stdout, ldd.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if !said.contains("statically linked") && !said.contains("not a dynamic executable") {
        bail!("'{}' is not static: ldd says: {}", binary.display(), said.trim());
    }
    shell::capture(Command::new(binary).arg("--version"))?;
    Ok(())
}
