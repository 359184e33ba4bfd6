//! A file becomes shorter while sendfile is under way: less is sent than was announced.

use std::{
    io::{self, Read as _},
    os::unix::net::UnixStream,
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use rustix::fs::sendfile;
use zc_common::path::CopyPath;

use super::{Case, Fact, Hazard, SIZE, moved, truncate};
use crate::workload::job::Job;
use zc_model::frame::Frame;

pub(super) const HAZARD: Hazard = Hazard {
    id: "sendfile_truncated",
    title: "a file is truncated while sendfile sends it",
    lesson: "sendfile stops where the file ends now: no error, no signal, only a smaller number. \
             Whoever had announced the old length has promised too much.",
    danger: "an HTTP response with a Content-Length stays short of it; the client waits, and the \
             connection cannot be used again",
    cases: &[Case { title: "one sendfile of the whole file to a Unix socket", run }],
    figures,
};

/// More than a socket takes before anybody reads, so that the call is still under way.
const LEFT: u64 = SIZE / 2 - 1;

fn run(job: &mut Job) -> Result<Vec<Fact>> {
    let (near, mut far) = UnixStream::pair().context("cannot make Unix sockets")?;
    let file = job.source.try_clone().context("cannot duplicate a descriptor")?;
    job.begin()?;
    let reader = thread::spawn(move || -> Result<u64> {
        // The first byte is there: the call has begun, and cannot end before more is read.
        far.read_exact(&mut [0])?;
        truncate(&file, LEFT)?;
        Ok(1 + io::copy(&mut far, &mut io::sink())?)
    });
    let asked = usize::try_from(job.size)?;
    let sent = sendfile(&near, &job.source, None, asked).context("sendfile failed")?;
    let next = sendfile(&near, &job.source, None, asked).context("sendfile failed")?;
    drop(near);
    let arrived = reader.join().map_err(|_| anyhow!("the reader failed"))??;
    job.end()?;
    Ok(vec![
        Fact::new(
            sent as u64 == LEFT,
            format!(
                "asked for {asked} bytes of a file that was cut to {LEFT} meanwhile, sendfile \
                 returned {sent}, without error"
            ),
        ),
        Fact::new(next == 0, format!("the next call returned {next}, as at the end of any file")),
        Fact::new(arrived == sent as u64, format!("{arrived} bytes arrived")),
    ])
}

fn figures(frames: &[Frame]) -> Vec<Fact> {
    let cases = frames.iter().map(|frame| {
        let (_, bytes) = moved(frame, CopyPath::SendfileToSocket);
        Fact::new(
            bytes == LEFT,
            format!("zc counted {bytes} bytes: what was sent, not the request"),
        )
    });
    cases.collect()
}
