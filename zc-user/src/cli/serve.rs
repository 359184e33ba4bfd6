//! The command line of `zc serve`.

use std::time::Duration;

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use zc_serve::{by::By, listen::Address};

use super::{Probing, interval, pid, recording::span};

/// `zc serve`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Serve {
    /// Listen at this address, such as 127.0.0.1:10620 or unix:/run/zc/zc.sock; fd://0 is the first socket that systemd
    /// passes (repeatable) [default: the sockets that systemd passes, or else 127.0.0.1:10620]
    #[arg(short, long, value_name = "ADDRESS", value_parser = Address::parse)]
    pub(crate) listen: Vec<Address>,
    /// Set the time between two snapshots, in seconds
    #[arg(short, long, value_name = "SECS", default_value = "1", value_parser = interval, allow_negative_numbers = true)]
    pub(crate) interval: Duration,
    /// Give series of their own to cgroup, command, pid (needs -p or --cgroup) or none
    #[arg(long, value_name = "WHAT", default_value = "cgroup", value_parser = by(), hide_possible_values = true)]
    pub(crate) group_by: By,
    /// Maximum number of groups with series of their own: those that copy most; the others are summed up
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) max_groups: u32,
    /// Give series only to groups that have existed for so long, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = span)]
    pub(crate) min_age: Duration,
    /// Keep the last minutes, such as 10m, in memory (64 MiB at most), for POST /dump on a unix socket
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) flight_recorder: Option<Duration>,
    /// Follow only these processes and what descends from them (may be repeated, or separated by commas)
    #[arg(short, long = "pid", value_name = "PID", value_delimiter = ',', value_parser = pid)]
    pub(crate) pids: Vec<u32>,
    /// Follow only processes in this control group or below it; * stands for any text
    #[arg(long = "cgroup", value_name = "PATH")]
    pub(crate) cgroups: Vec<String>,
    /// How to observe.
    #[command(flatten)]
    pub(crate) probing: Probing,
}

fn by() -> impl TypedValueParser<Value = By> {
    let ids = By::ALL.iter().map(|by| PossibleValue::new(by.id()).help(by.help()));
    PossibleValuesParser::new(ids.collect::<Vec<_>>())
        .map(|id| By::ALL.iter().copied().find(|by| by.id() == id).unwrap_or(By::None))
}
