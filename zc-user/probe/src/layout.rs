//! The running kernel's layout, from its BTF.

use zc_common::layout::{ABSENT, KernelLayout};

use super::{btf::Btf, exit};

/// How the verifier sees pointers: decides which kind of tracepoint is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// BTF tracepoints: typed loads.
    Typed,
    /// Raw tracepoints: every load is a checked read.
    Checked,
}

/// `THREAD_SIZE`, `arch/x86/include/asm/page_64_types.h`, without KASAN; the user's registers lie at
/// the end of a thread's stack. Only for kernels before 5.15, which have no helper for it.
const X86_STACK_BYTES: u32 = 16 << 10;
/// `sizeof(struct pt_regs)`.
const X86_REGISTER_BYTES: u32 = 168;

/// Fields without which nothing can be attributed; on every kernel since 5.10.
const REQUIRED: &[&str] = &[
    "task_pid",
    "task_tgid",
    "task_start",
    "task_group_leader",
    "task_files",
    "files_fdt",
    "fdt_max_fds",
    "fdt_fd",
    "file_inode",
    "file_flags",
    "inode_mode",
];

/// Fills every offset that the kernel has.
///
/// # Errors
/// The names of required fields that BTF does not have: the file belongs to another kernel, or to
/// one older than 5.10.
pub fn from_btf(btf: &Btf, access: Access) -> Result<KernelLayout, Vec<&'static str>> {
    let mut layout = KernelLayout::ABSENT;
    let mut missing = Vec::new();
    for (index, (field, structure, member)) in KernelLayout::FIELDS.iter().enumerate() {
        match btf.offset(structure, member) {
            Some(offset) => layout.set(index, offset),
            None if REQUIRED.contains(field) => missing.push(*field),
            None => {}
        }
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    if let Some(bit) = btf.enumerator("pageflags", "PG_head") {
        layout.pg_head = u32::try_from(bit).unwrap_or(ABSENT);
    }
    if let Some(bit) = btf.enumerator("pageflags", "PG_writeback") {
        layout.pg_writeback = u32::try_from(bit).unwrap_or(ABSENT);
    }
    layout.page_bytes = btf.size("page").unwrap_or(0);
    layout.sg_bytes = btf.size("scatterlist").unwrap_or(0);
    if access == Access::Typed {
        layout.typed = 1;
        layout.current_task_typed = u32::from(has_helper(btf, "BPF_FUNC_get_current_task_btf"));
        layout.task_pt_regs =
            u32::from(layout.current_task_typed != 0 && has_helper(btf, "BPF_FUNC_task_pt_regs"));
    }
    layout.exit_is_preempted = u32::from(exit::is_preempted(btf));
    layout.switch_has_state =
        u32::from(btf.tracepoint_arguments("sched_switch").is_some_and(|count| count > 3));
    layout.uring_complete_args = btf.tracepoint_arguments("io_uring_complete").unwrap_or(0);
    layout.uring_punt_args = btf.tracepoint_arguments("io_uring_queue_async_work").unwrap_or(0);
    layout.getrq_args = btf.tracepoint_arguments("block_getrq").unwrap_or(0);
    if let Some(bit) = btf.enumerator("sock_flags", "SOCK_ZEROCOPY") {
        layout.sock_zerocopy = u32::try_from(bit).unwrap_or(ABSENT);
    }
    let bits = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| btf.constant(name));
        found.and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0)
    };
    layout.skb_zerocopy = bits(["SKBFL_ZEROCOPY_ENABLE", "SKBTX_DEV_ZEROCOPY"]);
    layout.skb_shared = bits(["SKBFL_SHARED_FRAG", "SKBTX_SHARED_FRAG"]);
    iterators(btf, &mut layout);
    if layout.task_pt_regs == 0 && cfg!(target_arch = "x86_64") {
        layout.stack_pt_regs = X86_STACK_BYTES - X86_REGISTER_BYTES;
    }
    layout.page_shift = rustix::param::page_size().trailing_zeros();
    Ok(layout)
}

/// The kinds of buffers that a call reads from or writes to: their numbers differ by kernel.
fn iterators(btf: &Btf, layout: &mut KernelLayout) {
    let kind = |name| {
        btf.enumerator("iter_type", name)
            .and_then(|kind| u32::try_from(kind).ok())
            .unwrap_or(ABSENT)
    };
    layout.iter_pipe = kind("ITER_PIPE");
    layout.iter_discard = kind("ITER_DISCARD");
    // Before 5.14 the lowest bit of the type is the direction (`include/linux/uio.h`).
    layout.iter_mask = if layout.iter_type == ABSENT { 0xfe } else { 0xff };
}

/// Whether this kernel has a helper, by its enumerator.
fn has_helper(btf: &Btf, name: &str) -> bool {
    btf.enumerator("bpf_func_id", name).is_some()
}
