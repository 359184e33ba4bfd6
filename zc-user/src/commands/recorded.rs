//! Recordings that the user names: opened, and described in words.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{record::former, say};
use crate::cli::Usage;
use zc_privilege::{as_user, files};
use zc_recording::{Damage, Growth, Meta, NoMoment, Recording, Unreadable};
use zc_render::{human, sanitize::sanitize};

/// Opens the recording at `path` with the user's rights, and the file before it if the recorder has begun another one.
pub(super) fn open(path: &Path) -> Result<Recording> {
    let before = open_file(&former(path)).ok();
    let files = match (open_file(path), before) {
        // It was there first.
        (Ok(file), Some(before)) if is_of_one_recorder(&before, &file) => vec![before, file],
        // The recorder was killed, or the disk was full, when it had just begun another one.
        (Ok(file), Some(before)) if has_nothing(&file) => {
            say(&format!("'{}' has nothing; '{0}.1' is shown", shown(path)));
            vec![before]
        }
        (Err(error), Some(before)) if is_missing(&error) => {
            say(&format!("there is no '{}'; '{0}.1' is shown", shown(path)));
            vec![before]
        }
        (file, _) => vec![file?],
    };
    Recording::of(files).map_err(|error| match error {
        Unreadable::Io(error) => anyhow::Error::new(error)
            .context(format!("cannot read the recording '{}'", shown(path))),
        error => Usage(format!("cannot read '{}': {error}", shown(path))).into(),
    })
}

