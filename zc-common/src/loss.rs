//! Every way in which a count can be lost or fall short; each has a counter that is shown.

use crate::named;

named! {
    /// Why something was not counted where it belongs. The discriminant indexes `LOSSES`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u32)]
    pub enum Loss {
        /// Events of threads that found every slot taken; their counts are in the unattributed row.
        SlotsExhausted = "slots_exhausted",
        /// Devices beyond the size of the device table; their traffic is not counted.
        DevicesExhausted = "devices_exhausted",
        /// Calls whose descriptor could not be read in kernel memory; counted in the unattributed row as pseudo files.
        DescriptorUnreadable = "descriptor_unreadable",
        /// 32-bit system calls, whose numbers differ: counted as calls, their bytes are not.
        CompatSyscalls = "compat_syscalls",
        /// Messages of a sendmmsg or recvmmsg beyond what one program may walk.
        MessagesTruncated = "messages_truncated",
        /// Control structures in user memory (message lengths, I/O events) that could not be read.
        UserMemoryUnreadable = "user_memory_unreadable",
        /// Events on CPUs beyond the table of CPUs.
        CpuOutOfRange = "cpu_out_of_range",
        /// libaio events reaped beyond what one program may walk.
        AioEventsTruncated = "aio_events_truncated",
        /// io_uring completions that name no request (multishot operations), and before Linux 5.18 those of requests under one number that differ: their bytes are not counted.
        UringAnonymousCompletions = "uring_anonymous_completions",
        /// Entries of scatter lists beyond what one program may walk: mapped for a device, not counted on its bus.
        ScatterListsTruncated = "scatter_lists_truncated",
        /// Events that came while the same program was under way on the same CPU, interrupted or preempted: the kernel leaves them out. What a copy site misses is assumed to be copied, so only what tracepoints miss is gone.
        ProbeRecursions = "probe_recursions",
        /// What was done on behalf of processes that had ended, beyond the table of such processes; counted in the unattributed row.
        DepartedExhausted = "departed_exhausted",
    }
}
