//! The last minutes of a recording, in memory: a flight recorder.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use anyhow::Result;

use crate::{Writer, writer::Piece};

/// Bytes that are kept, unless the user says how many.
pub const IN_MEMORY: u64 = 64 << 20;

/// Whole chunks, the oldest of which goes when there is no room or it is too old.
#[derive(Debug)]
pub struct Ring {
    /// With when each begins. Shared with those who are writing them somewhere.
    chunks: VecDeque<(u64, Arc<Vec<u8>>)>,
    bytes: u64,
    /// How far back they reach, ns.
    span_ns: u64,
    /// Bytes that they may have.
    most: u64,
    last_ns: u64,
}

/// A recording of what was in memory at one moment.
#[derive(Clone, Debug)]
pub struct Dump {
    /// What comes before the chunks.
    pub begin: Vec<u8>,
    /// The chunks.
    pub chunks: Vec<Arc<Vec<u8>>>,
    /// What comes after them.
    pub end: Vec<u8>,
    /// From the first snapshot to the last.
    pub span: Duration,
}

impl Dump {
    /// The bytes of the recording, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let chunks = self.chunks.iter().map(|chunk| chunk.as_slice());
        [&*self.begin].into_iter().chain(chunks).chain([&*self.end])
    }
}

impl Ring {
    /// Nothing yet. Keeps so much time, and so many bytes at most.
    #[must_use]
    pub fn new(span: Duration, most: u64) -> Self {
        Self {
            chunks: VecDeque::new(),
            bytes: 0,
            span_ns: u64::try_from(span.as_nanos()).unwrap_or(u64::MAX),
            most,
            last_ns: 0,
        }
    }

    /// Whether the next snapshot is to begin a chunk.
    #[must_use]
    pub fn wants_chunk(&self) -> bool {
        // Chunks go one at a time: a fourth of the room each at most.
        self.chunks.back().is_some_and(|(_, chunk)| chunk.len() as u64 > self.most / 4)
    }

    /// Takes what belongs to a snapshot that was taken at `at_ns`, ns since the Unix epoch.
    pub fn keep(&mut self, at_ns: u64, piece: Piece) {
        self.bytes += piece.bytes.len() as u64;
        self.last_ns = at_ns;
        match self.chunks.back_mut() {
            Some((_, chunk)) if !piece.begins_chunk => {
                Arc::make_mut(chunk).extend_from_slice(&piece.bytes);
            }
            whole => {
                // It grows no more; the room that it had for that is up to its own size. Those who write it have a copy.
                if let Some(chunk) = whole.and_then(|(_, chunk)| Arc::get_mut(chunk)) {
                    chunk.shrink_to_fit();
                }
                self.chunks.push_back((at_ns, Arc::new(piece.bytes)));
            }
        }
        self.trim();
    }

    /// Takes the frame of a mark. Whether there was a snapshot that it belongs to.
    pub fn mark(&mut self, frame: &[u8]) -> bool {
        let Some((_, chunk)) = self.chunks.back_mut() else { return false };
        Arc::make_mut(chunk).extend_from_slice(frame);
        self.bytes += frame.len() as u64;
        self.trim();
        true
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.chunks.clear();
        self.bytes = 0;
    }

    /// Drops what is older than asked for, and what there is no room for; never the newest chunk.
    fn trim(&mut self) {
        while let Some((second, _)) = self.chunks.get(1) {
            let is_old = self.last_ns.saturating_sub(*second) >= self.span_ns;
            if !is_old && self.bytes <= self.most {
                return;
            }
            if let Some((_, chunk)) = self.chunks.pop_front() {
                self.bytes -= chunk.len() as u64;
            }
        }
    }

    /// What is in memory, as a recording of `writer`. `None` if there is nothing yet.
    ///
    /// # Errors
    /// When what is written on the recording cannot be encoded.
    pub fn dump(&self, writer: &Writer) -> Result<Option<Dump>> {
        let Some((first_ns, _)) = self.chunks.front() else { return Ok(None) };
        Ok(Some(Dump {
            begin: writer.begin(*first_ns)?,
            chunks: self.chunks.iter().map(|(_, chunk)| Arc::clone(chunk)).collect(),
            end: writer.end(self.last_ns),
            span: Duration::from_nanos(self.last_ns.saturating_sub(*first_ns)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_that_is_complete_takes_no_more_room_than_it_has_bytes() {
        let mut ring = Ring::new(Duration::from_secs(600), IN_MEMORY);
        let piece = |begins_chunk| Piece { bytes: vec![7; 1_009], begins_chunk };
        for at in 0..200 {
            ring.keep(at, piece(at % 67 == 0));
        }
        let chunks: Vec<_> = ring.chunks.iter().map(|(_, chunk)| chunk).collect();
        assert_eq!(chunks.len(), 3);
        for chunk in &chunks[..2] {
            assert_eq!((chunk.len(), chunk.capacity()), (67 * 1_009, 67 * 1_009));
        }
        assert!(chunks[2].capacity() > chunks[2].len(), "the last one grows");
    }
}
