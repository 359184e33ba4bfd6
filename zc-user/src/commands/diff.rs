//! `zc diff`: what changed between two runs, or two recordings.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Cursor, ErrorKind, Read, Seek as _, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use rustix::thread::CapabilitySet;

use super::{
    privilege,
    recorded::{self, shown},
    say,
    writer::UNWRITTEN,
};
use crate::cli::{Diff, Per, Usage};
use zc_model::{
    diff::{Basis, Comparison, Condition, Kind, Met, Options, Payload, Series},
    filter::Filter,
    frame::Frame,
};
use zc_privilege::files;
use zc_recording::{Recording, frame::MAGIC};
use zc_render::{
    diff::{Checked, Report, Side, change, write_json, write_markdown, write_text},
    json::read::{self, Taken, Unreadable},
};
use zc_session::stall::Stoppable;

/// The exit status when there is a change, or a condition that holds or cannot be known.
const CHANGED: u8 = 3;

/// A pipe brings no more than that.
const MOST_PIPED: u64 = 256 << 20;

/// Intervals of one session lie no further apart than that, ns: as far as the clock of the machine is off the one that
/// measures them.
const GAP: u64 = 20_000_000;

/// Runs `zc diff`.
pub(super) fn run(arguments: &Diff) -> Result<ExitCode> {
    let filter = Filter {
        comms: arguments.comms.clone(),
        expr: arguments.filter.as_ref().map(|written| written.expr.clone()),
        ..Filter::default()
    };
    let inputs = [open(&arguments.a)?, open(&arguments.b)?];
    privilege::drop_unneeded(None, CapabilitySet::empty())?;
    let [a, b] = inputs;
    let a = a.read(&arguments.a, &filter)?;
    let b = b.read(&arguments.b, &filter)?;
    let comparison = compare(arguments, &a.series, &b.series)?;
    let checked: Vec<_> =
        arguments.fail_if.iter().map(|condition| check(condition, &comparison)).collect();
    let names = [&arguments.a, &arguments.b].map(|path| path.to_string_lossy().into_owned());
    let report = Report {
        a: Side { name: &names[0], subject: a.subject.as_deref(), series: &a.series },
        b: Side { name: &names[1], subject: b.subject.as_deref(), series: &b.series },
        comparison: &comparison,
        checked: &checked,
    };
    let mut out = BufWriter::new(Stoppable(io::stdout()));
    let written = if arguments.json {
        write_json(&report, &mut out)
    } else if arguments.markdown {
        write_markdown(&report, &mut out)
    } else {
        write_text(&report, &mut out)
    };
    written.and_then(|()| out.flush()).context(UNWRITTEN)?;
    let is_text = !arguments.json && !arguments.markdown;
    checked.iter().filter(|_| !is_text).for_each(|it| say(&it.line));
    let fails = checked.iter().any(|it| matches!(it.met, "yes" | "unknown"));
    let is_changed = arguments.exit_code && comparison.has_changes();
    Ok(if fails || is_changed { CHANGED.into() } else { ExitCode::SUCCESS })
}

fn compare(arguments: &Diff, a: &Series, b: &Series) -> Result<Comparison> {
    let (basis, payload) = match arguments.per {
        None => (None, Payload::Busier),
        Some(Per::Basis(basis)) => (Some(basis), Payload::Busier),
        Some(Per::Path(path)) => (Some(Basis::Byte), Payload::Path(path.into())),
    };
    let per_run = arguments.per == Some(Per::Basis(Basis::Run))
        || arguments.fail_if.iter().any(|it| it.basis() == Basis::Run);
    if per_run && [a, b].iter().any(|side| side.kind == Kind::Intervals) {
        return Err(Usage(
            "a recording and intervals of zc top have no runs: compare per byte or per second"
                .to_owned(),
        )
        .into());
    }
    let options = Options { basis, payload, least: arguments.at_least };
    let comparison = Comparison::of(a, b, options);
    let (in_a, in_b) = comparison.payloads();
    if comparison.basis == Basis::Byte && (in_a <= 0.0 || in_b <= 0.0) {
        let side = if in_a <= 0.0 { "A" } else { "B" };
        return Err(Usage(format!(
            "there is no payload in {side}: choose another one with --per PATH, or --per second"
        ))
        .into());
    }
    Ok(comparison)
}

/// Whether a condition holds, in words.
fn check(condition: &Condition, comparison: &Comparison) -> Checked {
    let (met, figure) = condition.check(comparison);
    let found = figure.as_ref().map_or_else(
        || "nothing of it on either side".to_owned(),
        |figure| {
            let change = change(figure);
            if change.is_empty() {
                "no change can be computed".to_owned()
            } else {
                format!("it is {change}")
            }
        },
    );
    let (word, line) = match &met {
        Met::Yes => ("yes", format!("HOLDS: {found}")),
        Met::Maybe => ("maybe", format!("not shown: {found}, and it may hold")),
        Met::No => ("no", format!("does not hold: {found}")),
        Met::Unknown(why) => ("unknown", format!("UNKNOWN: {why}")),
    };
    Checked {
        text: condition.text.clone(),
        met: word,
        line: format!("fail if {}: {line}", condition.text),
    }
}

