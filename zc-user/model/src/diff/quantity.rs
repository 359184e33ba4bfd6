//! What is compared.

use zc_common::path::CopyPath;

use crate::{
    column::Unit,
    counter::CounterId,
    id::Id,
    snapshot::{DeviceKind, PathId},
};

/// Something that is counted, of the sums over all processes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// Bytes of payload.
    Payload,
    /// Bytes that the CPU copied; per byte of payload, those that were copied for it: as `copies_per_byte`.
    Copied,
    /// Bytes that moved without a copy.
    ByReference,
    /// Bytes that calls moved.
    Moved,
    /// CPU time, from samples: ns.
    CpuTime,
    /// Switches of the scheduler, of either kind.
    ContextSwitches,
    /// Bytes that hardware read from its medium, or received.
    DmaRead,
    /// Bytes that hardware wrote to its medium, or transmitted.
    DmaWritten,
    /// The share of CPU time in copy routines of the kernel.
    CopyTax,
    /// The share of CPU time in copies that programs make themselves.
    UserCopyShare,
    /// Time that a run took: ns.
    Elapsed,
    /// A counter that belongs to no path.
    Counter(CounterId),
    /// Bytes moved on a path.
    PathMoved(PathId),
    /// Bytes copied on a path.
    PathCopied(PathId),
    /// Calls on a path.
    PathOps(PathId),
    /// Bytes that a device read or received.
    DeviceRead(DeviceKind, String),
    /// Bytes that a device wrote or transmitted.
    DeviceWritten(DeviceKind, String),
    /// A part of [`Self::CopyTax`] and [`Self::UserCopyShare`]: never compared by itself.
    Samples(Sampled),
}

/// What samples of CPU time were counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sampled {
    /// All of them.
    All,
    /// Those in copy routines of the kernel.
    Copying,
    /// Those in copies that programs make themselves.
    UserCopying,
}

/// What a quantity depends on, and so how far it can be off between two equal sets of runs that are measured at
/// different times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// On what the program does.
    Work,
    /// On the pace of the processor: its clock, its caches.
    Pace,
    /// On what else runs at the same moment, and on what happens to be in memory: all that a clock on the wall shows.
    Circumstances,
    /// On what else the machine runs, by any factor: no spread of runs shows that, and nothing is claimed.
    Neighbours,
}

impl Class {
    /// The standard deviation, as a part of the figure, that is added for what differs between the times at which two
    /// sides were measured. Runs that follow each other share it, so that their spread does not show it.
    const fn drift(self) -> f64 {
        match self {
            Self::Work => 0.0,
            Self::Pace => 0.03,
            Self::Circumstances | Self::Neighbours => 0.1,
        }
    }

    /// Whether a change may be claimed: not of what depends on the moment more than on the program, by any factor.
    #[must_use]
    pub const fn is_claimable(self) -> bool {
        matches!(self, Self::Work | Self::Pace)
    }
}

/// The part of calls that depends on the moment: how much a pipe or a socket holds when it is read from.
const CALLS_DRIFT: f64 = 0.02;

impl Quantity {
    /// The head of a report, in its order.
    pub const HEAD: [Self; 14] = [
        Self::Payload,
        Self::Copied,
        Self::ByReference,
        Self::Moved,
        Self::Counter(CounterId::Syscalls),
        Self::Counter(CounterId::ModeSwitches),
        Self::ContextSwitches,
        Self::CpuTime,
        Self::CopyTax,
        Self::UserCopyShare,
        Self::Elapsed,
        Self::DmaRead,
        Self::DmaWritten,
        Self::Counter(CounterId::PageCacheMisses),
    ];

