//! Unpacks the packages of a kernel and keeps what guests need: the kernel itself, and some modules.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::directory::create;
use super::matrix::Kernel;
use super::report::Stage;
use super::{modules, vmlinux};
use crate::shell;

/// A kernel that qemu can boot.
pub(crate) struct Unpacked {
    /// The kernel.
    pub(crate) vmlinux: PathBuf,
    /// A tree with `lib/modules/RELEASE`: uncompressed modules, and `modules.dep`.
    pub(crate) modules: PathBuf,
}

/// Unpacks the packages into `home`, unless an earlier run did so.
pub(crate) fn unpack(kernel: &Kernel, packages: &[PathBuf], home: &Path) -> Result<Unpacked> {
    let unpacked = home.join("kernel");
    let result = Unpacked { vmlinux: unpacked.join("vmlinux"), modules: unpacked.join("modules") };
    let stamp = unpacked.join("made-of");
    let made_of = stamp_of(packages);
    if fs::read_to_string(&stamp).is_ok_and(|text| text == made_of) {
        return Ok(result);
    }
    let stage = Stage::begin(kernel);
    let whole = home.join("unpacked");
    for directory in [&whole, &unpacked] {
        remove(directory)?;
        create(directory)?;
    }
    for package in packages {
        let mut command = shell::command("dpkg-deb", &["--extract"]);
        shell::capture(command.arg(package).arg(&whole))?;
    }
    let tree = modules::tree(&whole)?;
    vmlinux::extract(&vmlinuz(&whole, &tree)?, &result.vmlinux)?;
    let count = modules::select(&tree, &result.modules)?;
    remove(&whole)?;
    // Last: without the stamp, the next run unpacks everything again.
    fs::write(&stamp, made_of).with_context(|| format!("cannot write '{}'", stamp.display()))?;
    stage.end(&format!("unpacked Linux {}, {count} modules", tree.release));
    Ok(result)
}

/// What the unpacked kernel depends on: its packages, and the list of modules.
fn stamp_of(packages: &[PathBuf]) -> String {
    let names = packages.iter().filter_map(|path| path.file_name());
    let mut text = String::new();
    for name in names {
        text.push_str(&name.to_string_lossy());
        text.push('\n');
    }
    for module in modules::wanted() {
        text.push_str(module);
        text.push('\n');
    }
    text
}

/// The boot image: with the modules if the kernel is split into several packages, else in `/boot`.
fn vmlinuz(whole: &Path, tree: &modules::Tree) -> Result<PathBuf> {
    let candidates = [
        whole.join("boot").join(format!("vmlinuz-{}", tree.release)),
        tree.directory.join("vmlinuz"),
    ];
    let found = candidates.into_iter().find(|path| path.is_file());
    found.with_context(|| format!("no boot image of Linux {} in its packages", tree.release))
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.with_context(|| format!("cannot remove '{}'", directory.display())),
    }
}
