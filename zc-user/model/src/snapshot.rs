//! What was counted up to one moment: cumulative, serialisable, nothing derived.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Index, IndexMut},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zc_common::{
    loss::Loss,
    path::{CopyPath, SocketKind},
};

mod copier;
mod device;
mod kin;
mod object;
mod stack;
mod thread;

pub use self::{
    copier::{Copier, CopierKind},
    device::{ALL_SHAPES_RATE, DeviceKind, DeviceSample, MERGED_DEVICES, Mapped},
    kin::{Ancestry, Kin, Relative},
    object::{
        Ends, FlowSample, FlowVia, Object, ObjectId, ObjectKind, ObjectSample, Objects, Outside,
        OutsideSample,
    },
    stack::{FrameKind, StackEnd, StackFrame, StackSample, Stacks},
    thread::ThreadSample,
};
use crate::{
    counter::{CounterId, Counters},
    id::{Id, Named, UnknownCounts, UnknownId, read_counts, serde_by_id},
};

/// Where a number comes from. Ordered from the most to the least trustworthy: the provenance of a
/// sum is the greatest of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provenance {
    /// Counted at the place where it happens.
    Measured,
    /// The call returned bytes that no hooked function copied and no zero-copy evidence explains.
    Assumed,
    /// The path's known behaviour times the measured bytes: this kernel offers no hook there.
    Modelled,
    /// A newer version of `zc` wrote where it comes from, and this version does not know that.
    Unknown(UnknownId),
    /// This kernel or these privileges cannot give it; never shown as 0.
    Unavailable,
}

impl Provenance {
    /// The stable id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Assumed => "assumed",
            Self::Modelled => "modelled",
            Self::Unknown(id) => id.id(),
            Self::Unavailable => "unavailable",
        }
    }
}

impl Named for Provenance {
    const ALL: &'static [Self] =
        &[Self::Measured, Self::Assumed, Self::Modelled, Self::Unavailable];

    fn id(self) -> &'static str {
        self.id()
    }
}

serde_by_id! { Provenance }

/// Identity of a process: the pid alone is reused, the pair is not.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ProcessId {
    /// Process id (the kernel's tgid) in the initial pid namespace.
    pub pid: u32,
    /// Start in nanoseconds since boot (suspend included).
    pub start_ns: u64,
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pid.fmt(f)
    }
}

/// Counts on one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathSample {
    /// The path.
    pub path: PathId,
    /// On the socket paths: the kind of socket. One sample per path and kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<SocketId>,
    /// Calls that succeeded.
    pub ops: u64,
    /// Calls that failed, `EAGAIN` included.
    pub errors: u64,
    /// Bytes moved: return values.
    pub moved_bytes: u64,
    /// Bytes the CPU copied; meaningless when `provenance` is [`Provenance::Unavailable`].
    pub copied_bytes: u64,
    /// The part of `copied_bytes` that is assumed: bytes that no hooked function copied and no
    /// evidence explains. When `provenance` is [`Provenance::Unavailable`]: bytes of which nothing shows
    /// whether they were copied, where some of the path's are known.
    #[serde(default)]
    pub assumed_bytes: u64,
    /// Where `copied_bytes` comes from (`moved_bytes` is always measured).
    pub provenance: Provenance,
}

/// A path, by its id.
pub type PathId = Id<CopyPath>;

/// A way to lose counts, by its id.
pub type LossId = Id<Loss>;

/// A kind of socket, by its id.
pub type SocketId = Id<SocketKind>;

/// One process: its threads summed, alive or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessSample {
    /// Identity.
    pub id: ProcessId,
    /// The parent when the process was first seen.
    pub parent: ProcessId,
    /// The leader's name, as the kernel has it: hostile input, sanitise before display.
    pub comm: Arc<str>,
    /// The cgroup's path, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Arc<str>>,
    /// The user by whose rights it acts (the effective user id), when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
    /// Whom it descends from, when that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ancestry: Option<Arc<Ancestry>>,
    /// A kernel thread.
    #[serde(default)]
    pub kernel: bool,
    /// Every thread has exited; the counts are final.
    pub exited: bool,
    /// How many exited processes this sample stands for: 1, unless short-lived processes of the
    /// same name had to be merged to bound memory (then `id.pid` is 0).
    pub merged: u64,
    /// Counters that belong to no path.
    pub counters: Counters,
    /// The paths that were used, in the order of [`CopyPath`] and [`SocketKind`].
    pub paths: Vec<PathSample>,
}

impl ProcessSample {
    /// Whether the process did anything.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.paths.is_empty() || !self.counters.is_zero()
    }
}

/// What could not be attributed to any process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Unattributed {
    /// Counters that belong to no path.
    pub counters: Counters,
    /// The paths that were used.
    pub paths: Vec<PathSample>,
}

impl Unattributed {
    /// Whether there is anything.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.paths.is_empty() || !self.counters.is_zero()
    }
}

/// A count per [`Loss`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    known: [u64; Loss::COUNT],
    unknown: UnknownCounts,
}

