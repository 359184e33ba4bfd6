//! The payload: bytes that neither a file system nor a checksum takes for something simpler.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, BufWriter, ErrorKind, Read, Write as _},
    os::{
        fd::AsFd as _,
        unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};
use bytesize::ByteSize;
use rustix::fs::{Advice, OFlags, fadvise, fdatasync, fstatfs, fstatvfs};
use tokio::task::yield_now;
use zc_privilege::as_user;

use crate::sink::scratch;

/// A file that scenarios read, and what has to arrive.
pub(crate) struct Payload {
    file: File,
    /// Bytes.
    pub(crate) size: u64,
    /// Checksum.
    pub(crate) digest: u32,
    given: Option<Given>,
}

/// A file of the user's.
struct Given {
    path: PathBuf,
    before: Metadata,
}

/// Bytes per step; between two of them the lab can be interrupted.
const STEP: usize = 1 << 20;
/// Bytes written before they have to be on the disk: the last wait is not for all of them at once.
const BATCH: u64 = 32 << 20;

impl Payload {
    /// `size` bytes that do not compress, in a new file in `directory`.
    pub(crate) async fn generate(directory: &Path, size: u64) -> Result<Self> {
        let file = scratch(directory)?;
        has_room(&file, directory, size)?;
        let full = |error| full(&error, directory, size);
        let mut file = BufWriter::with_capacity(STEP, file);
        let mut hasher = crc32fast::Hasher::new();
        let mut written = 0;
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        while written < size {
            let mut block = [0; 4096];
            for word in block.as_chunks_mut::<8>().0 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                *word = seed.to_le_bytes();
            }
            let left = usize::try_from(size - written).unwrap_or(usize::MAX);
            let block = &block[..block.len().min(left)];
            hasher.update(block);
            file.write_all(block).map_err(full)?;
            written += block.len() as u64;
            if written.is_multiple_of(STEP as u64) {
                yield_now().await;
            }
            if written.is_multiple_of(BATCH) {
                sync(&mut file).map_err(full)?;
            }
        }
        // Dirty pages cannot be dropped from the cache, and written back they disturb the timing.
        sync(&mut file).map_err(full)?;
        let file = file.into_inner().map_err(|error| full(error.into_error()))?;
        Ok(Self { file, size, digest: hasher.finalize(), given: None })
    }

    /// The contents of a file of the user's, which is only read.
    pub(crate) async fn of_file(path: &Path) -> Result<Self> {
        let shown = path.display();
        // Opening a pipe would wait for a writer.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = as_user(|| OpenOptions::new().read(true).custom_flags(flags).open(path));
        let file = file.with_context(|| format!("cannot open '{shown}'"))?;
        let before =
            file.metadata().with_context(|| format!("cannot read the attributes of '{shown}'"))?;
        if !before.is_file() {
            bail!("cannot use '{shown}': it is not a regular file");
        }
        if is_invented(&file)? {
            bail!(
                "cannot use '{shown}': the kernel generates it while it is read; use a file on a disk"
            );
        }
        let copy = reopen(&file)?;
        let (size, digest) =
            digest_of(copy).await.with_context(|| format!("cannot read '{shown}'"))?;
        if size == 0 {
            bail!("cannot use '{shown}': it is empty");
        }
        let given = Given { path: path.to_owned(), before };
        let payload = Self { file, size, digest, given: Some(given) };
        payload.has_not_changed()?;
        Ok(payload)
    }

    /// Whether it is a file of the user's.
    pub(crate) const fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// The file, at its start, for one worker.
    pub(crate) fn open(&self) -> Result<File> {
        reopen(&self.file)
    }

    /// Brings the whole of it into the page cache.
    pub(crate) async fn warm(&self) -> Result<()> {
        let mut file = self.open()?;
        let mut buffer = vec![0; STEP];
        while file.read(&mut buffer).context("cannot read the payload")? > 0 {
            yield_now().await;
        }
        Ok(())
    }

    /// Drops it from the page cache, unless another process has it mapped.
    pub(crate) fn chill(&self) -> Result<()> {
        fadvise(&self.file, 0, None, Advice::DontNeed)
            .context("cannot drop the payload from the page cache")
    }

    /// A file of the user's is what it was when its checksum was made.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn has_not_changed(&self) -> Result<()> {
        let Some(Given { path, before }) = &self.given else { return Ok(()) };
        let now = self.file.metadata().context("cannot look at the payload")?;
        let stamp = |of: &Metadata| (of.len(), of.mtime(), of.mtime_nsec());
        if stamp(&now) != stamp(before) || now.len() != self.size {
            bail!(
                "'{}' changed while it was used; use a file that no process writes to",
                path.display()
            );
        }
        Ok(())
    }
}

