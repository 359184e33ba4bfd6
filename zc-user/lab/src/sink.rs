//! Where a payload goes, and the two ends of the way there.

pub(crate) mod link;
pub mod veth;

use std::{
    fs::File,
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use zc_common::path::CopyPath;

/// A kind of sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sink {
    /// TCP over the loopback device.
    Tcp,
    /// TCP over a pair of veth devices, in network namespaces made for it.
    Veth,
    /// The same without scatter-gather: the device accepts packets in one piece only.
    VethLinear,
    /// A Unix stream socket.
    Unix,
    /// A pipe.
    Pipe,
    /// A new file.
    File,
    /// The memory of the worker itself: the payload goes nowhere else.
    Memory,
}

/// Why a sink without scatter-gather costs a copy that no call made.
pub(super) const LINEARISED: &str = "the device lacks scatter-gather: the kernel copies every packet into one piece before it \
     passes it on (skb_segment, called by validate_xmit_skb)";

/// Both ends of a sink.
pub(super) struct Ends {
    /// What the worker writes to.
    pub(super) near: OwnedFd,
    /// What the receiver reads from while the worker writes; a file is read afterwards.
    pub(super) far: Option<OwnedFd>,
    /// The device between them that carries nothing else.
    pub(super) interface: Option<Interface>,
}

/// A network device.
pub(super) struct Interface {
    /// Its name.
    pub(super) name: &'static str,
    /// The namespace it is in: an inode.
    pub(super) namespace: u64,
}

impl Sink {
    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Veth => "veth",
            Self::VethLinear => "veth-linear",
            Self::Unix => "unix",
            Self::Pipe => "pipe",
            Self::File => "file",
            Self::Memory => "memory",
        }
    }

    /// What it is, in words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Tcp => "TCP over loopback",
            Self::Veth => "TCP over veth",
            Self::VethLinear => "TCP over veth without scatter-gather",
            Self::Unix => "Unix socket",
            Self::Pipe => "pipe",
            Self::File => "file",
            Self::Memory => "memory of the program",
        }
    }

    /// Whether it is a TCP connection.
    pub(super) const fn is_tcp(self) -> bool {
        matches!(self, Self::Tcp | Self::Veth | Self::VethLinear)
    }

    /// The path of a write to it.
    #[must_use]
    pub const fn write_path(self) -> CopyPath {
        match self {
            Self::Tcp | Self::Veth | Self::VethLinear | Self::Unix => CopyPath::SocketSend,
            Self::Pipe => CopyPath::PipeWrite,
            Self::File => CopyPath::FileWrite,
            Self::Memory => CopyPath::PseudoWrite,
        }
    }

    /// The path of a sendfile to it.
    #[must_use]
    pub const fn sendfile_path(self) -> CopyPath {
        match self {
            Self::Tcp | Self::Veth | Self::VethLinear | Self::Unix => CopyPath::SendfileToSocket,
            Self::Pipe => CopyPath::SendfileToPipe,
            Self::File => CopyPath::SendfileToFile,
            Self::Memory => CopyPath::SendfileToPseudo,
        }
    }

    /// The path of a splice from a pipe to it.
    #[must_use]
    pub const fn splice_path(self) -> CopyPath {
        match self {
            Self::Tcp | Self::Veth | Self::VethLinear | Self::Unix => CopyPath::SplicePipeSocket,
            Self::Pipe => CopyPath::SplicePipePipe,
            Self::File => CopyPath::SplicePipeFile,
            Self::Memory => CopyPath::SplicePipePseudo,
        }
    }

    /// Bytes of `size` that the kernel copies once more because the device lacks scatter-gather.
    #[must_use]
    pub const fn linearised(self, size: u64) -> u64 {
        match self {
            Self::VethLinear => size,
            _ => 0,
        }
    }

    /// Opens it. Files are made in `directory`, without a name: nothing is left behind, however
    /// the run ends.
    pub(super) async fn open(self, directory: &Path) -> Result<Ends> {
        Ok(match self {
            Self::Tcp => {
                let listener =
                    TcpListener::bind("127.0.0.1:0").context("cannot listen on loopback")?;
                let near = TcpStream::connect(listener.local_addr()?)
                    .context("cannot connect over loopback")?;
                let ours = near.local_addr()?;
                let far = loop {
                    let (far, address) =
                        listener.accept().context("cannot accept over loopback")?;
                    // Any user of the machine may have been faster.
                    if address == ours {
                        break far;
                    }
                };
                Ends { near: near.into(), far: Some(far.into()), interface: None }
            }
            Self::Veth => veth::open(true).await?,
            Self::VethLinear => veth::open(false).await?,
            Self::Unix => {
                let (near, far) = UnixStream::pair().context("cannot make Unix sockets")?;
                Ends { near: near.into(), far: Some(far.into()), interface: None }
            }
            Self::Pipe => {
                let (far, near) = std::io::pipe().context("cannot make a pipe")?;
                Ends { near: near.into(), far: Some(far.into()), interface: None }
            }
            Self::File => Ends { near: scratch(directory)?.into(), far: None, interface: None },
            Self::Memory => {
                let null = File::options().write(true).open("/dev/null");
                Ends {
                    near: null.context("cannot open /dev/null")?.into(),
                    far: None,
                    interface: None,
                }
            }
        })
    }
}

/// A new file in `directory` that has no name.
///
/// # Errors
/// When the directory cannot be written to.
pub(super) fn scratch(directory: &Path) -> Result<File> {
    tempfile::tempfile_in(directory).with_context(|| {
        format!(
            "cannot make a file in '{}'; choose another directory with --dir",
            directory.display()
        )
    })
}
