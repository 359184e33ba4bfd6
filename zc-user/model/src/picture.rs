//! The textbook picture: storage, page cache, user memory, buffers and network, and what travels
//! between them.

pub use zc_common::path::Place;
use zc_common::path::{CopyPath, Mechanism};

use crate::{
    counter::{CounterId, Counters},
    frame::Frame,
    ledger::PathSum,
    snapshot::{DeviceKind, PathSample, Provenance},
};

/// How bytes get from place to place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// The CPU copies them.
    Copy,
    /// Pages are passed on by reference: also from one end of loopback or veth to the other, where
    /// no device is.
    Reference,
    /// A device moves them.
    Dma,
}

/// Bytes that travelled between two places by one means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Origin.
    pub from: Place,
    /// Destination; the same as `from` for what stays within a place.
    pub to: Place,
    /// How.
    pub means: Means,
    /// How many bytes.
    pub bytes: u64,
    /// Where `bytes` comes from. [`Provenance::Unavailable`]: it is not known how many of the bytes
    /// were copied after all.
    pub provenance: Provenance,
}

/// What the bytes of a process, or of the system, travelled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// The hops, in no particular order.
    pub hops: Vec<Hop>,
    /// What the places are called instead of their [`Place::title`].
    pub names: Vec<(Place, &'static str)>,
}

impl Picture {
    /// The picture that these counts of `frame` give.
    #[must_use]
    pub fn new(frame: &Frame, counters: &Counters, paths: &[PathSample]) -> Self {
        let mut picture = Self::default();
        for sample in paths {
            picture.add_path(sample);
        }
        let moved = |path: CopyPath| PathSum::on(paths, &[path]).moved_bytes;
        let cached =
            |counter: CounterId, direct: CopyPath| counters[counter].saturating_sub(moved(direct));
        let device = |from, to, counter: CounterId, bytes| Hop {
            from,
            to,
            means: Means::Dma,
            bytes,
            provenance: frame.host.provenance(counter),
        };
        picture.add(device(
            Place::Storage,
            Place::PageCache,
            CounterId::BlockReadBytes,
            cached(CounterId::BlockReadBytes, CopyPath::DirectRead),
        ));
        picture.add(device(
            Place::PageCache,
            Place::Storage,
            CounterId::BlockWriteBytes,
            cached(CounterId::BlockWriteBytes, CopyPath::DirectWrite),
        ));
        for (from, to, counter) in [
            (Place::Buffer, Place::Network, CounterId::NetTxBytes),
            (Place::Network, Place::Buffer, CounterId::NetRxBytes),
        ] {
            let mut hop = device(from, to, counter, counters[counter]);
            match carrier(frame, counter, hop.bytes) {
                Carrier::Nothing | Carrier::Hardware => {}
                Carrier::Software => picture.pass_on(&mut hop),
                Carrier::Either => hop.provenance = hop.provenance.max(Provenance::Assumed),
            }
            picture.add(hop);
        }
        picture
    }

    /// The same picture, where it is known that no device is behind the sockets.
    #[must_use]
    pub fn without_network_device(mut self) -> Self {
        let mut hops = std::mem::take(&mut self.hops);
        let behind = |hop: &Hop| hop.from == Place::Network || hop.to == Place::Network;
        self.hops = hops.extract_if(.., |hop| !behind(hop) || hop.means != Means::Dma).collect();
        for mut hop in hops {
            self.pass_on(&mut hop);
            self.add(hop);
        }
        self
    }

    /// No device moves the bytes of `hop`: what was not copied is passed on.
    fn pass_on(&self, hop: &mut Hop) {
        let copied = self.hop(hop.from, hop.to, Means::Copy).map_or(0, |copy| copy.bytes);
        hop.means = NO_DEVICE;
        hop.bytes = hop.bytes.saturating_sub(copied);
    }

    /// What `place` is called here.
    #[must_use]
    pub fn name(&self, place: Place) -> &'static str {
        let name = self.names.iter().find(|(named, _)| *named == place);
        name.map_or_else(|| place.title(), |(_, name)| name)
    }

    /// What travels from `from` to `to` by `means`.
    #[must_use]
    pub fn hop(&self, from: Place, to: Place, means: Means) -> Option<&Hop> {
        self.hops.iter().find(|hop| (hop.from, hop.to, hop.means) == (from, to, means))
    }

    /// What the road between neighbours shows: the way of the textbook, or else another, if it is known which.
    #[must_use]
    pub fn on_road(&self, from: Place, to: Place) -> Option<&Hop> {
        let usual = self.hop(from, to, road(from, to));
        usual.or_else(|| {
            let hops = self.hops.iter().filter(|hop| (hop.from, hop.to) == (from, to));
            hops.filter(|hop| hop.provenance != Provenance::Unavailable)
                .max_by_key(|hop| (hop.bytes, hop.means))
        })
    }

    /// What travels, and not on the road between neighbours, in order.
    #[must_use]
    pub fn detours(&self) -> Vec<&Hop> {
        let mut hops = self.travelled();
        hops.retain(|hop| {
            let neighbours = (hop.from as usize).abs_diff(hop.to as usize) == 1;
            !(neighbours && self.on_road(hop.from, hop.to) == Some(hop))
        });
        hops
    }

    /// All that travels, in order.
    #[must_use]
    pub fn travelled(&self) -> Vec<&Hop> {
        let mut hops: Vec<&Hop> = self.hops.iter().filter(|hop| hop.bytes > 0).collect();
        hops.sort_by_key(|hop| (hop.from, hop.to, hop.means));
        hops
    }

    fn add_path(&mut self, sample: &PathSample) {
        let PathSample { moved_bytes, copied_bytes, provenance, .. } = *sample;
        let Some(path) = sample.path.known() else { return };
        let Some((from, to)) = path.route() else { return };
        if path.mechanism() == Mechanism::Dma {
            let provenance = Provenance::Measured;
            self.add(Hop { from, to, means: Means::Dma, bytes: moved_bytes, provenance });
            return;
        }
        let copied = if provenance == Provenance::Unavailable { 0 } else { copied_bytes };
        self.add(Hop { from, to, means: Means::Copy, bytes: copied, provenance });
        let bytes = moved_bytes.saturating_sub(copied);
        self.add(Hop { from, to, means: Means::Reference, bytes, provenance });
    }

    fn add(&mut self, hop: Hop) {
        let Hop { from, to, means, bytes, provenance } = hop;
        let known = self.hops.iter_mut().find(|h| (h.from, h.to, h.means) == (from, to, means));
        match known {
            Some(known) if bytes > 0 => {
                known.bytes = known.bytes.saturating_add(bytes);
                known.provenance = known.provenance.max(provenance);
            }
            None if bytes > 0 || (means == Means::Dma && provenance != Provenance::Measured) => {
                self.hops.push(hop);
            }
            _ => {}
        }
    }
}

