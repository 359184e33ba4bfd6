//! A frame: the unit of a recording, which tells its own length and whether it is whole.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | [`SYNC`], by which a reader finds the next frame behind damage |
//! | 4 | length of the payload |
//! | 1 | kind |
//! | 3 | 0 |
//! | 8 | time, ns since the Unix epoch |
//! | 4 | CRC-32 of all bytes above and of the payload |
//! | n | payload |
//!
//! Numbers are little-endian. A file begins with [`MAGIC`], the major version and the minor version, one byte each. A
//! reader refuses a newer major version, and skips kinds that it does not know.

/// What a file begins with.
pub const MAGIC: [u8; 6] = *b"ZCREC\0";
/// Version of the form. A newer minor version adds kinds, or members of what they hold.
///
/// Since 2.0, what differs from a key has [`Update`](crate::delta::Update)s.
pub const VERSION: [u8; 2] = [2, 0];
/// Bytes of both.
pub const PREFIX_LEN: usize = MAGIC.len() + VERSION.len();

/// What a frame begins with: no text, and no number that is usual.
pub const SYNC: [u8; 4] = [0xf5, b'Z', b'C', 0xfa];
/// Bytes before the payload.
pub const HEAD_LEN: usize = 24;
/// The longest payload.
pub const MOST_BYTES: usize = 64 << 20;

/// What the payload of a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was recorded, see [`Meta`](crate::Meta).
    Meta,
    /// A snapshot.
    Key,
    /// When the key was written that it depends on (8 bytes), and what differs from that, packed with it as the
    /// dictionary.
    Delta,
    /// A moment that was given a name, see [`Mark`](crate::Mark).
    Mark,
    /// Nothing: the recording was ended as intended.
    End,
    /// A kind that a newer version wrote.
    Unknown(u8),
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Self::Meta => 1,
            Self::Key => 2,
            Self::Delta => 3,
            Self::Mark => 4,
            Self::End => 5,
            Self::Unknown(number) => number,
        }
    }

    const fn of(number: u8) -> Self {
        match number {
            1 => Self::Meta,
            2 => Self::Key,
            3 => Self::Delta,
            4 => Self::Mark,
            5 => Self::End,
            number => Self::Unknown(number),
        }
    }
}

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What the payload is.
    pub kind: Kind,
    /// When it was written, ns since the Unix epoch.
    pub at_ns: u64,
    /// Bytes of the payload.
    pub len: usize,
    crc: u32,
}

/// Appends a frame to `out`. The payload has at most [`MOST_BYTES`].
pub fn append(out: &mut Vec<u8>, kind: Kind, at_ns: u64, payload: &[u8]) {
    let begin = out.len();
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&SYNC);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&[kind.number(), 0, 0, 0]);
    out.extend_from_slice(&at_ns.to_le_bytes());
    let crc = crc(&out[begin..], payload);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
}

fn crc(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

impl Head {
    /// Reads the bytes before a payload. `None` if they are not those of a frame.
    #[must_use]
    pub fn read(bytes: &[u8; HEAD_LEN]) -> Option<Self> {
        if bytes[..4] != SYNC {
            return None;
        }
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let len = word(4) as usize;
        (len <= MOST_BYTES).then(|| Self {
            kind: Kind::of(bytes[8]),
            at_ns: u64::from(word(12)) | u64::from(word(16)) << 32,
            len,
            crc: word(20),
        })
    }

    /// Whether `bytes`, which this was read from, and `payload` are as they were written.
    #[must_use]
    pub fn is_whole(&self, bytes: &[u8; HEAD_LEN], payload: &[u8]) -> bool {
        payload.len() == self.len && crc(&bytes[..HEAD_LEN - 4], payload) == self.crc
    }
}
