//! Every probe: which program, on which tracepoint, in which group.

use zc_common::{config::Settings, named};

use super::btf::Btf;

named! {
    /// A group of probes, with what it serves. It attaches as a whole or not at all.
    ///
    /// [`crate::coverage`] says which paths and counters that is, and what is left without them.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum ProbeGroup {
        /// system calls, copy paths, context switches, processes
        Core = "core",
        /// faults in user mode, copy-on-write candidates
        Faults = "faults",
        /// page cache hits and misses
        PageCache = "page_cache",
        /// file pages mapped by page faults, in ranges
        Mmap = "mmap",
        /// bytes of block devices, per process and device
        Block = "block",
        /// which process dirtied the pages that are written to block devices
        Writeback = "writeback",
        /// bytes mapped for devices to reach, per device on its bus
        Dma = "dma",
        /// bytes mapped through bounce buffers
        Swiotlb = "swiotlb",
        /// bytes mapped by I/O memory management units
        Iommu = "iommu",
        /// bytes of network interfaces
        Net = "net",
        /// bytes of io_uring operations
        Uring = "io_uring",
        /// share of CPU time spent copying
        Tax = "tax",
        /// copies between files and memory
        CopyFiles = "copy_files",
        /// copies into and out of pipes
        CopyPipes = "copy_pipes",
        /// copies into and out of sockets
        CopySockets = "copy_sockets",
        /// copies by the network stack after the call
        CopyLate = "copy_late",
        /// copies on write
        CopyFaults = "copy_faults",
        /// file pages mapped by page faults, one by one
        Mapped = "mapped",
        /// copies through bounce buffers
        Bounce = "bounce",
    }
}

impl ProbeGroup {
    /// Whether the group consists of copy sites, which need functions to be traced.
    #[must_use]
    pub const fn has_sites(self) -> bool {
        self as u8 >= Self::CopyFiles as u8
    }
}

/// What a user can disable, to see what remains: a probe group, or a kind of hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A group of probes.
    Group(ProbeGroup),
    /// Every hook on a function of the kernel image (fentry, fexit).
    Functions,
    /// Every kprobe.
    Kprobes,
}

impl Part {
    /// Everything that can be disabled.
    pub fn all() -> impl Iterator<Item = Self> {
        let groups = ProbeGroup::ALL.iter().copied().filter(|group| *group != ProbeGroup::Core);
        groups.map(Self::Group).chain([Self::Functions, Self::Kprobes])
    }

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Group(group) => group.id(),
            Self::Functions => "functions",
            Self::Kprobes => "kprobes",
        }
    }
}

/// One probe.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Group.
    pub group: ProbeGroup,
    /// The tracepoint it hooks.
    pub tracepoint: &'static str,
    /// Its name in kernels that do not have that one.
    pub older: Option<&'static str>,
    /// Whether this kernel needs it, and this run.
    pub is_needed: fn(&Btf, &Settings) -> bool,
    /// Program as a BTF tracepoint.
    pub program: &'static str,
    /// The same as a raw tracepoint.
    pub raw_program: &'static str,
}

macro_rules! probes {
    (@older) => { None };
    (@older $older:literal) => { Some($older) };
    (@needed) => { |_, _| true };
    (@needed $needed:expr) => { $needed };
    ($($group:ident $tracepoint:literal $(| $older:literal)? $program:literal $(if $needed:expr)?,)*) => {
        /// The table of all probes.
        pub const PROBES: &[Probe] = &[$(Probe {
            group: ProbeGroup::$group,
            tracepoint: $tracepoint,
            older: probes!(@older $($older)?),
            is_needed: probes!(@needed $($needed)?),
            program: $program,
            raw_program: concat!($program, "_raw"),
        },)*];
    };
}

probes! {
    // Before anything can be remembered of a module.
    Core "module_load" "zc_module_load" if loads_modules,
    Core "module_free" "zc_module_free" if loads_modules,
    // Before a program asks whether a process is followed: those that it is to be are looked for after BIRTHS.
    Core "cgroup_mkdir" "zc_cgroup_make" if has_cgroups,
    Core "cgroup_attach_task" "zc_cgroup_move" if has_cgroups,
    Core "sched_process_fork" "zc_fork",
    // Before a CPU is asked whom it runs.
    Core "sched_switch" "zc_sched_switch",
    Core "sys_exit" "zc_sys_exit",
    Core "sched_process_exec" "zc_exec",
    Core "sched_process_exit" "zc_exit",
    Faults "page_fault_user" "zc_page_fault",
    Faults "page_fault_kernel" "zc_kernel_fault" if guesses_at_faults,
    PageCache "mm_filemap_add_to_page_cache" "zc_add_page",
    Mmap "mm_filemap_map_pages" "zc_map_pages",
    Mmap "mm_filemap_fault" "zc_file_fault",
    Block "block_getrq" "zc_block_request",
    Block "block_bio_backmerge" "zc_block_append",
    Block "block_bio_frontmerge" "zc_block_prepend",
    Block "block_rq_complete" "zc_block_complete",
    Writeback "writeback_dirty_folio" | "writeback_dirty_page" "zc_dirty_page",
    Dma "dma_map_phys" | "dma_map_page" "zc_dma_map",
    Dma "dma_map_sg" "zc_dma_map_list",
    Swiotlb "swiotlb_bounced" "zc_bounced",
    Iommu "map" "zc_iommu_map",
    Iommu "unmap" "zc_iommu_unmap",
    // The shape of a packet before its bytes: no shape of what was sent while zc attached is missing.
    Net "net_dev_start_xmit" "zc_net_start",
    Net "net_dev_xmit" "zc_net_xmit",
    Net "netif_receive_skb" "zc_net_receive",
    Uring "io_uring_complete" "zc_uring_complete",
    Uring "io_uring_queue_async_work" "zc_uring_defer",
    Uring "io_uring_submit_req" | "io_uring_submit_sqe" "zc_uring_submit",
    Uring "io_uring_cqe_overflow" "zc_uring_overflow" if may_overflow,
    Uring "io_uring_task_work_run" "zc_uring_work" if reports_work,
    Uring "io_uring_local_work_run" "zc_uring_local_work" if defers_work,
}

/// Before 5.18 there is always room for a completion, as far as tracepoints tell.
fn may_overflow(btf: &Btf, _: &Settings) -> bool {
    btf.tracepoint_arguments("io_uring_cqe_overflow").is_some()
}

/// Since 6.0 the kernel reports that it has done work for requests that waited.
fn reports_work(btf: &Btf, _: &Settings) -> bool {
    btf.tracepoint_arguments("io_uring_task_work_run").is_some()
}

/// Since 6.1 a ring may leave that work to the program.
fn defers_work(btf: &Btf, _: &Settings) -> bool {
    btf.tracepoint_arguments("io_uring_local_work_run").is_some()
}

/// The tracepoint of new processes.
pub(crate) const BIRTHS: &str = "sched_process_fork";

/// A kernel may be built without control groups.
fn has_cgroups(btf: &Btf, _: &Settings) -> bool {
    btf.tracepoint_arguments("cgroup_attach_task").is_some()
}

/// What the kernel does at a fault is seen by copy sites, or concluded from what the fault is.
fn guesses_at_faults(_: &Btf, settings: &Settings) -> bool {
    settings.cow_sites == 0 || settings.map_sites == 0
}

/// A kernel that loads no modules has no tracepoints for them.
fn loads_modules(btf: &Btf, _: &Settings) -> bool {
    btf.tracepoint_arguments("module_load").is_some()
}
