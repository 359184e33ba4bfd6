//! Every way in which a count can be lost or fall short; each has a counter that is shown.

use crate::named;

named! {
    /// Why something was not counted where it belongs. The discriminant indexes `LOSSES`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u32)]
    pub enum Loss {
        /// Events of threads for which no slot was free; their counts are in the unattributed row. Track more threads with --max-threads.
        SlotsExhausted = "slots_exhausted",
        /// Devices beyond the size of the device table; their traffic is not counted.
        DevicesExhausted = "devices_exhausted",
        /// Calls whose descriptor could not be read in kernel memory; counted in the unattributed row as pseudo files.
        DescriptorUnreadable = "descriptor_unreadable",
        /// 32-bit system calls, whose numbers differ: counted as calls, their bytes are not.
        CompatSyscalls = "compat_syscalls",
        /// Messages of a sendmmsg or recvmmsg call beyond the number that one program can walk.
        MessagesTruncated = "messages_truncated",
        /// Control structures in user memory (message lengths, I/O events) that could not be read.
        UserMemoryUnreadable = "user_memory_unreadable",
        /// Events on CPUs beyond the table of CPUs.
        CpuOutOfRange = "cpu_out_of_range",
        /// libaio events reaped by one call beyond the number that one program can walk.
        AioEventsTruncated = "aio_events_truncated",
        /// io_uring completions that name no request (multishot operations), and before Linux 5.18 those of requests under one number that differ: their bytes are not counted.
        UringAnonymousCompletions = "uring_anonymous_completions",
        /// Entries of scatter lists beyond the number that one program can walk: mapped for a device, not counted on its bus.
        ScatterListsTruncated = "scatter_lists_truncated",
        /// Events that the kernel skipped because the same program was already running on the same CPU, interrupted or preempted. Bytes that a copy site misses are assumed to be copied; only what tracepoints miss is gone.
        ProbeRecursions = "probe_recursions",
        /// Work on behalf of processes that have ended, beyond the size of their table; counted in the unattributed row.
        DepartedExhausted = "departed_exhausted",
    }
}

impl Loss {
    /// Whether it is counted for the whole machine, also in a run that follows some processes only.
    #[must_use]
    pub const fn is_of_machine(self) -> bool {
        match self {
            // Devices and buses move bytes of any process; completions that name no request, and events that
            // the kernel skips, do not tell whose they are.
            Self::DevicesExhausted
            | Self::ScatterListsTruncated
            | Self::CpuOutOfRange
            | Self::UringAnonymousCompletions
            | Self::ProbeRecursions => true,
            Self::SlotsExhausted
            | Self::DescriptorUnreadable
            | Self::CompatSyscalls
            | Self::MessagesTruncated
            | Self::UserMemoryUnreadable
            | Self::AioEventsTruncated
            | Self::DepartedExhausted => false,
        }
    }
}
