//! What identifies a row while the rows change places.

use zc_model::{
    frame::Frame,
    snapshot::{
        DeviceKind, DeviceSample, Kin, PathId, PathSample, ProcessId, ProcessSample, SocketId,
    },
};

/// A process; rows of merged processes have no identity but what they were merged by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessKey {
    id: ProcessId,
    merged: Option<Box<Kin>>,
}

impl ProcessKey {
    /// The key of this process.
    #[must_use]
    pub fn of(process: &ProcessSample) -> Self {
        let merged = process.is_merged().then(|| Box::new(process.kin()));
        Self { id: process.id, merged }
    }

    /// Its identity, which merged rows share.
    #[must_use]
    pub const fn id(&self) -> ProcessId {
        self.id
    }

    /// The process in this frame.
    #[must_use]
    pub fn find<'a>(&self, frame: &'a Frame) -> Option<&'a ProcessSample> {
        match &self.merged {
            None => frame.process(self.id),
            Some(kin) => {
                frame.processes.iter().find(|process| process.is_merged() && process.kin() == **kin)
            }
        }
    }
}

/// A path, split by kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathKey {
    /// The path.
    pub path: PathId,
    /// The kind of socket.
    pub socket: Option<SocketId>,
}

impl PathKey {
    /// The key of this sample.
    #[must_use]
    pub fn of(sample: &PathSample) -> Self {
        Self { path: sample.path, socket: sample.socket }
    }
}

/// A device: names repeat in other network namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceKey {
    kind: DeviceKind,
    namespace: Option<u64>,
    device: String,
}

impl DeviceKey {
    /// The key of this device.
    #[must_use]
    pub fn of(sample: &DeviceSample) -> Self {
        let DeviceSample { kind, namespace, device, .. } = sample;
        Self { kind: *kind, namespace: *namespace, device: device.clone() }
    }
}
