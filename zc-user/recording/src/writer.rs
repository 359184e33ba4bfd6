//! Writing: one frame per tick, in one call.

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use zc_model::snapshot::Snapshot;
use zstd::bulk::Compressor;

use crate::{
    MOST_UNPACKED,
    delta::Delta,
    frame::{self, Kind, MAGIC, MOST_BYTES, VERSION},
    meta::{Mark, Meta},
    skim::{self, MOST_VALUES},
};

/// Snapshots of a chunk, with its key: any moment is read from the key and one frame more.
const CHUNK: u32 = 60;

/// Fast rather than small: a level more takes twice the time for a tenth less.
const LEVEL: i32 = 1;

/// Turns snapshots into frames.
///
/// What it returns is to be appended to the file in one call each: then a recorder that is killed loses one tick at
/// most.
pub struct Writer {
    meta: Meta,
    key: Option<Key>,
}

/// The beginning of the current chunk.
struct Key {
    snapshot: Snapshot,
    /// Packs later frames, with this as the dictionary.
    packer: Compressor<'static>,
    /// Frames that may still refer to it.
    left: u32,
}

/// What is to be appended to a recording.
pub struct Piece {
    /// The frames.
    pub bytes: Vec<u8>,
    /// Whether a chunk begins here: nothing from here on needs what was written before.
    pub begins_chunk: bool,
}

impl Writer {
    /// A writer of a recording that was made so.
    #[must_use]
    pub const fn new(meta: Meta) -> Self {
        Self { meta, key: None }
    }

    /// The beginning of a file. Every file begins like that, and then with a chunk.
    ///
    /// # Errors
    /// When what is written on the recording cannot be encoded.
    pub fn begin(&self, at_ns: u64) -> Result<Vec<u8>> {
        let mut bytes = [&MAGIC[..], &VERSION].concat();
        frame::append(&mut bytes, Kind::Meta, at_ns, &encoded(&self.meta)?);
        Ok(bytes)
    }

    /// Has the next snapshot begin a chunk.
    pub fn begin_chunk(&mut self) {
        self.key = None;
    }

    /// The next snapshot.
    ///
    /// # Errors
    /// When it has more than a reader reads.
    pub fn snapshot(&mut self, snapshot: &Snapshot) -> Result<Piece> {
        let mut bytes = Vec::new();
        if let Some(key) = self.key.as_mut().filter(|key| key.left > 0) {
            key.left -= 1;
            let delta = Delta::between(&key.snapshot, snapshot);
            if is_outgrown(&key.snapshot, &delta) && key.left < CHUNK - LEAST {
                key.left = 0;
            }
            let plain = encoded(&delta)?;
            let packed = packed(&mut key.packer, &plain)?;
            let payload = [&key.snapshot.taken_at_ns.to_le_bytes()[..], &packed].concat();
            frame::append(&mut bytes, Kind::Delta, snapshot.taken_at_ns, &payload);
            return Ok(Piece { bytes, begins_chunk: false });
        }
        let dictionary = encoded(snapshot)?;
        let packed = packed(&mut Compressor::new(LEVEL)?, &dictionary)?;
        frame::append(&mut bytes, Kind::Key, snapshot.taken_at_ns, &packed);
        let packer = Compressor::with_dictionary(LEVEL, &dictionary)?;
        self.key = Some(Key { snapshot: snapshot.clone(), packer, left: CHUNK - 1 });
        Ok(Piece { bytes, begins_chunk: true })
    }

    /// Gives this moment a name.
    ///
    /// # Errors
    /// When the name cannot be encoded.
    pub fn mark(&self, at_ns: u64, text: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        frame::append(&mut bytes, Kind::Mark, at_ns, &encoded(&Mark { text: text.to_owned() })?);
        Ok(bytes)
    }

    /// The end, as intended.
    #[must_use]
    pub fn end(&self, at_ns: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame::append(&mut bytes, Kind::End, at_ns, &[]);
        bytes
    }
}

/// Deltas of a chunk that is ended early, at least: keys are dear, too.
const LEAST: u32 = 5;

/// Processes that a delta may have in whole before it matters.
const FEW: usize = 256;

/// Whether so much of a machine is not in the key that each delta has to say it again: then another key costs less.
fn is_outgrown(key: &Snapshot, delta: &Delta) -> bool {
    let whole = delta.snapshot.processes.len();
    whole > FEW && whole > key.processes.len() / 4
}

/// What to do about a snapshot that is too large.
const ADVICE: &str = "record fewer processes: choose them with -p or --cgroup";

fn encoded(value: &impl Serialize) -> Result<Vec<u8>> {
    let bytes = rmp_serde::to_vec_named(value).context("cannot encode a snapshot")?;
    ensure!(
        bytes.len() <= MOST_UNPACKED,
        "a snapshot has {} bytes, more than the {MOST_UNPACKED} that are read back; {ADVICE}",
        bytes.len()
    );
    // Each value has a byte.
    ensure!(
        bytes.len() as u64 <= MOST_VALUES || skim::values(&bytes).is_some(),
        "a snapshot has more than the {MOST_VALUES} values that are read back; {ADVICE}"
    );
    Ok(bytes)
}

fn packed(packer: &mut Compressor<'_>, plain: &[u8]) -> Result<Vec<u8>> {
    let packed = packer.compress(plain).context("cannot pack a snapshot")?;
    let most = MOST_BYTES - size_of::<u64>();
    ensure!(
        packed.len() <= most,
        "a packed snapshot has {} bytes, more than the {most} that are read back",
        packed.len()
    );
    Ok(packed)
}
