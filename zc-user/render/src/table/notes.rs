//! What a reader must know to take the figures for what they are: marks, reasons, losses.

use std::io;

use super::once::UNATTRIBUTED;
use crate::{
    human,
    paragraph::{self, Indent},
};
use zc_model::{
    column,
    counter::CounterId,
    frame::Frame,
    group::{Group, GroupBy, UNKNOWN},
    ledger::PathSum,
    snapshot::{ALL_SHAPES_RATE, LossId, Provenance},
};

/// Longest line.
pub(super) const COLUMNS: usize = 80;

/// What the notes are below.
#[derive(Clone, Copy)]
pub(super) enum About<'a> {
    /// Processes or groups of them, with counters of every kind, and devices.
    Everything(Option<&'a [Group]>),
    /// Moved and copied bytes only: of files, sockets and pipes, or of call stacks.
    Bytes,
}

/// Explains every mark and dash that the machine's limitations give rise to, and names what was
/// lost.
pub(super) fn write(frame: &Frame, about: About<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let notes = collect(frame, about);
    if !notes.is_empty() {
        writeln!(out, "\nNotes")?;
        for note in notes {
            write_wrapped(&note, out)?;
        }
    }
    let [own, others] = losses(frame);
    write_losses("Losses", &own, out)?;
    write_losses("Losses on this machine, of any process", &others, out)
}

fn collect(frame: &Frame, about: About<'_>) -> Vec<String> {
    let mut notes = marks(frame);
    if let About::Everything(groups) = about {
        notes.extend(groups.and_then(strangers));
        notes.extend(shapes(frame));
    }
    notes.extend(crowd(frame));
    if let About::Everything(_) = about {
        notes.extend(limitations(frame));
    }
    notes
}

/// The same sentences as below a table of these groups: what every mark means, and which counters are not simply
/// measured.
#[must_use]
pub fn notes(frame: &Frame, groups: Option<&[Group]>) -> Vec<String> {
    collect(frame, About::Everything(groups))
}

/// What was lost of the processes of a frame, and of any process on the machine.
#[must_use]
pub fn losses(frame: &Frame) -> [Vec<(LossId, u64)>; 2] {
    let (own, others) = frame.losses.occurred().partition(|(loss, _)| frame.scope.concerns(*loss));
    [own, others]
}

/// Writes in a line how much was lost, if anything was; what that means is in the notes.
pub(super) fn write_lost(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    let lost: Vec<_> = frame
        .losses
        .occurred()
        .map(|(loss, count)| format!("{} {}", human::count(count), loss.id()))
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    write_wrapped(&format!("Lost: {}", lost.join(", ")), out)
}

fn write_losses(title: &str, losses: &[(LossId, u64)], out: &mut dyn io::Write) -> io::Result<()> {
    if losses.is_empty() {
        return Ok(());
    }
    let lost = losses.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    writeln!(out, "\n{title}: {}", human::count(lost))?;
    losses.iter().try_for_each(|(loss, count)| {
        write_wrapped(&format!("{} {}: {}", human::count(*count), loss.id(), loss.help()), out)
    })
}

/// That the shape of packets is that of a sample.
fn shapes(frame: &Frame) -> Option<String> {
    let looked = human::percent(frame.sampled_shapes()?);
    Some(format!(
        "~ GATHER: the share of a sample; {looked} of the bytes were looked at. Above {ALL_SHAPES_RATE} packets a \
         second the shape of packets is looked at one tenth of the time; all bytes are counted."
    ))
}

/// Why it is not known of some processes to which group they belong.
fn strangers(groups: &[Group]) -> Option<String> {
    let unknown = groups.iter().find(|group| group.name == UNKNOWN)?;
    let why = match unknown.by {
        GroupBy::Cgroup | GroupBy::Container => {
            "processes whose control group is not known: it was removed before zc looked, or zc cannot see \
             the machine's hierarchy of cgroup v2 (not mounted, a container with its own namespace, groups of v1), \
             or they were short-lived, of more than 1,024 kinds, and merged"
        }
        GroupBy::Parent => {
            "processes whose parent is not known: a kernel thread, or short-lived processes merged by name"
        }
        GroupBy::Tree | GroupBy::User => {
            "short-lived processes of more than 1,024 kinds, which were merged"
        }
        _ => return None,
    };
    Some(format!("{UNKNOWN} in GROUP: {why}."))
}

