//! From kernel hooks to snapshots: the only part of user space that knows of eBPF.
//!
//! [`attach`] loads what this kernel allows, [`live`] reads the maps and makes a
//! [`zc_model::snapshot`] of them, [`names`] gives processes and control groups their names.

pub mod attach;
pub mod btf;
pub mod catalog;
pub mod code;
pub mod cost;
pub mod coverage;
mod cpus;
mod departed;
mod device;
mod devices;
mod exit;
mod feature;
pub mod follow;
mod hash;
pub mod host;
mod interfaces;
pub mod layout;
pub mod live;
pub mod lockdown;
pub mod memory;
pub mod module;
pub mod names;
mod object;
mod objects;
mod patch;
mod process;
mod record_sum;
mod records;
pub mod refusal;
mod root;
pub mod shapes;
pub mod site;
mod stacks;
mod symbols;
pub mod tax;
mod trace;

/// The eBPF object, built by the build script; the empty program of the benchmark is in it, too.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/zc-ebpf"));
