//! Files that the user names: opened with the user's own rights, and read within bounds.

use std::{
    fs,
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Component, Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{CWD, FileType, FlockOperation, Mode, OFlags, Stat, flock, fstat, ftruncate, openat},
    io::Errno,
    process::geteuid,
};

use crate::as_user;

/// How long the writer of a pipe may keep its reader waiting, in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes per read: a pipe holds no more.
const STEP: usize = 1 << 16;

/// The contents of `path`, at most `most` bytes. A pipe is read, too, as shells give them.
///
/// # Errors
/// When the user may not read the file, when it is larger, or when a pipe brings no end within ten seconds.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_patiently(path, most, PATIENCE)
}

/// The same, for a file that need not be there at all: a pipe has a second.
///
/// # Errors
/// As of [`read`].
pub fn read_at_once(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_patiently(path, most, Duration::from_secs(1))
}

fn read_patiently(path: &Path, most: u64, patience: Duration) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for a writer.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = flags.bits().cast_signed();
    let file = as_user(|| OpenOptions::new().read(true).custom_flags(flags).open(path))?;
    within(file, most, patience)
}

/// Opens `path`, which must be a file that can be read at any place, with the user's rights.
///
/// # Errors
/// When the user may not read the file, or when it is a directory, a pipe or a device.
pub fn open(path: &Path) -> io::Result<File> {
    // Opening a pipe would wait for a writer.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = as_user(|| OpenOptions::new().read(true).custom_flags(flags).open(path))?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"))
    }
}

fn within(mut file: File, most: u64, patience: Duration) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::new(ErrorKind::FileTooLarge, format!("more than {most} bytes"));
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.size() > most {
        return Err(too_large());
    }
    let deadline = Instant::now() + patience;
    let mut contents = Vec::new();
    let mut step = vec![0; STEP];
    loop {
        match file.read(&mut step) {
            // A pipe that no process has opened for writing yet has no end.
            Ok(0) if !has_ended(&file)? => wait(&file, deadline, patience)?,
            Ok(0) => return Ok(contents),
            Ok(got) => contents.extend_from_slice(&step[..got]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                wait(&file, deadline, patience)?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if contents.len() as u64 > most {
            return Err(too_large());
        }
        if Instant::now() > deadline {
            return Err(late(patience));
        }
    }
}

fn late(patience: Duration) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, format!("no end within {} s", patience.as_secs()))
}

/// Whether nothing more can come from a file of which nothing was read.
fn has_ended(file: &File) -> io::Result<bool> {
    if FileType::from_raw_mode(fstat(file)?.st_mode) != FileType::Fifo {
        return Ok(true);
    }
    // The kernel reports a hang-up once there was a writer (`pipe_poll`, fs/pipe.c).
    let mut one = [PollFd::new(file, PollFlags::IN)];
    poll(&mut one, Some(&Timespec::default()))?;
    Ok(one[0].revents().contains(PollFlags::HUP))
}

/// Waits until there is something to read, or the end.
fn wait(file: &File, deadline: Instant, patience: Duration) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    let mut one = [PollFd::new(file, PollFlags::IN)];
    match poll(&mut one, Some(&left)) {
        Ok(0) => Err(late(patience)),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes `path`, or empties it, as the user. In directories that users share (sticky, writable for all), no
/// link is followed and no file of another user is written to: it may have been put there for that.
///
/// # Errors
/// When the user may not write there.
pub fn create(path: &Path) -> io::Result<File> {
    as_user(|| create_within(path))
}

/// As [`create`], for a file that is written to for long: it is locked until it is closed (`flock`), and has what it
/// had until the caller empties it.
///
/// # Errors
/// When the user may not write there; of the kind [`ErrorKind::ResourceBusy`] when the file is locked already.
pub fn open_locked(path: &Path) -> io::Result<File> {
    as_user(|| open_within(path, OFlags::empty(), lock)).map(|(file, _)| file)
}

/// Writes a file as a whole: under another name first, so that no reader meets a half of it, and what has the name
/// already is there until then. What is no regular file, such as a pipe or a link, is written to as it is.
///
/// # Errors
/// When the user may not write there, or `write` fails.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let before = as_user(|| fs::symlink_metadata(path)).ok();
    if before.as_ref().is_some_and(|found| !found.is_file()) {
        return write(&mut create(path)?);
    }
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    // Never one that is there: it may be anything.
    let (mut file, _) = as_user(|| open_within(&part, OFlags::EXCL, |_| Ok(())))?;
    // Those who may not read what is there may not read what replaces it either.
    let kept = before.map_or(Ok(()), |before| file.set_permissions(before.permissions()));
    let written =
        kept.and_then(|()| write(&mut file)).and_then(|()| as_user(|| fs::rename(&part, path)));
    if written.is_err() {
        let _ = as_user(|| fs::remove_file(&part));
    }
    written
}

