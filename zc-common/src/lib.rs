//! The binary interface between the eBPF programs and user space.
//!
//! Rules that keep both sides in step:
//! - `#[repr(C)]`, integers only, padding spelled out as a field, sizes asserted at compile time;
//! - an enum crosses the boundary as its integer, never as the enum;
//! - no logic beyond constant tables: what a number *means* is decided in user space.
#![no_std]

pub mod code;
pub mod config;
pub mod device;
pub mod follow;
pub mod layout;
pub mod loss;
mod named;
pub mod object;
pub mod path;
pub mod placeholder;
#[cfg(feature = "user")]
mod pod;
pub mod record;
pub mod ring;
pub mod site;
pub mod stack;
pub mod syscall;
pub mod text_range;
pub mod uring;
pub mod words;

/// Most CPUs whose pending counts are kept; further CPUs fall into [`loss::Loss::CpuOutOfRange`].
pub const MAX_CPUS: u32 = 1024;

/// Name length of a task, including the terminating NUL (`TASK_COMM_LEN`, `include/linux/sched.h`).
pub const COMM_LEN: usize = 16;
