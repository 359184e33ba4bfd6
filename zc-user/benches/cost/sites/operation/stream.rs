//! Connections: copied, by reference, and by reference as far as the other end allows.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::{fd::AsRawFd as _, unix::net::UnixStream},
};

use anyhow::Result;

use super::{Work, file, pipe::send_file};
use crate::sites::{checked, whole};

/// Bytes that are sent by reference.
const PAGE: usize = 4096;

/// `SO_ZEROCOPY`, `include/uapi/asm-generic/socket.h`.
const SO_ZEROCOPY: i32 = 60;

#[repr(C, align(4096))]
struct Page([u8; PAGE]);

pub(super) fn tcp() -> Result<Work> {
    let (mut near, mut far) = pair()?;
    let mut byte = [0];
    Ok(Box::new(move || {
        near.write_all(&[1])?;
        Ok(far.read_exact(&mut byte)?)
    }))
}

pub(super) fn sendfile() -> Result<Work> {
    let (near, mut far) = pair()?;
    let from = file::memfd()?;
    let mut buffer = [0; PAGE];
    Ok(Box::new(move || {
        send_file(&from, &near, PAGE)?;
        Ok(far.read_exact(&mut buffer)?)
    }))
}

pub(super) fn sendfile_unix() -> Result<Work> {
    let (near, mut far) = UnixStream::pair()?;
    let from = file::memfd()?;
    let mut buffer = [0; PAGE];
    Ok(Box::new(move || {
        send_file(&from, &near, PAGE)?;
        Ok(far.read_exact(&mut buffer)?)
    }))
}

pub(super) fn zerocopy() -> Result<Work> {
    let (near, mut far) = pair()?;
    let on = 1_i32;
    // SAFETY: an integer and its size.
    checked(unsafe {
        let value = (&raw const on).cast();
        libc::setsockopt(near.as_raw_fd(), libc::SOL_SOCKET, SO_ZEROCOPY, value, 4)
    } as isize)?;
    let page = Box::new(Page([1; PAGE]));
    let mut buffer = [0; PAGE];
    Ok(Box::new(move || {
        let (socket, flags) = (near.as_raw_fd(), libc::MSG_ZEROCOPY);
        // SAFETY: no code writes to the page.
        whole(unsafe { libc::send(socket, page.0.as_ptr().cast(), PAGE, flags) }, PAGE)?;
        far.read_exact(&mut buffer)?;
        notification(socket)
    }))
}

/// Takes what says that the page is free again.
fn notification(socket: i32) -> Result<()> {
    let mut control = [0_u64; 16];
    // SAFETY: integers and pointers, of which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: the message points to room of the size that it says.
    checked(unsafe {
        libc::recvmsg(socket, &raw mut message, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)
    })?;
    Ok(())
}

/// A connection over loopback.
pub(super) fn pair() -> Result<(TcpStream, TcpStream)> {
    connect(&TcpListener::bind(("127.0.0.1", 0))?)
}

/// A connection to a listener that everybody here can reach.
fn connect(listener: &TcpListener) -> Result<(TcpStream, TcpStream)> {
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    Ok((near, far))
}
