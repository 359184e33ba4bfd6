//! `zc report`: what a recording says, as a page, as Markdown or as text.

use std::{
    env,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use rustix::{termios::tcgetwinsize, thread::CapabilitySet};

use super::{privilege, recorded, say, words, writer::UNWRITTEN};
use crate::cli::{Report as Arguments, ReportForm, Usage};
use zc_model::filter::Filter;
use zc_privilege::files;
use zc_recording::Recording;
use zc_render::{human, sanitize::sanitize, theme::Theme};
use zc_report::{Report, Source, html, markdown, text};
use zc_session::stall::Stoppable;

/// Runs `zc report`.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let form = form(arguments)?;
    let recording = recorded::open(&arguments.recording)?;
    privilege::drop_unneeded(None, CapabilitySet::empty())?;
    let mut unreadable: Vec<_> = recorded::damage(recording.damage()).into_iter().collect();
    if !recording.has_ended() {
        unreadable
            .push("the recording has no end: the recorder was killed, or still records".to_owned());
    }
    let filter = Filter {
        comms: arguments.comms.clone(),
        cgroups: arguments.cgroups.clone(),
        ..Filter::default()
    };
    let name = arguments.recording.file_name().unwrap_or_default().to_string_lossy();
    let selected = selected(arguments);
    let source = Source {
        recording: &recording,
        stretch: stretch(arguments, &recording)?,
        filter: &filter,
        selected: selected.as_deref(),
        title: arguments.title.as_deref(),
        name: &name,
        command: &words::command(env::args_os().skip(1)),
        unreadable: &unreadable,
    };
    let cannot =
        || format!("cannot read the recording '{}'", recorded::shown(&arguments.recording));
    let report = Report::of(&source).with_context(cannot)?;
    let report = report.context("there is no snapshot in the recording")?;
    let (from, to) = source.stretch;
    let chosen = recording.between(from, to)?.map(|frame| frame.select(&filter));
    if let Some(selected) = &selected
        && chosen.is_some_and(|frame| !frame.processes.iter().any(|it| it.is_active()))
    {
        return Err(Usage(format!(
            "nothing in the recording is of {}; zc replay lists what there is",
            sanitize(selected)
        ))
        .into());
    }
    match &arguments.output {
        Some(path) if recorded::is_same_file(path, &arguments.recording) => {
            return Err(Usage(format!(
                "'{}' is the recording: write the report to another file",
                recorded::shown(path)
            ))
            .into());
        }
        Some(path) => {
            let bytes = replace(path, |out| write(&report, form, arguments, out))?;
            say(&format!("{} in '{}'", human::bytes(bytes), recorded::shown(path)));
        }
        None => {
            let mut out = BufWriter::new(Stoppable(io::stdout()));
            write(&report, form, arguments, &mut out)
                .and_then(|()| out.flush())
                .context(UNWRITTEN)?;
        }
    }
    unreadable.iter().for_each(|what| say(what));
    Ok(ExitCode::SUCCESS)
}

/// The form that the user wants, or else the one that fits where the report goes.
fn form(arguments: &Arguments) -> Result<ReportForm, Usage> {
    let is_terminal = arguments.output.is_none() && io::stdout().is_terminal();
    let is = |ending: &str, any: &[&str]| any.iter().any(|it| ending.eq_ignore_ascii_case(it));
    let by_name = |path: &PathBuf| match path.extension().and_then(|ending| ending.to_str()) {
        Some(ending) if is(ending, &["md", "markdown"]) => ReportForm::Markdown,
        Some(ending) if is(ending, &["txt", "text"]) => ReportForm::Text,
        _ => ReportForm::Html,
    };
    match (arguments.format, &arguments.output) {
        (Some(ReportForm::Html), None) if is_terminal => Err(Usage(
            "a page is for a browser, not for a terminal: write it to a file with --output report.html".to_owned(),
        )),
        (Some(form), _) => Ok(form),
        (None, Some(path)) => Ok(by_name(path)),
        (None, None) if is_terminal => Ok(ReportForm::Text),
        (None, None) => Ok(ReportForm::Html),
    }
}

/// Which processes the user wants, in words.
fn selected(arguments: &Arguments) -> Option<String> {
    let comms = arguments.comms.iter().map(|comm| comm.to_string_lossy().into_owned());
    let cgroups = arguments.cgroups.iter().map(|cgroup| format!("control group {cgroup}"));
    let words: Vec<_> = comms.chain(cgroups).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// From which snapshot to which one: those around what the user names, so that all of it is in the report.
fn stretch(arguments: &Arguments, recording: &Recording) -> Result<(usize, usize)> {
    let place = |moment: &Option<String>| {
        moment.as_ref().map(|moment| recorded::moment(moment, recording)).transpose()
    };
    let (from_ns, to_ns) = (place(&arguments.from)?, place(&arguments.to)?);
    if let (Some(from), Some(to)) = (from_ns, to_ns)
        && to <= from
    {
        return Err(
            Usage("--to is not after --from: there is nothing between them".to_owned()).into()
        );
    }
    let last = recording.len().saturating_sub(1);
    let is = |at: usize, test: &dyn Fn(u64) -> bool| recording.taken_at_ns(at).is_some_and(test);
    let from =
        from_ns.map_or(0, |ns| (0..=last).rev().find(|at| is(*at, &|it| it <= ns)).unwrap_or(0));
    let to =
        to_ns.map_or(last, |ns| (from..=last).find(|at| is(*at, &|it| it >= ns)).unwrap_or(last));
    // A moment at the very end has the last interval.
    Ok((if from == to { from.saturating_sub(1) } else { from }, to))
}

fn write(
    report: &Report,
    form: ReportForm,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> io::Result<()> {
    match form {
        ReportForm::Html => html::write(report, out),
        ReportForm::Markdown => markdown::write(report, out),
        ReportForm::Text => text::write(report, style(arguments), out),
    }
}

fn style(arguments: &Arguments) -> text::Style {
    let is_terminal = arguments.output.is_none() && io::stdout().is_terminal();
    let theme = Theme::detect(arguments.no_color || !is_terminal, |name| env::var(name).ok());
    // A file is read elsewhere, where there are more signs than on this terminal.
    let theme = if is_terminal { theme } else { Theme::new(false, true) };
    let size = tcgetwinsize(io::stdout()).ok().filter(|_| is_terminal);
    text::Style { theme, columns: size.map_or(100, |size| size.ws_col) }
}

/// Writes a file as a whole. Returns how many bytes there are.
fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<u64> {
    let what = || format!("cannot write the report to '{}'", recorded::shown(path));
    let mut report = Vec::new();
    write(&mut report).with_context(what)?;
    files::replace(path, |file| Stoppable(file).write_all(&report)).with_context(what)?;
    Ok(report.len() as u64)
}
