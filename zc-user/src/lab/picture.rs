//! The textbook picture of a finding.

use super::{finding::Ran, scenario::Setting, sink::Sink};
use crate::model::picture::{Picture, Place};

impl Ran {
    /// The picture of the median round; `None` when nothing was counted.
    #[must_use]
    pub fn picture(&self, setting: &Setting) -> Option<Picture> {
        let frame = self.measurement.frame.as_ref().ok()?;
        let picture = Picture::new(frame, &frame.totals.counters, &frame.totals.paths);
        let mut picture =
            if setting.sink.has_device() { picture } else { picture.without_network_device() };
        picture.names = names(setting.sink);
        Some(picture)
    }
}

/// What the places are where the payload goes to this sink.
fn names(sink: Sink) -> Vec<(Place, &'static str)> {
    match sink {
        Sink::Tcp => vec![(Place::Buffer, "socket buffer"), (Place::Network, "loopback")],
        Sink::Unix => vec![(Place::Buffer, "socket buffer")],
        Sink::Pipe => vec![(Place::Buffer, "pipe")],
        Sink::File => Vec::new(),
    }
}
