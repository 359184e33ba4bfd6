//! Pure functions from snapshots to what is shown. No eBPF, no terminal, no clock.

pub mod frame;
