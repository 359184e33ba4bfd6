//! Where the running kernel keeps the fields that the programs read.
//!
//! Filled from the kernel's BTF before load and frozen into read-only data, so the verifier
//! treats every offset as a constant. No table by version would be safe: two builds of the same
//! release differ.

/// Offset of a field that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

macro_rules! layout {
    ($($field:ident: $struct:literal . $member:literal,)*) => {
        /// Byte offsets, each named `struct_field`; [`ABSENT`] when the kernel lacks it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(C)]
        pub struct KernelLayout {
            $(#[doc = concat!("`struct ", $struct, "`, `", $member, "`.")] pub $field: u32,)*
            /// Value of `PG_head` in `enum pageflags`: the bit that marks a large folio.
            pub pg_head: u32,
            /// Value of `PG_writeback` in `enum pageflags`: the page is being written to storage.
            pub pg_writeback: u32,
            /// Size of `struct page`, bytes.
            pub page_bytes: u32,
            /// Size of `struct scatterlist`, bytes.
            pub sg_bytes: u32,
            /// Whether typed pointers may be dereferenced (`tp_btf`); otherwise every load is a checked read.
            pub typed: u32,
            /// Whether `bpf_get_current_task_btf` exists (5.11).
            pub current_task_typed: u32,
            /// Whether `bpf_task_pt_regs` exists (5.15).
            pub task_pt_regs: u32,
            /// Whether `sched_switch` carries the previous state as its fourth argument (since 5.18).
            pub switch_has_state: u32,
            /// Arguments of `io_uring_complete`: 3 when the result is inside `cqe` (6.18), 7 when it is the fourth (6.1), 4 when there is no request (until 5.17).
            pub uring_complete_args: u32,
            /// Arguments of `io_uring_queue_async_work`: 2 when the request is the first (6.0), 5 when it is the third (until 5.17).
            pub uring_punt_args: u32,
            /// Arguments of `block_getrq`: 3 when the bio is the second (5.10).
            pub getrq_args: u32,
            /// log2 of the page size.
            pub page_shift: u32,
            /// Whether copy sites are attached: calls are settled with what the sites have seen.
            pub copy_sites: u32,
            /// Whether copies on write are counted where they are made.
            pub cow_sites: u32,
            /// Whether pages are counted where they are mapped.
            pub map_sites: u32,
            /// Whether a program at the tracepoint of a system call can be preempted (7.2).
            pub exit_is_preempted: u32,
            /// Offset of the user registers from `task_struct.stack`, for kernels without `bpf_task_pt_regs`; absent when not known.
            pub stack_pt_regs: u32,
            /// Bits of `iov_iter.iter_type` that tell the kind (before 5.14 the lowest is the direction).
            pub iter_mask: u32,
            /// `ITER_PIPE`, `enum iter_type`: a pipe that takes pages by reference (until 6.4).
            pub iter_pipe: u32,
            /// `ITER_DISCARD`: takes nothing.
            pub iter_discard: u32,
            /// `SOCK_ZEROCOPY`, `enum sock_flags`: `SO_ZEROCOPY` is set.
            pub sock_zerocopy: u32,
            /// `SKBFL_ZEROCOPY_ENABLE` (before 5.12 `SKBTX_DEV_ZEROCOPY`): a socket buffer refers to a program's pages.
            pub skb_zerocopy: u32,
            /// `SKBFL_SHARED_FRAG` (before 5.12 `SKBTX_SHARED_FRAG`): a socket buffer refers to pages that somebody else may change.
            pub skb_shared: u32,
        }

        impl KernelLayout {
            /// Nothing known: every offset absent.
            pub const ABSENT: Self = Self {
                $($field: ABSENT,)*
                pg_head: ABSENT, pg_writeback: ABSENT, page_bytes: 0, sg_bytes: 0, typed: 0, current_task_typed: 0, task_pt_regs: 0,
                uring_punt_args: 0,
                switch_has_state: 0, uring_complete_args: 0, getrq_args: 0, page_shift: 12, copy_sites: 0,
                cow_sites: 0, map_sites: 0, exit_is_preempted: 0,
                stack_pt_regs: ABSENT, iter_mask: 0xff, iter_pipe: ABSENT, iter_discard: ABSENT,
                sock_zerocopy: ABSENT, skb_zerocopy: 0, skb_shared: 0,
            };

            /// The field names with the structure and the member (dotted) that BTF is asked for.
            pub const FIELDS: &'static [(&'static str, &'static str, &'static str)] =
                &[$((stringify!($field), $struct, $member),)*];

            /// Sets a field by its index in [`Self::FIELDS`].
            pub fn set(&mut self, index: usize, offset: u32) {
                let fields = [$(&mut self.$field,)*];
                if let Some(field) = fields.into_iter().nth(index) { *field = offset; }
            }

            /// The offsets in the order of [`Self::FIELDS`].
            #[must_use]
            pub fn offsets(&self) -> [u32; Self::FIELDS.len()] { [$(self.$field,)*] }
        }
    };
}