/// Whether another open file has `file` locked: it is still written to. To find out, it is locked for a moment, together
/// with others that only read.
#[must_use]
pub fn is_locked(file: &File) -> bool {
    let is_locked = flock(file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK);
    if !is_locked {
        // What is not locked needs no unlocking, and says so.
        let _ = flock(file, FlockOperation::Unlock);
    }
    is_locked
}

fn lock(file: &OwnedFd) -> io::Result<()> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(ErrorKind::ResourceBusy.into()),
        // Some file systems have no locks; that is no reason not to write there.
        _ => Ok(()),
    }
}

/// The file, emptied if it is a regular one.
fn create_within(path: &Path) -> io::Result<File> {
    let (file, is_regular) = open_within(path, OFlags::empty(), |_| Ok(()))?;
    if is_regular {
        ftruncate(&file, 0)?;
    }
    Ok(file)
}

/// The file, and whether it is a regular one; `hold` is called with that.
fn open_within(
    path: &Path,
    also: OFlags,
    hold: impl FnOnce(&OwnedFd) -> io::Result<()>,
) -> io::Result<(File, bool)> {
    let name = path.file_name().ok_or(ErrorKind::IsADirectory)?;
    let mut directory: Option<OwnedFd> = None;
    for part in path.parent().into_iter().flat_map(Path::components) {
        if part == Component::CurDir {
            continue;
        }
        let shared = match &directory {
            None if matches!(part, Component::RootDir) => OFlags::empty(),
            None => links_in(&openat(CWD, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)?,
            Some(directory) => links_in(directory)?,
        };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | shared;
        let at = directory.as_ref().map_or(CWD, |directory| directory.as_fd());
        directory = Some(openat(at, part.as_os_str(), flags, Mode::empty())?);
    }
    let directory = match directory {
        Some(directory) => directory,
        None => openat(CWD, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?,
    };
    let shared = links_in(&directory)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY | shared | also;
    let file = openat(&directory, name, flags, Mode::from_raw_mode(0o666))?;
    let found = fstat(&file)?;
    if !shared.is_empty() && !is_ours(&found, &fstat(&directory)?) {
        return Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "it belongs to another user, in a directory that users share",
        ));
    }
    let is_regular = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    if is_regular {
        hold(&file)?;
    }
    Ok((file.into(), is_regular))
}

/// How links are opened in `directory`: not at all where users share it.
fn links_in(directory: &OwnedFd) -> io::Result<OFlags> {
    const SHARED: u32 = 0o1002;
    let shared = fstat(directory)?.st_mode & SHARED == SHARED;
    Ok(if shared { OFlags::NOFOLLOW } else { OFlags::empty() })
}

/// As the kernel decides it (`may_create_in_sticky`, fs/namei.c), whatever `fs.protected_regular` is.
fn is_ours(file: &Stat, directory: &Stat) -> bool {
    file.st_uid == geteuid().as_raw() || file.st_uid == directory.st_uid
}

#[cfg(test)]
mod tests;
