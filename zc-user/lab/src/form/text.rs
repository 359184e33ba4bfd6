//! The lab's findings for people: a block per scenario, then all of them in one table.

use std::io::{self, Write};

use ratatui::style::Style;
use zc_common::loss::Loss;

use super::{spread, summary};
use crate::{
    finding::{Finding, Outcome, Ran},
    metric::{self, Findings, Metric},
};
use zc_model::{id::Id, snapshot::Provenance, value::Value};
use zc_render::{
    diagram::{Diagram, Unit as Figures, labels::ENGLISH, legend},
    human,
    paragraph::{self, Indent},
    plain, sanitize,
    table::grid::{Cell, Grid},
    theme::Theme,
};

/// Room for a paragraph, beyond which lines are hard to read.
const PROSE: usize = 100;

/// How the text looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Cells of a line.
    pub columns: u16,
    /// Signs and colours.
    pub theme: Theme,
}

/// Text under way: findings are written as they come.
pub struct Text<'a> {
    look: Look,
    out: &'a mut dyn Write,
    /// Those that were printed: each has the number of its place.
    notes: Vec<String>,
    legend: Legend,
}

/// What has to be explained in the end.
#[derive(Default)]
struct Legend {
    diagram: bool,
    ranges: bool,
    margins: bool,
    marks: Vec<Provenance>,
    /// Figures that are not available, by the reason.
    missing: Vec<(String, Vec<&'static str>)>,
}

impl<'a> Text<'a> {
    /// Nothing is written yet.
    pub fn new(look: Look, out: &'a mut dyn Write) -> Self {
        Self { look, out, notes: Vec::new(), legend: Legend::default() }
    }

    /// Writes a block.
    ///
    /// # Errors
    /// When the output fails.
    pub fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let Finding { scenario, setting, outcome } = finding;
        let strong = self.look.theme.strong();
        let title = self.styled(scenario.title, strong);
        if scenario.id == scenario.title {
            writeln!(self.out, "{title}")?;
        } else {
            writeln!(self.out, "{title}  ({})", scenario.id)?;
        }
        let rounds = finding.ran().map_or_else(String::new, |ran| match ran.rounds {
            1 => ", once".to_owned(),
            rounds => format!(", {rounds} rounds"),
        });
        let (size, chunk) = (human::bytes(setting.size), human::bytes(setting.chunk));
        let words = format!("{size} to {}, {chunk} per transfer{rounds}", setting.sink.title());
        writeln!(self.out, "{}", self.styled(&words, self.look.theme.dim()))?;
        self.prose(scenario.lesson, Indent::NONE)?;
        match outcome {
            Outcome::Ran(ran) => self.ran(finding, ran)?,
            Outcome::Skipped(why) => {
                self.prose(&format!("Skipped: {why}"), Indent { first: "", rest: "  " })?;
            }
            Outcome::Failed(why) => {
                self.prose(&format!("Failed: {why}"), Indent { first: "", rest: "  " })?;
            }
        }
        writeln!(self.out)?;
        self.out.flush()
    }

    /// Writes what concerns all of them.
    ///
    /// # Errors
    /// When the output fails.
    pub fn end(&mut self, findings: &[Finding]) -> io::Result<()> {
        if findings.len() > 1 {
            summary::write(findings, usize::from(self.look.columns), self.out)?;
            writeln!(self.out)?;
        }
        self.write_legend()?;
        self.out.flush()
    }

    fn ran(&mut self, finding: &Finding, ran: &Ran) -> io::Result<()> {
        if let Some(picture) = ran.picture(&finding.setting) {
            let diagram = Diagram::new(&picture, self.look.theme, Figures::Total);
            let text =
                diagram.without_legend().to_text(self.look.columns, self.look.theme.has_color());
            write!(self.out, "\n{text}")?;
            self.legend.diagram = true;
        }
        writeln!(self.out)?;
        self.with_theory(finding, ran)?;
        self.without_theory(finding, ran)?;
        self.verdict(ran)
    }

    /// The figures with theory, and the theory.
    fn with_theory(&mut self, finding: &Finding, ran: &Ran) -> io::Result<()> {
        let mut grid = Grid::new([("", false), ("THEORY", true), ("MEASURED", true)]);
        for metric in Findings::figures() {
            let theory = (metric.extra.theory)(finding.scenario);
            if theory == Value::Absent {
                continue;
            }
            let measured = metric.of(finding, &());
            self.legend.note(metric, &measured, ran);
            grid.push(vec![
                Cell::text(metric.title),
                Cell::value(&theory, metric.unit),
                Cell::value(&measured, metric.unit),
            ]);
        }
        grid.write(self.out)
    }