layout! {
    task_pid: "task_struct" . "pid",
    task_tgid: "task_struct" . "tgid",
    task_flags: "task_struct" . "flags",
    task_exit_state: "task_struct" . "exit_state",
    task_start: "task_struct" . "start_boottime",
    task_group_leader: "task_struct" . "group_leader",
    task_real_parent: "task_struct" . "real_parent",
    task_comm: "task_struct" . "comm",
    task_files: "task_struct" . "files",
    task_min_flt: "task_struct" . "min_flt",
    task_maj_flt: "task_struct" . "maj_flt",
    task_nvcsw: "task_struct" . "nvcsw",
    task_nivcsw: "task_struct" . "nivcsw",
    task_signal: "task_struct" . "signal",
    task_state: "task_struct" . "__state",
    task_state_old: "task_struct" . "state",
    signal_live: "signal_struct" . "live",
    files_fdt: "files_struct" . "fdt",
    fdt_max_fds: "fdtable" . "max_fds",
    fdt_fd: "fdtable" . "fd",
    file_op: "file" . "f_op",
    file_inode: "file" . "f_inode",
    file_flags: "file" . "f_flags",
    file_private_data: "file" . "private_data",
    inode_mode: "inode" . "i_mode",
    inode_rdev: "inode" . "i_rdev",
    inode_sb: "inode" . "i_sb",
    inode_dentries: "inode" . "i_dentry.first",
    inode_size: "inode" . "i_size",
    sb_magic: "super_block" . "s_magic",
    socket_type: "socket" . "type",
    socket_sk: "socket" . "sk",
    socket_ops: "socket" . "ops",
    sock_family: "sock" . "__sk_common.skc_family",
    sock_protocol: "sock" . "sk_protocol",
    request_cmd_flags: "request" . "cmd_flags",
    bio_flags: "bio" . "bi_opf",
    bio_size: "bio" . "bi_iter.bi_size",
    bio_vectors: "bio" . "bi_io_vec",
    bio_index: "bio" . "bi_iter.bi_idx",
    bio_done: "bio" . "bi_iter.bi_bvec_done",
    vector_page: "bio_vec" . "bv_page",
    vector_offset: "bio_vec" . "bv_offset",
    page_flags: "page" . "flags",
    page_mapping: "page" . "mapping",
    page_compound_head: "page" . "compound_head",
    page_compound_info: "page" . "compound_info",
    request_queue: "request" . "q",
    request_disk_old: "request" . "rq_disk",
    queue_disk: "request_queue" . "disk",
    disk_major: "gendisk" . "major",
    disk_first_minor: "gendisk" . "first_minor",
    disk_name: "gendisk" . "disk_name",
    device_name: "device" . "kobj.name",
    device_init_name: "device" . "init_name",
    sg_link: "scatterlist" . "page_link",
    sg_length: "scatterlist" . "length",
    skb_len: "sk_buff" . "len",
    skb_data_len: "sk_buff" . "data_len",
    skb_dev: "sk_buff" . "dev",
    net_device_name: "net_device" . "name",
    net_device_ifindex: "net_device" . "ifindex",
    net_device_net: "net_device" . "nd_net.net",
    net_device_features: "net_device" . "features",
    net_device_parent: "net_device" . "dev.parent",
    net_inum: "net" . "ns.inum",
    folio_flags: "folio" . "flags",
    folio_mapping: "folio" . "mapping",
    folio_index: "folio" . "index",
    mapping_host: "address_space" . "host",
    folio_flags_1: "folio" . "_flags_1",
    kiocb_opcode: "io_kiocb" . "opcode",
    kiocb_file: "io_kiocb" . "file",
    kiocb_flags: "io_kiocb" . "flags",
    kiocb_result: "io_kiocb" . "cqe.res",
    cqe_res: "io_uring_cqe" . "res",
    task_stack: "task_struct" . "stack",
    iter_type: "iov_iter" . "iter_type",
    iter_type_old: "iov_iter" . "type",
    kiocb_filp: "kiocb" . "ki_filp",
    skb_sk: "sk_buff" . "sk",
    msg_ubuf: "msghdr" . "msg_ubuf",
    skb_head: "sk_buff" . "head",
    skb_end: "sk_buff" . "end",
    shared_info_uarg: "skb_shared_info" . "destructor_arg",
    shared_info_flags: "skb_shared_info" . "flags",
    shared_info_flags_old: "skb_shared_info" . "tx_flags",
    fault_vma: "vm_fault" . "vma",
    fault_flags: "vm_fault" . "flags",
    fault_page: "vm_fault" . "page",
    vma_flags: "vm_area_struct" . "vm_flags",
    sock_hash: "sock" . "__sk_common.skc_hash",
    sock_queued: "sock" . "sk_wmem_queued",
    socket_flags: "sock" . "__sk_common.skc_flags",
}

const _: () = assert!(size_of::<KernelLayout>() == 4 * (KernelLayout::FIELDS.len() + 23));
