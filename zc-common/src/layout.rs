//! Where the running kernel keeps the fields that the programs read.
//!
//! No table by version would be safe: two builds of the same release differ.

/// Offset of a field that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

macro_rules! offsets {
    ($($field:ident: $struct:literal . $member:literal,)*) => {
        /// Byte offsets, each named `struct_field`; [`ABSENT`] when the kernel lacks it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(C)]
        pub struct Offsets {
            $(#[doc = concat!("`struct ", $struct, "`, `", $member, "`.")] pub $field: u32,)*
        }

        impl Offsets {
            /// Nothing known: every offset absent.
            pub const UNKNOWN: Self = Self { $($field: ABSENT,)* };

            /// The field names with the structure and the member (dotted) that BTF is asked for.
            pub const FIELDS: &'static [(&'static str, &'static str, &'static str)] =
                &[$((stringify!($field), $struct, $member),)*];

            /// Sets a field by its index in [`Self::FIELDS`].
            pub fn set(&mut self, index: usize, offset: u32) {
                let fields = [$(&mut self.$field,)*];
                if let Some(field) = fields.into_iter().nth(index) { *field = offset; }
            }
        }
    };
}

offsets! {
    task_pid: "task_struct" . "pid",
    task_tgid: "task_struct" . "tgid",
    task_flags: "task_struct" . "flags",
    task_exit_state: "task_struct" . "exit_state",
    task_start: "task_struct" . "start_boottime",
    task_group_leader: "task_struct" . "group_leader",
    task_real_parent: "task_struct" . "real_parent",
    task_comm: "task_struct" . "comm",
    task_files: "task_struct" . "files",
    task_utime: "task_struct" . "utime",
    task_min_flt: "task_struct" . "min_flt",
    task_maj_flt: "task_struct" . "maj_flt",
    task_nvcsw: "task_struct" . "nvcsw",
    task_nivcsw: "task_struct" . "nivcsw",
    task_signal: "task_struct" . "signal",
    task_cgroups: "task_struct" . "cgroups",
    css_set_cgroup: "css_set" . "dfl_cgrp",
    cgroup_parent: "cgroup" . "self.parent",
    cgroup_node: "cgroup" . "kn",
    cgroup_root: "cgroup" . "root",
    cgroup_root_id: "cgroup_root" . "hierarchy_id",
    node_id: "kernfs_node" . "id",
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
    file_pos: "file" . "f_pos",
    file_mapping: "file" . "f_mapping",
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
    page_index: "page" . "index",
    page_order: "page" . "compound_order",
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
    net_device_type: "net_device" . "type",
    net_inum: "net" . "ns.inum",
    folio_flags: "folio" . "flags",
    folio_mapping: "folio" . "mapping",
    folio_index: "folio" . "index",
    mapping_host: "address_space" . "host",
    mapping_pages: "address_space" . "nrpages",
    folio_flags_1: "folio" . "_flags_1",
    folio_order: "folio" . "_folio_order",
    kiocb_opcode: "io_kiocb" . "opcode",
    kiocb_file: "io_kiocb" . "file",
    kiocb_flags: "io_kiocb" . "flags",
    kiocb_result: "io_kiocb" . "cqe.res",
    uring_kiocb: "io_rw" . "kiocb",
    cqe_res: "io_uring_cqe" . "res",
    task_stack: "task_struct" . "stack",
    iter_type: "iov_iter" . "iter_type",
    iter_type_old: "iov_iter" . "type",
    kiocb_filp: "kiocb" . "ki_filp",
    kiocb_pos: "kiocb" . "ki_pos",
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

const _: () = assert!(size_of::<Offsets>() == 4 * Offsets::FIELDS.len());
