//! Where the frames of a recording go: to a file as they come, or to memory until they are asked for.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Error, Result, anyhow, bail, ensure};
use rustix::fs::{Access, access};

use super::super::recorded::shown;
use crate::cli::Record;
use zc_privilege::{as_user, files};
use zc_recording::{Recording, Ring, Writer, ring::IN_MEMORY, writer::Piece};
use zc_render::human;
use zc_session::stall::Stoppable;

/// A place for frames.
pub(super) trait Keep {
    /// Whether the next snapshot is to begin a chunk.
    fn wants_chunk(&self) -> bool;

    /// Takes what belongs to a snapshot that was taken at `at_ns`, ns since the Unix epoch.
    fn keep(&mut self, writer: &Writer, at_ns: u64, piece: Piece) -> Result<()>;

    /// Takes the frame of a mark.
    fn mark(&mut self, frame: &[u8]) -> Result<()>;

    /// Whether this is what is recorded to where the user means the file with this device and inode, or none.
    fn is_meant(&self, file: Option<(u64, u64)>) -> bool;

    /// Writes what is in memory: what was done, in words.
    fn dump(&mut self, writer: &Writer) -> Result<String>;

    /// The recording ends at `at_ns`: what there is of it, in words.
    fn end(&mut self, writer: &Writer, at_ns: u64) -> Result<String>;
}

fn open(path: &Path) -> Result<File> {
    files::open_locked(path).map_err(|error| {
        let what = format!("cannot write the recording to '{}'", shown(path));
        if error.kind() == ErrorKind::ResourceBusy {
            anyhow!("{what}: another zc records to it")
        } else {
            Error::new(error).context(what)
        }
    })
}

/// A file that grows, and a former one if there is a limit.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// Bytes of the file, all of whole frames.
    size: u64,
    /// Whether what the file had before is gone.
    is_emptied: bool,
    /// Bytes after which another file is begun.
    most: Option<u64>,
}

impl Log {
    /// Opens the file, which keeps what it has until there is something to write. Of two, each has half of the bytes
    /// that there may be.
    pub(super) fn open(arguments: &Record) -> Result<Self> {
        Self::at(arguments.output.clone(), arguments.max_size.map(|most| most / 2))
    }

    fn at(path: PathBuf, most: Option<u64>) -> Result<Self> {
        if most.is_some() {
            is_free(&former(&path))?;
        }
        Ok(Self { file: open(&path)?, path, size: 0, is_emptied: false, most })
    }

    /// Removes what the file had before, now that there is something to write.
    fn empty(&mut self) -> Result<()> {
        if !self.is_emptied && self.file.metadata().is_ok_and(|found| found.is_file()) {
            let what = || format!("cannot write the recording to '{}'", shown(&self.path));
            self.file.set_len(0).with_context(what)?;
        }
        self.is_emptied = true;
        Ok(())
    }

    /// Whether what was written is still there.
    fn check(&self) -> Result<()> {
        let path = shown(&self.path);
        let found = self.file.metadata().with_context(|| format!("cannot look at '{path}'"))?;
        // A pipe or a device keeps nothing.
        if !found.is_file() {
            return Ok(());
        }
        ensure!(
            found.nlink() > 0,
            "the file '{path}' was removed while zc recorded to it: what was recorded cannot be read any more; \
             record again"
        );
        ensure!(
            found.len() == self.size,
            "another program has changed the file '{path}' while zc recorded to it: it has {} bytes, and zc wrote {}; \
             what of it is still whole can be read",
            found.len(),
            self.size
        );
        Ok(())
    }

    /// Whether the file still has its name.
    fn check_name(&self) -> Result<()> {
        let path = shown(&self.path);
        let own = self.file.metadata().with_context(|| format!("cannot look at '{path}'"))?;
        if !own.is_file() {
            return Ok(());
        }
        let is_same = |named: fs::Metadata| (named.dev(), named.ino()) == (own.dev(), own.ino());
        ensure!(
            as_user(|| fs::metadata(&self.path)).is_ok_and(is_same),
            "the file '{path}' was renamed while zc recorded to it: what was recorded, {}, can be read under its new \
             name only",
            human::bytes(self.size)
        );
        Ok(())
    }

