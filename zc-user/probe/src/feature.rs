//! What this kernel can do, found out by trying.

use std::{fs, io, path::Path};

use super::{btf::Btf, refusal::Refusal};

/// Whether functions can be traced at all. While it is off the kernel lets programs be attached, and
/// never runs them (`register_ftrace_direct`, `kernel/trace/ftrace.c`).
const FTRACE_ENABLED: &str = "/proc/sys/kernel/ftrace_enabled";
/// There where the kernel has kprobes that perf, and with it eBPF, can use.
const KPROBE_EVENTS: &str = "/sys/bus/event_source/devices/kprobe";
/// Whether kprobes fire (`Documentation/trace/kprobes.rst`). While this is off the kernel lets them be
/// attached all the same.
const KPROBES_ENABLED: &str = "/sys/kernel/debug/kprobes/enabled";

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TYPE_RAW_TRACEPOINT: u32 = 17;
const BPF_PROG_TYPE_TRACING: u32 = 26;
const BPF_TRACE_FEXIT: u32 = 25;

/// The beginning of `union bpf_attr` for `BPF_PROG_LOAD`, `include/uapi/linux/bpf.h`, as far as 5.10
/// has it.
#[repr(C)]
#[derive(Default)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
}

const _: () = assert!(size_of::<Load>() == 112);

/// Loads a program of a few instructions and closes it again.
fn try_load(attributes: &Load) -> io::Result<()> {
    // SAFETY: the attributes and what they point to live until the call returns; the descriptor that
    // it returns is closed at once.
    unsafe {
        let fd =
            libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const *attributes, size_of::<Load>());
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        libc::close(fd as libc::c_int);
    }
    Ok(())
}

/// Whether programs can be hooked to the return of kernel functions (fexit).
///
/// # Errors
/// Why not: such kernels and machines exist, and the rest works there.
pub(super) fn function_tracing(btf: &Btf) -> Result<(), Refusal> {
    /// Rarely called, on every kernel since 5.10.
    const FUNCTION: &str = "do_tee";
    /// `r0 = 0; exit`.
    const PROGRAM: [u64; 2] = [0xb7, 0x95];

    ftrace()?;
    let id = btf.function_id(FUNCTION).ok_or(Refusal::NoFunctionTypes)?;
    let license = c"GPL";
    let attributes = Load {
        prog_type: BPF_PROG_TYPE_TRACING,
        insn_cnt: PROGRAM.len() as u32,
        insns: PROGRAM.as_ptr() as u64,
        license: license.as_ptr() as u64,
        expected_attach_type: BPF_TRACE_FEXIT,
        attach_btf_id: id,
        ..Load::default()
    };
    try_load(&attributes).map_err(|error| Refusal::NoTrampolines(error.kind()))
}

/// Whether the kernel runs what is attached to functions.
fn ftrace() -> Result<(), Refusal> {
    if is_off(FTRACE_ENABLED) { Err(Refusal::FtraceOff) } else { Ok(()) }
}

/// Whether kprobes can be attached, and fire. Those at the entries of functions, as all of `zc` are, go
/// through ftrace (`CONFIG_KPROBES_ON_FTRACE`).
///
/// # Errors
/// Why not.
pub(super) fn kprobes() -> Result<(), Refusal> {
    if !Path::new(KPROBE_EVENTS).exists() {
        return Err(Refusal::NoKprobes);
    }
    ftrace()?;
    if is_off(KPROBES_ENABLED) { Err(Refusal::KprobesOff(KPROBES_ENABLED)) } else { Ok(()) }
}

/// Whether a file says 0. Nothing is known of one that cannot be read.
fn is_off(path: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|value| value.trim() == "0")
}

/// Whether the kernel refuses programs that read its memory, as it does when it is locked down
/// (`LOCKDOWN_BPF_READ_KERNEL`). `false` also when no program is allowed at all, for whatever reason.
pub(super) fn reading_is_forbidden() -> bool {
    /// Eight bytes to the stack by `bpf_probe_read_kernel`, which every kernel has since 5.5.
    const READING: [u64; 7] = [
        0x0000_0000_0000_a1bf, // r1 = r10
        0xffff_fff8_0000_0107, // r1 += -8
        0x0000_0008_0000_02b7, // r2 = 8
        0x0000_0000_0000_03b7, // r3 = 0
        0x0000_0071_0000_0085, // call bpf_probe_read_kernel
        0x0000_0000_0000_00b7, // r0 = 0
        0x0000_0000_0000_0095, // exit
    ];
    let license = c"GPL";
    let attributes = Load {
        prog_type: BPF_PROG_TYPE_RAW_TRACEPOINT,
        insn_cnt: READING.len() as u32,
        insns: READING.as_ptr() as u64,
        license: license.as_ptr() as u64,
        ..Load::default()
    };
    // The verifier does not know the function then (`check_helper_call`, `kernel/bpf/verifier.c`).
    try_load(&attributes).is_err_and(|error| error.raw_os_error() == Some(libc::EINVAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_0_is_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("switch");
        let path = path.to_str().unwrap();
        assert!(!is_off(path));
        for (value, off) in [("0\n", true), ("0", true), ("1\n", false), ("", false), ("00", false)]
        {
            fs::write(path, value).unwrap();
            assert_eq!(is_off(path), off, "{value:?}");
        }
    }
}
