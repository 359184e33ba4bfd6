//! Pipes, and what is spliced through them.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _, pipe},
    os::{fd::AsRawFd, unix::net::UnixStream},
    ptr::null_mut,
};

use anyhow::Result;

use super::{Work, file};
use crate::sites::whole;

/// Bytes that are handed over by reference.
const BYTES: usize = 4096;

pub(super) fn write_read() -> Result<Work> {
    let (mut reader, mut writer) = pipe()?;
    let mut byte = [0];
    Ok(Box::new(move || {
        writer.write_all(&[1])?;
        Ok(reader.read_exact(&mut byte)?)
    }))
}

pub(super) fn vmsplice() -> Result<Work> {
    let (reader, mut writer) = pipe()?;
    let mut byte = [0_u8];
    Ok(Box::new(move || {
        writer.write_all(&[1])?;
        let vector = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
        // SAFETY: a vector of one piece of memory of that length.
        whole(unsafe { libc::vmsplice(reader.as_raw_fd(), &raw const vector, 1, 0) }, 1)
    }))
}

pub(super) fn from_socket() -> Result<Work> {
    let (mut near, far) = UnixStream::pair()?;
    let mut away = throwing_away(far)?;
    Ok(Box::new(move || {
        near.write_all(&[1])?;
        away()
    }))
}

/// Takes one byte from a socket through a pipe to where it is thrown away.
pub(super) fn throwing_away(socket: impl AsRawFd + 'static) -> Result<Work> {
    let (reader, writer) = pipe()?;
    let sink = null()?;
    Ok(Box::new(move || {
        splice(&socket, &writer, 1)?;
        splice(&reader, &sink, 1)
    }))
}

pub(super) fn tee() -> Result<Work> {
    let (from, mut filled) = pipe()?;
    filled.write_all(&[1])?;
    let (reader, writer) = pipe()?;
    let sink = null()?;
    Ok(Box::new(move || {
        // Keeps the pipe that is read from.
        let _ = &filled;
        // SAFETY: descriptors and numbers.
        whole(unsafe { libc::tee(from.as_raw_fd(), writer.as_raw_fd(), 1, 0) }, 1)?;
        splice(&reader, &sink, 1)
    }))
}

pub(super) fn sendfile() -> Result<Work> {
    Ok(sending(file::cached()?, null()?))
}

pub(super) fn sendfile_memfd() -> Result<Work> {
    Ok(sending(file::memfd()?, null()?))
}

fn sending(from: File, to: File) -> Work {
    Box::new(move || send_file(&from, &to, BYTES))
}

/// The first bytes of a file.
pub(super) fn send_file(from: &File, to: &impl AsRawFd, bytes: usize) -> Result<()> {
    let mut offset = 0;
    // SAFETY: descriptors and numbers, and a pointer to one.
    let sent = unsafe { libc::sendfile(to.as_raw_fd(), from.as_raw_fd(), &raw mut offset, bytes) };
    whole(sent, bytes)
}

fn splice(from: &impl AsRawFd, to: &impl AsRawFd, bytes: usize) -> Result<()> {
    let none = null_mut;
    // SAFETY: descriptors and numbers, and no offsets.
    let moved = unsafe { libc::splice(from.as_raw_fd(), none(), to.as_raw_fd(), none(), bytes, 0) };
    whole(moved, bytes)
}

fn null() -> Result<File> {
    Ok(OpenOptions::new().write(true).open("/dev/null")?)
}
