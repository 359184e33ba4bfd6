//! Network namespaces: a network of its own for a server, which no other user of the machine reaches.

use std::{
    fs::{self, File},
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::Ipv4Addr,
    os::{
        fd::{AsFd, AsRawFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    process::Stdio,
};

use anyhow::{Context as _, Result, anyhow};
use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
    thread::{UnshareFlags, unshare_unsafe},
};

use super::child::{self, Child};
use crate::{sink::link::Links, unsupported::Unsupported};

/// A network with nothing in it but a loopback device. It vanishes with the last process in it, and this.
pub(crate) struct Network {
    /// The user namespace that owns it: the machine's, or one that was made for it.
    users: OwnedFd,
    network: OwnedFd,
}

impl Network {
    /// A new one.
    ///
    /// # Errors
    /// [`Unsupported`] where network namespaces are not available.
    pub(crate) async fn new() -> Result<Self> {
        let (ours, theirs) = UnixStream::pair().context("cannot make Unix sockets")?;
        Child::spawn(&["network"], theirs.into(), Stdio::null())?.finished().await?;
        let [users, network] = take(&ours).context("cannot take over a network namespace")?;
        Ok(Self { users, network })
    }

    /// Moves this process into it: a child that has not executed its program yet, and has one thread. Makes
    /// system calls only.
    pub(crate) fn enter(&self) -> io::Result<()> {
        let enter = |namespace: &OwnedFd, kind| {
            // SAFETY: integers only; no memory is involved.
            match unsafe { libc::setns(namespace.as_raw_fd(), kind) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        match enter(&self.users, libc::CLONE_NEWUSER) {
            // It is the one that the process is in.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
            entered => entered?,
        }
        enter(&self.network, libc::CLONE_NEWNET)
    }
}

/// Makes a network and hands it over to the process at the other end of standard input.
///
/// # Errors
/// [`Unsupported`] where network namespaces are not available.
pub fn main() -> Result<()> {
    let lab = child::standard_input()?;
    own_namespace(true)?;
    let links = Links::open().context("cannot open a netlink socket for network devices")?;
    links.start_loopback().context("cannot set up the loopback device")?;
    let namespace = |kind: &str| {
        File::open(format!("/proc/self/ns/{kind}")).context("cannot find the namespace")
    };
    hand_over(&lab, &namespace("user")?, &namespace("net")?)
        .context("cannot hand over a network namespace")
}

/// Whether a process listens on `port` in the network that process `pid` is in.
pub(crate) fn is_listening(pid: u32, port: u16) -> Result<bool> {
    // Tests of programs that listen on every address would look into `tcp6`, too.
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp"))
        .context("cannot read the sockets of a server")?;
    Ok(table.lines().any(|line| is_listener(line, port)))
}

/// Whether a line of `/proc/net/tcp` is that of a socket that listens on `port` of the loopback address.
fn is_listener(line: &str, port: u16) -> bool {
    const LISTEN: &str = "0A";
    let loopback = u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets());
    let mut fields = line.split_whitespace().skip(1);
    let address = fields.next().is_some_and(|it| it == format!("{loopback:08X}:{port:04X}"));
    address && fields.nth(1) == Some(LISTEN)
}

/// Moves this process to a network namespace of its own; if it has to, to one of a user namespace,
/// which needs no privileges.
pub(crate) fn own_namespace(first: bool) -> Result<()> {
    // SAFETY: only namespaces; no memory or descriptors are unshared.
    let unshare = |flags| unsafe { unshare_unsafe(flags) };
    let moved = match unshare(UnshareFlags::NEWNET) {
        Err(Errno::PERM) if first => unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET),
        moved => moved,
    };
    moved.map_err(|errno| {
        anyhow!(Unsupported(match errno {
            Errno::PERM | Errno::ACCESS | Errno::NOSPC => format!(
                "cannot make a network namespace: {errno}; run as root, or where users may make \
                 user namespaces"
            ),
            Errno::INVAL | Errno::NOSYS => "this kernel has no network namespaces".to_owned(),
            _ => format!("cannot make a network namespace: {errno}"),
        }))
    })?;
    // No router discovery while the bytes are counted. Absent without IPv6.
    let _ = fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    Ok(())
}

/// Hands two descriptors over to the process at the other end of `lab`, a socket.
pub(crate) fn hand_over(lab: &File, first: &impl AsFd, second: &impl AsFd) -> io::Result<()> {
    let ends = [first.as_fd(), second.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&ends));
    sendmsg(lab, &[IoSlice::new(&[0])], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Takes them over.
pub(crate) fn take(from: &UnixStream) -> Result<[OwnedFd; 2]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC;
    recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)?;
    let mut ends = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(sockets) = message {
            ends.extend(sockets);
        }
    }
    ends.try_into().map_err(|_| anyhow!("two descriptors were expected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_differs_from_other_sockets() {
        let listener = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 0 0 0 1";
        let other = "   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 0 0 0 1";
        assert!(cfg!(target_endian = "big") || is_listener(listener, 8080));
        assert!(!is_listener(listener, 8081));
        assert!(!is_listener(other, 8080));
        assert!(!is_listener("  sl  local_address rem_address   st", 8080));
    }
}
