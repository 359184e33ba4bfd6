//! A file is truncated while sendfile sends it: less is sent than was announced.

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
             A program that had announced the old length has promised too much.",
    danger: "an HTTP response is shorter than its Content-Length; the client waits, and the \
             connection cannot be used again",
    cases: &[Case { title: "one sendfile of the whole file to a Unix socket", run }],
    figures,
};

/// More than a socket takes before the other end reads, so that the call is still in progress.
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
    let requested = usize::try_from(job.size)?;
    let sent = sendfile(&near, &job.source, None, requested).context("sendfile failed")?;
    let next = sendfile(&near, &job.source, None, requested).context("sendfile failed")?;
    drop(near);
    let arrived = reader.join().map_err(|_| anyhow!("the reader failed"))??;
    job.end()?;
    Ok(vec![
        Fact::new(
            sent as u64 == LEFT,
            format!(
                "sendfile of {requested} bytes of a file that was truncated to {LEFT} during the call \
                 returned {sent}, without an error"
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
