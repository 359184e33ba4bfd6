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

/// Cumulative counts of one device. Several CPUs write: additions are atomic.
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
    /// Net: transmitted bytes that lay in the linear part of their socket buffer.
    pub linear_bytes: u64,
    /// Net: transmitted bytes that the socket buffer referenced as fragments (scatter-gather).
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

const _: () = {
    assert!(size_of::<DeviceKey>() == 16);
    assert!(size_of::<DeviceRecord>() == 120);
};
