//! The table: what each probe group serves.

use std::iter;

use zc_common::path::CopyPath::{self, *};
use zc_model::{
    counter::CounterId::{self, *},
    snapshot::Provenance,
};

use crate::{
    catalog::{Part, ProbeGroup},
    refusal::Refusal,
};

/// A figure of devices. No other probes can serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFigure {
    /// What block devices read and wrote.
    Block,
    /// What network interfaces received and sent.
    Net,
    /// What was mapped for devices on a bus.
    Mapped,
    /// The part of it that went through bounce buffers.
    Bounced,
    /// What I/O memory management units mapped.
    Iommu,
}

/// What is left of figures without the probes that serve them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// Nothing.
    Unavailable,
    /// What follows from the calls, which are always counted: moved bytes times the copies that a path
    /// is known to make. Where that number is not known: nothing.
    Modelled,
    /// The bytes that the calls returned are taken for copied.
    Assumed,
    /// What another group counts, if that one is attached, and where that comes from; otherwise
    /// nothing.
    Served {
        /// The other group.
        group: ProbeGroup,
        /// Where its figures come from.
        provenance: Provenance,
    },
}

/// What is said of figures whose probes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The refusal.
    Refusal,
    /// This, and the refusal.
    Before(&'static str),
    /// The refusal, and this.
    After(&'static str),
    /// This alone.
    Instead(&'static str),
}

impl Reason {
    /// The whole sentence.
    pub(super) fn text(self, refusal: &Refusal) -> String {
        match self {
            Self::Refusal => refusal.to_string(),
            Self::Before(what) => format!("{what}: {refusal}"),
            Self::After(what) => format!("{refusal}; {what}"),
            Self::Instead(what) => what.to_owned(),
        }
    }
}

/// Figures that some probes serve.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The probes.
    pub part: Part,
    /// The group without which these probes do not matter, where they are only some of its probes.
    pub within: Option<ProbeGroup>,
    /// Paths whose copies they count.
    pub paths: &'static [CopyPath],
    /// Counters.
    pub counters: &'static [CounterId],
    /// Figures of devices.
    pub devices: &'static [DeviceFigure],
    /// What is left of all that where the probes are not attached.
    pub without: Without,
    /// What is said then.
    pub reason: Reason,
}

impl Row {
    /// Whether it has the copies of ordinary calls.
    pub(super) fn is_ordinary_copying(&self) -> bool {
        matches!(self.without, Without::Modelled) && self.counters.contains(&CopiedBytes)
    }

    const fn of(group: ProbeGroup) -> Self {
        Self {
            part: Part::Group(group),
            within: None,
            paths: &[],
            counters: &[],
            devices: &[],
            without: Without::Unavailable,
            reason: Reason::Refusal,
        }
    }

    const fn kprobes(within: ProbeGroup) -> Self {
        Self { part: Part::Kprobes, within: Some(within), ..Self::of(within) }
    }
}

/// The rows of some probes.
pub(super) fn rows_of(part: Part) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| row.part == part)
}

/// The parts that have rows.
pub(super) fn parts() -> impl Iterator<Item = Part> {
    ProbeGroup::ALL.iter().copied().map(Part::Group).chain(iter::once(Part::Kprobes))
}

/// What is counted instead of copies.
const BY_MODEL: Reason = Reason::After(
    "instead: moved bytes (measured) times the copies that each path is known to make; unknown where \
     nothing shows whether a call copied (direct I/O without requests to a block device, copies of ranges, \
     sockets that may take pages); copies that no call returns (copy-up of overlays, loop devices, programs \
     loaded) are not counted",
);

/// Counters of what the network stack copies after the call.
const COPIED_LATE: &[CounterId] = &[
    ZerocopyCopiedLaterBytes,
    ZerocopyLinearizedBytes,
    ReferencedLinearizedBytes,
    ZerocopyPulledBytes,
    ReferencedPulledBytes,
    TransformedBytes,
];

const NO_EVIDENCE: Reason = Reason::Before("whether the kernel fell back to a copy is not visible");

