//! One round: a scenario in one setting, once, observed from outside.

use std::{os::fd::OwnedFd, path::Path, process::Stdio};

use anyhow::{Context as _, Result, bail};
use zc_common::path::CopyPath;

use super::{observer::Observer, receiver::Arrival, server::Server};
use crate::{
    judge::{
        evidence::{self, Wire},
        measurement::{Framing, Measurement},
    },
    process::child::Child,
    workload::{
        job::WorkerReport,
        payload::{self, Payload},
        scenario::{Scenario, Setting},
    },
};
use zc_model::{frame::Frame, snapshot::Snapshot};

/// Runs `scenario` once.
pub(crate) async fn mechanism(
    scenario: &Scenario,
    setting: &Setting,
    payload: &Payload,
    directory: &Path,
    observer: &mut Observer<'_>,
) -> Result<Measurement> {
    prepare(setting, payload).await?;
    let ends = setting.sink.open(directory).await?;
    let wire = if setting.sink.is_tcp() {
        Some(Wire::new(duplicate(&ends.near)?, ends.interface))
    } else {
        None
    };
    let mut receiver = match ends.far {
        Some(far) => Some(Child::spawn(&["receiver"], far, Stdio::null())?),
        None => None,
    };
    // Kept to look into a file afterwards.
    let written = match receiver {
        Some(_) => None,
        None => Some(duplicate(&ends.near)?),
    };
    let (size, chunk) = (setting.size.to_string(), setting.chunk.to_string());
    let words = ["worker", scenario.id, "--size", &size, "--chunk", &chunk];
    let mut worker = Child::spawn(&words, payload.open()?.into(), Stdio::from(ends.near))?;

    let (pid, seen) = (worker.pid(), between_stops(&mut worker, observer).await?);
    let report: WorkerReport = worker.report().await?;

    if let Some(wire) = &wire {
        wire.close()?;
    }
    verify(payload, &report, receiver.as_mut(), written).await?;
    let Some((before, after)) = seen else {
        return Ok(Measurement::unobserved(observer.why_nothing().0, setting.size, report));
    };
    let mut frame =
        evidence::with_reported_copies(section(&before, &after, &[pid])?, report.completions);
    let (mut departure, mut sent_again) = (None, None);
    if receiver.is_some()
        && let Some(arrived) = observer.look()?
    {
        if evidence::counts_late_copies(&frame) {
            frame = evidence::with_late_copies(frame, &section(&before, &arrived, &[pid])?);
        }
        if let Some(wire) = wire {
            sent_again = wire.sent_again()?;
            (frame, departure) = wire.prove(frame, setting.size, &before, &arrived)?;
        }
    }
    let framing = Framing::WORK;
    let copied_on_write = |(path, _): &(CopyPath, u64)| *path == CopyPath::CowCopy;
    let about_pages = (scenario.expect)(setting).moved.iter().any(copied_on_write);
    let (frame, size) = (Ok(frame), setting.size);
    Ok(Measurement { frame, framing, size, about_pages, report, departure, sent_again })
}

/// Lets a worker go from its first stop to its second and on. Returns what was counted until the first
/// stop and until the second; `None` if nothing is counted.
pub(crate) async fn between_stops(
    worker: &mut Child,
    observer: &mut Observer<'_>,
) -> Result<Option<(Snapshot, Snapshot)>> {
    worker.stopped().await?;
    let before = observer.look()?;
    worker.proceed()?;
    worker.stopped().await?;
    let after = observer.look()?;
    worker.proceed()?;
    Ok(before.zip(after))
}

fn duplicate(fd: &OwnedFd) -> Result<OwnedFd> {
    fd.try_clone().context("cannot duplicate a descriptor")
}

/// Requests the payload once from a server.
pub(crate) async fn program(
    server: &mut Server,
    setting: &Setting,
    payload: &Payload,
    observer: &mut Observer<'_>,
) -> Result<Measurement> {
    prepare(setting, payload).await?;
    server.rest().await?;
    let (before, cpu_before) = (observer.look()?, server.cpu_time()?);
    let fetched = server.fetch().await?;
    server.rest().await?;
    let (after, cpu) = (observer.look()?, server.cpu_time()?.saturating_sub(cpu_before));

    intact(payload, fetched.arrival)?;
    let frame = match before.zip(after) {
        Some((before, after)) => Ok(section(&before, &after, &[server.pid()])?),
        None => Err(observer.why_nothing().0),
    };
    let framing =
        Framing { received_bytes: fetched.request, sent_bytes: fetched.header, ..Framing::NONE };
    let report = WorkerReport {
        wall_ns: fetched.wall_ns,
        cpu_ns: u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX),
        told: server.version().map(|version| format!("served by {version}")),
        completions: None,
        digest: None,
    };
    let size = setting.size;
    Ok(Measurement {
        frame,
        framing,
        size,
        about_pages: false,
        report,
        departure: None,
        sent_again: None,
    })
}

async fn prepare(setting: &Setting, payload: &Payload) -> Result<()> {
    if setting.cold { payload.chill() } else { payload.warm().await }
}

/// What these processes and their children did between two snapshots.
pub(crate) fn section(before: &Snapshot, after: &Snapshot, roots: &[u32]) -> Result<Frame> {
    let frame = Frame::between(before, after);
    let mut pids = roots.to_vec();
    // A child has a row after its parent's in time, but not always in the list.
    while let Some(process) = frame.processes.iter().find(|process| {
        process.id.pid != 0 && pids.contains(&process.parent.pid) && !pids.contains(&process.id.pid)
    }) {
        pids.push(process.id.pid);
    }
    if !frame.processes.iter().any(|process| pids.contains(&process.id.pid)) {
        bail!("the probes did not see the worker; run `zc doctor`");
    }
    Ok(frame.only(|process, _| pids.contains(&process.id.pid)))
}

/// Whether every byte arrived.
async fn verify(
    payload: &Payload,
    report: &WorkerReport,
    receiver: Option<&mut Child>,
    written: Option<OwnedFd>,
) -> Result<()> {
    let arrival = match (report.digest, receiver, written) {
        (Some(digest), _, _) => Arrival { size: payload.size, digest },
        (None, Some(receiver), _) => receiver.report().await?,
        (None, None, Some(written)) => {
            let file = payload::reopen(&written.into())?;
            let (size, digest) =
                payload::digest_of(file).await.context("cannot read what arrived")?;
            Arrival { size, digest }
        }
        (None, None, None) => bail!("cannot verify what arrived"),
    };
    intact(payload, arrival)
}

fn intact(payload: &Payload, arrival: Arrival) -> Result<()> {
    let sent = Arrival { size: payload.size, digest: payload.digest };
    if arrival != sent {
        bail!(
            "the payload did not arrive intact: {} bytes with checksum {:08x} were sent, {} with \
             {:08x} arrived",
            sent.size,
            sent.digest,
            arrival.size,
            arrival.digest
        );
    }
    Ok(())
}
