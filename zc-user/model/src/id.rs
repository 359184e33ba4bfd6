//! The ids in a snapshot: those that this version knows, and those that a newer one wrote.
//!
//! A recording outlives the `zc` that wrote it. An id that this version does not know keeps its
//! figures: they are summed up, listed under the id, and written again.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{PoisonError, RwLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zc_common::{
    loss::Loss,
    path::{CopyPath, SocketKind},
};

/// An enumeration whose variants have a stable id.
pub trait Named: Copy + 'static {
    /// All of them, in order.
    const ALL: &'static [Self];

    /// The stable id.
    fn id(self) -> &'static str;

    /// What it means, in one sentence; empty if there is none.
    fn help(self) -> &'static str {
        ""
    }
}

/// Reads and writes an enumeration by its id; one that is not known becomes its `Unknown`.
macro_rules! serde_by_id {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.id())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(match Id::deserialize(deserializer)? {
                    Id::Known(known) => known,
                    Id::Unknown(id) => Self::Unknown(id),
                })
            }
        }
    };
}
pub(crate) use serde_by_id;

/// Makes an enumeration that has these as its own a [`Named`] one.
macro_rules! named {
    ($($name:ident $($help:ident)?;)*) => {$(
        impl $crate::id::Named for $name {
            const ALL: &'static [Self] = Self::ALL;

            fn id(self) -> &'static str {
                Self::id(self)
            }

            $(fn help(self) -> &'static str {
                Self::$help(self)
            })?
        }
    )*};
}
pub(crate) use named;

named! { CopyPath help; SocketKind; Loss help; }

/// An id of a snapshot. Ids that are known come first, in their own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id<K> {
    /// This version knows what it means.
    Known(K),
    /// A newer version wrote it.
    Unknown(UnknownId),
}

impl<K: Named> Id<K> {
    /// What it means, if this version knows it.
    #[must_use]
    pub const fn known(self) -> Option<K> {
        match self {
            Self::Known(known) => Some(known),
            Self::Unknown(_) => None,
        }
    }

    /// Whether it is known and `is` holds for it.
    #[must_use]
    pub fn is_known_and(self, is: impl FnOnce(K) -> bool) -> bool {
        self.known().is_some_and(is)
    }

    /// The id as it is written: letters, digits, `_`, `-` and `.`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Known(known) => known.id(),
            Self::Unknown(unknown) => unknown.id(),
        }
    }

    /// What it means, in one sentence.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Known(known) => known.help(),
            Self::Unknown(_) => "Written by a newer version of zc; this version does not know it.",
        }
    }
}

impl<K> From<K> for Id<K> {
    fn from(known: K) -> Self {
        Self::Known(known)
    }
}

impl<K: PartialEq> PartialEq<K> for Id<K> {
    fn eq(&self, other: &K) -> bool {
        matches!(self, Self::Known(known) if known == other)
    }
}

impl<K: Named> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de, K: Named> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        match K::ALL.iter().find(|known| known.id() == id) {
            Some(known) => Ok(Self::Known(*known)),
            None => UnknownId::new(&id).map(Self::Unknown).map_err(D::Error::custom),
        }
    }
}

/// An id that this version does not know. As small as an index, because each sample of a path holds
/// one; in the order in which the ids were first read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownId(u16);

/// The unknown ids that were read, each once: no version adds more than a few.
static UNKNOWN: RwLock<Vec<&'static str>> = RwLock::new(Vec::new());

/// Far more than a newer version can have added, and little enough memory to keep them until the end.
const MOST: usize = 1000;
const LONGEST: usize = 64;

impl UnknownId {
    /// # Errors
    /// When `id` cannot be an id, or when there are too many: the file is damaged or hostile.
    pub(crate) fn new(id: &str) -> Result<Self, String> {
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if id.is_empty() || id.len() > LONGEST || !id.bytes().all(harmless) {
            return Err(format!("{id:?} is not an id: expected up to {LONGEST} letters or digits"));
        }
        let mut ids = UNKNOWN.write().unwrap_or_else(PoisonError::into_inner);
        let at = match ids.iter().position(|known| *known == id) {
            Some(at) => at,
            None if ids.len() >= MOST => {
                return Err(format!("more than {MOST} ids that this version of zc does not know"));
            }
            None => {
                ids.push(Box::leak(Box::from(id)));
                ids.len() - 1
            }
        };
        u16::try_from(at).map(Self).map_err(|error| error.to_string())
    }

    /// The id as it is written.
    #[must_use]
    pub fn id(self) -> &'static str {
        let ids = UNKNOWN.read().unwrap_or_else(PoisonError::into_inner);
        ids.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

impl fmt::Debug for UnknownId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Counts under ids that this version does not know, in the order of the ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnknownCounts(Vec<(UnknownId, u64)>);

impl UnknownCounts {
    /// # Errors
    /// As for [`UnknownId::new`].
    pub(crate) fn new(by_id: BTreeMap<String, u64>) -> Result<Self, String> {
        let counts = by_id.into_iter().map(|(id, count)| Ok((UnknownId::new(&id)?, count)));
        let mut counts = counts.collect::<Result<Vec<_>, String>>()?;
        counts.sort_unstable();
        Ok(Self(counts))
    }

    /// Applies `merge` to every pair of counts; one that is missing is 0, and so is the result left
    /// out that is 0.
    pub(crate) fn zip_with(&self, other: &Self, merge: impl Fn(u64, u64) -> u64) -> Self {
        if self.0.is_empty() && other.0.is_empty() {
            return Self::default();
        }
        let mut ids: Vec<_> = self.0.iter().chain(&other.0).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let merged = ids.into_iter().map(|id| (id, merge(self.get(id), other.get(id))));
        Self(merged.filter(|(_, count)| *count > 0).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (UnknownId, u64)> + '_ {
        self.0.iter().copied()
    }

    pub(crate) fn set(&mut self, id: UnknownId, count: u64) {
        match self.0.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => self.0[at].1 = count,
            Err(at) => self.0.insert(at, (id, count)),
        }
    }

    fn get(&self, id: UnknownId) -> u64 {
        self.0.binary_search_by_key(&id, |(id, _)| *id).map_or(0, |at| self.0[at].1)
    }
}

/// Reads an object from ids to counts: `known` takes those that it knows, the others are returned.
pub(crate) fn read_counts<'de, K: Named, D: Deserializer<'de>>(
    deserializer: D,
    mut known: impl FnMut(K, u64),
) -> Result<UnknownCounts, D::Error> {
    let mut by_id = BTreeMap::<String, u64>::deserialize(deserializer)?;
    for id in K::ALL {
        if let Some(count) = by_id.remove(id.id()) {
            known(*id, count);
        }
    }
    UnknownCounts::new(by_id).map_err(D::Error::custom)
}
