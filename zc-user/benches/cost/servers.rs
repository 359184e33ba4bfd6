//! What whole programs lose while `zc` counts them. Run by `cargo xtask bench --servers`; it writes
//! raw rates, from which xtask computes losses.
//!
//! All settings follow each other closely with every program, and the order is reversed every round: a
//! machine that becomes slower or faster during the measurement does so for all of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use crate::{
    observer::{Build, OWN, Output, Work},
    setting::{BARE, Setting},
};

mod fio;
mod iperf3;
mod load;
mod nginx;
mod rate;
mod redis;

use load::Load;

/// Seconds of the run before all others.
const WARM_UP: u64 = 1;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to write the rates
    #[arg(long, value_name = "FILE")]
    json: PathBuf,

    /// Measure these programs only: nginx, redis, fio_tmpfs, fio_page_cache, iperf3
    #[arg(long, value_name = "PROGRAM", value_delimiter = ',')]
    ops: Vec<String>,

    /// How often every setting is attached and measured
    #[arg(long, default_value_t = 6)]
    rounds: u32,

    /// How long a program is measured each time, in seconds
    #[arg(long, value_name = "SECS", default_value_t = 3)]
    seconds: u64,

    /// Where the cached file that is read lies: not on tmpfs, whose reads take another path
    #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
    directory: PathBuf,

    /// Leave out the equivalent bpftrace script
    #[arg(long)]
    no_bpftrace: bool,

    /// Another build of zc to measure, as JSON
    #[arg(long = "build", hide = true)]
    builds: Vec<Build>,
}

/// Makes a program ready to be measured.
type Make = Box<dyn Fn(&Path) -> Result<Load>>;

/// All programs, by their ids.
fn programs() -> [(&'static str, Make); 5] {
    [
        ("nginx", Box::new(|_| nginx::load())),
        ("redis", Box::new(|_| redis::load())),
        ("fio_tmpfs", Box::new(|_| fio::tmpfs())),
        ("fio_page_cache", Box::new(fio::page_cache)),
        ("iperf3", Box::new(|_| iperf3::load())),
    ]
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let settings = Setting::all(&arguments.builds, !arguments.no_bpftrace);
    let programs = programs();
    if let Some(id) = arguments.ops.iter().find(|id| programs.iter().all(|it| it.0 != id.as_str()))
    {
        let known: Vec<_> = programs.iter().map(|(id, _)| *id).collect();
        bail!("there is no program '{id}'; expected some of {}", known.join(", "));
    }
    let (mut measured, mut failed) = (Vec::new(), Vec::new());
    for (id, make) in &programs {
        if !arguments.ops.is_empty() && !arguments.ops.iter().any(|it| it == id) {
            continue;
        }
        let outcome = make(&arguments.directory).and_then(|mut load| {
            let rates = measure(&mut load, &settings, arguments)?;
            Ok(json!({ "id": id, "what": load.what, "unit": load.unit, "rates": rates }))
        });
        match outcome {
            Ok(rates) => measured.push(rates),
            // The others took minutes.
            Err(error) => failed.push(json!({ "id": id, "why": format!("{error:#}") })),
        }
    }
    write(arguments, &measured, &failed)
}

/// The rates of all rounds, by setting.
fn measure(load: &mut Load, settings: &[Setting], arguments: &Arguments) -> Result<Value> {
    (load.run)(WARM_UP)?;
    let mut rates = vec![Vec::new(); settings.len()];
    for round in 0..arguments.rounds {
        eprintln!("{}: round {} of {}", load.what, round + 1, arguments.rounds);
        for index in order(settings.len(), round) {
            let setting = &settings[index];
            let attached = setting.attach(Output::Updates)?;
            rates[index].push((load.run)(arguments.seconds)?);
            // The clients work in other processes: there is nothing of this one to be counted.
            attached
                .finish(Work::default())
                .with_context(|| format!("{} did not count", setting.id()))?;
        }
    }
    let named = settings.iter().map(|it| it.id().to_owned()).zip(rates);
    Ok(Value::Object(named.map(|(name, rates)| (name, rates.into())).collect::<Map<_, _>>()))
}

/// The settings of a round: from the first to the last, and in the next round back.
fn order(settings: usize, round: u32) -> Box<dyn Iterator<Item = usize>> {
    if round.is_multiple_of(2) { Box::new(0..settings) } else { Box::new((0..settings).rev()) }
}

fn write(arguments: &Arguments, programs: &[Value], failed: &[Value]) -> Result<()> {
    let kernel = rustix::system::uname();
    let figures = json!({
        "schema": "zc-bench-servers/1",
        "kernel": kernel.release().to_string_lossy(),
        "processor": processor(),
        "processors": std::thread::available_parallelism().map_or(1, usize::from),
        "seconds": arguments.seconds,
        "bare": BARE,
        "own": OWN,
        "programs": programs,
        "failed": failed,
    });
    let text = serde_json::to_string_pretty(&figures)? + "\n";
    let path = &arguments.json;
    fs::write(path, text).with_context(|| format!("cannot write '{}'", path.display()))
}

/// The model of the first processor.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}
