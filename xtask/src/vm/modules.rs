//! Selects the modules that guests need from the thousands in a kernel's packages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::directory::create;
use super::vmlinux;
use crate::shell;

/// Loaded at boot, because no program in the guest detects devices. Tests need all of them, so each
/// must be a module or built in.
pub(crate) const DEVICES: [&str; 6] =
    ["virtio_pci", "virtio_blk", "virtio_net", "nvme", "e1000e", "loop"];

/// Loaded by the kernel on demand. Tests need these, too.
const NEEDED: [&str; 4] = ["ext4", "btrfs", "xfs", "veth"];

/// Loaded by the kernel on demand, if it has them as modules. Some have other names in other
/// kernels, and some are requested by the name of an algorithm, so that no module depends on them.
const OPTIONAL: [&str; 27] = [
    "tls",
    "netfs",
    "tun",
    "dummy",
    "vsock",
    "vsock_loopback",
    "overlay",
    "fuse",
    "squashfs",
    "null_blk",
    "zram",
    "crc32c_generic",
    "crc32c_intel",
    "crc32c_cryptoapi",
    "crc32_generic",
    "libcrc32c",
    "xxhash_generic",
    "sha256_generic",
    "blake2b_generic",
    "gcm",
    "ccm",
    "ctr",
    "ghash_generic",
    "aesni_intel",
    "aes_generic",
    "cmac",
    "iommu_v2",
];

/// The names of all modules to select.
pub(crate) fn wanted() -> impl Iterator<Item = &'static str> {
    DEVICES.into_iter().chain(NEEDED).chain(OPTIONAL)
}

/// The modules of an unpacked kernel.
pub(crate) struct Tree {
    /// The kernel's release, as `uname -r` prints it.
    pub(crate) release: String,
    /// `lib/modules/RELEASE`.
    pub(crate) directory: PathBuf,
}

/// Finds the modules of the kernel that is unpacked in `whole`.
pub(crate) fn tree(whole: &Path) -> Result<Tree> {
    for parent in ["lib/modules", "usr/lib/modules"] {
        let Ok(entries) = fs::read_dir(whole.join(parent)) else { continue };
        let directories = entries.filter_map(|entry| Some(entry.ok()?.path()));
        if let Some(directory) = directories.into_iter().find(|path| path.join("kernel").is_dir()) {
            let name = directory.file_name().context("the directory has no name")?;
            return Ok(Tree { release: name.to_string_lossy().into_owned(), directory });
        }
    }
    bail!("the kernel's packages have no modules")
}

/// Copies the selected modules and their dependencies to `target`. Returns the number of modules.
pub(crate) fn select(tree: &Tree, target: &Path) -> Result<usize> {
    let mut files = BTreeMap::new();
    walk(&tree.directory.join("kernel"), &mut files)?;
    let builtin = read(&tree.directory.join("modules.builtin"))?;
    let builtin: BTreeSet<_> =
        builtin.lines().filter_map(|line| name_of(Path::new(line))).collect();
    for name in DEVICES.into_iter().chain(NEEDED) {
        if !files.contains_key(name) && !builtin.contains(name) {
            bail!("Linux {} has no module {name}", tree.release);
        }
    }

    let modules = target.join("lib/modules").join(&tree.release);
    create(&modules)?;
    let mut taken = BTreeSet::new();
    let mut open: Vec<String> = wanted().map(str::to_owned).collect();
    while let Some(name) = open.pop() {
        // Built in, or absent.
        let Some(file) = files.get(&name) else { continue };
        if taken.contains(&name) {
            continue;
        }
        let copy = modules.join(format!("{name}.ko"));
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("xz") => vmlinux::decompress("xz", file, &copy)?,
            Some("zst") => vmlinux::decompress("zstd", file, &copy)?,
            _ => {
                fs::copy(file, &copy)
                    .with_context(|| format!("cannot copy '{}'", file.display()))?;
            }
        }
        let bytes = fs::read(&copy).with_context(|| format!("cannot read '{}'", copy.display()))?;
        open.extend(dependencies(&bytes));
        taken.insert(name);
    }
    for list in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
        // Older packages create some of these lists at installation.
        if tree.directory.join(list).is_file() {
            fs::copy(tree.directory.join(list), modules.join(list))
                .with_context(|| format!("cannot copy '{list}'"))?;
        }
    }
    let mut depmod = shell::command("depmod", &["--basedir"]);
    depmod.arg(target).arg(&tree.release);
    // The directory of depmod may be missing from a user's PATH.
    depmod.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
    shell::capture(&mut depmod)?;
    Ok(taken.len())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read '{}'", path.display()))
}

/// All modules below a directory, by name.
fn walk(directory: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries = fs::read_dir(directory)
        .with_context(|| format!("cannot read '{}'", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else if let Some(name) = name_of(&path) {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// The name of a module by that of its file: `-` and `_` are the same to the kernel.
fn name_of(path: &Path) -> Option<String> {
    let (name, _) = path.file_name()?.to_str()?.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

/// The modules that a module needs, or that should be loaded before it.
fn dependencies(module: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    // The section .modinfo consists of strings that end with NUL. No others begin like these.
    for word in module.split(|byte| *byte == 0) {
        let word = if word.starts_with(b"depends=") || word.starts_with(b"softdep=pre: ") {
            String::from_utf8_lossy(word)
        } else {
            continue;
        };
        let (_, list) = word.split_once('=').unwrap_or_default();
        let list = list.strip_prefix("pre: ").unwrap_or(list);
        let list = list.split(" post:").next().unwrap_or_default();
        let list = list.split([',', ' ']).filter(|name| !name.is_empty());
        names.extend(list.map(|name| name.replace('-', "_")));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_the_module() {
        let module =
            b"\x7fELF\0\0license=GPL\0depends=xor,raid6-pq\0softdep=pre: crc32c post: other\0";
        assert_eq!(dependencies(module), ["xor", "raid6_pq", "crc32c"]);
        assert!(dependencies(b"\0depends=\0name=loop\0").is_empty());
    }

    #[test]
    fn module_names_are_spelled_as_the_kernel_does() {
        assert_eq!(name_of(Path::new("a/crc32c-intel.ko.xz")).as_deref(), Some("crc32c_intel"));
        assert_eq!(name_of(Path::new("kernel/fs/ext4/ext4.ko")).as_deref(), Some("ext4"));
        assert_eq!(name_of(Path::new("modules.dep")), None);
    }
}
