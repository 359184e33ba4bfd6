//! `zc lab mystery`: find the program that copies, fix it, and see what that saved.

use std::{
    fmt::Display,
    io::{self, BufRead as _, Write as _},
    path::Path,
    process::ExitCode,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{sync::mpsc, time::sleep};

use super::{give_up, interrupted, language, observer, options_of};
use crate::{cli::lab::mystery::Mystery, commands::record::run_id};
use zc_lab::{
    language::{Language, fill},
    mystery::{
        grade::{self, Grade},
        lineup::Lineup,
        role::{NAMES, Role},
        table,
        words::Words,
    },
    run::default_directory,
};
use zc_model::{diff::Basis, snapshot::Snapshot, source::SnapshotSource as _};
use zc_privilege::files;
use zc_probe::live::Live;
use zc_recording::{Meta, Writer};
use zc_render::{
    diff::{self, Report, Side, change, write_text},
    human, paragraph,
};
use zc_session::{
    stall::Stoppable,
    work,
    world::{NoEvents, Real},
};

/// Between two snapshots: some seconds have enough of them for a verdict.
const INTERVAL: Duration = Duration::from_millis(250);
/// Intervals of a second.
const PER_SECOND: u32 = 4;
/// Columns of the text.
const COLUMNS: usize = 80;

/// Runs `zc lab mystery`.
pub(super) async fn run(arguments: &Mystery) -> Result<ExitCode> {
    let options = options_of(&arguments.probing, [])?;
    let mut world = Real::new(NoEvents)?;
    let source = observer(&options);
    let directory = arguments.dir.clone().unwrap_or_else(default_directory);
    give_up(&source, &directory, None, [])?;
    let live = source.map_err(|why| {
        anyhow::anyhow!("cannot grade this exercise: {why}; zc doctor says what is missing")
    })?;
    let words = Words::of(language(arguments.lang));
    let mut exercise = Exercise { live, arguments, words };
    match work::run(exercise.play(&directory), &mut world).await? {
        work::Outcome::Done(status) => status,
        // The programs have ended with what was dropped.
        work::Outcome::Stopped(signal) => Ok(interrupted(signal.number())),
    }
}

struct Exercise<'a> {
    live: Live,
    arguments: &'a Mystery,
    words: &'static Words,
}

impl Exercise<'_> {
    async fn play(&mut self, directory: &Path) -> Result<ExitCode> {
        let seed = self.arguments.seed.unwrap_or_else(run_id);
        let mut lineup = Lineup::start(directory, seed).await?;
        self.introduce()?;
        self.records(self.words.before)?;
        let before = self.record(&mut lineup, "before").await?;
        let mut answers = Answers::new(self.arguments.fix);
        loop {
            let Some(name) = answers.next(self.words).await? else {
                say(&fill(self.words.solution, &[("name", &lineup.culprit())]))?;
                self.explain()?;
                return Ok(ExitCode::FAILURE);
            };
            if !lineup.fix(name).await? {
                say(self.words.again)?;
                continue;
            }
            self.records(self.words.after)?;
            let after = self.record(&mut lineup, "after").await?;
            let role = lineup.role(name).context("a program without a role")?;
            let grade = self.grade(role, &before, &after, &lineup.pids())?;
            if grade.is_right() {
                self.explain()?;
                return Ok(ExitCode::SUCCESS);
            }
            if self.arguments.fix.is_some() || grade == Grade::Unshown {
                say(&fill(self.words.solution, &[("name", &lineup.culprit())]))?;
                return Ok(ExitCode::FAILURE);
            }
        }
    }

    fn introduce(&self) -> Result<()> {
        let words = self.words;
        prose(words.task)?;
        say("")?;
        say(words.look)?;
        let names: Vec<_> = NAMES.iter().map(|name| format!(" --comm {name}")).collect();
        say(&format!("  zc top{}", names.concat()))?;
        say("")?;
        for (question, number) in words.questions.iter().zip(1..) {
            prose(&format!("{number}. {question}"))?;
        }
        say("")
    }

    /// Says what is recorded.
    fn records(&self, what: &str) -> Result<()> {
        say(&fill(what, &[("seconds", &self.arguments.seconds)]))
    }

    fn explain(&self) -> Result<()> {
        say("")?;
        prose(self.words.explanation)
    }

    /// Snapshots of so many seconds; in a file, too, if the user wants to keep them.
    async fn record(&mut self, lineup: &mut Lineup, what: &str) -> Result<Vec<Snapshot>> {
        let mut snapshots = vec![self.snapshot()?];
        for _ in 0..self.arguments.seconds * PER_SECOND {
            sleep(INTERVAL).await;
            self.live.tend()?;
            lineup.check()?;
            snapshots.push(self.snapshot()?);
        }
        if let Some(directory) = &self.arguments.keep {
            let path = directory.join(format!("{what}.zcr"));
            let size = human::bytes(keep(&snapshots, &path, what)?);
            let values: [(&str, &dyn Display); 2] = [("size", &size), ("path", &path.display())];
            say(&fill(self.words.kept, &values))?;
        }
        Ok(snapshots)
    }

    fn snapshot(&mut self) -> Result<Snapshot> {
        self.live.next()?.context("the probes returned no snapshot")
    }

    /// Says what changed, as `zc diff` does, and the grade.
    fn grade(
        &self,
        role: Role,
        before: &[Snapshot],
        after: &[Snapshot],
        pids: &[u32],
    ) -> Result<Grade> {
        let [a, b] = [before, after].map(|snapshots| grade::series(snapshots, pids));
        let comparison = grade::compare(&a, &b, Basis::Byte);
        let mut text = Vec::new();
        let written = match self.words.language {
            Language::Zh => table::write(&comparison, [&a, &b], &mut text),
            Language::En => {
                let side = |name, series| Side { name, subject: None, series };
                let (a, b) = (side("before", &a), side("after", &b));
                write_text(&Report { a, b, comparison: &comparison, checked: &[] }, &mut text)
            }
        };
        written.context("cannot write a comparison")?;
        say("")?;
        say(String::from_utf8_lossy(&text).trim_end())?;
        say("")?;
        let grade = Grade::of(role, &comparison);
        prose(match grade {
            Grade::Right => self.words.right,
            Grade::Unshown => self.words.unshown,
            Grade::Little => self.words.little,
            Grade::Nothing => self.words.nothing,
        })?;
        if let Some(figure) = grade::copied(&grade::compare(&a, &b, Basis::Second)) {
            let [a, b] = [&figure.a, &figure.b].map(|side| diff::value(figure, side.as_ref()));
            let change = match self.words.language {
                Language::Zh => table::changed(figure),
                Language::En => change(figure),
            };
            let values: [(&str, &dyn Display); 3] =
                [("before", &a), ("after", &b), ("change", &change)];
            say(&fill(self.words.saved, &values))?;
        }
        Ok(grade)
    }
}

