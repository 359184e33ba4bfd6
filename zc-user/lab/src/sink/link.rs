//! Network devices of a namespace, by messages to the kernel (`man 7 rtnetlink`).

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsRawFd as _, BorrowedFd},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// The devices of the namespace in which this was opened, wherever the process is later.
pub(crate) struct Links(Socket);

/// A device that is to be made.
#[derive(Clone, Copy)]
pub(crate) struct Device {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its number, unique in its namespace.
    pub(crate) index: u32,
}

impl Links {
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self(socket))
    }

    /// Makes a pair of veth devices, one of them in another namespace.
    pub(crate) fn add_pair(
        &self,
        near: Device,
        far: Device,
        namespace: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let mut peer = link(far);
        peer.attributes.push(LinkAttribute::NetNsFd(namespace.as_raw_fd()));
        let mut pair = link(near);
        pair.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]));
        self.request(NLM_F_CREATE | NLM_F_EXCL, RouteNetlinkMessage::NewLink(pair))
    }

    /// Gives a device an address, and sets it up.
    pub(crate) fn start(&self, device: Device, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.prefix_len = prefix;
        message.header.index = device.index;
        message.attributes.push(AddressAttribute::Local(address.into()));
        self.request(NLM_F_CREATE | NLM_F_EXCL, RouteNetlinkMessage::NewAddress(message))?;
        self.set_up(device.index)
    }

    /// Sets up the loopback device, which brings its own address.
    pub(crate) fn start_loopback(&self) -> io::Result<()> {
        // `LOOPBACK_IFINDEX`, include/net/net_namespace.h.
        const LOOPBACK: u32 = 1;
        self.set_up(LOOPBACK)
    }

    fn set_up(&self, index: u32) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        self.request(0, RouteNetlinkMessage::SetLink(message))
    }

    fn request(&self, flags: u16, message: RouteNetlinkMessage) -> io::Result<()> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.0.send(&bytes, 0)?;
        let (answer, _) = self.0.recv_from_full()?;
        let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        match answer.payload {
            // An acknowledgement is an error without a code.
            NetlinkPayload::Error(error) if error.code.is_none() => Ok(()),
            NetlinkPayload::Error(error) => Err(error.to_io()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn link(device: Device) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = device.index;
    message.attributes.push(LinkAttribute::IfName(device.name.to_owned()));
    message
}
