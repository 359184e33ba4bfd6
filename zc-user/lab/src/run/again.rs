//! A mechanism again and again, for an observer with probes of its own.

use std::{
    cell::Cell,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    process::Stdio,
    rc::Rc,
};

use anyhow::Result;
use rustix::thread::CapabilitySet;

use super::rights;
use crate::{
    process::child::Child,
    sink::Sink,
    workload::{
        kernel,
        payload::Payload,
        scenario::{Cache, Scenario, Setting, Work},
    },
};

/// How long it runs.
pub const SECONDS: u64 = 20;

/// Rounds in a second.
pub const PER_SECOND: u64 = 10;

/// Bytes of a round, of which there are [`PER_SECOND`]: a prime, as bytes that are rounded show.
pub const SIZE: u64 = 8_388_593;

/// Bytes of one transfer, at most.
pub const CHUNK: u64 = 64 << 10;

/// A mechanism that runs. It ends when this is dropped.
pub type Running = Pin<Box<dyn Future<Output = Result<()>>>>;

/// The process id of the worker, as soon as there is one.
pub type Told = Rc<Cell<Option<u32>>>;

/// What runs mechanisms.
pub trait Runner {
    /// Where the bytes of this one go.
    ///
    /// # Errors
    /// When it cannot run here: with the reason.
    fn place(&self, scenario: &Scenario) -> Result<Sink, String>;

    /// Version of the running kernel: major, minor.
    fn kernel(&self) -> (u32, u32);

    /// Runs it for [`SECONDS`].
    fn run(&mut self, scenario: &'static Scenario, sink: Sink, told: Told) -> Running;
}

/// The setting of a mechanism that goes to this sink.
#[must_use]
pub fn setting(scenario: &Scenario, sink: Sink, kernel: (u32, u32)) -> Setting {
    Setting { size: SIZE, chunk: CHUNK, sink, cold: scenario.cache == Cache::Cold, kernel }
}

/// Runs them as processes of their own, with the rights that are left to this one.
pub struct Here {
    directory: PathBuf,
}

impl Here {
    /// Files without a name are made in `directory`.
    #[must_use]
    pub const fn new(directory: PathBuf) -> Self {
        Self { directory }
    }
}

impl Runner for Here {
    fn place(&self, scenario: &Scenario) -> Result<Sink, String> {
        let needs = |sink: Sink| rights::of_run(scenario, sink).difference(rights::MEMORY);
        if matches!(scenario.work, Work::Mechanism(_))
            && let Some(sink) = scenario.sinks.iter().find(|sink| needs(**sink).is_empty())
        {
            return Ok(*sink);
        }
        let missing = scenario.needs.iter().filter(|need| need.find().is_none());
        let missing: Vec<_> = missing.map(|need| need.name).collect();
        let takes = scenario.sinks.first().map_or(CapabilitySet::empty(), |sink| needs(*sink));
        let takes: Vec<_> = takes.iter_names().map(|(name, _)| format!("CAP_{name}")).collect();
        let mut why = format!(
            "takes {}, which zc has given up: sudo zc lab run {}",
            takes.join(" and "),
            scenario.id
        );
        if !missing.is_empty() {
            why.push_str(&format!("; {} not installed: sudo zc lab setup", missing.join(", ")));
        }
        Err(why)
    }

    fn kernel(&self) -> (u32, u32) {
        kernel::version()
    }

    fn run(&mut self, scenario: &'static Scenario, sink: Sink, told: Told) -> Running {
        let directory = self.directory.clone();
        Box::pin(async move { run(scenario, sink, &directory, &told).await })
    }
}

async fn run(scenario: &Scenario, sink: Sink, directory: &Path, told: &Told) -> Result<()> {
    let payload = Payload::generate(directory, SIZE).await?;
    let ends = sink.open(directory).await?;
    // It takes what arrives, and ends with the connection.
    let _receiver = match ends.far {
        Some(far) => Some(Child::spawn(&["receiver"], far, Stdio::null())?),
        None => None,
    };
    let [size, chunk, seconds] = [SIZE, CHUNK, SECONDS].map(|number| number.to_string());
    let words = ["worker", scenario.id, "--size", &size, "--chunk", &chunk, "--seconds", &seconds];
    let mut worker = Child::spawn(&words, payload.open()?.into(), Stdio::from(ends.near))?;
    told.set(Some(worker.pid()));
    worker.finished().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::catalog::find;

    #[test]
    fn what_takes_no_privileges_has_a_place_and_what_does_says_which() {
        let here = Here::new(PathBuf::from("/nonexistent"));
        let place = |id| here.place(find(id).expect("a scenario"));
        assert_eq!(place("read_write"), Ok(Sink::Tcp));
        assert_eq!(place("tee"), Ok(Sink::Pipe));
        let why = place("sendfile_linear").expect_err("its network has to be made");
        assert!(why.contains("CAP_NET_ADMIN") && why.contains("sudo zc lab run"), "{why}");
        let why = place("nginx_sendfile").expect_err("it has a network of its own");
        assert!(why.contains("CAP_SYS_ADMIN"), "{why}");
    }

    #[test]
    fn the_size_of_a_round_is_a_prime() {
        assert!((2..).take_while(|n| n * n <= SIZE).all(|n| !SIZE.is_multiple_of(n)));
    }
}