/// A side that is open.
enum Input {
    Recording(Box<Recording>),
    Documents(Box<dyn Read>),
}

/// A side that was read.
struct Found {
    series: Series,
    subject: Option<String>,
}

/// Opens a recording or a file or pipe of JSON, with the user's rights.
fn open(path: &Path) -> Result<Input> {
    let unread = || format!("cannot read '{}'", shown(path));
    let mut file = match files::open(path) {
        Ok(file) => file,
        // A pipe, as shells give it.
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let bytes = files::read(path, MOST_PIPED).with_context(unread)?;
            if bytes.starts_with(&MAGIC) {
                let why = "a recording cannot be read from a pipe: give the file";
                return Err(Usage(format!("{}: {why}", unread())).into());
            }
            return Ok(Input::Documents(Box::new(Cursor::new(bytes))));
        }
        Err(error) => return Err(error).with_context(unread),
    };
    if begins_like_a_recording(&mut file).with_context(unread)? {
        return recorded::open(path).map(|recording| Input::Recording(Box::new(recording)));
    }
    Ok(Input::Documents(Box::new(BufReader::new(file))))
}

fn begins_like_a_recording(file: &mut File) -> io::Result<bool> {
    let mut begin = Vec::new();
    file.take(MAGIC.len() as u64).read_to_end(&mut begin)?;
    file.rewind()?;
    Ok(begin == MAGIC)
}

impl Input {
    fn read(self, path: &Path, filter: &Filter) -> Result<Found> {
        match self {
            Self::Recording(recording) => of_recording(&recording, path, filter),
            Self::Documents(input) => of_documents(input, path, filter),
        }
    }
}

fn of_recording(recording: &Recording, path: &Path, filter: &Filter) -> Result<Found> {
    let mut series = Series::new(Kind::Intervals);
    let unread = |error: zc_recording::Unreadable| match error {
        zc_recording::Unreadable::Io(error) => {
            anyhow::Error::new(error).context(format!("cannot read '{}'", shown(path)))
        }
        error => Usage(format!("cannot read '{}': {error}", shown(path))).into(),
    };
    let mut previous = recording.snapshot(0).map_err(unread)?;
    if recording.len() == 1 {
        let whole = recording.whole().map_err(unread)?;
        whole.into_iter().for_each(|frame| series.add(&frame.select(filter)));
    }
    for index in 1..recording.len() {
        let next = recording.snapshot(index).map_err(unread)?;
        if let (Some(previous), Some(next)) = (&previous, &next) {
            series.add(&Frame::between(previous, next).select(filter));
        }
        previous = next;
    }
    if let Some(damage) = recorded::damage(recording.damage()) {
        say(&format!("{}: {damage}", shown(path)));
    }
    Ok(Found { series, subject: Some(recording.meta().subject.clone()) })
}

fn of_documents(input: Box<dyn Read>, path: &Path, filter: &Filter) -> Result<Found> {
    let mut documents = read::read(input).map(|document| {
        document.map_err(|error| match error {
            Unreadable::Io(error) => {
                anyhow::Error::new(error).context(format!("cannot read '{}'", shown(path)))
            }
            Unreadable::Content(why) => Usage(format!(
                "'{}' is neither a recording nor JSON of zc (schema zc/1): {why}",
                shown(path)
            ))
            .into(),
        })
    });
    let empty = || Usage(format!("there is nothing in '{}'", shown(path)));
    let first = documents.next().ok_or_else(empty)??;
    let second = documents.next().transpose()?;
    let kind = second.as_ref().map_or(Kind::Runs, |second| kind(&first, second));
    let mut series = Series::new(kind);
    let mut interrupted = 0;
    let mut add = |taken: Taken| {
        if taken.run.is_some_and(|run| run.interrupted) {
            interrupted += 1;
            return;
        }
        series.failed += u64::from(taken.run.is_some_and(|run| run.status != 0));
        series.add(&taken.frame.select(filter));
    };
    add(first);
    second.into_iter().for_each(&mut add);
    for document in documents {
        add(document?);
    }
    if interrupted > 0 {
        say(&format!("{}: a run that was interrupted is left out", shown(path)));
    }
    if series.count == 0 {
        return Err(Usage(format!("there is no whole run in '{}'", shown(path))).into());
    }
    Ok(Found { series, subject: None })
}

/// Whether documents are those of runs, or of intervals that follow each other.
fn kind(first: &Taken, second: &Taken) -> Kind {
    let is_run = first.run.is_some() || second.run.is_some();
    let begin = second.frame.taken_at_ns.saturating_sub(second.frame.elapsed_ns);
    let follows = begin.abs_diff(first.frame.taken_at_ns) < GAP;
    if !is_run && follows { Kind::Intervals } else { Kind::Runs }
}
