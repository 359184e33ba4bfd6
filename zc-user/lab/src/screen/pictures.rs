//! The pictures of what ran, drawn from what was measured.

use ratatui::layout::Rect;

use super::scene::{heading, why_not};
use crate::{finding::Finding, tour::walk::Tour};
use zc_render::{
    diagram::{Diagram, Unit},
    theme::Theme,
};
use zc_tui::view::canvas::Canvas;

/// Columns from which on two pictures have room next to each other.
pub(super) const SIDE_BY_SIDE: u16 = 152;
/// Columns between them.
const GUTTER: u16 = 4;

/// What ran, with its pictures: two are next to each other where there is room.
pub(super) fn pictures(canvas: &mut Canvas, tour: &Tour, findings: &[Finding], theme: Theme) {
    if let [left, right] = findings
        && canvas.width() >= SIDE_BY_SIDE
    {
        side_by_side(canvas, [left, right], tour, theme);
        canvas.gap();
        return;
    }
    for finding in findings {
        heading(canvas, tour.words(), finding, theme);
        why_not(canvas, tour.words(), finding, theme);
        diagram(canvas, finding, tour, true, theme);
        canvas.gap();
    }
}

/// The same without what can be missed: of two that are one above the other, neither has a legend.
pub(super) fn in_short(canvas: &mut Canvas, tour: &Tour, findings: &[Finding], theme: Theme) {
    if findings.len() < 2 || canvas.width() >= SIDE_BY_SIDE {
        pictures(canvas, tour, findings, theme);
        return;
    }
    for finding in findings {
        heading(canvas, tour.words(), finding, theme);
        why_not(canvas, tour.words(), finding, theme);
        diagram(canvas, finding, tour, false, theme);
    }
    canvas.gap();
}

/// Two pictures of the same payload, the one next to the other.
fn side_by_side(canvas: &mut Canvas, findings: [&Finding; 2], tour: &Tour, theme: Theme) {
    let width = (canvas.width() - GUTTER) / 2;
    let halves = findings.map(|finding| {
        let mut half = Canvas::new(width);
        heading(&mut half, tour.words(), finding, theme);
        why_not(&mut half, tour.words(), finding, theme);
        diagram(&mut half, finding, tour, true, theme);
        half
    });
    let height = halves.iter().map(Canvas::height).max().unwrap_or(0);
    let (area, buf) = canvas.block(height);
    for (half, x) in halves.iter().zip([area.x, area.x + width + GUTTER]) {
        half.show(0, theme, Rect { x, width, ..area }, buf);
    }
}

/// The picture, drawn from what was measured; with `legend`, what its arrows mean.
pub(super) fn diagram(
    canvas: &mut Canvas,
    finding: &Finding,
    tour: &Tour,
    legend: bool,
    theme: Theme,
) {
    drawn(canvas, finding, tour, theme, |diagram| {
        let diagram = match tour.reveal() {
            Some(reveal) => diagram.first(reveal.drawn(), reveal.beat()),
            None => diagram,
        };
        if legend { diagram } else { diagram.without_legend() }
    });
}

/// The picture of a scene that is over, where another one has the legend.
pub(super) fn still(canvas: &mut Canvas, finding: &Finding, tour: &Tour, theme: Theme) {
    drawn(canvas, finding, tour, theme, |diagram| diagram.without_legend());
}

fn drawn(
    canvas: &mut Canvas,
    finding: &Finding,
    tour: &Tour,
    theme: Theme,
    how: impl for<'a> FnOnce(Diagram<'a>) -> Diagram<'a>,
) {
    let Some(mut picture) = finding.ran().and_then(|ran| ran.picture(&finding.setting)) else {
        return;
    };
    picture.names = tour.words().names(finding.setting.sink);
    let diagram = how(Diagram::new(&picture, theme, Unit::Total).labelled(tour.words().labels));
    let (area, buf) = canvas.block(diagram.height(canvas.width()));
    diagram.draw(area, buf);
}
