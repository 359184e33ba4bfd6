//! The initramfs of a guest, which has all of its files.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::cpio::Archive;
use super::matrix::Kernel;
use super::modules;
use super::payload::Payload;
use super::unpack::Unpacked;

/// Process 1.
const INIT: &str = include_str!("init.sh");

/// Mount points, and directories that are written to.
const DIRECTORIES: [&str; 12] = [
    "applets", "dev", "etc", "mnt", "proc", "results", "root", "run", "sys", "tmp", "var/run",
    "var/tmp",
];

/// Small files that programs read.
const FILES: [(&str, &str); 4] = [
    ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
];

/// Writes the image, and returns its size in bytes.
pub(crate) fn write(
    path: &Path,
    kernel: &Kernel,
    unpacked: &Unpacked,
    payload: &Payload,
    script: &str,
) -> Result<u64> {
    let mut archive = Archive::create(path)?;
    let mut fill = || -> Result<()> {
        // Without it, process 1 would start without a standard error.
        archive.device("dev/console", 5, 1)?;
        for (from, to) in &payload.links {
            archive.link(&text(from)?, &text(to)?)?;
        }
        for directory in DIRECTORIES {
            archive.directory(directory)?;
        }
        for (path, contents) in FILES {
            archive.file(path, contents.as_bytes())?;
        }
        archive.file("etc/hostname", format!("zc-{}\n", kernel.series).as_bytes())?;
        archive.file("init", INIT.as_bytes())?;
        archive.file("modules", modules::DEVICES.join(" ").as_bytes())?;
        archive.file("tests.sh", script.as_bytes())?;
        archive.file("on-disk", payload.on_disk.join("\n").as_bytes())?;
        for (path, here) in &payload.files {
            let contents =
                fs::read(here).with_context(|| format!("cannot read '{}'", here.display()))?;
            archive.file(&text(path)?, &contents)?;
        }
        let has_link = payload.links.iter().any(|(from, _)| from == Path::new("/lib"));
        let lib = if has_link { "usr/lib" } else { "lib" };
        add_modules(&mut archive, &unpacked.modules.join("lib"), lib)
    };
    fill().with_context(|| format!("cannot write '{}'", path.display()))?;
    archive.finish().with_context(|| format!("cannot write '{}'", path.display()))
}

/// Adds a directory with all files below it.
fn add_modules<W: std::io::Write>(
    archive: &mut Archive<W>,
    here: &Path,
    there: &str,
) -> Result<()> {
    let entries =
        fs::read_dir(here).with_context(|| format!("cannot read '{}'", here.display()))?;
    for entry in entries {
        let entry = entry?;
        let there = format!("{there}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            add_modules(archive, &entry.path(), &there)?;
        } else {
            archive.file(&there, &fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("'{}' is not valid UTF-8", path.display()))?;
    Ok(text.to_owned())
}
