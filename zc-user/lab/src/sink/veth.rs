//! TCP over a pair of veth devices, each in a network namespace of its own.
//!
//! A process makes both namespaces, connects two sockets across, hands them over and ends. The
//! namespaces have no name: nothing holds them but the sockets, and with those they vanish,
//! however the lab ends.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::{fs::MetadataExt as _, net::UnixStream},
    },
    process::Stdio,
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{
    Ends, Interface,
    link::{Device, Links},
};
use crate::{
    process::{
        child::{self, Child},
        network::{hand_over, own_namespace, take},
    },
    unsupported::Unsupported,
};

// Devices are identified by namespace and index. The kernel reuses the number of a namespace that is
// gone, at once and for either end: so the two ends differ in their index, too.
const NEAR: Device = Device { name: "zc-near", index: 2 };
const FAR: Device = Device { name: "zc-far", index: 3 };
const NEAR_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const FAR_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// What the process that made the namespaces reports.
#[derive(Serialize, Deserialize)]
struct Made {
    /// Inode of the near namespace.
    namespace: u64,
}

/// Connects two sockets over a pair of veth devices. `scatter_gather`: whether the near device
/// has it, as most hardware has.
///
/// # Errors
/// [`Unsupported`] where network namespaces are not available.
pub(super) async fn open(scatter_gather: bool) -> Result<Ends> {
    let (ours, theirs) = UnixStream::pair().context("cannot make Unix sockets")?;
    let words: &[&str] = if scatter_gather { &["veth"] } else { &["veth", "--linear"] };
    let made: Made = Child::spawn(words, theirs.into(), Stdio::null())?.report().await?;
    let [near, far] = take(&ours).context("cannot take over the ends of a veth pair")?;
    let interface = Interface { name: NEAR.name, namespace: made.namespace };
    Ok(Ends { near, far: Some(far), interface: Some(interface) })
}

/// Makes the namespaces and hands the sockets over to the process at the other end of standard
/// input.
///
/// # Errors
/// [`Unsupported`] where network namespaces are not available.
pub fn main(scatter_gather: bool) -> Result<()> {
    let lab = child::standard_input()?;
    own_namespace(true)?;
    let far_namespace = File::open("/proc/self/ns/net").context("cannot find the namespace")?;
    let far_links = Links::open().context("cannot open a netlink socket for network devices")?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).context("cannot listen")?;
    own_namespace(false)?;
    let near_links = Links::open().context("cannot open a netlink socket for network devices")?;
    near_links.add_pair(NEAR, FAR, far_namespace.as_fd()).map_err(no_veth)?;
    far_links.start(FAR, FAR_ADDRESS, 24).context("cannot set up a veth device")?;
    near_links.start(NEAR, NEAR_ADDRESS, 24).context("cannot set up a veth device")?;
    if !scatter_gather {
        turn_scatter_gather_off()?;
    }
    let port = listener.local_addr()?.port();
    let near = TcpStream::connect((FAR_ADDRESS, port)).context("cannot connect over veth")?;
    let (far, _) = listener.accept().context("cannot accept over veth")?;
    hand_over(&lab, &near, &far).context("cannot hand over the ends of a veth pair")?;
    let namespace = fs::metadata("/proc/self/ns/net").context("cannot find the namespace")?.ino();
    let report = serde_json::to_string(&Made { namespace })?;
    io::stderr().write_all(report.as_bytes()).context("cannot report")
}

fn no_veth(error: io::Error) -> anyhow::Error {
    match error.raw_os_error() {
        Some(libc::EOPNOTSUPP | libc::ENODEV) => {
            Unsupported("this kernel has no veth devices: try modprobe veth".to_owned()).into()
        }
        _ => anyhow::Error::new(error).context("cannot make a pair of veth devices"),
    }
}

/// `struct ethtool_value`, `include/uapi/linux/ethtool.h`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// `ETHTOOL_SSG`: sets whether the kernel passes packets in several pieces to a device.
const SET_SCATTER_GATHER: u32 = 0x19;

/// Does what `ethtool -K DEVICE sg off` does.
fn turn_scatter_gather_off() -> Result<()> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).context("no socket")?;
    let mut value = EthtoolValue { command: SET_SCATTER_GATHER, data: 0 };
    // SAFETY: integers and pointers, of which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(NEAR.name.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: the structure that this command takes, with a name that ends with a NUL.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()).context("cannot turn scatter-gather off"),
    }
}
