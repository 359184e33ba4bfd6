//! fio: reads of 4 KiB at random places, from tmpfs and from the page cache.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    load::{Load, rate_of},
    rate,
};

/// Bytes of the file: more than the caches of the processor, less than memory.
const FILE_LEN: usize = 64 << 20;

/// `TMPFS_MAGIC`, `include/uapi/linux/magic.h`.
const TMPFS: u64 = 0x0102_1994;

pub(super) fn tmpfs() -> Result<Load> {
    let directory = Path::new("/dev/shm");
    ensure!(is_tmpfs(directory)?, "'{}' is no tmpfs", directory.display());
    load("fio, random reads of 4 KiB, tmpfs", directory)
}

pub(super) fn page_cache(directory: &Path) -> Result<Load> {
    ensure!(
        !is_tmpfs(directory)?,
        "'{}' is a tmpfs, whose reads take another path; name another with --directory",
        directory.display()
    );
    load("fio, random reads of 4 KiB, page cache", directory)
}

fn load(what: &'static str, directory: &Path) -> Result<Load> {
    let directory = tempfile::tempdir_in(directory)
        .with_context(|| format!("cannot make a directory in '{}'", directory.display()))?;
    let path = directory.path().join("file");
    let mut file = File::options().create_new(true).read(true).write(true).open(&path)?;
    let mut bytes = vec![1; FILE_LEN];
    file.write_all(&bytes).context("cannot fill the file")?;
    // Written back now, and not in the middle of a measurement; and all of it in memory.
    file.sync_all()?;
    file.rewind()?;
    file.read_exact(&mut bytes)?;
    Ok(Load {
        what,
        unit: "reads",
        run: Box::new(move |seconds| {
            let _kept = &directory;
            let runtime = format!("--runtime={seconds}");
            let size = format!("--size={FILE_LEN}");
            // It would throw the file out of the page cache first.
            let words = ["--invalidate=0", "--rw=randread", "--norandommap", "--bs=4k"];
            let mut fio = Command::new("fio");
            fio.args(["--name=zc", "--ioengine=psync", "--time_based", "--output-format=json"]);
            fio.args(words).args([&runtime, &size]);
            rate_of(fio.arg("--filename").arg(&path), rate::fio)
        }),
    })
}

fn is_tmpfs(directory: &Path) -> Result<bool> {
    let found = rustix::fs::statfs(directory)
        .with_context(|| format!("cannot find '{}'", directory.display()))?;
    Ok(found.f_type as u64 == TMPFS)
}
