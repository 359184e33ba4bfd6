//! What this kernel can do, found out by trying.

use std::io;

use super::btf::Btf;

const BPF_PROG_LOAD: libc::c_int = 5;
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

/// Whether programs can be hooked to the return of kernel functions (fexit).
///
/// # Errors
/// Why not, in plain words: such kernels and machines exist, and the rest works there.
pub(super) fn function_tracing(btf: &Btf) -> Result<(), String> {
    /// Rarely called, on every kernel since 5.10.
    const FUNCTION: &str = "do_tee";
    /// `r0 = 0; exit`.
    const PROGRAM: [u64; 2] = [0xb7, 0x95];

    let id = btf
        .function_id(FUNCTION)
        .ok_or("the kernel's type information does not name its functions")?;
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
    // SAFETY: the attributes and what they point to live until the call returns; the descriptor that
    // it returns is closed at once.
    let result = unsafe {
        let fd =
            libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const attributes, size_of::<Load>());
        let result = if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(fd) };
        if let Ok(fd) = result {
            libc::close(fd as libc::c_int);
        }
        result
    };
    match result {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "the kernel refuses to trace functions ({}): it was built without BPF trampolines, or is \
             locked down",
            error.kind()
        )),
    }
}