    /// The figures that the textbook does not mention, one after the other.
    fn without_theory(&mut self, finding: &Finding, ran: &Ran) -> io::Result<()> {
        let mut pairs = Vec::new();
        for metric in Findings::shown() {
            let measured = metric.of(finding, &());
            let is_shown = match measured {
                Value::Absent => false,
                // All of them for the reason that the verdict gives.
                Value::Unavailable(_) => ran.measurement.frame.is_ok(),
                _ => true,
            };
            if !is_shown || (metric.extra.theory)(finding.scenario) != Value::Absent {
                continue;
            }
            self.legend.note(metric, &measured, ran);
            let mut pair = format!("{} {}", metric.title, metric::in_words(metric, finding));
            if let Some(range) =
                metric.extra.spread(finding, ran).filter(|spread| spread.min < spread.max)
            {
                self.legend.ranges = true;
                pair += &format!(" ({})", spread::range_of(range, metric.unit));
            }
            pairs.push(pair);
        }
        let mut line = String::new();
        for pair in pairs {
            if !line.is_empty()
                && sanitize::width(&line) + 3 + sanitize::width(&pair)
                    > usize::from(self.look.columns)
            {
                writeln!(self.out, "{line}")?;
                line.clear();
            }
            line += if line.is_empty() { "  " } else { "   " };
            line += &pair;
        }
        if line.is_empty() { Ok(()) } else { writeln!(self.out, "{line}") }
    }

    fn verdict(&mut self, ran: &Ran) -> io::Result<()> {
        let sentence = format!("Verdict: {}", ran.verdict.judgement.sentence());
        self.prose(&sentence, Indent { first: "", rest: "  " })?;
        let mut known = Vec::new();
        for note in &ran.verdict.notes {
            if let Some(at) = self.notes.iter().position(|other| other == note) {
                known.push(format!("[{}]", at + 1));
                continue;
            }
            self.notes.push(note.clone());
            let text = format!("[{}] {note}", self.notes.len());
            self.prose(&text, Indent { first: "  ", rest: "      " })?;
        }
        if !known.is_empty() {
            writeln!(self.out, "  {} as above", known.join(" "))?;
        }
        for (loss, count) in losses(ran) {
            let text = format!("Lost: {} {}: {}", human::count(count), loss.id(), loss.help());
            self.prose(&text, Indent { first: "  ", rest: "    " })?;
        }
        Ok(())
    }

    fn write_legend(&mut self) -> io::Result<()> {
        let theme = self.look.theme;
        if self.legend.diagram {
            writeln!(self.out, "{}", plain::line(&legend(theme, &ENGLISH), theme.has_color()))?;
        }
        let mut words = Vec::new();
        for (provenance, meaning) in [
            (Provenance::Assumed, "? assumed"),
            (Provenance::Modelled, "~ modelled, not measured"),
            (Provenance::Unavailable, "- not known here"),
        ] {
            if self.legend.marks.contains(&provenance) {
                words.push(meaning);
            }
        }
        if self.legend.margins {
            words.push("+- estimated from samples, with 95 % confidence");
        }
        if self.legend.ranges {
            words.push("(least to greatest round)");
        }
        if !words.is_empty() {
            writeln!(self.out, "{}", words.join("   "))?;
        }
        for (why, titles) in std::mem::take(&mut self.legend.missing) {
            self.prose(&format!("- {}: {why}", titles.join(", ")), Indent::HANGING)?;
        }
        Ok(())
    }

    fn prose(&mut self, text: &str, indent: Indent) -> io::Result<()> {
        paragraph::write(text, indent, usize::from(self.look.columns).min(PROSE), self.out)
    }

    fn styled(&self, text: &str, style: Style) -> String {
        plain::styled(text, style, self.look.theme.has_color())
    }
}

/// What zc did not count during the run: figures may be too small by it.
fn losses(ran: &Ran) -> impl Iterator<Item = (Id<Loss>, u64)> + '_ {
    ran.measurement.frame.iter().flat_map(|frame| frame.losses.occurred())
}

impl Legend {
    fn note(&mut self, metric: &Metric, value: &Value<'_>, ran: &Ran) {
        let provenance = match value {
            Value::Unavailable(_) => Provenance::Unavailable,
            _ => value.quality().map_or(Provenance::Measured, |quality| quality.provenance),
        };
        if provenance != Provenance::Measured && !self.marks.contains(&provenance) {
            self.marks.push(provenance);
        }
        self.margins |= metric.extra.margin.is_some() && value.is_known();
        let Value::Unavailable(why) = value else { return };
        // Said already: by the verdict, or by a note on the copies.
        if ran.measurement.frame.is_err() || metric == Findings::CPU_COPIES {
            return;
        }
        match self.missing.iter_mut().find(|(known, _)| known == why) {
            Some((_, titles)) if titles.contains(&metric.title) => {}
            Some((_, titles)) => titles.push(metric.title),
            None => self.missing.push(((*why).to_owned(), vec![metric.title])),
        }
    }
}
