//! io_uring: zero-copy sends, whose second completion says when the memory is free again.

use std::{io::Read as _, os::fd::AsRawFd as _};

use anyhow::{Context as _, Result, anyhow};
use io_uring::{IoUring, Probe, cqueue, opcode, types::Fd};
use zc_common::path::CopyPath;

use super::zerocopy::COPIED_ON_ARRIVAL;
use crate::{
    sink::Sink,
    unsupported::Unsupported,
    workload::{
        job::Job,
        kernel, memory,
        ring::{self, BATCH},
        scenario::{Cache, Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const SCENARIO: Scenario = Scenario {
    id: "uring_send_zc",
    title: "io_uring zero-copy send",
    group: ScenarioGroup::Asynchronous,
    lesson: "MSG_ZEROCOPY without the error queue: the ring reports that a send is done, and later \
             that its memory is free. One call for eight sends, and the same copy on arrival.",
    theory: Theory {
        cpu_copies: Some(0.0),
        storage_dma: 0,
        network_dma: 1,
        mode_switches: None,
        claim: "since 6.0: user pages are pinned instead of copied, by one call for many sends",
    },
    sinks: &[Sink::Tcp, Sink::Veth],
    cache: Cache::Any,
    needs: &[],
    work: Work::Mechanism(run),
    expect,
};

// `include/uapi/linux/io_uring.h`.
/// `IORING_SEND_ZC_REPORT_USAGE`: say whether a send was copied; since 6.2.
const REPORT_USAGE: u16 = 1 << 3;
/// `IORING_NOTIF_USAGE_ZC_COPIED`.
const COPIED: u32 = 1 << 31;

/// What the second completions (notifications) said.
#[derive(Default)]
struct Notifications {
    sends: u64,
    copied: u64,
}

fn run(job: &mut Job) -> Result<()> {
    let mut ring = ring::open()?;
    check(&ring)?;
    let mut memory = memory::pages(job.size)?;
    job.source.read_exact(&mut memory)?;
    let sink = Fd(job.sink.as_raw_fd());
    let reports = kernel::version() >= (6, 2);
    let mut completions = Notifications::default();
    job.begin()?;
    for batch in memory.chunks(job.chunk * BATCH) {
        let mut left: Vec<_> = batch.chunks(job.chunk).collect();
        while !left.is_empty() {
            let send = |piece: &&[u8]| {
                let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
                opcode::SendZc::new(sink, piece.as_ptr(), length)
                    .flags(libc::MSG_WAITALL)
                    .zc_flags(if reports { REPORT_USAGE } else { 0 })
                    .build()
            };
            let requests = ring::chained(left.iter().map(send).collect());
            ring::submit(&mut ring, &requests)?;
            let results = completions.await_all(&mut ring, left.len())?;
            left = ring::unsent(&left, &results).context("cannot send")?;
        }
    }
    // Before the ring is closed, which takes calls.
    job.end()?;
    if reports {
        job.completed(completions.sends, completions.copied);
    }
    Ok(())
}

impl Notifications {
    /// Waits for the results of as many requests, and until the memory of each is free.
    fn await_all(&mut self, ring: &mut IoUring, requests: usize) -> Result<Vec<i32>> {
        let mut results = vec![0; requests];
        let mut pending = requests;
        // A send that was begun is heard of twice, but one that a broken chain cancels is not.
        let mut wanted = requests;
        while pending > 0 {
            ring.submit_and_wait(wanted).context("io_uring does not complete")?;
            for completion in ring.completion() {
                pending -= 1;
                if cqueue::notif(completion.flags()) {
                    self.sends += 1;
                    self.copied += u64::from(completion.result().cast_unsigned() & COPIED != 0);
                    continue;
                }
                pending += usize::from(cqueue::more(completion.flags()));
                results[usize::try_from(completion.user_data())?] = completion.result();
            }
            wanted = 1;
        }
        Ok(results)
    }
}

fn check(ring: &IoUring) -> Result<()> {
    let mut probe = Probe::new();
    let known = ring.submitter().register_probe(&mut probe).is_ok();
    if known && probe.is_supported(opcode::SendZc::CODE) {
        return Ok(());
    }
    Err(anyhow!(Unsupported("this kernel's io_uring has no zero-copy sends (6.0)".to_owned())))
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::SocketSendZerocopy, setting.size)],
        copied_bytes: setting.size,
        // A chain of sends breaks where one is sent in part.
        syscalls: Calls::AtLeast(setting.transfers().div_ceil(BATCH as u64)),
        copies_because: Some(COPIED_ON_ARRIVAL),
        switches_because: None,
    }
}
