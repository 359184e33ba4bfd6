//! What this kernel can do, found out by trying.

use std::{
    fs, io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    path::Path,
};

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
const BPF_RAW_TRACEPOINT_OPEN: libc::c_int = 17;
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

/// Loads a program of a few instructions.
fn try_load(attributes: &Load) -> io::Result<OwnedFd> {
    bpf(BPF_PROG_LOAD, attributes)
}

/// The beginning of `union bpf_attr` for `BPF_RAW_TRACEPOINT_OPEN`.
#[repr(C)]
struct Attach {
    name: u64,
    prog_fd: u32,
    pad: u32,
}

/// Attaches a program to the function that it was loaded for, until the descriptor is closed.
fn try_attach(program: &OwnedFd) -> io::Result<OwnedFd> {
    let prog_fd = program.as_raw_fd().cast_unsigned();
    bpf(BPF_RAW_TRACEPOINT_OPEN, &Attach { name: 0, prog_fd, pad: 0 })
}

/// A command of `bpf(2)` that returns a descriptor.
fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the attributes, and what they point to, live until the call returns. Nothing else knows of the
    // descriptor.
    unsafe {
        let fd = libc::syscall(libc::SYS_bpf, command, &raw const *attributes, size_of::<T>());
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd as libc::c_int))
    }
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
    traces(try_load(&attributes), try_attach)
}

/// Whether the program was loaded and can be attached: on some machines only one of the two is refused (arm64
/// before 6.4 has no direct calls from ftrace, and says so when a program is attached, `arch_prepare_bpf_trampoline`
/// and `register_fentry`, kernel/bpf/trampoline.c).
fn traces<T>(
    loaded: io::Result<T>,
    attach: impl FnOnce(&T) -> io::Result<T>,
) -> Result<(), Refusal> {
    let attached = loaded.and_then(|program| attach(&program));
    attached.map(|_| ()).map_err(|error| Refusal::NoTrampolines(error.kind()))
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
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn functions_are_traced_where_a_program_can_be_loaded_and_attached() {
        /// `ENOTSUPP` of the kernel, which no header for programs has.
        const NOT_SUPPORTED: i32 = 524;
        let refused = |code| Err(io::Error::from_raw_os_error(code));
        assert_eq!(traces(Ok(1), |_| Ok(2)), Ok(()));
        assert!(matches!(
            traces(Ok(1), |_| refused(NOT_SUPPORTED)),
            Err(Refusal::NoTrampolines(_))
        ));
        assert!(matches!(
            traces(refused(libc::EINVAL), |_: &u32| panic!("nothing to attach")),
            Err(Refusal::NoTrampolines(ErrorKind::InvalidInput))
        ));
    }

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
