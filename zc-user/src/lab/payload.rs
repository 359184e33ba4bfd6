//! The payload: bytes that neither a file system nor a checksum takes for something simpler.

use std::{
    fs::File,
    io::{self, BufWriter, ErrorKind, Read, Write as _},
    os::fd::AsFd as _,
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{Advice, fadvise, fdatasync};

use super::sink::scratch;

/// A file that scenarios read, and what has to arrive.
pub(super) struct Payload {
    file: File,
    /// Bytes.
    pub(super) size: u64,
    /// Checksum.
    pub(super) digest: u32,
}

/// Bytes per step.
const STEP: usize = 1 << 20;

impl Payload {
    /// `size` bytes that do not compress, in a new file in `directory`.
    pub(super) fn generate(directory: &Path, size: u64) -> Result<Self> {
        let mut file = BufWriter::with_capacity(STEP, scratch(directory)?);
        let mut hasher = crc32fast::Hasher::new();
        let mut left = size;
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        while left > 0 {
            let mut block = [0; 4096];
            for word in block.as_chunks_mut::<8>().0 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                *word = seed.to_le_bytes();
            }
            let block = &block[..block.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
            hasher.update(block);
            file.write_all(block).map_err(|error| full(&error, directory, size))?;
            left -= block.len() as u64;
        }
        let file = file.into_inner().map_err(|error| full(error.error(), directory, size))?;
        // Dirty pages cannot be dropped from the cache, and written back they disturb the timing.
        fdatasync(&file).map_err(|error| full(&error.into(), directory, size))?;
        Ok(Self { file, size, digest: hasher.finalize() })
    }

    /// The contents of a file of the user's, which is only read.
    pub(super) fn of_file(path: &Path) -> Result<Self> {
        let shown = path.display();
        let mut file = File::open(path).with_context(|| format!("cannot open '{shown}'"))?;
        if !file.metadata().with_context(|| format!("cannot look at '{shown}'"))?.is_file() {
            bail!("cannot use '{shown}': it is no regular file");
        }
        let (size, digest) = digest(&mut file).with_context(|| format!("cannot read '{shown}'"))?;
        if size == 0 {
            bail!("cannot use '{shown}': it is empty");
        }
        Ok(Self { file, size, digest })
    }

    /// The file, at its start, for one worker.
    pub(super) fn open(&self) -> Result<File> {
        reopen(&self.file)
    }

    /// Brings the whole of it into the page cache.
    pub(super) fn warm(&self) -> Result<()> {
        let mut file = self.open()?;
        io::copy(&mut file, &mut io::sink()).context("cannot read the payload")?;
        Ok(())
    }

    /// Drops it from the page cache, as far as nobody else has it mapped.
    pub(super) fn chill(&self) -> Result<()> {
        fadvise(&self.file, 0, None, Advice::DontNeed)
            .context("cannot drop the payload from the page cache")
    }
}

/// `file` opened again: with a position of its own.
pub(super) fn reopen(file: &File) -> Result<File> {
    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file.as_fd()));
    File::open(link).context("cannot open a file again: is /proc mounted?")
}

/// Bytes and checksum of what is left to read.
pub(super) fn digest(from: &mut impl Read) -> io::Result<(u64, u32)> {
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; STEP];
    let mut size = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((size, hasher.finalize())),
            Ok(got) => {
                hasher.update(&buffer[..got]);
                size += got as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn full(error: &io::Error, directory: &Path, size: u64) -> anyhow::Error {
    let hint = if error.kind() == ErrorKind::StorageFull {
        "; make room, choose another directory with --dir, or fewer bytes with --size"
    } else {
        ""
    };
    anyhow::anyhow!(
        "cannot write {size} bytes of payload in '{}': {error}{hint}",
        directory.display()
    )
}
