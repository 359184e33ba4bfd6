//! What the kernel side keeps per device.

/// [`DeviceKey::kind`]: a block device.
pub const KIND_BLOCK: u32 = 0;
/// [`DeviceKey::kind`]: a network interface.
pub const KIND_NET: u32 = 1;
/// [`DeviceKey::kind`]: a device on its bus, as the DMA API sees it.
pub const KIND_BUS: u32 = 2;
/// [`DeviceKey::kind`]: all I/O memory management units together.
pub const KIND_IOMMU: u32 = 3;

/// [`DeviceRecord::flags`]: no hardware behind it (loopback, veth, loop...): it does no DMA.
pub const DEVICE_VIRTUAL: u64 = 1;
/// [`DeviceRecord::flags`]: an interface whose packets have an Ethernet header. The kernel counts it in
/// both directions, and takes it off before it hands a packet to the stack.
pub const DEVICE_ETHERNET: u64 = 2;
/// [`DeviceRecord::flags`]: the loopback interface. Its packets have an Ethernet header that the kernel
/// counts in neither direction.
pub const DEVICE_LOOPBACK: u64 = 4;

/// Bytes of an Ethernet header (`ETH_HLEN`).
pub const ETHERNET_HEADER: u64 = 14;

/// Devices that the first table of them has room for.
pub const DEVICES_ROOM: u32 = 4096;

/// Interfaces that each CPU counts in records of its own. A power of two.
pub const INTERFACE_SLOTS: u32 = 64;

/// What tells an interface from others: the kernel uses addresses, indexes and inode numbers again, and an interface
/// can be renamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct InterfaceKey {
    /// Inode number of the network namespace; never 0.
    pub namespace: u64,
    /// The name, NUL terminated (`IFNAMSIZ`), as words in memory.
    pub name: [u64; 2],
}

impl InterfaceKey {
    /// The key of its shared record.
    #[must_use]
    pub const fn device(&self) -> DeviceKey {
        let Self { namespace, name: [start, end] } = *self;
        DeviceKey { kind: KIND_NET, id: 0, namespace, name: [start, end, 0, 0] }
    }
}

/// Identity of a device. The name belongs to it: numbers and addresses of devices that are gone are given to
/// others, and an interface can be renamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct DeviceKey {
    /// One of the `KIND_` values.
    pub kind: u32,
    /// Block: `major << 20 | minor`. Others: 0.
    pub id: u32,
    /// Net: inode number of the network namespace, since names repeat. Bus: the address of its
    /// `struct device`. Others: 0.
    pub namespace: u64,
    /// The name, NUL terminated, as words in memory: [`Self::name`]. Whatever the kernel has behind the NUL
    /// may follow.
    pub name: DeviceName,
}

/// A device's name, as words in memory (`IFNAMSIZ` is 16 bytes, `DISK_NAME_LEN` 32; longer names on a bus are
/// cut).
pub type DeviceName = [u64; 4];

impl DeviceKey {
    /// The bytes of the name, without a NUL.
    pub fn name(&self) -> impl Iterator<Item = u8> {
        self.name.into_iter().flat_map(u64::to_ne_bytes).take_while(|byte| *byte != 0)
    }
}

/// Cumulative counts of one device. Several CPUs write: additions are atomic. Of an interface, the CPUs'
/// [`InterfaceCounts`] come on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct DeviceRecord {
    /// Block: bytes read from the medium. Net: bytes received. Bus: bytes mapped for the device to
    /// write to memory.
    pub read_bytes: u64,
    /// Block: bytes written to the medium. Net: bytes transmitted. Bus: bytes mapped for the device
    /// to read from memory.
    pub write_bytes: u64,
    /// Block: read requests. Net: packets received (as handed to the stack, after GRO). Bus:
    /// mappings.
    pub read_requests: u64,
    /// Block: write requests. Net: packets transmitted (before segmentation by the device). Bus:
    /// mappings.
    pub write_requests: u64,
    /// Requests that ended with an error, packets that the driver refused.
    pub errors: u64,
    /// Net: transmitted bytes of packets whose shape was looked at: of all, unless there are too many.
    pub shaped_bytes: u64,
    /// Net: those packets.
    pub shaped_packets: u64,
    /// Net: those of their bytes that the socket buffer referenced as fragments (scatter-gather); the others
    /// lay in its linear part.
    pub gather_bytes: u64,
    /// Bus: bytes mapped for both. IOMMU: bytes mapped.
    pub both_bytes: u64,
    /// Bus: bytes of mappings through bounce buffers, each mapping once.
    pub bounced_bytes: u64,
    /// IOMMU: bytes unmapped.
    pub unmapped_bytes: u64,
    /// `DEVICE_` bits.
    pub flags: u64,
}

/// What one CPU has counted of one interface since it has this slot. The first cache line is all that a packet
/// touches whose shape is not looked at.
///
/// Only this CPU writes, without atomic additions. Each count has one program as its writer, but for what
/// two that run one after the other share; and the kernel never runs a program inside itself on the same CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct InterfaceCounts {
    /// Whose slot this is; no namespace when it is free.
    pub key: InterfaceKey,
    /// Address of the interface while a packet is on its way to its driver, the shape of which was looked at.
    pub pending: u64,
    /// Bytes that the driver took.
    pub sent_bytes: u64,
    /// Packets that the driver took.
    pub sent_packets: u64,
    /// Bytes handed to the stack.
    pub received_bytes: u64,
    /// Packets handed to the stack.
    pub received_packets: u64,
    /// As in [`DeviceRecord`].
    pub shaped_bytes: u64,
    /// As in [`DeviceRecord`].
    pub shaped_packets: u64,
    /// As in [`DeviceRecord`].
    pub gather_bytes: u64,
    /// Fragment bytes of the packet that is on its way.
    pub pending_gather_bytes: u64,
    /// Packets that the driver did not take.
    pub refused_packets: u64,
    /// How often the counts have begun or ended to move to the shared [`DeviceRecord`]; odd while they
    /// are in both.
    pub moves: u64,
    /// Packets of other interfaces that wanted this slot since it was last seen to be in use.
    pub contenders: u64,
    /// Packets that this interface had counted then.
    pub contended_at: u64,
}

impl InterfaceCounts {
    /// Packets sent and received.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.sent_packets.wrapping_add(self.received_packets)
    }
}

const _: () = {
    assert!(INTERFACE_SLOTS.is_power_of_two());
    assert!(size_of::<InterfaceCounts>() == 128);
    assert!(core::mem::offset_of!(InterfaceCounts, shaped_bytes) == 64);
    assert!(size_of::<DeviceKey>() == 48);
    assert!(size_of::<DeviceRecord>() == 96);
};
