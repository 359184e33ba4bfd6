//! The tour as text: the same parts as on the screen, in an order that suits a recording. What
//! differs from run to run comes last.

use ratatui::text::Span;

use super::{pictures, practice, scene, summary};
use crate::{
    finding::Finding,
    language::fill,
    metric::Metric,
    tour::{
        script::Scene,
        summary::Tally,
        walk::{Conditions, Tour},
        words::Words,
    },
};
use zc_model::snapshot::Provenance;
use zc_render::{
    plain,
    sanitize::{sanitize, width},
    theme::Theme,
};
use zc_tui::view::canvas::Canvas;

/// Columns of the text, whatever the terminal: a recording looks the same everywhere.
const WIDTH: u16 = 80;

/// How text is written.
#[derive(Clone, Copy, Debug)]
pub struct TextForm {
    /// The signs.
    pub theme: Theme,
    /// With escape sequences for colours.
    pub color: bool,
}

impl TextForm {
    fn text(self, canvas: &Canvas) -> String {
        plain::text(canvas.buffer(), self.color)
    }

    /// What comes before the first scene.
    #[must_use]
    pub fn opening(self, tour: &Tour, conditions: &Conditions) -> String {
        let theme = self.theme;
        let mut canvas = Canvas::new(WIDTH);
        canvas.line(Span::styled(tour.script().name.clone(), theme.strong()));
        let words = tour.words();
        let text = fill(
            words.opening,
            &[
                ("scenes", &tour.script().scenes.len()),
                ("machine", &sanitize(&conditions.machine)),
                ("copies", &copies(conditions, words)),
            ],
        );
        canvas.paragraph(&text, 0, theme.dim());
        canvas.gap();
        scene::limits(&mut canvas, Some(conditions), theme);
        self.text(&canvas)
    }

    /// The heading of a scene, from 1, and what is said before its workload.
    #[must_use]
    pub fn before(self, number: usize, scene: &Scene) -> String {
        let mut canvas = Canvas::new(WIDTH);
        let heading = format!("{number}. {}", scene.title);
        let rule = "-".repeat(width(&heading).min(usize::from(WIDTH)));
        canvas.line(Span::styled(heading, self.theme.head()));
        canvas.line(Span::styled(rule, self.theme.dim()));
        scene::said(&mut canvas, &scene.before.text, self.theme);
        self.text(&canvas)
    }

    /// The result of a scene.
    #[must_use]
    pub fn after(self, tour: &Tour, scene: &Scene, findings: &[Finding]) -> String {
        let theme = self.theme;
        let words = tour.words();
        let mut canvas = Canvas::new(WIDTH);
        for finding in findings {
            scene::heading(&mut canvas, words, finding, theme);
            scene::why_not(&mut canvas, words, finding, theme);
            canvas.gap();
            if finding.ran().is_some() {
                pictures::diagram(&mut canvas, finding, tour, true, theme);
                canvas.gap();
            }
        }
        if let Some(sighting) = tour.sighting() {
            scene::sighting(&mut canvas, words, sighting, theme);
        }
        scene::table(&mut canvas, words, findings, None, theme);
        if findings.iter().any(|finding| finding.ran().is_some()) {
            canvas.gap();
        }
        let timed: Vec<_> = findings.iter().filter(|finding| finding.ran().is_some()).collect();
        for finding in &timed {
            scene::verdict(&mut canvas, tour, finding, findings, theme);
        }
        for finding in &timed {
            let steady = |metric: &Metric| !scene::is_timing(metric);
            scene::name_among(&mut canvas, words, finding, findings, theme);
            scene::figures(&mut canvas, words, finding, steady, theme);
        }
        scene::notes(&mut canvas, tour, findings, theme);
        if !findings.is_empty() {
            canvas.gap();
        }
        scene::said(&mut canvas, &scene::lesson(tour, scene, findings), theme);
        for finding in &timed {
            scene::name_among(&mut canvas, words, finding, findings, theme);
            scene::figures(&mut canvas, words, finding, scene::is_timing, theme);
        }
        practice::show(&mut canvas, tour, scene, theme);
        if scene.act.is_workload() {
            canvas.gap();
        }
        self.text(&canvas)
    }

    /// The table at the end.
    #[must_use]
    pub fn closing(self, tour: &Tour) -> String {
        let theme = self.theme;
        let mut canvas = Canvas::new(WIDTH);
        let words = tour.words();
        let title = words.summary;
        canvas.line(Span::styled(title, theme.head()));
        canvas.line(Span::styled("-".repeat(width(title)), theme.dim()));
        let findings: Vec<&Finding> = tour.findings().collect();
        summary::rows(&mut canvas, words, &findings, theme);
        summary::hazards(&mut canvas, tour, theme);
        canvas.gap();
        summary::times(&mut canvas, words, &findings, theme);
        canvas.paragraph(&Tally::of(tour).sentence(words), 0, theme.strong());
        self.text(&canvas)
    }
}

/// Where the figures of copies come from.
fn copies(conditions: &Conditions, words: &Words) -> String {
    match conditions.copies {
        None => words.copies_unknown.to_owned(),
        Some(Provenance::Measured) => words.copies_are_measured.to_owned(),
        Some(other) => {
            let provenance = words.provenance(other);
            format!("{} (~)", fill(words.copies_are_other, &[("provenance", &provenance)]))
        }
    }
}
