//! Where the frames of a recording go: to a file as they come, or to memory until they are asked for.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Error, Result, anyhow, ensure};

use super::super::recorded::shown;
use crate::cli::Record;
use zc_privilege::{as_user, files};
use zc_recording::{Ring, Writer, ring::IN_MEMORY, writer::Piece};
use zc_render::human;

/// A place for frames.
pub(super) trait Keep {
    /// Whether the next snapshot is to begin a chunk.
    fn wants_chunk(&self) -> bool;

    /// Takes what belongs to a snapshot that was taken at `at_ns`, ns since the Unix epoch.
    fn keep(&mut self, writer: &Writer, at_ns: u64, piece: Piece) -> Result<()>;

    /// Takes the frame of a mark.
    fn mark(&mut self, frame: &[u8]) -> Result<()>;

    /// Writes what is in memory: what was done, in words.
    fn dump(&mut self, writer: &Writer) -> Result<String>;

    /// The recording ends at `at_ns`: what there is of it, in words.
    fn end(&mut self, writer: &Writer, at_ns: u64) -> Result<String>;
}

fn create(path: &Path) -> Result<File> {
    files::create_locked(path).map_err(|error| {
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
    /// Bytes after which another file is begun.
    most: Option<u64>,
}

impl Log {
    /// Makes the file. Of two, each has half of the bytes that there may be.
    pub(super) fn open(arguments: &Record) -> Result<Self> {
        let path = arguments.output.clone();
        let most = arguments.max_size.map(|most| most / 2);
        Ok(Self { file: create(&path)?, path, size: 0, most })
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
        self.check()?;
        if let Err(error) = self.file.write_all(bytes) {
            // What was begun is taken back; a reader skips it otherwise.
            let _ = self.file.set_len(self.size);
            return Err(error).with_context(|| {
                format!(
                    "cannot write to the recording '{}' any more; what was recorded until then, {}, can be read",
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
        as_user(|| fs::rename(&self.path, &former))
            .with_context(|| format!("cannot rename the recording to '{}'", shown(&former)))?;
        self.file = create(&self.path)?;
        self.size = 0;
        Ok(())
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
    /// Nothing yet.
    pub(super) fn new(arguments: &Record) -> Self {
        let span = arguments.flight_recorder.unwrap_or_default();
        let most = arguments.max_size.unwrap_or(IN_MEMORY);
        Self { path: arguments.output.clone(), ring: Ring::new(span, most) }
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

    fn dump(&mut self, writer: &Writer) -> Result<String> {
        let Some(dump) = self.ring.dump(writer)? else {
            return Ok("nothing has been recorded yet".to_owned());
        };
        // Under another name first: what has that name already is replaced as a whole.
        let mut part = self.path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut file = create(&part)?;
        let written = dump
            .pieces()
            .try_for_each(|piece| file.write_all(piece))
            .and_then(|()| as_user(|| fs::rename(&part, &self.path)));
        written.with_context(|| {
            let _ = as_user(|| fs::remove_file(&part));
            format!("cannot write the recording to '{}'", shown(&self.path))
        })?;
        let span = human::duration(u64::try_from(dump.span.as_nanos()).unwrap_or(u64::MAX));
        Ok(format!("wrote the last {span} to '{}'", shown(&self.path)))
    }

    fn end(&mut self, _writer: &Writer, _at_ns: u64) -> Result<String> {
        Ok("what was in memory is gone; the signal USR1 writes it".to_owned())
    }
}

#[cfg(test)]
mod tests;
