//! A device that everything goes to through bounce buffers (`swiotlb=force`).

use std::{fs, os::fd::AsRawFd as _};

use anyhow::{Context as _, Result};
use rustix::net::{AddressFamily, SocketType, socket};

use super::{Work, file};
use crate::sites::whole;

/// A packet of the minimum length: broadcast, from a made-up address, with an EtherType
/// for experiments.
const PACKET: [u8; 60] = {
    let mut packet = [0; 60];
    let mut at = 0;
    while at < 6 {
        packet[at] = 0xff;
        at += 1;
    }
    packet[6] = 0x02;
    packet[12] = 0x88;
    packet[13] = 0xb5;
    packet
};

pub(super) fn send() -> Result<Work> {
    let name = device("e1000e").context("the guest has no e1000e")?;
    // Its carrier takes seconds.
    file::shell(&format!(
        "ip link set {name} up; \
         for i in $(seq 200); do [ $(cat /sys/class/net/{name}/carrier) = 1 ] && exit 0; sleep 0.1; done; \
         echo 'no carrier' >&2; exit 1"
    ))?;
    let index = rustix::net::netdevice::name_to_index(
        socket(AddressFamily::INET, SocketType::DGRAM, None)?,
        &name,
    )?;
    let socket = socket(AddressFamily::PACKET, SocketType::RAW, None)?;
    // SAFETY: integers, of which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_ifindex = index.cast_signed();
    Ok(Box::new(move || {
        // SAFETY: a packet and an address of the lengths that are said.
        let sent = unsafe {
            libc::sendto(
                socket.as_raw_fd(),
                PACKET.as_ptr().cast(),
                PACKET.len(),
                0,
                (&raw const address).cast(),
                size_of_val(&address) as u32,
            )
        };
        whole(sent, PACKET.len())
    }))
}

/// The network device of a driver.
fn device(driver: &str) -> Option<String> {
    fs::read_dir("/sys/class/net").ok()?.find_map(|entry| {
        let entry = entry.ok()?;
        let link = fs::read_link(entry.path().join("device/driver")).ok()?;
        let name = entry.file_name().into_string().ok()?;
        link.ends_with(driver).then_some(name)
    })
}