/// Every row. A path or counter may be in several: it is as well known as the worst of them says. Of a
/// counter, the first row that says something has the reason.
pub const ROWS: &[Row] = &[
    Row {
        counters: &[
            Syscalls,
            ContextSwitchesVoluntary,
            ContextSwitchesInvoluntary,
            PageFaultsMinor,
            PageFaultsMajor,
            NetTxBytes,
            NetRxBytes,
            ZerocopyRequestedBytes,
            ZerocopyUringBytes,
            ZerocopyNotEnabledBytes,
            ZerocopyRefusals,
            ZerocopyRefusedBytes,
            MovedBytes,
            DiscardedBytes,
            MmapCalls,
            MunmapCalls,
            MsyncCalls,
            RelayedFileFileBytes,
            RelayedFilePipeBytes,
            RelayedFileSocketBytes,
            RelayedPipeFileBytes,
            RelayedPipePipeBytes,
            RelayedPipeSocketBytes,
            RelayedSocketFileBytes,
            RelayedSocketPipeBytes,
            RelayedSocketSocketBytes,
            RelayedUserNs,
            RelayingContextSwitches,
        ],
        ..Row::of(ProbeGroup::Core)
    },
    // Without it two per system call are known, and those of faults are not.
    Row { counters: &[ModeSwitches], without: Without::Modelled, ..Row::of(ProbeGroup::Faults) },
    Row {
        paths: &[CowCopy],
        counters: &[CowCopiedBytes],
        without: Without::Served {
            group: ProbeGroup::CopyFaults,
            provenance: Provenance::Measured,
        },
        ..Row::of(ProbeGroup::Faults)
    },
    Row { counters: &[PageCacheHits, PageCacheMisses], ..Row::of(ProbeGroup::PageCache) },
    Row {
        paths: &[MmapRead, MmapWrite],
        counters: &[MappedSentBytes],
        without: Without::Served { group: ProbeGroup::Mapped, provenance: Provenance::Measured },
        ..Row::of(ProbeGroup::Mmap)
    },
    Row {
        counters: &[BlockReadBytes, BlockWriteBytes, BlockDirtiedBytes],
        devices: &[DeviceFigure::Block],
        ..Row::of(ProbeGroup::Block)
    },
    Row { counters: &[BlockDirtiedBytes], ..Row::of(ProbeGroup::Writeback) },
    Row { devices: &[DeviceFigure::Mapped], ..Row::of(ProbeGroup::Dma) },
    Row { devices: &[DeviceFigure::Bounced], ..Row::of(ProbeGroup::Swiotlb) },
    Row { devices: &[DeviceFigure::Iommu], ..Row::of(ProbeGroup::Iommu) },
    Row { devices: &[DeviceFigure::Net], ..Row::of(ProbeGroup::Net) },
    Row { counters: &[UringOps, UringDeferredOps], ..Row::of(ProbeGroup::Uring) },
    Row {
        counters: &[
            CpuSamples,
            CopySamples,
            LibraryCopySamples,
            InlinedCopySamples,
            CopyFaultSamples,
            NoFileSamples,
            UnknownCodeSamples,
            RelayingCpuSamples,
        ],
        ..Row::of(ProbeGroup::Tax)
    },
    Row {
        paths: &[
            FileRead,
            FileWrite,
            DirectRead,
            DirectWrite,
            PseudoRead,
            PseudoWrite,
            SendfileToFile,
            SendfileToPipe,
            SendfileToPseudo,
            SpliceFilePipe,
            SplicePipeFile,
            SplicePipePseudo,
            CopyRangeReflink,
            CopyRangeCopied,
            ProcessVm,
        ],
        counters: &[CopiedBytes],
        without: Without::Modelled,
        reason: BY_MODEL,
        ..Row::of(ProbeGroup::CopyFiles)
    },
    // No call moves these bytes: there is nothing to multiply.
    Row { paths: &[KernelCopy], ..Row::of(ProbeGroup::CopyFiles) },
    Row {
        paths: &[PipeRead, PipeWrite, Vmsplice, Tee, SpliceSocketPipe, SplicePipePipe],
        counters: &[CopiedBytes],
        without: Without::Modelled,
        reason: BY_MODEL,
        ..Row::of(ProbeGroup::CopyPipes)
    },
    Row {
        paths: &[
            SocketRecv,
            SocketSend,
            SocketSendZerocopy,
            SocketRecvZerocopy,
            SendfileToSocket,
            SplicePipeSocket,
            SpliceSocketPipe,
        ],
        counters: &[CopiedBytes],
        without: Without::Modelled,
        reason: BY_MODEL,
        ..Row::of(ProbeGroup::CopySockets)
    },
    Row {
        counters: &[ZerocopyAchievedBytes],
        reason: NO_EVIDENCE,
        ..Row::of(ProbeGroup::CopySockets)
    },
    Row { counters: COPIED_LATE, ..Row::of(ProbeGroup::CopySockets) },
    Row {
        paths: &[SocketSendZerocopy],
        counters: &[ZerocopyAchievedBytes],
        reason: NO_EVIDENCE,
        ..Row::of(ProbeGroup::CopyLate)
    },
    Row { paths: &[SkbLinearize], counters: COPIED_LATE, ..Row::of(ProbeGroup::CopyLate) },
    Row {
        paths: &[CowCopy],
        counters: &[CowCopiedBytes],
        without: Without::Served { group: ProbeGroup::Faults, provenance: Provenance::Modelled },
        reason: Reason::Instead(
            "upper bound: a write fault on a shared page either copies or, when nothing else refers to \
             the page any more, reuses it; which one is not visible without copy hooks, nor what the \
             kernel does at faults that it takes for itself (direct I/O, locked memory)",
        ),
        ..Row::of(ProbeGroup::CopyFaults)
    },
    // The tracepoints count the range that the kernel tries to map.
    Row {
        paths: &[MmapRead, MmapWrite],
        without: Without::Served { group: ProbeGroup::Mmap, provenance: Provenance::Modelled },
        ..Row::of(ProbeGroup::Mapped)
    },
    Row { paths: &[SwiotlbBounce], ..Row::of(ProbeGroup::Bounce) },
    Row {
        counters: &[CopiedBytes],
        without: Without::Assumed,
        reason: Reason::Before("what modules copy (btrfs, network file systems) is not hooked"),
        ..Row::kprobes(ProbeGroup::CopyFiles)
    },
    Row { counters: &[TransformedBytes], ..Row::kprobes(ProbeGroup::CopySockets) },
];

/// A path or counter without a row would be measured everywhere.
const _: () = {
    let (mut paths, mut counters) = ([false; CopyPath::COUNT], [false; CounterId::COUNT]);
    let mut row = 0;
    while row < ROWS.len() {
        let mut at = 0;
        while at < ROWS[row].paths.len() {
            paths[ROWS[row].paths[at] as usize] = true;
            at += 1;
        }
        at = 0;
        while at < ROWS[row].counters.len() {
            counters[ROWS[row].counters[at] as usize] = true;
            at += 1;
        }
        row += 1;
    }
    let mut at = 0;
    while at < paths.len() {
        assert!(paths[at], "a copy path has no row");
        at += 1;
    }
    at = 0;
    while at < counters.len() {
        assert!(counters[at], "a counter has no row");
        at += 1;
    }
};
