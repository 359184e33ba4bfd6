//! Builds the eBPF object that the binary embeds.
fn main() {}
