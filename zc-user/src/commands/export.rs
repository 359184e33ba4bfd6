//! `zc export`: a recording in the forms that other programs read.

use std::{
    fs::DirBuilder,
    io::{self, BufWriter, ErrorKind, IsTerminal as _, Write},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use rustix::thread::CapabilitySet;

use super::{
    privilege,
    recorded::{self, shown},
    say,
    writer::{UNWRITTEN, Writer},
};
use crate::cli::{Export, ExportForm, Form, Selection, Usage};
use zc_export::{About, perfetto};
use zc_model::{filter::Filter, frame::Frame};
use zc_privilege::files;
use zc_recording::Recording;
use zc_render::{
    csv,
    folded::{self, Weight},
    pprof,
};
use zc_session::stall::Stoppable;

/// Runs `zc export`.
pub(super) fn run(arguments: &Export) -> Result<ExitCode> {
    let recording = recorded::open(&arguments.recording)?;
    privilege::drop_unneeded(None, CapabilitySet::empty())?;
    if let Some(output) = &arguments.output
        && recorded::is_same_file(output, &arguments.recording)
    {
        return Err(
            Usage(format!("'{}' is the recording: write to another file", shown(output))).into()
        );
    }
    let filter = Filter {
        comms: arguments.comms.clone(),
        expr: arguments.filter.as_ref().map(|written| written.expr.clone()),
        ..Filter::default()
    };
    let source = Source { recording, filter };
    match arguments.format {
        ExportForm::Parquet => tables(arguments, &source)?,
        ExportForm::Perfetto => {
            let mut trace = perfetto::Trace::new(out(arguments)?).context(UNWRITTEN)?;
            for (at_ns, mark) in source.recording.marks() {
                trace.mark(*at_ns, &mark.text).context(UNWRITTEN)?;
            }
            source.each(|frame| trace.add(frame).context(UNWRITTEN))?;
            trace.finish(&about(&source.recording)).context(UNWRITTEN)?;
        }
        ExportForm::Folded => {
            let (frame, mut out) = (stacks(&source)?, out(arguments)?);
            folded::write_folded(&frame, Weight::Bytes, &mut out).context(UNWRITTEN)?;
            out.flush().context(UNWRITTEN)?;
        }
        ExportForm::Pprof => {
            if arguments.output.is_none() && io::stdout().is_terminal() {
                return Err(Usage("a profile is no text: add -o FILE".to_owned()).into());
            }
            let (frame, mut out) = (stacks(&source)?, out(arguments)?);
            pprof::write_pprof(&frame, &mut out).context(UNWRITTEN)?;
            out.flush().context(UNWRITTEN)?;
        }
        ExportForm::Csv => replay(arguments, &source, Form::Csv(csv::Rows::default()))?,
        ExportForm::Ndjson => replay(arguments, &source, Form::Json)?,
    }
    if let Some(damage) = recorded::damage(source.recording.damage()) {
        say(&damage);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is exported.
struct Source {
    recording: Recording,
    filter: Filter,
}

impl Source {
    /// Hands over what happened between each two snapshots, as `zc replay` shows it; of a recording with one
    /// snapshot, what had happened until then.
    fn each(&self, mut take: impl FnMut(&Frame) -> Result<()>) -> Result<()> {
        let recording = &self.recording;
        if recording.len() == 1 {
            return recording.whole()?.map_or(Ok(()), |frame| take(&frame.select(&self.filter)));
        }
        let mut previous = recording.snapshot(0)?;
        for index in 1..recording.len() {
            let next = recording.snapshot(index)?;
            if let (Some(previous), Some(next)) = (&previous, &next) {
                take(&Frame::between(previous, next).select(&self.filter))?;
            }
            previous = next;
        }
        Ok(())
    }
}

/// All of a recording, which must have call stacks.
fn stacks(source: &Source) -> Result<Frame> {
    let frame = source.recording.whole()?.context("the recording has no snapshot")?;
    if frame.stacks.is_none() {
        return Err(Usage(
            "the recording has no call stacks: record with zc record --stacks".to_owned(),
        )
        .into());
    }
    Ok(frame.select(&source.filter))
}

/// What the recording says of itself.
fn about(recording: &Recording) -> About {
    let meta = recording.meta();
    let (first, last) = recording.ends();
    let mut facts = vec![
        ("zc_version".to_owned(), meta.version.clone()),
        ("subject".to_owned(), meta.subject.clone()),
        ("interval_ns".to_owned(), recording.interval_ns().to_string()),
        ("first_ns".to_owned(), first.to_string()),
        ("last_ns".to_owned(), last.to_string()),
    ];
    let labels = meta.labels.iter().map(|(key, value)| (format!("label.{key}"), value.clone()));
    facts.extend(labels);
    About { facts }
}

fn replay(arguments: &Export, source: &Source, form: Form) -> Result<()> {
    let mut writer = Writer::new(form, &Selection::default(), out(arguments)?);
    writer.begin().context(UNWRITTEN)?;
    source.each(|frame| writer.update(frame).context(UNWRITTEN))
}

fn out(arguments: &Export) -> Result<Box<dyn Write>> {
    Ok(match &arguments.output {
        Some(path) => {
            let file = files::create(path)
                .with_context(|| format!("cannot write to '{}'", shown(path)))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(Stoppable(io::stdout()))),
    })
}

#[cfg(feature = "parquet")]
fn tables(arguments: &Export, source: &Source) -> Result<()> {
    use zc_export::parquet::Tables;
    let Some(directory) = &arguments.output else {
        return Err(Usage("Parquet is several tables: add -o DIRECTORY".to_owned()).into());
    };
    make(directory)?;
    let mut tables = Tables::new(|name| files::create(&directory.join(name)))
        .with_context(|| format!("cannot write to '{}'", shown(directory)))?;
    for (at_ns, mark) in source.recording.marks() {
        tables.mark(*at_ns, &mark.text)?;
    }
    source.each(|frame| tables.add(frame))?;
    tables.finish(&about(&source.recording))
}

#[cfg(not(feature = "parquet"))]
fn tables(_: &Export, _: &Source) -> Result<()> {
    Err(Usage("this zc was built without Parquet: build it with --features parquet".to_owned())
        .into())
}

/// Makes the directory, unless there is one.
#[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "tables are in a directory"))]
fn make(directory: &Path) -> Result<()> {
    match zc_privilege::as_user(|| DirBuilder::new().mode(0o777).create(directory)) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.with_context(|| format!("cannot make the directory '{}'", shown(directory))),
    }
}
