//! Where connections come from: addresses of the network, unix sockets, and sockets that a service manager opened.

use std::{
    ffi::OsString,
    fmt, fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::{
        fd::{FromRawFd as _, OwnedFd},
        unix::{
            fs::{FileTypeExt as _, MetadataExt as _},
            net::UnixListener,
        },
    },
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::{
    fs::Mode,
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with,
        sockopt::{socket_acceptconn, socket_domain, socket_type},
    },
    process::{geteuid, umask},
};
use zc_render::sanitize::sanitize;

use crate::http::Socket;

/// The port where nothing else is said: outside of the one that exporters share, all of which is taken.
pub const PORT: u16 = 10_620;

/// A place to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address of the network.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
    /// The socket of this number among those that the service manager passed.
    Passed(usize),
}

impl Default for Address {
    fn default() -> Self {
        Self::Tcp((Ipv4Addr::LOCALHOST, PORT).into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", sanitize(&path.to_string_lossy())),
            Self::Passed(number) => write!(f, "fd://{number}"),
        }
    }
}

impl Address {
    /// Reads `ADDRESS:PORT`, `unix:PATH` or `fd://NUMBER`.
    ///
    /// # Errors
    /// In words, when it is none of these.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(path);
            if path.is_empty() || path.ends_with('/') {
                return Err("the path of the unix socket is missing".to_owned());
            }
            return Ok(Self::Unix(path.into()));
        }
        if let Some(number) = text.strip_prefix("fd://") {
            let number = number.parse().map_err(|_| "expected fd://0, fd://1...".to_owned())?;
            return Ok(Self::Passed(number));
        }
        let address = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        address.as_deref().unwrap_or(text).parse().map(Self::Tcp).map_err(|_| {
            "expected ADDRESS:PORT such as 127.0.0.1:10620 or [::]:10620 (a number, no name), unix:PATH, or fd://0"
                .to_owned()
        })
    }

    /// Whether other machines may connect.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        matches!(self, Self::Tcp(address) if !address.ip().to_canonical().is_loopback())
    }
}

/// A socket that is listened on.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    /// Where, in words.
    pub address: Address,
    /// The file of a unix socket, which is removed at the end.
    file: Option<Name>,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The file of a unix socket: it is removed when this is dropped, unless another one has the name by then.
