//! What the programs know before they are loaded: user space writes each value into the instructions
//! that ask for it, see [`crate::placeholder`].

use crate::{
    layout::{ABSENT, Offsets},
    site::Shapes,
};

/// Declares a structure of 32-bit values from `/// meaning` and `field = value while unknown`.
macro_rules! values {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident { $($(#[doc = $doc:literal])+ $field:ident = $unknown:expr,)+ }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(C)]
        pub struct $name { $($(#[doc = $doc])+ pub $field: u32,)+ }

        impl $name {
            /// Nothing known yet.
            pub const UNKNOWN: Self = Self { $($field: $unknown,)+ };
        }

        const _: () = assert!(size_of::<$name>() == 4 * [$(stringify!($field)),+].len());
    };
}

values! {
    /// Which variant of a structure, a function or a helper this kernel has: from its BTF.
    pub struct Variants {
        /// Value of `PG_head` in `enum pageflags`: the bit that marks a large folio.
        pg_head = ABSENT,
        /// Value of `PG_writeback` in `enum pageflags`: the page is being written to storage.
        pg_writeback = ABSENT,
        /// Size of `struct page`, bytes.
        page_bytes = 0,
        /// Size of `struct scatterlist`, bytes.
        sg_bytes = 0,
        /// log2 of the page size.
        page_shift = 12,
        /// Whether `bpf_get_current_task_btf` exists (5.11).
        current_task_typed = 0,
        /// Whether `bpf_task_pt_regs` exists (5.15).
        task_pt_regs = 0,
        /// Offset of the user registers from `task_struct.stack`, for kernels without
        /// `bpf_task_pt_regs`; absent when not known.
        stack_pt_regs = ABSENT,
        /// Whether `sched_switch` carries the previous state as its fourth argument (since 5.18).
        switch_has_state = 0,
        /// `SYSCALL_WORK_BIT_SYSCALL_EMU`, `enum syscall_work_bit` (since 5.11): calls of the thread are not carried
        /// out (`PTRACE_SYSEMU`).
        emulation_bit = ABSENT,
        /// Whether a program at the tracepoint of a system call can be preempted (7.2).
        exit_is_preempted = 0,
        /// BTF id of `bpf_rdonly_cast`, by which the verifier lets any address be read as a structure
        /// (6.2); 0 where that cannot be used.
        cast = 0,
        /// BTF id of a structure of 64-bit integers that is as long as what is read in this way.
        words = 0,
        /// Arguments of `io_uring_complete`: 3 when the result is inside `cqe` (6.18), 7 when it is the
        /// fourth (6.1), 4 when there is no request (until 5.17).
        uring_complete_args = 0,
        /// Arguments of `io_uring_submit_req` (before 6.4 `io_uring_submit_sqe`): 7 when the request is the
        /// second (until 5.19).
        uring_submit_args = 0,
        /// Arguments of `io_uring_queue_async_work`: 2 when the request is the first (6.0), 5 when it
        /// is the third (until 5.17).
        uring_defer_args = 0,
        /// Arguments of `block_getrq`: 3 when the bio is the second (5.10).
        getrq_args = 0,
        /// Bits of `iov_iter.iter_type` that tell the kind (before 5.14 the lowest is the direction).
        iter_mask = 0xff,
        /// `ITER_PIPE`, `enum iter_type`: a pipe that takes pages by reference (until 6.4).
        iter_pipe = ABSENT,
        /// `ITER_DISCARD`: takes nothing.
        iter_discard = ABSENT,
        /// Whether sendfile hands pages of a file to a pipe by reference (5.12); before, it writes to it.
        sendfile_refers = 0,
        /// `maple_leaf_64`, `enum maple_type`: the kind of a node of memory areas whose slots hold areas (6.1).
        maple_leaf = ABSENT,
        /// `maple_range_64`: of one whose slots lead to other nodes.
        maple_range = ABSENT,
        /// `maple_arange_64`: of one that knows the gaps between areas, too.
        maple_area_range = ABSENT,
        /// `SOCK_ZEROCOPY`, `enum sock_flags`: `SO_ZEROCOPY` is set.
        sock_zerocopy = ABSENT,
        /// `SKBFL_ZEROCOPY_ENABLE` (before 5.12 `SKBTX_DEV_ZEROCOPY`): a socket buffer refers to a
        /// program's pages.
        skb_zerocopy = 0,
        /// `SKBFL_SHARED_FRAG` (before 5.12 `SKBTX_SHARED_FRAG`): a socket buffer refers to pages that
        /// others may change.
        skb_shared = 0,
    }
}

values! {
    /// What this run of `zc` does: what was asked for, as far as the kernel allows it.
    pub struct Settings {
        /// Whether typed pointers may be dereferenced (`tp_btf`); otherwise every load is a checked
        /// read.
        typed = 0,
        /// Whether copy sites are attached: the end of a call takes over what they have seen.
        copy_sites = 0,
        /// Whether copies on write are counted where they are made.
        cow_sites = 0,
        /// Whether pages are counted where they are mapped.
        map_sites = 0,
        /// Whether only some processes are followed.
        selective = 0,
        /// Whether the members of some control groups are.
        cgroups = 0,
        /// log2 of the slots in a table of records.
        table_shift = 0,
        /// The bits of a slot that tell its place in a table.
        table_mask = 0,
        /// Whether bytes are counted per open object, too.
        objects = 0,
        /// Whether memory areas of processes are looked up.
        areas = 0,
        /// Whether it is noted what a call has done, for one of both: bytes per object, and stacks.
        notes = 0,
        /// Whether stacks are taken where bytes are copied.
        stacks = 0,
    }
}

/// All of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Config {
    /// Where this kernel keeps the members of its structures.
    pub offsets: Offsets,
    /// Which variants it has.
    pub variants: Variants,
    /// What this run does.
    pub settings: Settings,
    /// How its functions are called.
    pub shapes: Shapes,
}

impl Config {
    /// How many words it has.
    pub const WORDS: usize = size_of::<Self>() / 4;

    /// Every word, in order.
    #[must_use]
    pub const fn words(&self) -> [u32; Self::WORDS] {
        // SAFETY: `repr(C)` structures of 32-bit integers, and of nothing else: they have no padding.
        unsafe { core::mem::transmute(*self) }
    }
}

const _: () = assert!(
    size_of::<Config>()
        == size_of::<Offsets>()
            + size_of::<Variants>()
            + size_of::<Settings>()
            + size_of::<Shapes>()
);
