//! Running scenarios: rounds alternating with the baseline, and the processes of a round.

pub mod again;
mod bench;
pub mod fetch;
mod observer;
pub mod receiver;
pub mod rights;
pub(crate) mod round;
mod server;
pub mod worker;

pub use self::{
    bench::{Bench, Plan, Watch, default_directory},
    observer::{Observer, Unobserved},
};
