//! What `zc` does when things go wrong: too few privileges, missing kernel features, bad commands,
//! signals, small terminals. Live on this machine's kernel, so these need root.
#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "edge/command.rs"]
mod command;
#[path = "edge/config.rs"]
mod config;
#[path = "edge/degraded.rs"]
mod degraded;
#[path = "edge/demo.rs"]
mod demo;
#[path = "edge/diff.rs"]
mod diff;
#[path = "edge/ends.rs"]
mod ends;
#[path = "edge/gap.rs"]
mod gap;
#[path = "edge/grows.rs"]
mod grows;
#[path = "edge/hostile.rs"]
mod hostile;
#[path = "edge/kernel.rs"]
mod kernel;
#[path = "edge/kernel_types.rs"]
mod kernel_types;
#[path = "edge/loading.rs"]
mod loading;
#[path = "edge/memory.rs"]
mod memory;
#[path = "edge/privilege.rs"]
mod privilege;
#[path = "edge/readme.rs"]
mod readme;
#[path = "edge/record.rs"]
mod record;
#[path = "edge/report.rs"]
mod report;
#[path = "edge/samples.rs"]
mod samples;
#[path = "edge/signal.rs"]
mod signal;
#[path = "edge/stall.rs"]
mod stall;
#[path = "edge/terminal.rs"]
mod terminal;
#[path = "edge/thread_exec.rs"]
mod thread_exec;
#[path = "edge/watched.rs"]
mod watched;

use zc_test_support::{agreement, pty, zc};
