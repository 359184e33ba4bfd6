//! The end of a scene: the command that repeats it, and what its program does.

use ratatui::text::{Line, Span};

use crate::tour::{code, script::Scene, walk::Tour};
use zc_render::theme::Theme;
use zc_tui::view::canvas::Canvas;

/// What to type.
pub(super) fn show(canvas: &mut Canvas, tour: &Tour, scene: &Scene, theme: Theme) {
    let Some(command) = code::command(&scene.act) else { return };
    let words = tour.words();
    canvas.gap();
    canvas
        .line(Line::from(vec![Span::raw(words.type_this), Span::styled(command, theme.strong())]));
    for scenario in scene.act.scenarios() {
        let Some(lines) = code::of(scenario) else { continue };
        let title = format!("{}{}", words.in_c, words.say(scenario.title));
        canvas.line(Span::styled(title, theme.dim()));
        for line in lines {
            canvas.line(Span::raw(format!("  {line}")));
        }
    }
}
