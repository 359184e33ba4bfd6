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
        /// Calls whose descriptor could not be read in kernel memory, counted as pseudo files; or which another thread may have replaced before the end of the call, counted as what it is then.
        DescriptorUnreadable = "descriptor_unreadable",
        /// 32-bit socket calls (socketcall) whose arguments could not be read, or which have received over them: counted as calls, their bytes are not.
        CompatSyscalls = "compat_syscalls",
        /// Messages that one recvmmsg call truncated, of more buffers than one program can walk, counted as if nothing was discarded; and those of one call beyond 1,024, whose bytes are not counted.
        MessagesTruncated = "messages_truncated",
        /// Control structures in user memory (message lengths, I/O events) that could not be read.
        UserMemoryUnreadable = "user_memory_unreadable",
        /// Events on CPUs beyond the table of CPUs.
        CpuOutOfRange = "cpu_out_of_range",
        /// libaio operations submitted or reaped by one call beyond the number that one program can walk.
        AioEventsTruncated = "aio_events_truncated",
        /// Completions of io_uring that name no request, where requests under the same number differ or none is known: their bytes are not counted.
        UringAnonymousCompletions = "uring_anonymous_completions",
        /// Entries of scatter lists beyond the number that one program can walk: mapped for a device, not counted on its bus.
        ScatterListsTruncated = "scatter_lists_truncated",
        /// Events that the kernel skipped because the same program was already running on the same CPU, interrupted or preempted. Bytes that a copy site misses are assumed to be copied; only what tracepoints miss is gone.
        ProbeRecursions = "probe_recursions",
        /// Work on behalf of processes that have ended, beyond the size of their table; counted in the unattributed row.
        DepartedExhausted = "departed_exhausted",
        /// Sends, receives and splices that a supervisor may have answered in place of the kernel (seccomp notifications), with a number that would be bytes: they are not counted. Of reads and writes it is known.
        SupervisedCalls = "supervised_calls",
        /// io_uring operations that were submitted to complete silently (IOSQE_CQE_SKIP_SUCCESS) and have not been seen to complete: under way, or their bytes are not counted.
        UringUnseen = "uring_unseen",
        /// io_uring commands to drivers and file systems (IORING_OP_URING_CMD), which may move data: the kernel does not say how much.
        UringCommands = "uring_commands",
        /// io_uring and libaio operations whose end the kernel did not report, because another tracer was attached to the same kernel function while they were carried out: their bytes are counted, what was copied of them is not.
        OperationsCut = "operations_cut",
        /// libaio operations that were submitted and have not been seen to complete: under way, or reaped in user memory; their bytes are not counted.
        AioUnseen = "aio_unseen",
        /// libaio operations that were under way under one struct iocb and one number at the same time, or whose struct iocb has changed before its submission was seen: if they differ in what they do, their bytes are not counted, if they differ in where, their pages may be one off.
        AioAmbiguous = "aio_ambiguous",
        /// Calls on files, sockets and pipes for which the table of these had no room: their bytes are in the row of the others. Give it more room with --max-objects.
        ObjectsExhausted = "objects_exhausted",
        /// Calls that moved bytes from one object to another for which the table of flows had no room, or whose flows were given up because there were too many: which object those came from is not shown. Give it more room with --max-objects.
        FlowsExhausted = "flows_exhausted",
        /// Samples in functions that copy, beyond the 2,048 functions that are kept by name: they are in user_copy_share and in the counters, and in no list of functions.
        CopiersExhausted = "copiers_exhausted",
        /// Samples of call stacks for which there was no room, or that were taken of more stacks than are kept: the bytes that they stand for are in the row without a stack.
        StacksLost = "stacks_lost",
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
            | Self::SupervisedCalls
            | Self::MessagesTruncated
            | Self::UserMemoryUnreadable
            | Self::AioEventsTruncated
            | Self::UringUnseen
            | Self::UringCommands
            | Self::OperationsCut
            | Self::AioUnseen
            | Self::AioAmbiguous
            | Self::ObjectsExhausted
            | Self::FlowsExhausted
            | Self::CopiersExhausted
            | Self::StacksLost
            | Self::DepartedExhausted => false,
        }
    }
}