#[derive(Debug)]
pub struct Name {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for Name {
    fn drop(&mut self) {
        let is_it = |found: fs::Metadata| (found.dev(), found.ino()) == (self.device, self.inode);
        if fs::symlink_metadata(&self.path).is_ok_and(is_it) {
            // Where the directory is not writable any more, it stays, and the next server replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Listener {
    /// Hands the socket to the event loop, which must run.
    ///
    /// # Errors
    /// When it cannot watch it.
    pub fn into_socket(self) -> Result<(Socket, Option<Name>)> {
        let socket = match self.kind {
            Kind::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Socket::Tcp(tokio::net::TcpListener::from_std(listener)?)
            }
            Kind::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Socket::Unix(tokio::net::UnixListener::from_std(listener)?)
            }
        };
        Ok((socket, self.file))
    }
}

/// Listens at all of `addresses`; at none, on the sockets that were passed, or else on the default one. Names of files
/// are the user's: to be called with the user's rights, and while there is one thread, because of the umask.
///
/// # Errors
/// When one of them is not possible, with what to do.
pub fn open(addresses: &[Address], passed: Vec<OwnedFd>) -> Result<Vec<Listener>> {
    let mut passed: Vec<_> = passed.into_iter().map(Some).collect();
    let addresses: Vec<_> = match addresses {
        [] if passed.is_empty() => vec![Address::default()],
        [] => (0..passed.len()).map(Address::Passed).collect(),
        some => some.to_vec(),
    };
    addresses.into_iter().map(|address| open_one(address, &mut passed)).collect()
}

fn open_one(address: Address, passed: &mut [Option<OwnedFd>]) -> Result<Listener> {
    let (kind, file) = match &address {
        Address::Tcp(at) => {
            let listener = TcpListener::bind(at).map_err(|error| {
                let hint = match error.kind() {
                    io::ErrorKind::AddrInUse => {
                        "; another program listens there: choose another port with --listen"
                    }
                    io::ErrorKind::AddrNotAvailable => {
                        "; it is no address of this machine: see `ip address`"
                    }
                    _ => "",
                };
                anyhow::anyhow!("cannot listen on {at}: {error}{hint}")
            })?;
            (Kind::Tcp(listener), None)
        }
        Address::Unix(path) => {
            let (listener, file) =
                unix(path).with_context(|| format!("cannot listen on {address}"))?;
            (Kind::Unix(listener), Some(file))
        }
        Address::Passed(number) => {
            let count = passed.len();
            let slot = passed.get_mut(*number).with_context(|| {
                format!(
                    "cannot listen on {address}: the service manager passed {count} sockets (LISTEN_FDS); start zc \
                     from a systemd socket unit, or listen on an address"
                )
            })?;
            let socket = slot
                .take()
                .with_context(|| format!("cannot listen on {address}: it is named twice"))?;
            let kind = kind_of(socket).with_context(|| format!("cannot listen on {address}"))?;
            (kind, None)
        }
    };
    // The port 0 stands for any that is free.
    let address = match (&address, &kind) {
        (Address::Tcp(_), Kind::Tcp(listener)) => {
            listener.local_addr().map_or(address, Address::Tcp)
        }
        _ => address,
    };
    Ok(Listener { kind, address, file })
}

/// The sockets that a service manager passed to this process. To be called once, and before this process opens any
/// descriptor that it keeps.
///
/// # Errors
/// When what it says of them makes no sense.
pub fn passed() -> Result<Vec<OwnedFd>> {
    let all = sd_notify::listen_fds()
        .context("cannot take the sockets of the service manager (LISTEN_FDS)")?;
    // SAFETY: they are open, they were before this process opened any, and so nothing else here uses them.
    Ok(all.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect())
}

fn kind_of(socket: OwnedFd) -> Result<Kind> {
    let what =
        "it is no stream socket that listens: in the socket unit use ListenStream= and Accept=no";
    let is_stream = socket_type(&socket).is_ok_and(|kind| kind == SocketType::STREAM);
    ensure!(is_stream && socket_acceptconn(&socket).unwrap_or(false), what);
    match socket_domain(&socket)? {
        AddressFamily::UNIX => Ok(Kind::Unix(socket.into())),
        AddressFamily::INET | AddressFamily::INET6 => Ok(Kind::Tcp(socket.into())),
        _ => bail!(what),
    }
}

/// Who may open it: the owner and the group.
const FOR_GROUP: Mode = Mode::from_raw_mode(0o117);

fn unix(path: &Path) -> Result<(UnixListener, Name)> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let owner = fs::metadata(directory)
        .with_context(|| format!("cannot look at the directory '{}'", shown(directory)))?;
    let (is_shared, is_sticky) = (owner.mode() & 0o002 != 0, owner.mode() & 0o1000 != 0);
    ensure!(
        !is_shared || is_sticky,
        "every user can replace what is in the directory '{}', so that others could answer in place of zc; use one of \
         your own, such as /run/zc",
        shown(directory)
    );
    make_room(path)?;
    let before = umask(FOR_GROUP);
    let bound = UnixListener::bind(path);
    umask(before);
    let listener = bound?;
    let found = fs::symlink_metadata(path).context("cannot look at the new socket")?;
    Ok((listener, Name { path: absolute(path), device: found.dev(), inode: found.ino() }))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Removes the socket of a server that was killed. What is in use, or no socket, stays, and is an error.
fn make_room(path: &Path) -> Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    ensure!(
        found.file_type().is_socket(),
        "there is a file of that name which is no socket; remove it, or choose another name"
    );
    ensure!(
        !is_listened_on(path)?,
        "another program listens there: stop it, or choose another name"
    );
    ensure!(
        found.uid() == geteuid().as_raw(),
        "the socket of another user (id {}) is there; remove it, or choose another name",
        found.uid()
    );
    fs::remove_file(path).context("cannot remove the socket of a server that has ended")
}

fn is_listened_on(path: &Path) -> Result<bool> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match connect(&socket, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => Ok(false),
        // The queue of connections is full.
        Ok(()) | Err(Errno::AGAIN) => Ok(true),
        // A socket of another type than streams.
        Err(Errno::PROTOTYPE) => Ok(true),
        Err(error) => Err(error).context("cannot find out whether a program listens there"),
    }
}

fn shown(path: &Path) -> String {
    sanitize(&OsString::from(path).to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests;
