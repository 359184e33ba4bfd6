//! kTLS in software, over loopback.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    os::fd::AsRawFd as _,
};

use anyhow::{Context as _, Result};

use super::{Work, file, pipe, stream};
use crate::sites::{checked, whole};

/// `TCP_ULP`, `include/uapi/linux/tcp.h`.
const TCP_ULP: i32 = 31;
/// `SOL_TLS`, `include/linux/socket.h`.
const SOL_TLS: i32 = 282;
/// `TLS_TX` and `TLS_RX`, `include/uapi/linux/tls.h`.
const TLS_TX: i32 = 1;
const TLS_RX: i32 = 2;

/// `struct tls12_crypto_info_aes_gcm_128`, with one key for both ends.
#[repr(C)]
struct Key {
    version: u16,
    cipher: u16,
    vector: [u8; 8],
    key: [u8; 16],
    salt: [u8; 4],
    sequence: [u8; 8],
}

/// TLS 1.2 with AES-128 in GCM.
static KEY: Key = Key {
    version: 0x303,
    cipher: 51,
    vector: [1; 8],
    key: [2; 16],
    salt: [3; 4],
    sequence: [0; 8],
};

fn pair() -> Result<(TcpStream, TcpStream)> {
    file::shell("modprobe -q tls || grep -qw tls /proc/sys/net/ipv4/tcp_available_ulp")
        .context("this kernel has no kTLS")?;
    let (near, far) = stream::pair()?;
    encrypt(&near, TLS_TX)?;
    encrypt(&far, TLS_RX)?;
    Ok((near, far))
}

/// A record that is complete is encrypted where the caller has it; one that waits for more has to
/// be copied first.
pub(super) fn in_parts() -> Result<Work> {
    let (mut near, mut far) = pair()?;
    let mut bytes = [0; 2];
    Ok(Box::new(move || {
        let socket = near.as_raw_fd();
        // SAFETY: a piece of memory of that length.
        whole(unsafe { libc::send(socket, [1_u8].as_ptr().cast(), 1, libc::MSG_MORE) }, 1)?;
        near.write_all(&[1])?;
        Ok(far.read_exact(&mut bytes)?)
    }))
}

pub(super) fn exchange() -> Result<Work> {
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
    let mut byte = [0];
    Ok(Box::new(move || {
        pipe::send_file(&from, &near, 1)?;
        Ok(far.read_exact(&mut byte)?)
    }))
}

pub(super) fn splice() -> Result<Work> {
    let (mut near, far) = pair()?;
    let mut away = pipe::throwing_away(far)?;
    Ok(Box::new(move || {
        near.write_all(&[1])?;
        away()
    }))
}

fn encrypt(socket: &TcpStream, direction: i32) -> Result<()> {
    let socket = socket.as_raw_fd();
    // SAFETY: three letters, and a structure with its size.
    unsafe {
        let name = c"tls".as_ptr().cast();
        checked(libc::setsockopt(socket, libc::IPPROTO_TCP, TCP_ULP, name, 3) as isize)
            .context("no kTLS")?;
        let key = (&raw const KEY).cast();
        let size = size_of::<Key>() as u32;
        checked(libc::setsockopt(socket, SOL_TLS, direction, key, size) as isize)
            .context("no such cipher")?;
    }
    Ok(())
}
