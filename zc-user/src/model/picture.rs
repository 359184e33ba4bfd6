//! The textbook picture: storage, page cache, user memory, buffers and network, and what travels
//! between them.

use zc_common::path::CopyPath;

use super::frame::Frame;
use crate::sample::{
    counter::{CounterId, Counters},
    snapshot::{PathSample, Provenance},
};

/// Where bytes rest, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Disks and their like.
    Storage,
    /// The kernel's copy of files.
    PageCache,
    /// The memory of the process.
    User,
    /// Socket buffers and pipes.
    Buffer,
    /// What is behind the sockets.
    Network,
}

impl Place {
    /// Every place, from left to right.
    pub const ALL: &'static [Self] =
        &[Self::Storage, Self::PageCache, Self::User, Self::Buffer, Self::Network];

    /// Name on screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::PageCache => "page cache",
            Self::User => "user",
            Self::Buffer => "sock/pipe",
            Self::Network => "network",
        }
    }
}

/// How bytes get from place to place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// The CPU copies them.
    Copy,
    /// Pages are passed on by reference.
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
    /// What `bytes` is worth. [`Provenance::Unavailable`]: it is not known how many of the bytes
    /// were copied after all.
    pub provenance: Provenance,
}

/// The hops of a process or of the system that were travelled, in no particular order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture(pub Vec<Hop>);

impl Picture {
    /// The picture that these counts of `frame` give.
    #[must_use]
    pub fn new(frame: &Frame, counters: &Counters, paths: &[PathSample]) -> Self {
        let mut picture = Self::default();
        for sample in paths {
            picture.add_path(sample);
        }
        let moved = |path: CopyPath| -> u64 {
            paths.iter().filter(|s| s.path.0 == path).map(|s| s.moved_bytes).sum()
        };
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
        let (sent, received) = (CounterId::NetTxBytes, CounterId::NetRxBytes);
        picture.add(device(Place::Buffer, Place::Network, sent, counters[sent]));
        picture.add(device(Place::Network, Place::Buffer, received, counters[received]));
        picture
    }

    /// What travels from `from` to `to` by `means`.
    #[must_use]
    pub fn hop(&self, from: Place, to: Place, means: Means) -> Option<&Hop> {
        self.0.iter().find(|hop| (hop.from, hop.to, hop.means) == (from, to, means))
    }

    fn add_path(&mut self, sample: &PathSample) {
        let PathSample { moved_bytes, copied_bytes, provenance, .. } = *sample;
        let Some((from, to)) = route(sample.path.0) else { return };
        if (from, to) == (Place::Storage, Place::User)
            || (from, to) == (Place::User, Place::Storage)
        {
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
        let known = self.0.iter_mut().find(|h| (h.from, h.to, h.means) == (from, to, means));
        match known {
            Some(known) if bytes > 0 => {
                known.bytes = known.bytes.saturating_add(bytes);
                known.provenance = known.provenance.max(provenance);
            }
            None if bytes > 0 || (means == Means::Dma && provenance != Provenance::Measured) => {
                self.0.push(hop);
            }
            _ => {}
        }
    }
}

/// Origin and destination of a path's bytes. `None` for pseudo files, which hold nothing.
const fn route(path: CopyPath) -> Option<(Place, Place)> {
    Some(match path {
        CopyPath::FileRead | CopyPath::MmapRead => (Place::PageCache, Place::User),
        CopyPath::FileWrite | CopyPath::MmapWrite => (Place::User, Place::PageCache),
        CopyPath::DirectRead => (Place::Storage, Place::User),
        CopyPath::DirectWrite => (Place::User, Place::Storage),
        CopyPath::SocketRecv | CopyPath::SocketRecvZerocopy | CopyPath::PipeRead => {
            (Place::Buffer, Place::User)
        }
        CopyPath::SocketSend
        | CopyPath::SocketSendZerocopy
        | CopyPath::PipeWrite
        | CopyPath::Vmsplice => (Place::User, Place::Buffer),
        CopyPath::SendfileToSocket | CopyPath::SendfileToPipe | CopyPath::SpliceFilePipe => {
            (Place::PageCache, Place::Buffer)
        }
        CopyPath::SplicePipeFile => (Place::Buffer, Place::PageCache),
        CopyPath::SendfileToFile | CopyPath::CopyRangeReflink | CopyPath::CopyRangeCopied => {
            (Place::PageCache, Place::PageCache)
        }
        CopyPath::SplicePipeSocket
        | CopyPath::SpliceSocketPipe
        | CopyPath::SplicePipePipe
        | CopyPath::Tee
        | CopyPath::SkbLinearize => (Place::Buffer, Place::Buffer),
        CopyPath::CowCopy | CopyPath::ProcessVm => (Place::User, Place::User),
        CopyPath::PseudoRead
        | CopyPath::PseudoWrite
        | CopyPath::SendfileToPseudo
        | CopyPath::SplicePipePseudo
        | CopyPath::SwiotlbBounce => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::path, sample::snapshot::PathId};

    fn sample(path: CopyPath, moved_bytes: u64, copied_bytes: u64) -> PathSample {
        let (path, provenance) = (PathId(path), Provenance::Measured);
        PathSample { path, socket: None, ops: 1, errors: 0, moved_bytes, copied_bytes, provenance }
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
    fn every_path_that_carries_payload_is_in_the_picture() {
        for copy_path in CopyPath::ALL.iter().copied() {
            let carries = path::flow(copy_path) != path::Flow::None;
            let pseudo = path::is_pseudo(copy_path);
            assert!(!carries || route(copy_path).is_some(), "{copy_path:?}");
            assert!(!pseudo || route(copy_path).is_none(), "{copy_path:?}");
        }
    }
}
