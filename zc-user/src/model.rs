//! Pure functions from snapshots to what is shown. No eBPF, no terminal, no clock.

pub mod advice;
pub mod column;
pub mod filter;
pub mod frame;
pub mod history;
pub mod ledger;
pub mod path;
pub mod picture;
pub mod row;
pub mod sort;
pub mod tax;
pub mod value;
pub mod zerocopy;
