//! An initramfs: an archive in the format `newc`, as the kernel unpacks it
//! (Documentation/driver-api/early-userspace/buffer-format.rst).
//!
//! Not written by cpio(1), because that can add a device node only if the node exists, and creating
//! one needs root.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Component, Path};

use anyhow::{Context as _, Result};

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_777;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// An archive that is being written.
pub(crate) struct Archive<W> {
    out: W,
    written: u64,
    inode: u32,
    present: BTreeSet<String>,
}

impl Archive<BufWriter<File>> {
    /// An archive in a new file.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot create '{}'", path.display()))?;
        Ok(Self::new(BufWriter::new(file)))
    }
}

impl<W: Write> Archive<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, written: 0, inode: 0, present: BTreeSet::new() }
    }

    /// A directory and its parents.
    pub(crate) fn directory(&mut self, path: &str) -> io::Result<()> {
        let mut whole = String::new();
        for part in Path::new(path).components() {
            let Component::Normal(part) = part else { continue };
            if !whole.is_empty() {
                whole.push('/');
            }
            whole.push_str(&part.to_string_lossy());
            if self.present.insert(whole.clone()) {
                self.entry(&whole, DIRECTORY, (0, 0), &[])?;
            }
        }
        Ok(())
    }

    /// An executable file. If several have the same name, the first one is kept.
    pub(crate) fn file(&mut self, path: &str, contents: &[u8]) -> io::Result<()> {
        self.named(path, PROGRAM, (0, 0), contents)
    }

    /// A symbolic link.
    pub(crate) fn link(&mut self, path: &str, to: &str) -> io::Result<()> {
        self.named(path, LINK, (0, 0), to.as_bytes())
    }

    /// A character device.
    pub(crate) fn device(&mut self, path: &str, major: u32, minor: u32) -> io::Result<()> {
        self.named(path, CHARACTER_DEVICE, (major, minor), &[])
    }

    /// Ends the archive; returns how long it is.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.entry("TRAILER!!!", 0, (0, 0), &[])?;
        self.out.flush()?;
        Ok(self.written)
    }

    fn named(
        &mut self,
        path: &str,
        mode: u32,
        device: (u32, u32),
        contents: &[u8],
    ) -> io::Result<()> {
        let path = path.trim_start_matches('/');
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.directory(parent)?;
        }
        if self.present.insert(path.to_owned()) {
            self.entry(path, mode, device, contents)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        path: &str,
        mode: u32,
        device: (u32, u32),
        contents: &[u8],
    ) -> io::Result<()> {
        self.inode += 1;
        let size = u32::try_from(contents.len()).map_err(io::Error::other)?;
        let name = u32::try_from(path.len() + 1).map_err(io::Error::other)?;
        let (major, minor) = device;
        let mut header = String::from("070701");
        // Inode, mode, owner, group, links, time, size, device, device it is, name, checksum.
        for field in [self.inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name, 0] {
            header.push_str(&format!("{field:08x}"));
        }
        self.put(header.as_bytes())?;
        self.put(path.as_bytes())?;
        self.put(b"\0")?;
        self.align()?;
        self.put(contents)?;
        self.align()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Headers and contents begin at multiples of four.
    fn align(&mut self) -> io::Result<()> {
        while !self.written.is_multiple_of(4) {
            self.put(b"\0")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_as_the_kernel_wants_them() {
        let mut bytes = Vec::new();
        let mut archive = Archive::new(&mut bytes);
        archive.file("/a/b", b"hello").expect("memory can be written");
        archive.file("a/b", b"a second one").expect("memory can be written");
        let length = archive.finish().expect("memory can be written");
        assert_eq!(length, bytes.len() as u64);
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("070701").count(), 3, "a directory, a file, and the end");
        // Six bytes of magic, then eight digits per field; the mode is the second one, the size the
        // seventh.
        assert_eq!(&text[14..22], "000041ed");
        let file = text.rfind("a/b\0").expect("it is there") - 110;
        assert_eq!(
            (&text[file + 14..file + 22], &text[file + 54..file + 62]),
            ("000081ed", "00000005")
        );
        assert_eq!(&text[file + 116..file + 121], "hello", "110 + 4 bytes, up to 116");
        assert!(text.ends_with("TRAILER!!!\0\0\0\0"));
    }
}
