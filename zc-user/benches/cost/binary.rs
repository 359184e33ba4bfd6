//! The program that is measured.

/// The binary `zc`, which cargo builds together with this benchmark.
pub(crate) const ZC: &str = env!("CARGO_BIN_EXE_zc");
