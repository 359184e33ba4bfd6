//! What the running kernel's BTF says: where its structures have their members, and which variants it
//! has.

use zc_common::{
    config::Variants,
    layout::{ABSENT, Offsets},
};

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
pub fn offsets(btf: &Btf) -> Result<Offsets, Vec<&'static str>> {
    let mut offsets = Offsets::UNKNOWN;
    let mut missing = Vec::new();
    for (index, (field, structure, member)) in Offsets::FIELDS.iter().enumerate() {
        match btf.offset(structure, member) {
            Some(offset) => offsets.set(index, offset),
            None if REQUIRED.contains(field) => missing.push(*field),
            None => {}
        }
    }
    if missing.is_empty() { Ok(offsets) } else { Err(missing) }
}

/// Which variants the kernel has. `access`: helpers that take typed pointers are of no use without.
pub fn variants(btf: &Btf, offsets: &Offsets, access: Access) -> Variants {
    let mut variants = Variants::UNKNOWN;
    if let Some(bit) = btf.enumerator("pageflags", "PG_head") {
        variants.pg_head = u32::try_from(bit).unwrap_or(ABSENT);
    }
    if let Some(bit) = btf.enumerator("pageflags", "PG_writeback") {
        variants.pg_writeback = u32::try_from(bit).unwrap_or(ABSENT);
    }
    variants.page_bytes = btf.size("page").unwrap_or(0);
    variants.sg_bytes = btf.size("scatterlist").unwrap_or(0);
    if access == Access::Typed {
        variants.current_task_typed = u32::from(has_helper(btf, "BPF_FUNC_get_current_task_btf"));
        variants.task_pt_regs =
            u32::from(variants.current_task_typed != 0 && has_helper(btf, "BPF_FUNC_task_pt_regs"));
    }
    if access == Access::Typed && variants.current_task_typed != 0 {
        (variants.cast, variants.words) = cast(btf, offsets).unwrap_or_default();
    }
    if let Some(bit) = btf.enumerator("syscall_work_bit", "SYSCALL_WORK_BIT_SYSCALL_EMU") {
        variants.emulation_bit = u32::try_from(bit).unwrap_or(ABSENT);
    }
    variants.exit_is_preempted = u32::from(exit::is_preempted(btf));
    variants.switch_has_state =
        u32::from(btf.tracepoint_arguments("sched_switch").is_some_and(|count| count > 3));
    variants.uring_complete_args = btf.tracepoint_arguments("io_uring_complete").unwrap_or(0);
    variants.uring_submit_args = ["io_uring_submit_req", "io_uring_submit_sqe"]
        .iter()
        .find_map(|tracepoint| btf.tracepoint_arguments(tracepoint))
        .unwrap_or(0);
    variants.uring_defer_args = btf.tracepoint_arguments("io_uring_queue_async_work").unwrap_or(0);
    variants.getrq_args = btf.tracepoint_arguments("block_getrq").unwrap_or(0);
    variants.sendfile_refers = u32::from(btf.has_function("splice_file_to_pipe"));
    let node = |kind| {
        let kind = btf.enumerator("maple_type", kind);
        kind.and_then(|kind| u32::try_from(kind).ok()).unwrap_or(ABSENT)
    };
    variants.maple_leaf = node("maple_leaf_64");
    variants.maple_range = node("maple_range_64");
    variants.maple_area_range = node("maple_arange_64");
    if let Some(bit) = btf.enumerator("sock_flags", "SOCK_ZEROCOPY") {
        variants.sock_zerocopy = u32::try_from(bit).unwrap_or(ABSENT);
    }
    let bits = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| btf.constant(name));
        found.and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0)
    };
    variants.skb_zerocopy = bits(["SKBFL_ZEROCOPY_ENABLE", "SKBTX_DEV_ZEROCOPY"]);
    variants.skb_shared = bits(["SKBFL_SHARED_FRAG", "SKBTX_SHARED_FRAG"]);
    iterators(btf, offsets, &mut variants);
    if variants.task_pt_regs == 0 && cfg!(target_arch = "x86_64") {
        variants.stack_pt_regs = X86_STACK_BYTES - X86_REGISTER_BYTES;
    }
    variants.page_shift = rustix::param::page_size().trailing_zeros();
    variants
}

/// Structures of 64-bit integers, or as good as: what is read at any offset is a number.
const WORDS: &[&str] = &["pt_regs", "user_pt_regs", "user_regs_struct", "vm_event_state"];

/// The BTF ids of `bpf_rdonly_cast`, and of a structure of numbers as long as what is read through it.
/// `None` where it is missing or not safe: until 6.4 a read that faults may bring the kernel down (see
/// `Object::load` of the programs), and that release brought `bpf_iter_num_new`.
fn cast(btf: &Btf, offsets: &Offsets) -> Option<(u32, u32)> {
    const REACH: u32 = 8;
    btf.function_id("bpf_iter_num_new")?;
    let cast = btf.function_id("bpf_rdonly_cast")?;
    let read = [
        offsets.file_op,
        offsets.file_flags,
        offsets.file_inode,
        offsets.file_private_data,
        offsets.file_pos,
        offsets.file_mapping,
        offsets.socket_ops,
    ];
    let length = read.into_iter().filter(|offset| *offset != ABSENT).max()? + REACH;
    let words = WORDS.iter().find(|name| {
        // arm64 has unions in its `struct pt_regs`.
        (cfg!(target_arch = "x86_64") || **name != "pt_regs")
            && btf.size(name).is_some_and(|size| size >= length)
    })?;
    Some((cast, btf.structure_id(words)?))
}

/// The kinds of buffers that a call reads from or writes to: their numbers differ by kernel.
fn iterators(btf: &Btf, offsets: &Offsets, variants: &mut Variants) {
    let kind = |name| {
        btf.enumerator("iter_type", name)
            .and_then(|kind| u32::try_from(kind).ok())
            .unwrap_or(ABSENT)
    };
    variants.iter_pipe = kind("ITER_PIPE");
    variants.iter_discard = kind("ITER_DISCARD");
    // Before 5.14 the lowest bit of the type is the direction (`include/linux/uio.h`).
    variants.iter_mask = if offsets.iter_type == ABSENT { 0xfe } else { 0xff };
}

/// Whether this kernel has a helper, by its enumerator.
fn has_helper(btf: &Btf, name: &str) -> bool {
    btf.enumerator("bpf_func_id", name).is_some()
}