/// Writes snapshots as a recording, and returns its bytes: for `zc diff`, `zc replay` and `zc report`.
fn keep(snapshots: &[Snapshot], path: &Path, what: &str) -> Result<u64> {
    let meta = Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        subject: format!("zc lab mystery, {what}"),
        interval_ns: u64::try_from(INTERVAL.as_nanos()).unwrap_or(u64::MAX),
        labels: [("mystery".to_owned(), what.to_owned())].into(),
        threads: false,
        run: run_id(),
    };
    let mut writer = Writer::new(meta);
    let first = snapshots.first().map_or(0, |snapshot| snapshot.taken_at_ns);
    let mut bytes = writer.begin(first)?;
    for snapshot in snapshots {
        bytes.extend(writer.snapshot(snapshot)?.bytes);
    }
    let last = snapshots.last().map_or(first, |snapshot| snapshot.taken_at_ns);
    bytes.extend(writer.end(last));
    files::replace(path, |file| file.write_all(&bytes))
        .with_context(|| format!("cannot write the recording '{}'", path.display()))?;
    Ok(bytes.len() as u64)
}

/// What the user types, a line each; without a terminal, too.
struct Answers {
    given: Option<&'static str>,
    lines: Option<mpsc::UnboundedReceiver<String>>,
}

impl Answers {
    /// The one of the command line, or those of standard input.
    fn new(given: Option<&'static str>) -> Self {
        if given.is_some() {
            return Self { given, lines: None };
        }
        let (typed, lines) = mpsc::unbounded_channel();
        // It waits for a line when the exercise ends, and ends with the process.
        thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if typed.send(line).is_err() {
                    return;
                }
            }
        });
        Self { given: None, lines: Some(lines) }
    }

    /// The next program to fix; `None` if there is none.
    async fn next(&mut self, words: &Words) -> Result<Option<&'static str>> {
        if let Some(name) = self.given.take() {
            return Ok(Some(name));
        }
        let Some(lines) = &mut self.lines else { return Ok(None) };
        loop {
            say(words.prompt)?;
            let Some(line) = lines.recv().await else { return Ok(None) };
            let typed = line.trim().to_ascii_lowercase();
            let typed = typed.strip_prefix("fix ").unwrap_or(&typed).trim();
            if let Some(name) = NAMES.iter().find(|name| **name == typed) {
                return Ok(Some(name));
            }
            if matches!(typed, "quit" | "q" | "exit") {
                return Ok(None);
            }
            say(words.unknown)?;
        }
    }
}

fn prose(text: &str) -> Result<()> {
    let mut out = Vec::new();
    paragraph::write(text, paragraph::Indent::NONE, COLUMNS, &mut out)?;
    say(String::from_utf8_lossy(&out).trim_end())
}

fn say(text: &str) -> Result<()> {
    let mut out = Stoppable(io::stdout());
    let said = writeln!(out, "{text}").and_then(|()| out.flush());
    said.context("cannot write to standard output")
}
