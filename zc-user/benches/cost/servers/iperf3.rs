//! iperf3 over loopback: few calls that move much.

use std::process::Command;

use anyhow::Result;

use super::{
    load::{Load, Server, free_port, rate_of},
    rate,
};

pub(super) fn load() -> Result<Load> {
    let number = free_port()?;
    let port = number.to_string();
    // It would say on the screen that it ends.
    let words = ["--server", "--bind", "127.0.0.1", "--logfile", "/dev/null", "--port", &port];
    let server = Server::start(Command::new("iperf3").args(words), number)?;
    Ok(Load {
        what: "iperf3, one TCP stream over loopback",
        unit: "bytes",
        run: Box::new(move |seconds| {
            let _kept = &server;
            let seconds = seconds.to_string();
            let words = ["--client", "127.0.0.1", "--json", "--port", &port, "--time", &seconds];
            rate_of(Command::new("iperf3").args(words), rate::iperf3)
        }),
    })
}
