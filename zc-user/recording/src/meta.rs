//! What a recording says of itself: how it was made, and moments with a name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a recording was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Version of the `zc` that wrote it.
    pub version: String,
    /// What was watched, in words: a command, processes, the whole system. Hostile: sanitise before display.
    pub subject: String,
    /// Time between two snapshots, ns.
    pub interval_ns: u64,
    /// What the user wrote on it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whether the snapshots have threads.
    #[serde(default)]
    pub threads: bool,
    /// Which run of a recorder, as all its files say; 0 in files of older versions.
    #[serde(default)]
    pub run: u64,
}

/// A moment that was given a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The name. Hostile: sanitise before display.
    pub text: String,
}
