//! Reading: what is whole is read, and what is not is said.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, Seek as _, SeekFrom},
    rc::Rc,
};

use serde::de::DeserializeOwned;
use zc_model::snapshot::Snapshot;
use zstd::bulk::Decompressor;

use crate::{
    MOST_UNPACKED,
    delta::Delta,
    frame::{HEAD_LEN, Head, Kind, MAGIC, MOST_BYTES, PREFIX_LEN, SYNC, VERSION},
    meta::{Mark, Meta},
    plausible,
    skim::{self, MOST_VALUES},
};

/// Why a recording, or a part of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file does not begin like a recording.
    #[error("it is no recording of zc: it does not begin with ZCREC")]
    Foreign,
    /// A newer `zc` wrote it, in another form.
    #[error(
        "it has version {0} of the form of recordings, and this zc reads version {own}: use a newer zc",
        own = VERSION[0]
    )]
    Newer(u8),
    /// It has no snapshot that can be read.
    #[error("it has no snapshot that can be read")]
    Empty,
    /// A frame is whole, and its content is not what this version reads.
    #[error("a frame is whole, but its content cannot be read: {0}")]
    Content(String),
    /// A frame is whole, and does not name the one that it depends on.
    #[error("a frame is whole, but does not name the one that it depends on")]
    NoKey,
    /// What was read before is not there any more.
    #[error("the file has been replaced or cut since it was opened; open it again")]
    Replaced,
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What of a recording cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Bytes that belong to no whole frame, before the last whole one.
    pub bytes: u64,
    /// Places where there are such bytes.
    pub places: u64,
    /// Snapshots that are whole, but depend on one that is not.
    pub orphans: u64,
    /// Bytes after the last whole frame: the recorder was killed, or is writing.
    pub torn: u64,
    /// The same where these are so many that no frame was searched for in all of them.
    pub unseen: u64,
}

/// A snapshot in the file.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Which of the files.
    file: usize,
    at: u64,
    head: Head,
    /// The place of the key, for what depends on one.
    key: Option<usize>,
}

/// A recording that is open for reading.
pub struct Recording {
    /// In the order of time. Only the last one grows.
    files: Vec<File>,
    meta: Meta,
    snapshots: Vec<Place>,
    marks: Vec<(u64, Mark)>,
    /// The last key that is whole.
    key: Option<usize>,
    damage: Damage,
    has_ended: bool,
    /// How far the file was looked at.
    looked: u64,
    /// How the last file began when it was opened.
    begins: Vec<u8>,
    /// The key that was read last: what follows in the same chunk needs it again.
    unpacked: RefCell<Option<(usize, Rc<Unpacked>)>>,
}

/// A key as it was packed, and read.
struct Unpacked {
    dictionary: Vec<u8>,
    snapshot: Snapshot,
}

impl Recording {
    /// Reads what there is.
    ///
    /// # Errors
    /// When it is no recording, one of a newer form, or there is no snapshot in it.
    pub fn open(file: File) -> Result<Self, Unreadable> {
        Self::of(vec![file])
    }

    /// Reads what there is in `files`, which one recorder has written one after the other.
    ///
    /// # Errors
    /// When one is no recording, or of a newer form, or there is no snapshot in any.
    pub fn of(files: Vec<File>) -> Result<Self, Unreadable> {
        let mut recording = Self {
            files: Vec::new(),
            meta: Meta::default(),
            snapshots: Vec::new(),
            marks: Vec::new(),
            key: None,
            damage: Damage::default(),
            has_ended: false,
            looked: 0,
            begins: Vec::new(),
            unpacked: RefCell::new(None),
        };
        for file in files {
            recording.go_on_in(file)?;
        }
        if recording.snapshots.is_empty() { Err(Unreadable::Empty) } else { Ok(recording) }
    }

    /// Reads what there is in `file`, which the recorder has begun after the last one.
    ///
    /// # Errors
    /// When it is no recording, or of a newer form.
    pub fn go_on_in(&mut self, mut file: File) -> Result<(), Unreadable> {
        check(&mut file)?;
        // Of a file that another one follows, nothing is missing at the end.
        let Damage { torn, unseen, .. } = self.damage;
        self.damage.torn = 0;
        self.damage.unseen = 0;
        self.damage.bytes += torn + unseen;
        self.damage.places += u64::from(torn + unseen > 0);
        self.begins = beginning(&mut file)?;
        self.files.push(file);
        self.looked = PREFIX_LEN as u64;
        self.look_further().map(|_| ())
    }

