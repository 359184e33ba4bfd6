//! Real programs: what each needs, how it is started, and how the payload is requested.
//!
//! Every server gets the payload as its standard input and opens it again as
//! `/proc/self/fd/0`: the payload needs no name, so that none can be left behind.

use std::ffi::OsString;

use anyhow::Result;
use clap::ValueEnum;

use crate::process::scratch::Scratch;

mod java;
pub(crate) mod kafka;
pub(crate) mod mapped_write;
pub(crate) mod netty;
pub(crate) mod netty_buffers;
pub(crate) mod nginx;
pub(crate) mod python;
pub(crate) mod rocketmq;
pub(crate) mod transfer_to;

/// How the payload is requested from a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// A GET request; the response has a header.
    Http,
    /// One line; the response is the payload.
    Line,
}

impl Protocol {
    /// Its id on the command line.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Line => "line",
        }
    }

    /// What the receiver sends.
    pub(crate) const fn request(self) -> &'static str {
        match self {
            Self::Http => "GET /payload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            Self::Line => "get\n",
        }
    }
}

/// The path of the payload for a server.
const PAYLOAD: &str = "/proc/self/fd/0";

/// A program that serves the payload.
pub struct Program {
    /// How the payload is requested.
    pub(crate) protocol: Protocol,
    /// Creates its files, and returns how it is started.
    pub(crate) launch: fn(&Site<'_>) -> Result<Launch>,
}

/// Where a program runs.
pub(crate) struct Site<'a> {
    /// The directory for its files.
    pub(crate) scratch: &'a Scratch,
    /// Bytes of one transfer, at most.
    pub(crate) chunk: u64,
    /// A free port, for a program that does not choose one.
    pub(crate) port: u16,
}

/// How a program is started.
pub(crate) struct Launch {
    /// A command that has to succeed before, such as a compiler.
    pub(crate) first: Option<Vec<OsString>>,
    /// The server.
    pub(crate) server: Vec<OsString>,
    /// Which port it listens on.
    pub(crate) port: Port,
}

/// Which port a server listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// The one it was given.
    Given,
    /// One that it chose, and prints on a line, with its version after it.
    Printed,
}