/// `file` opened again: with a position of its own.
pub(crate) fn reopen(file: &File) -> Result<File> {
    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file.as_fd()));
    File::open(link).context("cannot open a file again: is /proc mounted?")
}

/// Bytes and checksum of what is left to read.
pub(crate) fn digest(from: &mut impl Read) -> io::Result<(u64, u32)> {
    let mut digest = Digest::default();
    while digest.step(from)? {}
    Ok(digest.done())
}

/// As [`digest`], with pauses in which the lab can be interrupted.
pub(crate) async fn digest_of(mut file: File) -> io::Result<(u64, u32)> {
    let mut digest = Digest::default();
    while digest.step(&mut file)? {
        yield_now().await;
    }
    Ok(digest.done())
}

struct Digest {
    hasher: crc32fast::Hasher,
    size: u64,
    buffer: Vec<u8>,
}

impl Default for Digest {
    fn default() -> Self {
        Self { hasher: crc32fast::Hasher::new(), size: 0, buffer: vec![0; STEP] }
    }
}

impl Digest {
    /// Takes in what there is; whether more may come.
    fn step(&mut self, from: &mut impl Read) -> io::Result<bool> {
        match from.read(&mut self.buffer) {
            Ok(got) => {
                self.hasher.update(&self.buffer[..got]);
                self.size += got as u64;
                Ok(got > 0)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn done(self) -> (u64, u32) {
        (self.size, self.hasher.finalize())
    }
}

/// Whether the file is on a file system whose contents the kernel makes up: it has no size, or
/// another than it says.
fn is_invented(file: &File) -> Result<bool> {
    const INVENTED: [i64; 6] = [
        libc::PROC_SUPER_MAGIC,
        libc::SYSFS_MAGIC,
        libc::DEBUGFS_MAGIC,
        libc::TRACEFS_MAGIC,
        libc::CGROUP2_SUPER_MAGIC,
        libc::SECURITYFS_MAGIC,
    ];
    let system = fstatfs(file).context("cannot look at a file system")?;
    Ok(INVENTED.contains(&system.f_type))
}

/// Checks that there is room for `size` bytes.
fn has_room(file: &File, directory: &Path, size: u64) -> Result<()> {
    let system = fstatvfs(file).context("cannot look at a file system")?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    if size > free {
        bail!(
            "cannot make {} of payload in '{}': {} are free; {ROOM}",
            ByteSize(size),
            directory.display(),
            ByteSize(free)
        );
    }
    Ok(())
}

fn sync(file: &mut BufWriter<File>) -> io::Result<()> {
    file.flush()?;
    Ok(fdatasync(file.get_ref())?)
}

const ROOM: &str = "free some space, choose another directory with --dir, or use a smaller --size";

fn full(error: &io::Error, directory: &Path, size: u64) -> anyhow::Error {
    let hint =
        if error.kind() == ErrorKind::StorageFull { format!("; {ROOM}") } else { String::new() };
    anyhow!("cannot write {size} bytes of payload in '{}': {error}{hint}", directory.display())
}

/// The error of a worker, with what to do about a full disk.
pub(crate) fn explain(error: anyhow::Error) -> anyhow::Error {
    let full = |cause: &(dyn std::error::Error + 'static)| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let kind =
            kind.or_else(|| cause.downcast_ref::<rustix::io::Errno>().map(|errno| errno.kind()));
        kind == Some(ErrorKind::StorageFull)
    };
    if error.chain().any(full) { anyhow!("{error:#}; {ROOM}") } else { error }
}