    /// Forgets all files but the last two, of one that has been read for long: the recorder keeps no more. Returns how
    /// many snapshots are gone.
    pub(crate) fn forget_old_files(&mut self) -> usize {
        /// As many as a recorder has.
        const KEPT: usize = 2;
        let old = self.files.len().saturating_sub(KEPT);
        if old == 0 {
            return 0;
        }
        self.files.drain(..old);
        let gone = self.snapshots.iter().take_while(|place| place.file < old).count();
        self.snapshots.drain(..gone);
        for place in &mut self.snapshots {
            place.file -= old;
            // A file that no recorder wrote may depend on the one before: that is not read any more.
            place.key = place.key.map(|key| key.checked_sub(gone).unwrap_or(usize::MAX));
        }
        self.key = self.key.and_then(|key| key.checked_sub(gone));
        self.unpacked.take();
        let (first, _) = self.ends();
        self.marks.retain(|(at, _)| *at >= first);
        gone
    }

    /// The file that is read last, which is the one that grows.
    #[must_use]
    pub fn last_file(&self) -> Option<&File> {
        self.files.last()
    }

    /// How the recording in `file` was made, from its first frame. `None` if that is not whole.
    ///
    /// # Errors
    /// When it is no recording, or one of a newer form.
    pub fn meta_of(mut file: File) -> Result<Option<Meta>, Unreadable> {
        check(&mut file)?;
        let size = file.metadata()?.len();
        let mut frames = Frames::from(file, PREFIX_LEN as u64, size)?;
        match frames.here()? {
            Some(head) if head.kind == Kind::Meta => decoded(&frames.payload).map(Some),
            _ => Ok(None),
        }
    }

    /// How it was made.
    #[must_use]
    pub const fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Time between two snapshots, ns: as it was asked for, or else, where that cannot be read, as it was between the
    /// first two.
    #[must_use]
    pub fn interval_ns(&self) -> u64 {
        let gap = || Some(self.taken_at_ns(1)?.saturating_sub(self.taken_at_ns(0)?));
        match self.meta.interval_ns {
            0 => gap().unwrap_or_default(),
            asked => asked,
        }
    }

    /// Moments with a name, and when they were: ns since the Unix epoch.
    #[must_use]
    pub fn marks(&self) -> &[(u64, Mark)] {
        &self.marks
    }

    /// What of it cannot be read.
    #[must_use]
    pub const fn damage(&self) -> Damage {
        self.damage
    }

