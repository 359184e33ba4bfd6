//! The worker: a process that does nothing but one mechanism, once.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result, bail};

use crate::{
    process::child,
    workload::{
        job::Job,
        payload,
        scenario::{Scenario, Work},
    },
};

/// Moves `size` bytes from standard input to standard output, and reports on standard error.
///
/// # Errors
/// When the mechanism fails; the error of a kernel that cannot do it is
/// [`Unsupported`](crate::unsupported::Unsupported).
pub fn main(scenario: &Scenario, size: u64, chunk: usize) -> Result<()> {
    let (source, sink) = (child::standard_input()?, child::standard_output()?);
    let mut job = Job::new(source, sink, size, chunk);
    match scenario.work {
        Work::Mechanism(run) => run(&mut job).map_err(payload::explain)?,
        Work::Program(_) => bail!("this scenario is a program of its own; use zc lab run"),
    }
    job.end()?;
    let report = serde_json::to_string(&job.report()?)?;
    io::stderr().write_all(report.as_bytes()).context("cannot report")
}
