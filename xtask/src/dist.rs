//! `dist`: one static binary that runs on any Linux of this architecture, with its checksum.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::setup::{self, Needs};
use crate::shell;
use crate::workspace;

pub(crate) fn run() -> Result<()> {
    setup::prepare(Needs::default())?;
    let host = workspace::host_triple()?;
    // Naming the target keeps the flag away from build scripts and procedural macros, which must
    // stay dynamic.
    let mut build = shell::cargo(&["build", "--release", "--package", "zc-user", "--bin", "zc"]);
    build.args(["--target", &host]).env("RUSTFLAGS", "-C target-feature=+crt-static");
    shell::run(&mut build)?;

    let target = workspace::target()?;
    let built = target.join(&host).join("release").join("zc");
    let directory = target.join("dist");
    let shipped = directory.join("zc");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create '{}'", directory.display()))?;
    fs::copy(&built, &shipped)
        .with_context(|| format!("cannot copy '{}' to '{}'", built.display(), shipped.display()))?;
    verify(&shipped)?;

    let checksum = shell::capture(Command::new("sha256sum").arg("zc").current_dir(&directory))?;
    let file = directory.join("zc.sha256");
    fs::write(&file, &checksum).with_context(|| format!("cannot write '{}'", file.display()))?;
    let bytes = fs::metadata(&shipped).map_or(0, |metadata| metadata.len());
    print!("{}: {bytes} bytes, static\n{checksum}", shipped.display());
    Ok(())
}

/// It needs no shared library, and it starts.
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
