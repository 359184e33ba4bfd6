//! A receiver that requests the payload from a server, and verifies it.

use std::{
    io::{self, BufRead, BufReader, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use rustix::thread::CapabilitySet;
use serde::{Deserialize, Serialize};

use zc_privilege::keep_only;

use super::receiver::Arrival;
use crate::workload::{payload, program::Protocol};

/// The result of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fetched {
    /// The payload.
    pub(crate) arrival: Arrival,
    /// Bytes of the request.
    pub(crate) request: u64,
    /// Bytes of the answer before the payload.
    pub(crate) header: u64,
    /// What the server calls itself there.
    pub(crate) server: Option<String>,
    /// Time from before the connection to after the last byte.
    pub(crate) wall_ns: u64,
}

/// Fetches the payload from a server on loopback, and reports on standard error.
///
/// # Errors
/// When the server does not answer, or not with the payload.
pub fn main(port: u16, protocol: Protocol) -> Result<()> {
    keep_only(CapabilitySet::empty())?;
    let began = Instant::now();
    let mut socket =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("cannot connect to the server")?;
    let request = protocol.request();
    socket.write_all(request.as_bytes()).context("cannot send a request to the server")?;
    let mut answer = BufReader::with_capacity(1 << 20, socket);
    let header = match protocol {
        Protocol::Http => header(&mut answer)?,
        Protocol::Line => Header::default(),
    };
    let (size, digest) = payload::digest(&mut answer).context("cannot read what arrives")?;
    let wall_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let fetched = Fetched {
        arrival: Arrival { size, digest },
        request: request.len() as u64,
        header: header.bytes,
        server: header.server,
        wall_ns,
    };
    let report = serde_json::to_string(&fetched)?;
    io::stderr().write_all(report.as_bytes()).context("cannot report")
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    bytes: u64,
    server: Option<String>,
}

/// Reads the header of an answer, with the empty line after it.
fn header(answer: &mut impl BufRead) -> Result<Header> {
    let mut header = Header::default();
    loop {
        let mut line = String::new();
        let got = answer.read_line(&mut line).context("cannot read the answer")?;
        let line = line.trim_end();
        if header.bytes == 0 && line.split(' ').nth(1) != Some("200") {
            bail!("unexpected response of the server: '{line}'");
        }
        if got == 0 {
            bail!("the server closed the connection within the header");
        }
        header.bytes += got as u64;
        if line.is_empty() {
            return Ok(header);
        }
        if let Some(server) = line.strip_prefix("Server: ") {
            header.server = Some(server.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_header_ends_at_the_empty_line() {
        let text = b"HTTP/1.1 200 OK\r\nServer: x/1\r\n\r\n\r\nbody";
        let mut answer = &text[..];
        let header = header(&mut answer).expect("it is complete");
        assert_eq!(header, Header { bytes: 32, server: Some("x/1".to_owned()) });
        let mut body = String::new();
        answer.read_to_string(&mut body).expect("a slice");
        assert_eq!(body, "\r\nbody");
    }

    #[test]
    fn an_error_and_a_torn_header_are_no_payload() {
        for (text, what) in [
            (
                "HTTP/1.1 404 Not Found\r\n\r\n",
                "unexpected response of the server: 'HTTP/1.1 404 Not Found'",
            ),
            ("HTTP/1.1 200 OK\r\n", "the server closed the connection within the header"),
            ("", "unexpected response of the server: ''"),
        ] {
            let error = header(&mut text.as_bytes()).expect_err(text);
            assert_eq!(error.to_string(), what);
        }
    }
}