fn has_nothing(file: &File) -> bool {
    file.metadata().is_ok_and(|found| found.len() == 0)
        || file
            .try_clone()
            .is_ok_and(|file| matches!(Recording::open(file), Err(Unreadable::Empty)))
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

fn open_file(path: &Path) -> Result<File> {
    files::open(path).with_context(|| format!("cannot read the recording '{}'", shown(path)))
}

pub(super) fn shown(path: &Path) -> String {
    sanitize(&path.to_string_lossy()).into_owned()
}

/// Whether `before` can be the file that a recorder wrote before `file`: both are recordings of the same subject, and
/// `before` ends, without an end, where `file` begins.
fn is_of_one_recorder(before: &File, file: &File) -> bool {
    // Most files that only have the name differ at the beginning, and need not be read.
    let begin = |file: &File| Recording::meta_of(file.try_clone().ok()?).ok()?;
    if begin(before).is_none_or(|meta| begin(file) != Some(meta)) {
        return false;
    }
    let read = |file: &File| Recording::open(file.try_clone().ok()?).ok();
    let (Some(before), Some(file)) = (read(before), read(file)) else { return false };
    let (last, first) = (before.taken_at_ns(before.len() - 1), file.taken_at_ns(0));
    let is_next = last.zip(first).is_some_and(|(last, first)| {
        first > last && first - last <= LONGEST_GAP.max(file.interval_ns().saturating_mul(10))
    });
    // Of older versions there is only that much to tell two runs apart; the others have told already.
    before.meta() == file.meta() && !before.has_ended() && is_next
}

/// Longer than a recorder takes between two snapshots, ns.
const LONGEST_GAP: u64 = 10_000_000_000;

/// What looks whether the recording at `path` still grows: while its file is locked by the recorder, and when another
/// file of that name follows it.
pub(super) fn growth(path: PathBuf) -> impl FnMut(&File) -> Growth {
    /// Looks in a row at a file that has got another name and is not followed by another one yet: the recorder may be
    /// just making it.
    const PATIENCE: u32 = 20;
    let mut looks = 0;
    move |file| {
        if files::is_locked(file) {
            looks = 0;
            return Growth::Here;
        }
        let is_former = open_file(&former(&path)).is_ok_and(|former| is_same(file, &former));
        match open_file(&path) {
            Ok(next) if is_former && is_of_one_recorder(file, &next) => {
                looks = 0;
                Growth::In(next)
            }
            _ if is_former && looks < PATIENCE => {
                looks += 1;
                Growth::Here
            }
            _ => Growth::Over,
        }
    }
}

/// Whether two names are of one file.
pub(super) fn is_same_file(one: &Path, other: &Path) -> bool {
    let id = |path| as_user(|| fs::metadata(path)).map(|found| (found.dev(), found.ino()));
    id(one).is_ok_and(|one| id(other).is_ok_and(|other| one == other))
}

fn is_same(one: &File, other: &File) -> bool {
    let id = |file: &File| file.metadata().map(|found| (found.dev(), found.ino())).ok();
    id(one) == id(other)
}

/// Marks that are listed.
const MOST_MARKS: usize = 20;

/// What was recorded, when, and what is written on it.
pub(super) fn about(recording: &Recording) -> String {
    let Meta { version, subject, interval_ns: _, labels, threads: _, run: _ } = recording.meta();
    let (first, last) = recording.ends();
    let mut text = format!(
        "recorded by zc {version}: {subject}; {} {}, one every {}, from {} on for {}",
        human::count(recording.len() as u64),
        if recording.len() == 1 { "snapshot" } else { "snapshots" },
        human::duration(recording.interval_ns()),
        human::clock(first),
        human::duration(last.saturating_sub(first)),
    );
    let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if !labels.is_empty() {
        text.push_str(&format!("; labels: {}", labels.join(", ")));
    }
    let marks = recording.marks();
    let mut named: Vec<_> = marks
        .iter()
        .take(MOST_MARKS)
        .map(|(at, mark)| {
            format!("'{}' after {}", mark.text, human::duration(at.saturating_sub(first)))
        })
        .collect();
    if marks.len() > MOST_MARKS {
        named.push(format!("and {} more", marks.len() - MOST_MARKS));
    }
    if !named.is_empty() {
        text.push_str(&format!("; marks: {}", named.join(", ")));
    }
    if recording.len() == 1 {
        text.push_str("; of one snapshot there is no interval that could be listed");
    } else if !recording.has_ended() {
        text.push_str("; it has no end: the recorder was killed, or still records");
    }
    text
}

/// What of a recording could not be read, if anything.
pub(super) fn damage(damage: Damage) -> Option<String> {
    let Damage { bytes, places, orphans, torn, unseen } = damage;
    let mut parts = Vec::new();
    if places > 0 {
        let places = if places == 1 { "one place".to_owned() } else { format!("{places} places") };
        parts.push(format!("{} in {places} are damaged", human::bytes(bytes)));
    }
    if orphans > 0 {
        parts.push(format!("{orphans} snapshots that depend on them cannot be read"));
    }
    if torn > 0 {
        parts.push(format!(
            "the last {} are no whole snapshot (the recorder was killed, or still writes)",
            human::bytes(torn)
        ));
    }
    if unseen > 0 {
        parts.push(format!(
            "the last {} are damaged, and so long without a snapshot that they were not looked at to the end",
            human::bytes(unseen)
        ));
    }
    (!parts.is_empty()).then(|| format!("of the recording {}", parts.join("; ")))
}

/// The moment that the user names, ns since the Unix epoch.
pub(super) fn moment(text: &str, recording: &Recording) -> Result<u64, Usage> {
    recording.find(text).map_err(|error| {
        let marks = recording.marks().iter().take(MOST_MARKS);
        let mut known: Vec<_> = marks.map(|(_, mark)| sanitize(&mark.text).into_owned()).collect();
        if recording.marks().len() > MOST_MARKS {
            known.push("...".to_owned());
        }
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let text = sanitize(text);
        Usage(match error {
            NoMoment::Unknown => format!("cannot go to '{text}': {error}; marks: {known}"),
            NoMoment::Beyond(_) | NoMoment::NotThen => format!("cannot go to '{text}': {error}"),
        })
    })
}
