//! The textbook picture of a finding.

use super::finding::Ran;
use crate::{sink::Sink, workload::scenario::Setting};
use zc_model::{
    path::{self, Flow},
    picture::{Picture, Place},
    snapshot::PathSample,
};

impl Ran {
    /// The picture of the median round; `None` when nothing was counted.
    #[must_use]
    pub fn picture(&self, setting: &Setting) -> Option<Picture> {
        let frame = self.measurement.frame.as_ref().ok()?;
        let little = (setting.size / 100).max(LITTLE);
        // Pages of the program itself are mapped and copied on first use, too.
        let is_aside = |sample: &PathSample| {
            let bytes = sample.moved_bytes.max(sample.copied_bytes);
            let aside = |path| path::is_mapped(path) || path::flow(path) == Flow::None;
            sample.path.is_known_and(aside) && bytes < little
        };
        let paths = frame.totals.paths.iter().copied();
        let paths: Vec<_> = paths.filter(|sample| !is_aside(sample)).collect();
        let mut picture = Picture::new(frame, &frame.totals.counters, &paths);
        // No sink has hardware behind it.
        picture = picture.without_network_device();
        picture.names = names(setting.sink);
        Some(picture)
    }
}

/// Bytes of pages that a program touches for itself, at most.
const LITTLE: u64 = 512 << 10;

/// What the places are where the payload goes to this sink.
#[must_use]
pub fn names(sink: Sink) -> Vec<(Place, &'static str)> {
    match sink {
        Sink::Tcp => vec![(Place::Buffer, "socket buffer"), (Place::Network, "loopback")],
        Sink::Veth | Sink::VethLinear => {
            vec![(Place::Buffer, "socket buffer"), (Place::Network, "veth")]
        }
        Sink::Unix => vec![(Place::Buffer, "socket buffer")],
        Sink::Pipe => vec![(Place::Buffer, "pipe")],
        Sink::File | Sink::Memory => Vec::new(),
    }
}
