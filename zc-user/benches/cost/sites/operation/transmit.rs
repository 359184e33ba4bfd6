//! Devices that cannot gather, and such as cannot compute checksums either: the network stack copies
//! what it was given by reference, on its way out.

use std::{
    fs::File,
    io::Read as _,
    net::{TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd as _, AsRawFd as _},
};

use anyhow::{Context as _, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{Work, file, pipe::send_file};
use crate::sites::checked;

// `include/uapi/linux/ethtool.h`.
/// `ETHTOOL_SSG`.
const SET_GATHER: u32 = 0x19;
/// `ETHTOOL_STXCSUM`.
const SET_CHECKSUM: u32 = 0x17;

/// More than fits one packet, which is what the stack cuts into pieces.
const BYTES: usize = 4096;

pub(super) fn linear() -> Result<Work> {
    over_veth("a", 1, &[SET_GATHER])
}

pub(super) fn checksum() -> Result<Work> {
    over_veth("b", 2, &[SET_GATHER, SET_CHECKSUM])
}

fn over_veth(name: &str, net: u8, without: &[u32]) -> Result<Work> {
    // A namespace for the other end, or it would be this machine's own address.
    file::shell(&format!(
        "ip netns add {name} && ip link add near-{name} type veth peer name far netns {name} \
         && ip addr add 10.77.{net}.1/24 dev near-{name} && ip link set near-{name} up \
         && ip -n {name} addr add 10.77.{net}.2/24 dev far && ip -n {name} link set far up"
    ))?;
    for feature in without {
        switch_off(&format!("near-{name}"), *feature)?;
    }
    let own = File::open("/proc/thread-self/ns/net")?;
    enter(&File::open(format!("/run/netns/{name}"))?)?;
    let listener = TcpListener::bind((format!("10.77.{net}.2"), 0));
    enter(&own)?;
    let listener = listener?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    let from = file::memfd()?;
    let mut buffer = [0; BYTES];
    Ok(Box::new(move || {
        send_file(&from, &near, BYTES)?;
        Ok(far.read_exact(&mut buffer)?)
    }))
}

/// Makes a device do without a feature, as `ethtool -K DEVICE FEATURE off`.
fn switch_off(device: &str, feature: u32) -> Result<()> {
    /// `struct ethtool_value`.
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let mut value = Value { command: feature, data: 0 };
    // SAFETY: integers and pointers, of which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(device.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: the structure that this command takes, with a name that ends with a NUL.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    checked(done as isize).with_context(|| format!("cannot change {device}"))?;
    Ok(())
}

fn enter(namespace: &File) -> Result<()> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .context("cannot enter a network namespace")
}