    /// The stable id, without what it is per.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Payload => "payload".to_owned(),
            Self::Copied => "copied".to_owned(),
            Self::ByReference => "by_reference".to_owned(),
            Self::Moved => "moved".to_owned(),
            Self::CpuTime => "cpu_ns".to_owned(),
            Self::ContextSwitches => "context_switches".to_owned(),
            Self::DmaRead => "dma_read".to_owned(),
            Self::DmaWritten => "dma_written".to_owned(),
            Self::CopyTax => "copy_tax".to_owned(),
            Self::UserCopyShare => "user_copy_share".to_owned(),
            Self::Elapsed => "elapsed_ns".to_owned(),
            Self::Counter(counter) => counter.id().to_owned(),
            Self::PathMoved(path) => format!("path.{}", path.id()),
            Self::PathCopied(path) => format!("path.{}.copied", path.id()),
            Self::PathOps(path) => format!("path.{}.ops", path.id()),
            Self::DeviceRead(kind, name) => format!("device.{}.{name}.read", kind.id()),
            Self::DeviceWritten(kind, name) => format!("device.{}.{name}.written", kind.id()),
            Self::Samples(_) => "samples".to_owned(),
        }
    }

    /// The quantity with this id, of those that a condition can name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        if let Some(path) = id.strip_prefix("path.") {
            let known = |id| CopyPath::from_id(id).map(Id::Known);
            return match path.split_once('.') {
                None => known(path).map(Self::PathMoved),
                Some((path, "copied")) => known(path).map(Self::PathCopied),
                Some((path, "ops")) => known(path).map(Self::PathOps),
                Some(_) => None,
            };
        }
        let head = Self::HEAD.into_iter().find(|quantity| quantity.id() == id);
        head.or_else(|| CounterId::from_id(id).map(Self::Counter))
    }

    /// What its numbers count.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        match self {
            Self::CopyTax | Self::UserCopyShare => Unit::Fraction,
            Self::CpuTime | Self::Elapsed => Unit::Nanoseconds,
            Self::Payload
            | Self::Copied
            | Self::ByReference
            | Self::Moved
            | Self::DmaRead
            | Self::DmaWritten
            | Self::PathMoved(_)
            | Self::PathCopied(_)
            | Self::DeviceRead(..)
            | Self::DeviceWritten(..) => Unit::Bytes,
            Self::Counter(counter) => crate::column::Processes::counter(*counter).unit,
            Self::ContextSwitches | Self::PathOps(_) | Self::Samples(_) => Unit::Count,
        }
    }

    /// What it depends on.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::CpuTime | Self::CopyTax | Self::UserCopyShare => Class::Pace,
            Self::ContextSwitches
            | Self::DmaRead
            | Self::DmaWritten
            | Self::DeviceRead(..)
            | Self::DeviceWritten(..)
            | Self::Counter(CounterId::ContextSwitchesInvoluntary) => Class::Neighbours,
            Self::Elapsed
            | Self::Counter(
                CounterId::ContextSwitchesVoluntary
                | CounterId::PageFaultsMajor
                | CounterId::PageCacheHits
                | CounterId::PageCacheMisses
                | CounterId::BlockReadBytes
                | CounterId::BlockWriteBytes
                | CounterId::UringDeferredOps,
            ) => Class::Circumstances,
            _ => Class::Work,
        }
    }

    /// The standard deviation, as a part of it, between two times at which a side is measured: see [`Class`].
    #[must_use]
    pub(super) const fn drift(&self) -> f64 {
        match self {
            Self::PathOps(_)
            | Self::Counter(
                CounterId::Syscalls | CounterId::ModeSwitches | CounterId::PageFaultsMinor,
            ) => CALLS_DRIFT,
            _ => self.class().drift(),
        }
    }

    /// Whether it is a share, which is per nothing else.
    #[must_use]
    pub const fn is_share(&self) -> bool {
        matches!(self, Self::CopyTax | Self::UserCopyShare)
    }

    /// Whether it says how often something was done on a path, or how many bytes that moved.
    #[must_use]
    pub const fn path(&self) -> Option<PathId> {
        match self {
            Self::PathMoved(path) | Self::PathCopied(path) | Self::PathOps(path) => Some(*path),
            _ => None,
        }
    }
}
