//! What the kernel side keeps per device.

/// Length of a device's name, NUL included (`IFNAMSIZ`, `DISK_NAME_LEN` is 32).
pub const DEVICE_NAME_LEN: usize = 32;

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

/// Interfaces that each CPU counts in records of its own. A power of two.
pub const INTERFACE_SLOTS: u32 = 64;

/// The key of an interface in [`InterfaceCounts`]; never 0, since no interface has the index 0.
#[must_use]
pub const fn interface_key(namespace: u32, index: u32) -> u64 {
    (namespace as u64) << 32 | index as u64
}

/// The [`DeviceKey`] that a key of [`interface_key`] stands for.
#[must_use]
pub const fn interface_device(key: u64) -> DeviceKey {
    DeviceKey { kind: KIND_NET, id: key as u32, namespace: key >> 32 }
}

/// Identity of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct DeviceKey {
    /// One of the `KIND_` values.
    pub kind: u32,
    /// Block: `major << 20 | minor`. Net: the interface index. Others: 0.
    pub id: u32,
    /// Net: inode number of the network namespace, since indexes repeat. Bus: the address of its
    /// `struct device`. Others: 0.
    pub namespace: u64,
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
    /// Net: transmitted bytes that the socket buffer referenced as fragments (scatter-gather); the
    /// others lay in its linear part.
    pub gather_bytes: u64,
    /// Bus: bytes mapped for both. IOMMU: bytes mapped.
    pub both_bytes: u64,
    /// Bus: bytes of mappings through bounce buffers, each mapping once.
    pub bounced_bytes: u64,
    /// IOMMU: bytes unmapped.
    pub unmapped_bytes: u64,
    /// `DEVICE_` bits.
    pub flags: u64,
    /// Name, NUL terminated.
    pub name: [u8; DEVICE_NAME_LEN],
}

impl DeviceRecord {
    /// A device that has done nothing yet.
    pub const ZERO: Self = {
        // SAFETY: integers only, and an array of integers.
        unsafe { core::mem::zeroed() }
    };
}

/// What one CPU has counted of one interface since it has this slot. Its first cache line is all that a
/// packet touches.
///
/// Only this CPU writes, without atomic additions. Each count has one program as its writer, and the
/// kernel never runs a program inside itself on the same CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct InterfaceCounts {
    /// Whose slot this is, see [`interface_key`]; 0 when it is free.
    pub key: u64,
    /// Bytes handed to the driver.
    pub sent_bytes: u64,
    /// Those of them that socket buffers referenced as fragments.
    pub sent_gather_bytes: u64,
    /// Packets handed to the driver.
    pub sent_packets: u64,
    /// Fragment bytes of the packet handed over last.
    pub last_gather_bytes: u64,
    /// Bytes handed to the stack.
    pub received_bytes: u64,
    /// Packets handed to the stack.
    pub received_packets: u64,
    /// How often the counts have begun or ended to move to the shared [`DeviceRecord`]; odd while they
    /// are in both.
    pub moves: u64,
    /// Bytes that the driver did not take.
    pub refused_bytes: u64,
    /// Those of them that socket buffers referenced as fragments.
    pub refused_gather_bytes: u64,
    /// Packets that the driver did not take.
    pub refused_packets: u64,
    /// Packets of other interfaces that wanted this slot since it was last seen to be in use.
    pub contenders: u64,
    /// Packets that this interface had counted then.
    pub contended_at: u64,
    /// Fills two cache lines.
    pub pad: [u64; 3],
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
    assert!(core::mem::offset_of!(InterfaceCounts, refused_bytes) == 64);
    assert!(size_of::<DeviceKey>() == 16);
    assert!(size_of::<DeviceRecord>() == 112);
};
