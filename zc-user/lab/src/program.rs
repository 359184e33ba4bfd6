//! Programs that people run: what each needs, how it is started, and how it is asked.
//!
//! Every server gets the payload as its standard input and opens it again as
//! `/proc/self/fd/0`: the payload needs no name, so that none can be left behind.

use std::ffi::OsString;

use anyhow::Result;

use super::{fetch::Protocol, need::Need, scenario::Setting, scratch::Scratch};

mod java;
pub(super) mod kafka;
pub(super) mod mapped_write;
pub(super) mod netty;
pub(super) mod nginx;
pub(super) mod rocketmq;
pub(super) mod transfer_to;

/// The payload, as a server finds it.
const PAYLOAD: &str = "/proc/self/fd/0";

/// A program that serves the payload.
pub struct Program {
    /// What has to be installed.
    pub needs: &'static [&'static Need],
    /// How it is asked.
    pub(super) protocol: Protocol,
    /// Makes its files, and says how it is started.
    pub(super) launch: fn(&Site<'_>) -> Result<Launch>,
}

/// Where a program runs.
pub(super) struct Site<'a> {
    /// The directory for its files.
    pub(super) scratch: &'a Scratch,
    /// The setting of the scenario.
    pub(super) setting: &'a Setting,
    /// A free port, for a program that has to be told.
    pub(super) port: u16,
}

/// How a program is started.
pub(super) struct Launch {
    /// A command that has to succeed before, such as a compiler.
    pub(super) first: Option<Vec<OsString>>,
    /// The server.
    pub(super) server: Vec<OsString>,
    /// Which port it listens on.
    pub(super) port: Port,
}

/// Which port a server listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// The one it was given.
    Given,
    /// One that it chose, and prints on a line, with its version after it.
    Printed,
}