    /// Whether it was ended as intended.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Snapshots that can be read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.snapshots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.snapshots.is_empty()
    }

    /// When snapshot `index` was taken, ns since the Unix epoch.
    #[must_use]
    pub fn taken_at_ns(&self, index: usize) -> Option<u64> {
        self.snapshots.get(index).map(|place| place.head.at_ns)
    }

    /// Reads snapshot `index`. `None` if there are not as many.
    ///
    /// # Errors
    /// When its content is not what this version reads, or the file cannot be read any more.
    pub fn snapshot(&self, index: usize) -> Result<Option<Snapshot>, Unreadable> {
        let Some(place) = self.snapshots.get(index) else { return Ok(None) };
        let Some(key) = place.key else {
            return Ok(Some(self.key_at(index)?.snapshot.clone()));
        };
        let key = self.key_at(key)?;
        let payload = self.payload(place)?;
        let Some((_, packed)) = split(&payload) else { return Err(Unreadable::NoKey) };
        let plain = unpacked(&mut Decompressor::with_dictionary(&key.dictionary)?, packed)?;
        possible(decoded::<Delta>(&plain)?.apply(&key.snapshot)).map(Some)
    }

    /// The key at this place.
    fn key_at(&self, index: usize) -> Result<Rc<Unpacked>, Unreadable> {
        if let Some((known, key)) = &*self.unpacked.borrow()
            && *known == index
        {
            return Ok(Rc::clone(key));
        }
        let place = self.snapshots.get(index).ok_or(Unreadable::NoKey)?;
        let packed = self.payload(place)?;
        let dictionary = unpacked(&mut Decompressor::new()?, &packed)?;
        let snapshot = possible(decoded(&dictionary)?)?;
        let key = Rc::new(Unpacked { dictionary, snapshot });
        *self.unpacked.borrow_mut() = Some((index, Rc::clone(&key)));
        Ok(key)
    }

    fn payload(&self, place: &Place) -> Result<Vec<u8>, Unreadable> {
        let mut head = [0; HEAD_LEN];
        let mut payload = vec![0; place.head.len];
        let mut file = &self.files[place.file];
        file.seek(SeekFrom::Start(place.at))?;
        let is_there = fill(&mut file, &mut head)? == HEAD_LEN
            && fill(&mut file, &mut payload)? == payload.len()
            && place.head.is_whole(&head, &payload);
        if is_there { Ok(payload) } else { Err(Unreadable::Replaced) }
    }

    /// Looks at what has been appended since. Whether there is more now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn look_further(&mut self) -> Result<bool, Unreadable> {
        let before = self.snapshots.len();
        let Some(last) = self.files.last() else { return Ok(false) };
        let size = last.metadata()?.len();
        if size < self.looked || beginning(&mut last.try_clone()?)? != self.begins {
            return Err(Unreadable::Replaced);
        }
        let mut frames = Frames::from(last.try_clone()?, self.looked, size)?;
        while let Some((at, head)) = frames.next()? {
            if at > self.looked {
                self.damage.bytes += at - self.looked;
                self.damage.places += 1;
            }
            self.take(at, head, &frames.payload)?;
            self.looked = frames.at;
        }
        let left = size.saturating_sub(self.looked);
        (self.damage.torn, self.damage.unseen) =
            if frames.has_given_up { (0, left) } else { (left, 0) };
        Ok(self.snapshots.len() > before)
    }

    fn take(&mut self, at: u64, head: Head, payload: &[u8]) -> Result<(), Unreadable> {
        self.has_ended = false;
        let file = self.files.len() - 1;
        match head.kind {
            // A recording of several files has several.
            Kind::Meta => self.meta = decoded(payload)?,
            Kind::Mark => self.marks.push((head.at_ns, decoded(payload)?)),
            Kind::Key => {
                self.key = Some(self.snapshots.len());
                self.snapshots.push(Place { file, at, head, key: None });
            }
            Kind::Delta => {
                let wanted = split(payload).map(|(key, _)| key);
                let is_it = |key: &usize| Some(self.snapshots[*key].head.at_ns) == wanted;
                match self.key.filter(is_it) {
                    Some(key) => self.snapshots.push(Place { file, at, head, key: Some(key) }),
                    None => self.damage.orphans += 1,
                }
            }
            Kind::End => self.has_ended = true,
            Kind::Unknown(_) => {}
        }
        Ok(())
    }
}

/// Whether a file begins like a recording that this version reads.
fn check(file: &mut File) -> Result<(), Unreadable> {
    let mut prefix = [0; PREFIX_LEN];
    file.rewind()?;
    if fill(file, &mut prefix)? < PREFIX_LEN || prefix[..MAGIC.len()] != MAGIC {
        return Err(Unreadable::Foreign);
    }
    let major = prefix[MAGIC.len()];
    if major > VERSION[0] { Err(Unreadable::Newer(major)) } else { Ok(()) }
}

/// The first bytes of a file, which a recorder writes at once and never changes.
fn beginning(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; PREFIX_LEN + HEAD_LEN];
    file.rewind()?;
    let len = fill(file, &mut bytes)?;
    bytes.truncate(len);
    Ok(bytes)
}

/// Goes through a file, from one whole frame to the next.
struct Frames {
    file: File,
    at: u64,
    size: u64,
    payload: Vec<u8>,
    /// Bytes that may still be read of what looks like frames and is none. A file can be made of beginnings only, each
    /// of which promises much.
    patience: u64,
    /// Whether so many bytes in a row belong to no frame that the rest is not looked at.
    has_given_up: bool,
}

