//! TCP connections that the kernel encrypts.

use std::{
    io,
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd as _,
};

// `include/uapi/linux/tcp.h`, `include/linux/socket.h`, `include/uapi/linux/tls.h`.
const TCP_ULP: i32 = 31;
const SOL_TLS: i32 = 282;
const TLS_TX: i32 = 1;
const TLS_RX: i32 = 2;
const AES_GCM_128: u16 = 51;

/// Bytes of every record of TLS 1.2 that are not payload, with this cipher: a header, a nonce, a tag.
pub(super) const RECORD_EXTRA: usize = 5 + 8 + 16;

/// Version of the protocol, `include/uapi/linux/tls.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Version {
    Tls12 = 0x0303,
    Tls13 = 0x0304,
}

/// `struct tls12_crypto_info_aes_gcm_128`, `include/uapi/linux/tls.h`.
#[repr(C)]
struct Keys {
    version: u16,
    cipher: u16,
    iv: [u8; 8],
    key: [u8; 16],
    salt: [u8; 4],
    sequence: [u8; 8],
}

/// A connection over loopback, of which what goes from the first end to the second is encrypted by
/// the first and, unless it is left as it is, decrypted by the second.
pub(super) fn connection(version: Version, decrypted: bool) -> Result<[TcpStream; 2], String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    encrypt(&near, version, TLS_TX)?;
    if decrypted {
        encrypt(&far, version, TLS_RX)?;
    }
    Ok([near, far])
}

fn encrypt(stream: &TcpStream, version: Version, direction: i32) -> Result<(), String> {
    // The keys are not secret: both ends are in this process.
    let keys = Keys {
        version: version as u16,
        cipher: AES_GCM_128,
        iv: [1; 8],
        key: [2; 16],
        salt: [3; 4],
        sequence: [0; 8],
    };
    set(stream, libc::IPPROTO_TCP, TCP_ULP, b"tls")
        .map_err(|error| format!("this kernel has no TLS in software: {error}"))?;
    // SAFETY: a structure of bytes and of integers, without padding.
    let keys = unsafe { std::slice::from_raw_parts((&raw const keys).cast(), size_of::<Keys>()) };
    set(stream, SOL_TLS, direction, keys)
        .map_err(|error| format!("this kernel does not encrypt {version:?} so: {error}"))
}

fn set(stream: &TcpStream, level: i32, option: i32, value: &[u8]) -> io::Result<()> {
    let (address, size) = (value.as_ptr().cast(), value.len() as u32);
    // SAFETY: a value and its size.
    match unsafe { libc::setsockopt(stream.as_raw_fd(), level, option, address, size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
