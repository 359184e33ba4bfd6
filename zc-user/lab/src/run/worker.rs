//! The worker: a process that does nothing but one mechanism, once, or again and again.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    fs::{Advice, fadvise, ftruncate},
    process::{WaitOptions, wait},
    thread::set_name,
};
use zc_privilege::keep_only;

use super::{again::PER_SECOND, rights};
use crate::{
    process::child,
    workload::{
        job::Job,
        payload,
        scenario::{Cache, Scenario, Work},
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
    mechanism(scenario)?(&mut job).map_err(payload::explain)?;
    job.end()?;
    let report = serde_json::to_string(&job.report()?)?;
    io::stderr().write_all(report.as_bytes()).context("cannot report")
}

/// From the beginning of one round to that of the next: a machine that does something else notices little of it.
const PACE: Duration = Duration::from_millis(1000 / PER_SECOND);

/// Does the same again and again, at a pace, for so many seconds. Nothing stops it in between, and nothing is verified.
///
/// # Errors
/// As for [`main`].
pub fn again(scenario: &Scenario, size: u64, chunk: usize, seconds: u64) -> Result<()> {
    /// `TASK_COMM_LEN` without its end, include/linux/sched.h.
    const MOST: usize = 15;
    let run = mechanism(scenario)?;
    let (mut source, mut sink) = (child::standard_input()?, child::standard_output()?);
    let name = scenario.id.get(..MOST).unwrap_or(scenario.id);
    set_name(&CString::new(name).context("a name with a zero byte")?)
        .context("cannot name the process")?;
    keep_only(rights::MEMORY)?;
    let is_file = sink.metadata().context("cannot look at where the bytes go")?.is_file();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut next = Instant::now();
    while next < end {
        rewind(&mut source)?;
        if is_file {
            rewind(&mut sink)?;
            ftruncate(&sink, 0).context("cannot empty a file")?;
        }
        if scenario.cache == Cache::Cold {
            fadvise(&source, 0, None, Advice::DontNeed)
                .context("cannot drop the payload from the page cache")?;
        }
        let [from, to] = [&source, &sink].map(File::try_clone);
        let (from, to) = (from.context(DUPLICATE)?, to.context(DUPLICATE)?);
        let mut job = Job::unattended(from, to, size, chunk);
        run(&mut job).map_err(payload::explain)?;
        job.end()?;
        // A mechanism may leave a process that has just ended, or is about to; an error says that there is none.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        // What a busy machine did not get done is not made up for.
        next = (next + PACE).max(Instant::now());
        thread::sleep(next - Instant::now().min(next));
    }
    Ok(())
}

const DUPLICATE: &str = "cannot duplicate a descriptor";

fn rewind(file: &mut File) -> Result<()> {
    file.seek(SeekFrom::Start(0)).context("cannot go back in a file")?;
    Ok(())
}

fn mechanism(scenario: &Scenario) -> Result<fn(&mut Job) -> Result<()>> {
    match scenario.work {
        Work::Mechanism(run) => Ok(run),
        Work::Program(_) => bail!("this scenario is a program of its own; use zc lab run"),
    }
}
