//! Extracts the uncompressed kernel from the image that a boot loader would load.
//!
//! qemu can boot it directly (PVH): without hardware virtualisation a guest takes up to seven seconds
//! to decompress what the host decompresses in a fraction of one.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};

use crate::shell;

/// Number of sectors of the part that runs in real mode, less the first (Documentation/arch/x86/boot.rst).
const SETUP_SECTORS: usize = 0x1f1;
/// Where the header has the offset of the compressed kernel from the end of that part, and its length.
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;

const SECTOR: usize = 512;

/// How the payload may be compressed, by its first bytes.
const FORMATS: [(&[u8], &str); 4] = [
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"\x1f\x8b", "gzip"),
];

/// Extracts the kernel of the boot image `vmlinuz` to the file `vmlinux`.
pub(crate) fn extract(vmlinuz: &Path, vmlinux: &Path) -> Result<()> {
    let image =
        fs::read(vmlinuz).with_context(|| format!("cannot read '{}'", vmlinuz.display()))?;
    let payload = payload(&image)
        .with_context(|| format!("'{}' is not a kernel image", vmlinuz.display()))?;
    let (_, program) = FORMATS
        .iter()
        .find(|(magic, _)| payload.starts_with(magic))
        .context("unknown compression of the kernel")?;

    let compressed = vmlinux.with_extension("compressed");
    fs::write(&compressed, payload)
        .with_context(|| format!("cannot write '{}'", compressed.display()))?;
    decompress(program, &compressed, vmlinux)?;
    fs::remove_file(&compressed)
        .with_context(|| format!("cannot remove '{}'", compressed.display()))?;

    let mut magic = [0; 4];
    std::io::Read::read_exact(&mut File::open(vmlinux)?, &mut magic)?;
    ensure!(&magic == b"\x7fELF", "the kernel in '{}' is not an ELF file", vmlinuz.display());
    Ok(())
}

/// Runs a program that decompresses a file.
pub(crate) fn decompress(program: &str, from: &Path, to: &Path) -> Result<()> {
    let open = File::open(from).with_context(|| format!("cannot read '{}'", from.display()))?;
    let create = File::create(to).with_context(|| format!("cannot write '{}'", to.display()))?;
    let mut command = shell::command(program, &["-dc"]);
    let output = command
        .stdin(open)
        .stdout(create)
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("{program} cannot decompress '{}': {}", from.display(), why.trim());
    }
    Ok(())
}

/// The compressed kernel within the image.
fn payload(image: &[u8]) -> Result<&[u8]> {
    ensure!(
        image.get(0x202..0x206).is_some() && &image[0x202..0x206] == b"HdrS",
        "no header of a kernel"
    );
    // 0 means 4, for compatibility with very old kernels.
    let sectors = match image[SETUP_SECTORS] {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let word = |at: usize| -> Result<usize> {
        let bytes = image.get(at..at + 4).context("the header ends early")?;
        let bytes = bytes.try_into().expect("four bytes");
        Ok(usize::try_from(u32::from_le_bytes(bytes)).expect("32 bits fit"))
    };
    let begin = (sectors + 1) * SECTOR + word(PAYLOAD_OFFSET)?;
    // The last four bytes are the length of the kernel, not part of the format.
    let end = begin + word(PAYLOAD_LENGTH)?.saturating_sub(4);
    image.get(begin..end).context("the header points outside of the image")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Vec<u8> {
        let mut image = vec![0; 3 * SECTOR + 100];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[SETUP_SECTORS] = 1;
        image[PAYLOAD_OFFSET..PAYLOAD_OFFSET + 4].copy_from_slice(&512_u32.to_le_bytes());
        image[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4].copy_from_slice(&14_u32.to_le_bytes());
        image[3 * SECTOR..3 * SECTOR + 14].copy_from_slice(b"compressedSIZE");
        image
    }

    #[test]
    fn the_payload_is_found_by_the_header() {
        assert_eq!(payload(&image()).expect("it is there"), b"compressed");
    }

    #[test]
    fn an_image_that_ends_early_is_refused() {
        let whole = image();
        for length in [0, 0x202, 0x24a, 3 * SECTOR, 3 * SECTOR + 9] {
            assert!(payload(&whole[..length]).is_err(), "{length} bytes");
        }
    }
}
