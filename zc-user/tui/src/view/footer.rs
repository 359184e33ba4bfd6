//! The last lines: keys, or the line being typed.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::{
    keymap::Hint,
    line,
    state::{
        Context,
        filter::{Completion, Wrong},
        prompt::{Prompt, Wanted},
    },
};
use zc_render::human;

/// A line being typed.
pub(crate) struct Typed<'a> {
    prompt: &'static str,
    line: &'a line::Line,
    /// What is wrong with it, and where.
    error: Option<Error<'a>>,
    /// What can be typed, while nothing is.
    example: &'static str,
    /// What it does, where that is known.
    effect: Option<String>,
    completion: Option<&'a Completion>,
}

/// What is wrong with a line.
struct Error<'a> {
    message: &'a str,
    /// Where, in cells of the line: where it begins, and how many it takes.
    place: Option<(usize, usize)>,
}

impl<'a> Typed<'a> {
    /// The filter, while it is typed.
    pub(crate) fn filter(context: &'a Context) -> Option<Self> {
        let filter = context.filter();
        let line = filter.line()?;
        Some(Self {
            prompt: "filter: ",
            line,
            error: filter.error().map(|wrong| Error::of(wrong, &line.text())),
            example: "a name, or: copied > 1 MiB/s and path = file_read",
            effect: matches(context),
            completion: filter.completion(),
        })
    }

    /// A line that is looked at when it is complete.
    pub(crate) fn prompt(typed: &'a Prompt) -> Self {
        let (prompt, example) = match typed.wanted {
            Wanted::Moment => ("go to: ", "15:12:03, 90s or 5m after the start, end, or a mark"),
            Wanted::Mark => ("mark: ", "a name for this moment, to be found again by [ ] and @"),
        };
        Self {
            prompt,
            line: &typed.line,
            error: typed.error.as_deref().map(|message| Error { message, place: None }),
            example,
            effect: None,
            completion: None,
        }
    }
}

impl<'a> Error<'a> {
    fn of(wrong: &'a Wrong, text: &str) -> Self {
        let cells = |text: Option<&str>| text.map_or(0, |text| Span::raw(text).width());
        let (before, marked) = (text.get(..wrong.span.start), text.get(wrong.span.clone()));
        Self { message: &wrong.message, place: Some((cells(before), cells(marked).max(1))) }
    }
}

/// How many processes the filter selects, of how many.
fn matches(context: &Context) -> Option<String> {
    let frame = context.frame()?;
    let selected = frame.processes.iter().filter(|process| context.selects(process, frame));
    let (selected, all) = (selected.count() as u64, frame.processes.len() as u64);
    Some(format!("{} of {} match", human::count(selected), human::count(all)))
}

/// Draws the footer; `hints` are in the order of their importance. Over the last line of `body` are the ways to complete
/// a word.
pub(crate) fn draw(
    context: &Context,
    typed: Option<Typed<'_>>,
    hints: &[Hint],
    (body, area): (Rect, Rect),
    buf: &mut Buffer,
) {
    let Some(typed) = typed else { return draw_keys(context, hints, area, buf) };
    if let Some(completion) = typed.completion.filter(|_| body.height > 0) {
        let last = Rect { y: body.bottom() - 1, height: 1, ..body };
        draw_ways(context, completion, last, buf);
    }
    let first = Rect { height: area.height.min(1), ..area };
    let end = draw_line(context, &typed, first, buf);
    if area.height > 1 {
        let below = Rect { y: area.y + 1, height: 1, ..area };
        match &typed.error {
            Some(error) => draw_error(context, error, typed.prompt, below, buf),
            None => {
                let keys = draw_verdict(context, &typed, below, buf);
                draw_keys(context, hints, keys, buf);
            }
        }
        return;
    }
    let rest = Rect { x: end.min(area.right()), width: area.right().saturating_sub(end), ..first };
    let rest = draw_verdict(context, &typed, rest, buf);
    draw_keys(context, hints, rest, buf);
}