/// What threads without a slot did, and whose it may be.
fn crowd(frame: &Frame) -> Option<String> {
    if !frame.crowded || !frame.unattributed.is_active() {
        return None;
    }
    let moved = human::bytes(PathSum::of(&frame.unattributed.paths).moved_bytes);
    let others =
        if frame.scope.filtered { ", or of processes that the filter leaves out" } else { "" };
    Some(format!(
        "{UNATTRIBUTED}: more threads than there are slots; the {moved} that this row moved, which are in the \
         totals, may be of any process listed{others}. Track more threads with --max-threads."
    ))
}

fn marks(frame: &Frame) -> Vec<String> {
    let mut notes = Vec::new();
    let has = |provenance| {
        frame
            .totals
            .paths
            .iter()
            .any(|sample| sample.provenance == provenance && sample.moved_bytes > 0)
    };
    let reasons = |provenance| {
        let limits = frame.host.limitations.iter();
        let of_it = limits
            .filter(move |it| it.counter == CounterId::CopiedBytes && it.provenance == provenance);
        of_it.map(|limit| sentence(&limit.reason))
    };
    if has(Provenance::Assumed) {
        let mut note = "? assumed: the calls returned bytes that no hooked function copied and \
                        nothing shows to have been passed on without a copy"
            .to_owned();
        // Several modules may have come too late.
        for reason in reasons(Provenance::Assumed) {
            note = format!("{note}; {reason}");
        }
        notes.push(note + ".");
    }
    if has(Provenance::Modelled) {
        let reason = reasons(Provenance::Modelled)
            .next()
            .unwrap_or("the path's known copies times the bytes moved");
        notes.push(format!("~ modelled: {reason}."));
    }
    let unknown = frame.copied(&frame.totals.paths).unknown_moved_bytes;
    if unknown > 0 {
        notes.push(format!(
            "+ and more, or -: {} moved on paths whose copies are not known; {}.",
            human::bytes(unknown),
            sentence(column::why_copies_are_unavailable(frame)),
        ));
    }
    notes
}

/// Without a full stop, which the note brings.
fn sentence(reason: &str) -> &str {
    reason.trim_end_matches('.')
}

/// Counters with the same limitation share a note.
fn limitations(frame: &Frame) -> Vec<String> {
    let mut notes: Vec<(Provenance, &str, Vec<&str>)> = Vec::new();
    for limit in &frame.host.limitations {
        if limit.counter == CounterId::CopiedBytes {
            continue;
        }
        let same = notes.iter_mut().find(|(provenance, reason, _)| {
            (*provenance, *reason) == (limit.provenance, &limit.reason)
        });
        match same {
            Some((_, _, counters)) => counters.push(limit.counter.id()),
            None => notes.push((limit.provenance, &limit.reason, vec![limit.counter.id()])),
        }
    }
    notes
        .into_iter()
        .map(|(provenance, reason, counters)| {
            format!("{} {}: {}.", counters.join(", "), provenance.id(), sentence(reason))
        })
        .collect()
}

/// Writes a paragraph with a hanging indent.
pub(super) fn write_wrapped(text: &str, out: &mut dyn io::Write) -> io::Result<()> {
    paragraph::write(text, Indent::HANGING, COLUMNS, out)
}

#[cfg(test)]
mod tests {
    use zc_common::path::CopyPath;

    use super::*;
    use zc_model::{
        fixture::sketch::{path, process, snapshot},
        snapshot::{Host, Limitation},
    };

    /// Where a group is off and modules came late, each mark has all reasons that are its own.
    #[test]
    fn every_mark_has_its_own_reasons() {
        let mut assumed = path(CopyPath::FileWrite, 1, 7);
        assumed.provenance = Provenance::Assumed;
        let mut modelled = path(CopyPath::PipeRead, 1, 7);
        modelled.provenance = Provenance::Modelled;
        let mut snapshot = snapshot(1, &[process(7, "x", &[assumed, modelled])]);
        let limit = |provenance, reason: &str| Limitation {
            counter: CounterId::CopiedBytes.into(),
            provenance,
            reason: reason.to_owned(),
        };
        let limitations = vec![
            limit(Provenance::Modelled, "no sites"),
            limit(Provenance::Assumed, "btrfs was late"),
            limit(Provenance::Assumed, "netfs was late"),
        ];
        snapshot.host = Host { limitations, ..(*snapshot.host).clone() }.into();
        let notes = marks(&Frame::cumulative(snapshot));
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(
            notes[0].starts_with("? assumed: ")
                && notes[0].ends_with("; btrfs was late; netfs was late.")
        );
        assert_eq!(notes[1], "~ modelled: no sites.");
    }
}