/// How bytes travel on the main road between these neighbours.
#[must_use]
pub fn road(a: Place, b: Place) -> Means {
    let device = |place| matches!(place, Place::Storage | Place::Network);
    if device(a) || device(b) { Means::Dma } else { Means::Copy }
}

/// How bytes get from socket to socket on one machine: the kernel hands over the packets.
const NO_DEVICE: Means = Means::Reference;

/// What carried a process's bytes on behind its sockets.
enum Carrier {
    Nothing,
    Hardware,
    Software,
    Either,
}

/// The kernel does not report which device carries the bytes of a socket. But interfaces without
/// hardware that moved next to nothing in this interval did not carry them; the same holds for those
/// with hardware.
fn carrier(frame: &Frame, counter: CounterId, bytes: u64) -> Carrier {
    if bytes == 0 {
        return Carrier::Nothing;
    }
    let sent = counter == CounterId::NetTxBytes;
    let moved = |software: bool| -> u64 {
        let devices = frame.devices.iter();
        devices
            .filter(|device| device.kind == DeviceKind::Net && device.software == software)
            .map(|device| if sent { device.write_bytes } else { device.read_bytes })
            .sum()
    };
    // A tenth: other processes send at the same time, and devices count headers too.
    let little = bytes / 10;
    match (moved(false) > little, moved(true) > little) {
        (_, false) => Carrier::Hardware,
        (false, true) => Carrier::Software,
        (true, true) => Carrier::Either,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::sketch::snapshot, snapshot::DeviceSample};

    fn sample(path: CopyPath, moved_bytes: u64, copied_bytes: u64) -> PathSample {
        let (path, provenance) = (path.into(), Provenance::Measured);
        PathSample {
            path,
            socket: None,
            ops: 1,
            errors: 0,
            moved_bytes,
            copied_bytes,
            assumed_bytes: 0,
            provenance,
        }
    }

    #[test]
    fn a_sendfile_that_fell_back_is_two_hops() {
        let mut picture = Picture::default();
        picture.add_path(&sample(CopyPath::SendfileToSocket, 100, 30));
        picture.add_path(&sample(CopyPath::SpliceFilePipe, 7, 0));
        let bytes = |means| picture.hop(Place::PageCache, Place::Buffer, means).map(|h| h.bytes);
        assert_eq!((bytes(Means::Copy), bytes(Means::Reference)), (Some(30), Some(77)));
    }

    #[test]
    fn what_only_loopback_can_have_carried_is_no_dma() {
        let means = |devices: &[(bool, u64)]| {
            let devices = devices.iter().map(|(software, bytes)| net(*software, *bytes)).collect();
            let frame = Frame { devices, ..Frame::cumulative(snapshot(1, &[])) };
            let mut counters = Counters::default();
            counters[CounterId::NetTxBytes] = 1000;
            let picture = Picture::new(&frame, &counters, &[]);
            let [hop] = picture.hops[..] else { panic!("{picture:?}") };
            (hop.means, hop.provenance)
        };
        assert_eq!(means(&[(false, 1040), (true, 90)]), (Means::Dma, Provenance::Measured));
        assert_eq!(means(&[(false, 90), (true, 1040)]), (Means::Reference, Provenance::Measured));
        assert_eq!(means(&[(false, 500), (true, 1040)]), (Means::Dma, Provenance::Assumed));
        assert_eq!(means(&[]), (Means::Dma, Provenance::Measured), "the devices were not counted");
    }

    fn net(software: bool, write_bytes: u64) -> DeviceSample {
        DeviceSample {
            device: "x".to_owned(),
            kind: DeviceKind::Net,
            namespace: None,
            software,
            read_bytes: 0,
            write_bytes,
            read_requests: 0,
            write_requests: 1,
            errors: 0,
            linear_bytes: 0,
            gather_bytes: 0,
            mapped: None,
        }
    }
}
