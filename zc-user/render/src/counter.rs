//! Counters in words that fit a column, for people who do not know their ids.

use zc_model::counter::CounterId;

/// What is counted, in at most 26 characters. The figure next to it has the unit.
#[must_use]
pub const fn words(counter: CounterId) -> &'static str {
    match counter {
        CounterId::Syscalls => "system calls",
        CounterId::ModeSwitches => "mode switches",
        CounterId::ContextSwitchesVoluntary => "switches while waiting",
        CounterId::ContextSwitchesInvoluntary => "preempted",
        CounterId::PageFaultsMinor => "page faults without I/O",
        CounterId::PageFaultsMajor => "page faults with I/O",
        CounterId::CowCopiedBytes => "copied on write",
        CounterId::PageCacheHits => "pages found in the cache",
        CounterId::PageCacheMisses => "pages not in the cache",
        CounterId::BlockReadBytes => "read from disks",
        CounterId::BlockWriteBytes => "written to disks",
        CounterId::BlockDirtiedBytes => "written for storage",
        CounterId::NetTxBytes => "sent to the network",
        CounterId::NetRxBytes => "received from the network",
        CounterId::ZerocopyRequestedBytes => "zero-copy requested",
        CounterId::ZerocopyAchievedBytes => "zero-copy achieved",
        CounterId::ZerocopyUringBytes => "the same, with io_uring",
        CounterId::ZerocopyNotEnabledBytes => "zero-copy not enabled",
        CounterId::ZerocopyRefusals => "zero-copy refused, calls",
        CounterId::ZerocopyRefusedBytes => "zero-copy refused",
        CounterId::ZerocopyCopiedLaterBytes => "zero-copy, copied later",
        CounterId::ZerocopyLinearizedBytes => "zero-copy, made linear",
        CounterId::ReferencedLinearizedBytes => "by reference, made linear",
        CounterId::ZerocopyPulledBytes => "zero-copy, headers pulled",
        CounterId::ReferencedPulledBytes => "by reference, pulled",
        CounterId::MovedBytes => "moved by calls",
        CounterId::CopiedBytes => "copied by the CPU",
        CounterId::DiscardedBytes => "received and thrown away",
        CounterId::TransformedBytes => "encrypted or decrypted",
        CounterId::UringOps => "io_uring requests",
        CounterId::UringDeferredOps => "io_uring requests deferred",
        CounterId::MmapCalls => "mmap calls",
        CounterId::MunmapCalls => "munmap calls",
        CounterId::MsyncCalls => "msync calls",
        CounterId::RelayedFileFileBytes => "passed on, file to file",
        CounterId::RelayedFilePipeBytes => "passed on, file to pipe",
        CounterId::RelayedFileSocketBytes => "passed on, file to socket",
        CounterId::RelayedPipeFileBytes => "passed on, pipe to file",
        CounterId::RelayedPipePipeBytes => "passed on, pipe to pipe",
        CounterId::RelayedPipeSocketBytes => "passed on, pipe to socket",
        CounterId::RelayedSocketFileBytes => "passed on, socket to file",
        CounterId::RelayedSocketPipeBytes => "passed on, socket to pipe",
        CounterId::RelayedSocketSocketBytes => "passed on between sockets",
        CounterId::RelayedUserNs => "CPU time in between, ns",
        CounterId::RelayingContextSwitches => "switches of these threads",
        CounterId::RelayingCpuSamples => "CPU samples of these",
        CounterId::MappedSentBytes => "mapped files, sent",
        CounterId::CpuSamples => "CPU samples",
        CounterId::CopySamples => "of these copying (kernel)",
        CounterId::LibraryCopySamples => "in memcpy and the like",
        CounterId::InlinedCopySamples => "in loops that copy",
        CounterId::CopyFaultSamples => "at faults of its copies",
        CounterId::NoFileSamples => "in code without a file",
        CounterId::UnknownCodeSamples => "in unknown code",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn words_are_short_and_of_one_counter_each() {
        let mut seen = HashSet::new();
        for counter in CounterId::ALL {
            let words = words(*counter);
            assert!(words.len() <= 26, "{words}");
            assert!(!words.contains('_') || words.contains("io_uring"), "{words}");
            assert!(seen.insert(words), "{words} is said of two counters");
        }
    }
}
