//! From a recording to what its report says.

mod advice;
mod answer;
mod copiers;
mod facts;
mod groups;
mod objects;
mod sheet;
mod stacks;
mod time;

use zc_model::{
    counter::CounterId,
    filter::Filter,
    frame::{Frame, Totals},
    group::{self, Group, GroupBy},
    picture::Picture,
};
use zc_recording::{Recording, Unreadable};
use zc_render::cell;

use self::sheet::Modelled;
use crate::{
    content::{Block, Report, Section},
    series::{self, Series},
    wording,
};

/// Rows of a table that are listed; the others are added up in one.
pub const MOST_ROWS: usize = 20;

/// What a report is about.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The recording.
    pub recording: &'a Recording,
    /// From which snapshot to which one.
    pub stretch: (usize, usize),
    /// Which processes.
    pub filter: &'a Filter,
    /// The same in words, where it is not all of them.
    pub selected: Option<&'a str>,
    /// What the user calls it.
    pub title: Option<&'a str>,
    /// The name of the recording.
    pub name: &'a str,
    /// The command line that makes this report again.
    pub command: &'a str,
    /// What of the recording could not be read, in sentences without a full stop.
    pub unreadable: &'a [String],
}

impl Report {
    /// The report of a recording. `None` if there is no such snapshot.
    ///
    /// # Errors
    /// When the first or the last snapshot cannot be read.
    pub fn of(source: &Source<'_>) -> Result<Option<Self>, Unreadable> {
        let (from, to) = source.stretch;
        let Some(frame) = source.recording.between(from, to)? else { return Ok(None) };
        let frame = frame.select(source.filter);
        let commands = groups::busiest(&frame);
        let most = series::most(frame.processes.len());
        let series = Series::of(source.recording, source.stretch, most, &commands, source.filter)?;
        Ok(Some(Self::new(source, &frame, series)))
    }

    fn new(source: &Source<'_>, frame: &Frame, series: Series) -> Self {
        let modelled = Modelled::of(frame);
        let advised = zc_model::advice::by_command(frame);
        let unreadable = unreadable(source, &series);
        let mut sections = vec![Section {
            id: "picture",
            title: "Where the bytes went",
            blocks: picture(frame, modelled),
        }];
        sections.extend(advice::section(&advised, frame));
        sections.extend(time::section(series, &answer::copied(frame, modelled)));
        sections.push(groups::paths(frame, modelled));
        sections.push(groups::section(frame, modelled));
        sections.extend(objects::sections(frame, modelled));
        sections.extend(stacks::section(frame));
        sections.extend(copiers::section(frame));
        sections.extend(facts::zerocopy(frame, modelled));
        sections.extend(facts::devices(frame));
        sections.push(facts::counters(frame, modelled));
        sections.push(facts::lost(frame, &unreadable));
        sections.push(facts::known(frame));
        sections.push(facts::recording(source, frame));
        Self {
            wording: &wording::ENGLISH,
            title: source.title.map_or_else(|| facts::title(source), str::to_owned),
            subject: facts::subject(source, frame),
            answer: answer::sentences(frame, &advised, modelled),
            figures: answer::figures(frame, &advised, modelled),
            caveats: answer::caveats(frame, modelled, &unreadable),
            sections,
        }
    }
}

/// The path picture, and what the marks in it mean.
fn picture(frame: &Frame, modelled: Modelled) -> Vec<Block> {
    let Totals { counters, paths } = &frame.totals;
    let picture = modelled.picture(Picture::new(frame, counters, paths));
    let figures = picture.hops.iter().map(|hop| cell::short_bytes(hop.bytes, hop.provenance, true));
    let mut marks: Vec<_> = figures.flat_map(|figure| sheet::meanings(&figure)).collect();
    marks.sort_unstable();
    marks.dedup();
    let mut blocks = vec![Block::Picture(picture)];
    if !marks.is_empty() {
        blocks.push(Block::List(marks.into_iter().map(|mark| format!("{mark}.")).collect()));
    }
    blocks
}

/// What could not be read, of the file and on the way.
fn unreadable(source: &Source<'_>, series: &Series) -> Vec<String> {
    let mut all = source.unreadable.to_vec();
    if series.unreadable > 0 {
        all.push(format!(
            "{} of the snapshots that were to be read over time cannot be; what happened around each is shown as one \
             longer interval, and the sums are not affected",
            series.unreadable
        ));
    }
    all
}

/// Groups of the processes of a frame, the most copied bytes first, and of equals those that moved most.
fn grouped(frame: &Frame, by: GroupBy) -> Vec<Group> {
    let mut groups = group::groups(frame, by);
    groups.sort_by(|a, b| {
        let bytes =
            |it: &Group| [CounterId::CopiedBytes, CounterId::MovedBytes].map(|of| it.counters[of]);
        bytes(b).cmp(&bytes(a)).then_with(|| (&a.name, a.process).cmp(&(&b.name, b.process)))
    });
    groups
}
