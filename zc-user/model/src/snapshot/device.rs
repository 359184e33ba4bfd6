//! What devices moved, and what was mapped for them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{Id, Named, UnknownId, serde_by_id};

/// What kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeviceKind {
    /// Disks and their like.
    Block,
    /// Network interfaces.
    Net,
    /// Devices on their bus, as the DMA API of the kernel names them: not what they moved, but what
    /// was mapped for them.
    Bus,
    /// The I/O memory management units, all together.
    Iommu,
    /// A kind that a newer version of `zc` wrote.
    Unknown(UnknownId),
}

impl DeviceKind {
    /// The stable id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Net => "net",
            Self::Bus => "bus",
            Self::Iommu => "iommu",
            Self::Unknown(id) => id.id(),
        }
    }

    /// Whether such devices move bytes of their own; the others are another view of the same.
    #[must_use]
    pub const fn moves_bytes(self) -> bool {
        matches!(self, Self::Block | Self::Net)
    }
}

impl Named for DeviceKind {
    const ALL: &'static [Self] = &[Self::Block, Self::Net, Self::Bus, Self::Iommu];

    fn id(self) -> &'static str {
        self.id()
    }
}

/// Memory made reachable for a device. `None` where this kernel does not report it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapped {
    /// Bytes mapped for the device to write to memory: what it reads from its medium, or receives.
    pub from_device_bytes: Option<u64>,
    /// Bytes mapped for the device to read from memory.
    pub to_device_bytes: Option<u64>,
    /// Bytes mapped for both, or for an unknown direction.
    pub bidirectional_bytes: Option<u64>,
    /// Bytes unmapped.
    pub unmapped_bytes: Option<u64>,
    /// Bytes of mappings through bounce buffers (swiotlb), each mapping once.
    pub bounced_bytes: Option<u64>,
}

impl Mapped {
    /// Applies `merge` to every pair of values that are both known; the others are as in `self`.
    #[must_use]
    pub fn zip_with(&self, other: &Self, merge: impl Fn(u64, u64) -> u64) -> Self {
        let merge = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(merge(a, b)),
            (a, _) => a,
        };
        Self {
            from_device_bytes: merge(self.from_device_bytes, other.from_device_bytes),
            to_device_bytes: merge(self.to_device_bytes, other.to_device_bytes),
            bidirectional_bytes: merge(self.bidirectional_bytes, other.bidirectional_bytes),
            unmapped_bytes: merge(self.unmapped_bytes, other.unmapped_bytes),
            bounced_bytes: merge(self.bounced_bytes, other.bounced_bytes),
        }
    }
}

/// Packets a second, sent by all interfaces together, up to which the shape of each is looked at: whether it lies in
/// one piece or in several. Of more, those of one tenth of the time are.
pub const ALL_SHAPES_RATE: u32 = 50_000;

/// The name of the row that stands for the devices of a kind that are not kept one by one any more. It has no network
/// namespace.
pub const MERGED_DEVICES: &str = "(other)";

serde_by_id! { DeviceKind }

/// Counts of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSample {
    /// Name as the kernel has it (unique together with `namespace`).
    pub device: String,
    /// Kind.
    pub kind: DeviceKind,
    /// Network namespace (inode number), network interfaces only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<u64>,
    /// No hardware behind it (loopback, veth, loop): it moves bytes, but not by DMA.
    pub software: bool,
    /// Block: bytes read. Net: bytes received.
    pub read_bytes: u64,
    /// Block: bytes written. Net: bytes transmitted.
    pub write_bytes: u64,
    /// Requests or packets in.
    pub read_requests: u64,
    /// Requests or packets out.
    pub write_requests: u64,
    /// Failed requests, refused packets.
    pub errors: u64,
    /// Net: transmitted bytes in the linear part of socket buffers, of the packets whose shape was looked at:
    /// those of all, or of a sample above [`ALL_SHAPES_RATE`].
    pub linear_bytes: u64,
    /// Net: transmitted bytes referenced as fragments, of the same packets.
    pub gather_bytes: u64,
    /// Bus and IOMMU: memory made reachable. Their other counts are 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapped: Option<Mapped>,
}

impl DeviceSample {
    /// Whether what it moves is moved by hardware, without the CPU.
    #[must_use]
    pub const fn does_dma(&self) -> bool {
        !self.software && self.kind.moves_bytes()
    }

    /// Share of the transmitted bytes that the device gathered from page references; `None` when it
    /// transmitted nothing, or nothing was looked at.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    pub fn gathered_share(&self) -> Option<f64> {
        let sent = self.shaped_bytes();
        (sent > 0).then(|| self.gather_bytes as f64 / sent as f64)
    }

    /// Transmitted bytes of the packets whose shape was looked at.
    #[must_use]
    pub const fn shaped_bytes(&self) -> u64 {
        self.linear_bytes.saturating_add(self.gather_bytes)
    }

    /// Whether the share is that of a sample: one byte in a hundred or more was not looked at. A packet that is
    /// on its way when the counts are read is less.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        let unseen = self.write_bytes.saturating_sub(self.shaped_bytes());
        self.kind == DeviceKind::Net && unseen > self.write_bytes / 100
    }
}