impl Losses {
    /// Everything lost, whatever the reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.iter().fold(0, |total, (_, count)| total.saturating_add(count))
    }

    /// The reasons that occurred, with their counts.
    pub fn occurred(&self) -> impl Iterator<Item = (Id<Loss>, u64)> + '_ {
        self.iter().filter(|(_, count)| *count > 0)
    }

    /// Every reason with its count, in the order of [`Loss::ALL`]; reasons that a newer version
    /// wrote come last.
    pub fn iter(&self) -> impl Iterator<Item = (Id<Loss>, u64)> + '_ {
        let known = Loss::ALL.iter().map(|loss| Id::Known(*loss)).zip(self.known);
        known.chain(self.unknown.iter().map(|(id, count)| (Id::Unknown(id), count)))
    }

    /// Applies `merge` to every pair of counts.
    #[must_use]
    pub fn zip_with(&self, other: &Self, merge: impl Fn(u64, u64) -> u64) -> Self {
        let mut known = self.known;
        for (out, other) in known.iter_mut().zip(other.known) {
            *out = merge(*out, other);
        }
        Self { known, unknown: self.unknown.zip_with(&other.unknown, merge) }
    }
}

impl Index<Loss> for Losses {
    type Output = u64;

    fn index(&self, loss: Loss) -> &u64 {
        &self.known[loss as usize]
    }
}

impl IndexMut<Loss> for Losses {
    fn index_mut(&mut self, loss: Loss) -> &mut u64 {
        &mut self.known[loss as usize]
    }
}

impl Serialize for Losses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(loss, count)| (loss.id(), count)))
    }
}

impl<'de> Deserialize<'de> for Losses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut losses = Self::default();
        let unknown = read_counts(deserializer, |loss, count| losses[loss] = count)?;
        Ok(Self { unknown, ..losses })
    }
}

/// What `zc` itself costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfCost {
    /// CPU time of the user side, ns.
    pub cpu_ns: u64,
    /// Resident memory of the user side, bytes.
    pub rss_bytes: u64,
    /// Kernel memory of all maps, bytes.
    pub map_bytes: u64,
    /// Time spent inside the eBPF programs, ns: only while the kernel keeps BPF statistics.
    pub program_run_ns: Option<u64>,
    /// Runs of the eBPF programs, under the same condition.
    pub program_runs: Option<u64>,
}

/// Why a counter or a path is not simply measured on this kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limitation {
    /// The counter concerned.
    pub counter: Id<CounterId>,
    /// The provenance of its figures here.
    pub provenance: Provenance,
    /// Why, in plain words.
    pub reason: String,
}

/// The machine and what `zc` can count there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Host name.
    pub name: String,
    /// Kernel release, as `uname -r`.
    pub kernel: String,
    /// Architecture, as `uname -m`.
    pub arch: String,
    /// CPUs online.
    pub cpus: u32,
    /// Page size, bytes.
    pub page_bytes: u64,
    /// Ticks of `/proc` per second (for matching start times).
    pub clock_ticks: u64,
    /// How copies are known on this kernel: the provenance of an ordinary copying path.
    pub copies: Provenance,
    /// Names of users by id, where they were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<u32, String>,
    /// Whether it is looked for copies that programs make themselves.
    #[serde(default)]
    pub user_copies: bool,
    /// Counters that are not simply measured here; the others are.
    pub limitations: Vec<Limitation>,
}

impl Host {
    /// The provenance of `counter` on this machine.
    #[must_use]
    pub fn provenance(&self, counter: CounterId) -> Provenance {
        self.limitation(counter).map_or(Provenance::Measured, |limit| limit.provenance)
    }

    /// The limitation on `counter`, if any.
    #[must_use]
    pub fn limitation(&self, counter: CounterId) -> Option<&Limitation> {
        self.limitations.iter().find(|limit| limit.counter == counter)
    }
}

/// Version of the form in which snapshots are written. Ids and fields are added without a new one:
/// a reader keeps the ids that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct SchemaVersion(u32);

impl SchemaVersion {
    /// The newest version that can be read, and the one that is written.
    pub const CURRENT: Self = Self(1);
}

impl Default for SchemaVersion {
    /// The version of snapshots that do not name any.
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<u32> for SchemaVersion {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, String> {
        let Self(newest) = Self::CURRENT;
        if version > newest {
            return Err(format!(
                "the snapshot has schema version {version}, and this zc reads versions up to \
                 {newest}: use a newer zc"
            ));
        }
        Ok(Self(version))
    }
}

/// Everything counted since the probes were attached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version of the form. Written first, so that a version that cannot be read is what is reported.
    #[serde(default)]
    pub schema: SchemaVersion,
    /// The machine.
    pub host: Arc<Host>,
    /// When it was taken: ns since the Unix epoch.
    pub taken_at_ns: u64,
    /// Monotonic ns since the probes were attached.
    pub elapsed_ns: u64,
    /// Every process seen, in no particular order. A source may share a sample between snapshots
    /// while nothing changes: most processes of most intervals do nothing.
    pub processes: Vec<Arc<ProcessSample>>,
    /// Every thread of these that has not ended, where threads were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<Arc<ThreadSample>>,
    /// The functions that copy, where copies that programs make themselves are looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copiers: Vec<Copier>,
    /// Files, sockets and pipes, where these were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Arc<Objects>>,
    /// Call stacks of copies, where these were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stacks: Option<Arc<Stacks>>,
    /// What is unattributed.
    pub unattributed: Unattributed,
    /// Every device seen, by kind and name.
    pub devices: Vec<DeviceSample>,
    /// What was lost.
    pub losses: Losses,
    /// What `zc` costs.
    pub self_cost: SelfCost,
}

#[cfg(test)]
mod tests;