    /// Appends in one call, so that a recorder that is killed leaves whole frames, and one beyond them at most.
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.empty()?;
        self.check()?;
        if let Err(error) = self.file.write_all(bytes) {
            // What was begun is taken back; a reader skips it otherwise.
            let _ = self.file.set_len(self.size);
            return Err(error).with_context(|| {
                let former = former(&self.path);
                let before = match as_user(|| fs::metadata(&former)) {
                    Ok(_) if self.most.is_some() => format!(", and '{}'", shown(&former)),
                    _ => String::new(),
                };
                format!(
                    "cannot write to the recording '{}' any more; what was recorded until then, {}{before}, can be read",
                    shown(&self.path),
                    human::bytes(self.size),
                )
            });
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Goes on in another file. The former one keeps its bytes under another name.
    fn rotate(&mut self) -> Result<()> {
        self.check()?;
        // Another one may have that name by now, which is not to be lost.
        self.check_name()?;
        let former = former(&self.path);
        is_free(&former)?;
        as_user(|| fs::rename(&self.path, &former))
            .with_context(|| format!("cannot rename the recording to '{}'", shown(&former)))?;
        self.file = open(&self.path)?;
        (self.size, self.is_emptied) = (0, false);
        Ok(())
    }
}

/// Refuses to put a recording in the place of `path` if that is another one that is being made, or none at all.
fn is_free(path: &Path) -> Result<()> {
    let what = || format!("cannot put the older half of the recording into '{}'", shown(path));
    match files::open(path) {
        Ok(file) if files::is_locked(&file) => bail!("{}: another zc records to it", what()),
        Ok(file) if file.metadata().is_ok_and(|found| found.len() == 0) => Ok(()),
        Ok(file) => Recording::meta_of(file)
            .map(|_| ())
            .map_err(|error| anyhow!("{}: {error}; move it, or record to another file", what())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::new(error).context(what())),
    }
}

/// The name of the file before the current one.
pub(in crate::commands) fn former(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

impl Keep for Log {
    fn wants_chunk(&self) -> bool {
        self.most.is_some_and(|most| self.size >= most)
    }

    fn keep(&mut self, writer: &Writer, at_ns: u64, piece: Piece) -> Result<()> {
        if piece.begins_chunk && self.wants_chunk() {
            self.rotate()?;
        }
        if self.size == 0 {
            let begin = writer.begin(at_ns)?;
            self.append(&[begin, piece.bytes].concat())
        } else {
            self.append(&piece.bytes)
        }
    }

    fn mark(&mut self, frame: &[u8]) -> Result<()> {
        self.append(frame)
    }

    fn is_meant(&self, file: Option<(u64, u64)>) -> bool {
        let own = self.file.metadata().map(|found| (found.dev(), found.ino()));
        own.is_ok_and(|own| file == Some(own))
    }

    fn dump(&mut self, _writer: &Writer) -> Result<String> {
        Ok(format!("'{}' has all until now", shown(&self.path)))
    }

    fn end(&mut self, writer: &Writer, at_ns: u64) -> Result<String> {
        self.append(&writer.end(at_ns))?;
        self.check_name()?;
        let path = shown(&self.path);
        Ok(format!(
            "{} in '{path}'; see: zc replay '{path}', zc report '{path}'",
            human::bytes(self.size)
        ))
    }
}

/// The last minutes, in memory, and the file that they are written to.
pub(super) struct Flight {
    path: PathBuf,
    ring: Ring,
}

impl Flight {
    /// Nothing yet. Fails where the file cannot be written later, as far as that is known now.
    pub(super) fn new(arguments: &Record) -> Result<Self> {
        let span = arguments.flight_recorder.unwrap_or_default();
        let most = arguments.max_size.unwrap_or(IN_MEMORY);
        let flight = Self { path: arguments.output.clone(), ring: Ring::new(span, most) };
        let directory = match flight.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let what = || format!("cannot write the recording to '{}' later", shown(&flight.path));
        as_user(|| access(directory, Access::WRITE_OK | Access::EXEC_OK)).with_context(what)?;
        ensure!(!flight.path.is_dir(), "{}: it is a directory", what());
        flight.check()?;
        Ok(flight)
    }

    /// Whether no other recorder has the file.
    fn check(&self) -> Result<()> {
        let is_locked = files::open(&self.path).is_ok_and(|file| files::is_locked(&file));
        ensure!(
            !is_locked,
            "cannot write the recording to '{}': another zc records to it",
            shown(&self.path)
        );
        Ok(())
    }
}

impl Keep for Flight {
    fn wants_chunk(&self) -> bool {
        self.ring.wants_chunk()
    }

    fn keep(&mut self, _writer: &Writer, at_ns: u64, piece: Piece) -> Result<()> {
        self.ring.keep(at_ns, piece);
        Ok(())
    }

    fn mark(&mut self, frame: &[u8]) -> Result<()> {
        ensure!(self.ring.mark(frame), "nothing has been recorded yet");
        Ok(())
    }

    fn is_meant(&self, _file: Option<(u64, u64)>) -> bool {
        // What is in memory has no file yet, whatever has its name.
        true
    }

    fn dump(&mut self, writer: &Writer) -> Result<String> {
        let Some(dump) = self.ring.dump(writer)? else {
            return Ok("nothing has been recorded yet".to_owned());
        };
        self.check()?;
        files::replace(&self.path, |file| {
            let file = &mut Stoppable(file);
            dump.pieces().try_for_each(|piece| file.write_all(piece))
        })
        .with_context(|| format!("cannot write the recording to '{}'", shown(&self.path)))?;
        let span = human::duration(u64::try_from(dump.span.as_nanos()).unwrap_or(u64::MAX));
        Ok(format!("wrote the last {span} to '{}'", shown(&self.path)))
    }

    fn end(&mut self, _writer: &Writer, _at_ns: u64) -> Result<String> {
        Ok("what was in memory is gone; the signal USR1 writes it".to_owned())
    }
}

#[cfg(test)]
mod tests;
