//! io_uring and libaio, one request at a time.

use std::{
    fs::File,
    io::{self, Write as _},
    os::{fd::AsRawFd as _, unix::net::UnixStream},
    ptr::null_mut,
};

use anyhow::{Context as _, Result, ensure};
use io_uring::{IoUring, opcode, types::Fd};

use super::{
    Work,
    file::{cached, memfd, number},
};
use crate::sites::checked;

pub(super) fn uring() -> Result<Work> {
    // Files in memory are left to a worker, as they never said that they would not sleep.
    let file = cached()?;
    let mut ring = IoUring::new(2).context("cannot make an io_uring")?;
    let mut byte = Box::new([0_u8]);
    Ok(Box::new(move || {
        let read = opcode::Read::new(Fd(file.as_raw_fd()), byte.as_mut_ptr(), 1).build();
        // SAFETY: the byte lives until the read has completed.
        unsafe { ring.submission().push(&read) }.context("the queue is full")?;
        ring.submit_and_wait(1)?;
        let completion = ring.completion().next().context("nothing has completed")?;
        ensure!(completion.result() == 1, "io_uring: {}", completion.result());
        Ok(())
    }))
}

/// A receive that goes on after each message, and the buffer that it takes.
pub(super) fn goes_on() -> Result<Work> {
    const GROUP: u16 = 1;
    let (mut from, to) = UnixStream::pair()?;
    let mut ring = IoUring::new(4).context("cannot make an io_uring")?;
    let mut byte = Box::new([0_u8]);
    let receive = opcode::RecvMulti::new(Fd(to.as_raw_fd()), GROUP).build();
    let mut provide =
        move || opcode::ProvideBuffers::new(byte.as_mut_ptr(), 1, 1, GROUP, 0).build();
    // SAFETY: the byte lives as long as the ring.
    unsafe { ring.submission().push_multiple(&[provide(), receive]) }
        .context("the queue is full")?;
    ring.submit_and_wait(1)?;
    ring.completion().for_each(drop);
    Ok(Box::new(move || {
        let _ = &to;
        from.write_all(&[1])?;
        ring.submit_and_wait(1)?;
        let completion = ring.completion().next().context("nothing has completed")?;
        ensure!(completion.result() == 1, "io_uring: {}", completion.result());
        // SAFETY: as above.
        unsafe { ring.submission().push(&provide()) }.context("the queue is full")?;
        ring.submit_and_wait(1)?;
        ring.completion().for_each(drop);
        Ok(())
    }))
}

pub(super) fn aio_read() -> Result<Work> {
    aio(READ)
}

pub(super) fn aio_write() -> Result<Work> {
    aio(WRITE)
}

/// `IOCB_CMD_PREAD`.
const READ: u16 = 0;
/// `IOCB_CMD_PWRITE`.
const WRITE: u16 = 1;

/// `struct iocb`, `include/uapi/linux/aio_abi.h`.
#[derive(Default)]
#[repr(C)]
struct Request {
    data: u64,
    key_and_flags: u64,
    opcode: u16,
    priority: i16,
    fd: u32,
    buffer: u64,
    bytes: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    event_fd: u32,
}

/// `struct io_event`.
#[derive(Default)]
#[repr(C)]
struct Event {
    data: u64,
    request: u64,
    result: i64,
    result2: i64,
}

fn aio(opcode: u16) -> Result<Work> {
    let file: File = memfd()?;
    let mut context = 0_u64;
    // SAFETY: a number of requests, and a pointer to where the kernel puts its handle.
    checked(unsafe { libc::syscall(libc::SYS_io_setup, 1, &raw mut context) } as isize)?;
    let mut byte = Box::new([1_u8]);
    let fd = number(&file).cast_unsigned();
    Ok(Box::new(move || {
        let _ = &file;
        let buffer = byte.as_mut_ptr() as u64;
        let mut request = Request { opcode, fd, buffer, bytes: 1, ..Request::default() };
        let requests = [&raw mut request];
        let mut event = Event::default();
        let forever = null_mut::<libc::timespec>();
        // SAFETY: one request, which lives until it has been awaited, and room for one event.
        unsafe {
            let submitted = libc::syscall(libc::SYS_io_submit, context, 1, requests.as_ptr());
            ensure!(submitted == 1, "cannot submit: {}", io::Error::last_os_error());
            let event = &raw mut event;
            let reaped = libc::syscall(libc::SYS_io_getevents, context, 1, 1, event, forever);
            ensure!(reaped == 1, "cannot await: {}", io::Error::last_os_error());
        }
        ensure!(event.result == 1, "libaio: {}", event.result);
        Ok(())
    }))
}