impl Frames {
    /// Bytes in a row that may belong to no frame: as many as the longest one has. A hole takes no room on a disk, and
    /// can be as long as any file.
    const MOST_DAMAGE: u64 = (HEAD_LEN + MOST_BYTES) as u64;
    /// Bytes that are searched at a time.
    const STEP: usize = 1 << 16;

    /// The frames of a file of `size` bytes, from `at` on.
    fn from(mut file: File, at: u64, size: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(at))?;
        let patience = size.saturating_mul(4).saturating_add(MOST_BYTES as u64);
        Ok(Self { file, at, size, payload: Vec::new(), patience, has_given_up: false })
    }

    /// The next whole frame, with its payload in [`Self::payload`], and where it begins. `None` at the end.
    fn next(&mut self) -> io::Result<Option<(u64, Head)>> {
        let most = self.at.saturating_add(Self::MOST_DAMAGE);
        loop {
            if let Some(head) = self.here()? {
                let at = self.at;
                self.at += (HEAD_LEN + head.len) as u64;
                return Ok(Some((at, head)));
            }
            match self.find(self.at + 1, most)? {
                Some(at) if self.patience > 0 => self.at = at,
                Some(_) => {
                    self.has_given_up = true;
                    return Ok(None);
                }
                None => return Ok(None),
            }
            self.file.seek(SeekFrom::Start(self.at))?;
        }
    }

    /// The frame that begins here, if it is whole.
    fn here(&mut self) -> io::Result<Option<Head>> {
        let mut bytes = [0; HEAD_LEN];
        if fill(&mut self.file, &mut bytes)? < HEAD_LEN {
            return Ok(None);
        }
        let Some(head) = Head::read(&bytes) else { return Ok(None) };
        let end = self.at + (HEAD_LEN + head.len) as u64;
        if end > self.size {
            return Ok(None);
        }
        self.payload.resize(head.len, 0);
        let got = fill(&mut self.file, &mut self.payload)?;
        self.payload.truncate(got);
        if head.is_whole(&bytes, &self.payload) {
            return Ok(Some(head));
        }
        self.patience = self.patience.saturating_sub(head.len as u64);
        Ok(None)
    }

    /// Where the next frame may begin, at `from` or later, but not much beyond `most`.
    fn find(&mut self, mut from: u64, most: u64) -> io::Result<Option<u64>> {
        let mut step = vec![0; Self::STEP];
        loop {
            self.file.seek(SeekFrom::Start(from))?;
            let got = fill(&mut self.file, &mut step)?;
            if got < SYNC.len() {
                return Ok(None);
            }
            if let Some(found) = step[..got].windows(SYNC.len()).position(|window| window == SYNC) {
                return Ok(Some(from + found as u64));
            }
            from += (got - (SYNC.len() - 1)) as u64;
            if from > most {
                self.has_given_up = true;
                return Ok(None);
            }
        }
    }
}

/// Reads until `bytes` is full or the file ends; how many were read.
fn fill(file: &mut impl io::Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < bytes.len() {
        match file.read(&mut bytes[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// What the payload of a delta says of its key, and the rest.
fn split(payload: &[u8]) -> Option<(u64, &[u8])> {
    let (key, packed) = payload.split_first_chunk()?;
    Some((u64::from_le_bytes(*key), packed))
}

fn unpacked(unpacker: &mut Decompressor<'_>, packed: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let content = |error: io::Error| Unreadable::Content(error.to_string());
    let length = Decompressor::upper_bound(packed).unwrap_or(MOST_UNPACKED);
    if length > MOST_UNPACKED {
        return Err(Unreadable::Content(format!("it would take {length} bytes")));
    }
    unpacker.decompress(packed, length).map_err(content)
}

fn decoded<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    if skim::values(bytes).is_none() {
        return Err(Unreadable::Content(format!("it has more than {MOST_VALUES} values")));
    }
    rmp_serde::from_slice(bytes).map_err(|error| Unreadable::Content(error.to_string()))
}

/// The snapshot, if it can be one of a machine.
fn possible(snapshot: Snapshot) -> Result<Snapshot, Unreadable> {
    match plausible::refusal(&snapshot) {
        Some(why) => Err(Unreadable::Content(why)),
        None => Ok(snapshot),
    }
}