/// The line being typed and its cursor, with what is wrong underlined; returns where it ends.
fn draw_line(context: &Context, typed: &Typed<'_>, area: Rect, buf: &mut Buffer) -> u16 {
    let theme = context.theme();
    let text = typed.line.text();
    let before = typed.line.before_cursor();
    let room = usize::from(area.width).saturating_sub(typed.prompt.len() + 1);
    // A long line shows the part around its cursor.
    let cells = |text: &str| Span::raw(text).width();
    let mut hidden = 0;
    while cells(&before[hidden..]) > room {
        hidden += before[hidden..].chars().next().map_or(1, char::len_utf8);
    }
    let (x, y) =
        buf.set_stringn(area.x, area.y, typed.prompt, usize::from(area.width), theme.key());
    let width = usize::from(area.right().saturating_sub(x));
    let (end, _) = buf.set_stringn(x, y, &text[hidden..], width, theme.strong());
    if let Some((start, width)) = typed.error.as_ref().and_then(|error| error.place) {
        let skipped = cells(&text[..hidden]);
        let wrong = (start.saturating_sub(skipped), (start + width).saturating_sub(skipped));
        for at in wrong.0..wrong.1.min(usize::from(end - x)) {
            let at = x + u16::try_from(at).unwrap_or(0);
            if let Some(cell) = buf.cell_mut((at, y)) {
                cell.set_style(theme.notice().add_modifier(Modifier::UNDERLINED));
            }
        }
    }
    let cursor = x + u16::try_from(cells(&before[hidden..])).unwrap_or(0);
    if let Some(cell) = buf.cell_mut((cursor, y)) {
        cell.set_style(theme.selected());
    }
    end.max(cursor + 1) + 2
}

/// What is wrong, right of a caret that is below the place; left of it where there is no room; or without it.
fn draw_error(context: &Context, error: &Error<'_>, prompt: &str, area: Rect, buf: &mut Buffer) {
    let style = context.theme().notice();
    let room = usize::from(area.width);
    let width = Span::raw(error.message).width();
    let (start, marked) = error.place.unwrap_or_default();
    let (start, marked) = (prompt.len() + start, marked.min(room));
    let caret = "^".repeat(marked);
    let text = if start + marked + 1 + width <= room && marked > 0 {
        format!("{}{caret} {}", " ".repeat(start), error.message)
    } else if width < start && start + marked <= room {
        format!("{}{} {caret}", " ".repeat(start - width - 1), error.message)
    } else {
        error.message.to_owned()
    };
    put(&text, style, context, area, buf);
}

/// What the line does, or what it could be; returns the room that is left.
fn draw_verdict(context: &Context, typed: &Typed<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let theme = context.theme();
    let (verdict, style) = match (&typed.error, &typed.effect) {
        (Some(error), _) => (error.message, theme.notice()),
        (None, _) if typed.line.text().trim().is_empty() => (typed.example, theme.dim()),
        (None, Some(effect)) => (effect.as_str(), theme.reference()),
        (None, None) => return area,
    };
    let end = put(verdict, style, context, area, buf).saturating_add(2).min(area.right());
    Rect { x: end, width: area.right() - end, ..area }
}

/// The ways to complete a word, as many as fit, the chosen one among them.
fn draw_ways(context: &Context, completion: &Completion, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let ways: Vec<(&str, bool)> = completion.ways().collect();
    let room = usize::from(area.width);
    let cells = |ways: &[(&str, bool)]| {
        ways.iter().map(|(way, _)| Span::raw(*way).width() + 2).sum::<usize>()
    };
    let chosen = ways.iter().position(|(_, chosen)| *chosen).unwrap_or(0);
    let mut first = 0;
    while first < chosen && cells(&ways[first..=chosen]) > room {
        first += 1;
    }
    let mut spans = Vec::new();
    for (way, chosen) in &ways[first..] {
        let style = if *chosen { theme.selected() } else { theme.key() };
        spans.push(Span::styled(*way, style));
        spans.push(Span::raw("  "));
    }
    for x in area.left()..area.right() {
        if let Some(cell) = buf.cell_mut((x, area.y)) {
            cell.reset();
        }
    }
    buf.set_line(area.x, area.y, &Line::from(spans), area.width);
}

/// Writes a text, cut visibly where there is no room; returns where it ends.
fn put(text: &str, style: Style, context: &Context, area: Rect, buf: &mut Buffer) -> u16 {
    let room = usize::from(area.width);
    if Span::raw(text).width() <= room {
        return buf.set_stringn(area.x, area.y, text, room, style).0;
    }
    let (x, _) = buf.set_stringn(area.x, area.y, text, room.saturating_sub(1), style);
    buf.set_stringn(x, area.y, context.theme().symbols.ellipsis, room.min(1), style).0
}

fn draw_keys(context: &Context, hints: &[Hint], mut area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let legend = "~ modelled";
    let width = u16::try_from(legend.len()).unwrap_or(0);
    if context.is_modelled() && width < area.width {
        area.width -= width + 1;
        buf.set_stringn(area.right() + 1, area.y, legend, usize::from(width), theme.notice());
    }
    let mut x = area.x;
    for Hint { key, word, .. } in hints {
        let line = Line::from(vec![
            Span::styled(*key, theme.key()),
            Span::raw(" "),
            Span::styled(*word, theme.text()),
        ]);
        let width = u16::try_from(line.width()).unwrap_or(u16::MAX);
        if x.saturating_add(width) > area.right() {
            break;
        }
        buf.set_line(x, area.y, &line, width);
        x += width + 2;
    }
}
