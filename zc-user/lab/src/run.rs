//! Running scenarios: rounds alternating with the baseline, and the processes of a round.

mod bench;
pub mod fetch;
pub mod peer;
pub(crate) mod round;
mod server;
pub mod worker;

pub(crate) use self::bench::kernel_version;
pub use self::bench::{Bench, Observer, Plan, Watch, default_directory};
