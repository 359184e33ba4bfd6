//! redis and redis-benchmark, without pipelining: a call to receive and one to send per request.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::{
    load::{Load, Server, free_port, rate_of},
    rate,
};

/// Requests from which the rate is estimated.
const FIRST: u64 = 20_000;

pub(super) fn load() -> Result<Load> {
    let directory = tempfile::tempdir().context("cannot make a directory")?;
    let port = free_port()?.to_string();
    let number = port.parse()?;
    let server = Server::start(
        Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(directory.path()),
        number,
    )?;
    let client = move |requests: u64| {
        let _kept = (&server, &directory);
        let requests = requests.to_string();
        let words =
            ["-h", "127.0.0.1", "-p", &port, "-t", "get", "-P", "1", "-c", "10", "--csv", "-n"];
        rate_of(Command::new("redis-benchmark").args(words).arg(&requests), rate::redis)
    };
    // It takes a number of requests and no time.
    let usual = client(FIRST)?;
    Ok(Load {
        what: "redis, redis-benchmark GET -P 1 -c 10",
        unit: "requests",
        run: Box::new(move |seconds| client((usual * seconds as f64) as u64)),
    })
}
