//! Tells the compiler which architecture's register layout to use.
fn main() {
    if let Err(error) = aya_build::emit_bpf_target_arch_cfg() {
        panic!("cannot tell the BPF target architecture: {error:#}");
    }
}
