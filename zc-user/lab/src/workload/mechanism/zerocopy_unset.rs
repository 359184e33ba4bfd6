//! MSG_ZEROCOPY on a socket without SO_ZEROCOPY: the flag is silently ignored.

use std::{
    io::{self, Read as _},
    os::fd::AsRawFd as _,
};

use anyhow::{Context as _, Result};
use zc_common::path::CopyPath;

use super::zerocopy::from_error_queue;
use crate::{
    sink::Sink,
    workload::{
        job::Job,
        memory,
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "zerocopy_unset",
    title: "MSG_ZEROCOPY without SO_ZEROCOPY",
    group: ScenarioGroup::Network,
    lesson: "The same sends without the socket option: the kernel accepts the flag, and copies as \
             usual. No call fails and no notification comes, so a program that does not wait for \
             one cannot notice it.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 0,
        network_dma: 1,
        mode_switches: Some(2),
        claim: "a flag of the send requests zero-copy; it is easily overlooked that the socket needs an \
                option, too",
    },
    sinks: &[Sink::Tcp, Sink::Veth],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

const IGNORED: &str = "MSG_ZEROCOPY is ignored on a socket without SO_ZEROCOPY, so that old programs that set \
     stray flags do not break (tcp_sendmsg_locked, net/ipv4/tcp.c): each byte is copied by the send \
     itself";

fn run(job: &mut Job) -> Result<()> {
    let mut memory = memory::pages(job.size)?;
    job.source.read_exact(&mut memory)?;
    let socket = job.sink.as_raw_fd();
    job.begin()?;
    for chunk in memory.chunks(job.chunk) {
        let mut done = 0;
        while done < chunk.len() {
            let rest = &chunk[done..];
            // SAFETY: pages that live longer than the sends.
            let sent =
                unsafe { libc::send(socket, rest.as_ptr().cast(), rest.len(), libc::MSG_ZEROCOPY) };
            done += usize::try_from(sent)
                .map_err(|_| io::Error::last_os_error())
                .context("cannot send")?;
        }
    }
    // Before the memory is given back, which takes a call.
    job.end()?;
    if from_error_queue(socket)?.is_none() {
        job.tell("zero-copy was requested; no notification came: the kernel ignored the request");
    }
    Ok(())
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::SocketSend, setting.size)],
        copied_bytes: setting.size,
        syscalls: Calls::AtLeast(setting.transfers()),
        copies_because: Some(IGNORED),
        switches_because: None,
    }
}
