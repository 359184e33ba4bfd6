//! Messages over sockets, one byte each.

use std::{
    io::{Read as _, Write as _},
    net::UdpSocket,
    os::unix::net::UnixStream,
};

use anyhow::{Result, ensure};
use netlink_sys::{Socket, SocketAddr};

use super::Work;

/// For programs among themselves, `include/uapi/linux/netlink.h`.
const NETLINK_USERSOCK: isize = 2;

/// `struct nlmsghdr` of a message without a payload that means nothing (`NLMSG_NOOP`).
const NOTHING: [u8; 16] = [16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

pub(super) fn unix() -> Result<Work> {
    let (mut near, mut far) = UnixStream::pair()?;
    let mut byte = [0];
    Ok(Box::new(move || {
        near.write_all(&[1])?;
        Ok(far.read_exact(&mut byte)?)
    }))
}

pub(super) fn udp() -> Result<Work> {
    datagrams("127.0.0.1:0")
}

pub(super) fn udp6() -> Result<Work> {
    datagrams("[::1]:0")
}

fn datagrams(address: &str) -> Result<Work> {
    let (near, far) = (UdpSocket::bind(address)?, UdpSocket::bind(address)?);
    near.connect(far.local_addr()?)?;
    far.connect(near.local_addr()?)?;
    let mut byte = [0];
    Ok(Box::new(move || {
        near.send(&[1])?;
        ensure!(far.recv(&mut byte)? == 1, "an empty datagram");
        Ok(())
    }))
}

pub(super) fn netlink() -> Result<Work> {
    let (mut near, mut far) = (Socket::new(NETLINK_USERSOCK)?, Socket::new(NETLINK_USERSOCK)?);
    near.bind_auto()?;
    let address: SocketAddr = far.bind_auto()?;
    near.connect(&address)?;
    let mut buffer = [0_u8; 64];
    Ok(Box::new(move || {
        near.send(&NOTHING, 0)?;
        let got = far.recv(&mut &mut buffer[..], 0)?;
        ensure!(got == NOTHING.len(), "{got} bytes over netlink");
        Ok(())
    }))
}
