//! Where a payload goes, and the two ends of the way there.

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
    /// A Unix stream socket.
    Unix,
    /// A pipe.
    Pipe,
    /// A new file.
    File,
    /// The memory of the worker itself: the payload goes nowhere else.
    Memory,
}

/// Both ends of a sink.
pub(super) struct Ends {
    /// What the worker writes to.
    pub(super) near: OwnedFd,
    /// What the peer reads from while the worker writes; a file is read afterwards.
    pub(super) far: Option<OwnedFd>,
}

impl Sink {
    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
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
            Self::Unix => "Unix socket",
            Self::Pipe => "pipe",
            Self::File => "file",
            Self::Memory => "memory of the program",
        }
    }

    /// The path of a write to it.
    #[must_use]
    pub const fn write_path(self) -> CopyPath {
        match self {
            Self::Tcp | Self::Unix => CopyPath::SocketSend,
            Self::Pipe => CopyPath::PipeWrite,
            Self::File => CopyPath::FileWrite,
            Self::Memory => CopyPath::PseudoWrite,
        }
    }

    /// The path of a sendfile to it.
    #[must_use]
    pub const fn sendfile_path(self) -> CopyPath {
        match self {
            Self::Tcp | Self::Unix => CopyPath::SendfileToSocket,
            Self::Pipe => CopyPath::SendfileToPipe,
            Self::File => CopyPath::SendfileToFile,
            Self::Memory => CopyPath::SendfileToPseudo,
        }
    }

    /// The path of a splice from a pipe to it.
    #[must_use]
    pub const fn splice_path(self) -> CopyPath {
        match self {
            Self::Tcp | Self::Unix => CopyPath::SplicePipeSocket,
            Self::Pipe => CopyPath::SplicePipePipe,
            Self::File => CopyPath::SplicePipeFile,
            Self::Memory => CopyPath::SplicePipePseudo,
        }
    }

    /// Whether a device of hardware carries the payload on.
    #[must_use]
    pub const fn has_device(self) -> bool {
        false
    }

    /// Opens it. Files are made in `directory`, without a name: nothing is left behind, however
    /// the run ends.
    pub(super) fn open(self, directory: &Path) -> Result<Ends> {
        Ok(match self {
            Self::Tcp => {
                let listener =
                    TcpListener::bind("127.0.0.1:0").context("cannot listen on loopback")?;
                let near = TcpStream::connect(listener.local_addr()?)
                    .context("cannot connect over loopback")?;
                let (far, _) = listener.accept().context("cannot accept over loopback")?;
                Ends { near: near.into(), far: Some(far.into()) }
            }
            Self::Unix => {
                let (near, far) = UnixStream::pair().context("cannot make Unix sockets")?;
                Ends { near: near.into(), far: Some(far.into()) }
            }
            Self::Pipe => {
                let (far, near) = std::io::pipe().context("cannot make a pipe")?;
                Ends { near: near.into(), far: Some(far.into()) }
            }
            Self::File => Ends { near: scratch(directory)?.into(), far: None },
            Self::Memory => {
                let null = File::options().write(true).open("/dev/null");
                Ends { near: null.context("cannot open /dev/null")?.into(), far: None }
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
