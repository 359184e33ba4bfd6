//! The help: keys from the key tables, signs from the pages that draw them, columns from the column
//! tables.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{Guide, Heading, Intent, Page, Sign};
use crate::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr},
    state::{Context, scroll::Scroll},
    view::canvas::Canvas,
};
use zc_render::human;

/// What the keys of this page do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Close,
    ScreenDown,
}

static KEYS: &[Binding<Action>] = &[
    bind(&[chr('q')], "q", Action::Close, "close the help"),
    bind(&[chr(' ')], "Space", Action::ScreenDown, "one screen down"),
];

/// Keys under a heading: as the help names them, and what they do.
pub struct KeySection {
    /// The heading.
    pub title: String,
    /// The keys.
    pub rows: Vec<(&'static str, &'static str)>,
}

/// The page of the help.
pub struct Help {
    /// All keys.
    pub keys: Vec<KeySection>,
    /// What clicks do; empty where they do nothing.
    pub mouse: &'static str,
    /// The signs of each page that has some.
    pub signs: Vec<(&'static str, Vec<Sign>)>,
    /// The other pages.
    pub guides: Vec<Guide>,
    /// How far it is scrolled.
    pub scroll: Scroll,
}

impl Help {
    /// What the help says of itself.
    #[must_use]
    pub fn guide() -> Guide {
        Guide { title: "Help", keys: keymap::keys(KEYS), columns: Vec::new() }
    }

    /// The whole help at this width.
    fn canvas(&self, context: &Context, width: u16) -> Canvas {
        let mut canvas = Canvas::new(width);
        losses(context, &mut canvas);
        for section in &self.keys {
            keys(context, &mut canvas, section);
        }
        if !self.mouse.is_empty() {
            canvas.gap();
            canvas.item("Mouse", context.theme().head(), 7, self.mouse, context.theme().text());
        }
        for (title, signs) in &self.signs {
            let only = self.signs.len() == 1;
            let title = if only { "Signs".to_owned() } else { format!("Signs: {title}") };
            heading(context, &mut canvas, &title);
            for (sign, meaning) in signs {
                let label = format!("  {sign}");
                canvas.item(&label, context.theme().key(), 5, meaning, context.theme().text());
            }
        }
        for guide in self.guides.iter().filter(|guide| !guide.columns.is_empty()) {
            columns(context, &mut canvas, guide.title, &guide.columns);
        }
        canvas
    }
}

impl Page for Help {
    fn title(&self) -> &'static str {
        "Help"
    }

    fn about(&self) -> &'static str {
        "this help"
    }

    fn keys(&self) -> Vec<&'static Key> {
        keymap::keys(KEYS)
    }

    fn press(&mut self, chord: Chord, context: &Context) -> Option<Intent> {
        Some(match keymap::find(KEYS, chord)? {
            Action::Close => Intent::Back,
            Action::ScreenDown => {
                self.step(Motion::PageDown, context);
                Intent::Nothing
            }
        })
    }

    fn enter(&mut self) {
        self.scroll = Scroll::START;
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        let body = context.body();
        let height = self.canvas(context, body.width).height();
        self.scroll.step(motion, height, body.height);
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let canvas = self.canvas(context, area.width);
        canvas.show(self.scroll.lines(), context.theme(), area, buf);
    }
}

fn heading(context: &Context, canvas: &mut Canvas, title: &str) {
    if canvas.height() > 0 {
        canvas.gap();
    }
    canvas.line(Span::styled(title.to_owned(), context.theme().head()));
}

fn losses(context: &Context, canvas: &mut Canvas) {
    if context.losses().total() == 0 {
        return;
    }
    heading(context, canvas, "Lost since the start");
    for (loss, count) in context.losses().occurred() {
        let place = if context.concerns(loss) { "" } else { " (on this machine, of any process)" };
        let text = format!("{} {}{place}: {}", human::count(count), loss.id(), loss.help());
        canvas.paragraph(&text, 2, context.theme().notice());
    }
}

fn keys(context: &Context, canvas: &mut Canvas, section: &KeySection) {
    heading(context, canvas, &section.title);
    let (theme, width) = (context.theme(), canvas.width());
    let columns = usize::from(width / 64).clamp(1, 2);
    let lines = section.rows.len().div_ceil(columns);
    let (area, buf) = canvas.block(u16::try_from(lines).unwrap_or(u16::MAX));
    for (index, (shown, help)) in section.rows.iter().enumerate() {
        let (column, line) = (index / lines, index % lines);
        let line = u16::try_from(line).unwrap_or(0);
        let x = u16::try_from(column).unwrap_or(0) * (width / 2);
        let text =
            Line::from(vec![Span::styled(format!("  {shown:<16}"), theme.key()), Span::raw(*help)]);
        buf.set_line(x, area.y + line, &text, width - x);
    }
}

fn columns(context: &Context, canvas: &mut Canvas, title: &str, columns: &[Heading]) {
    heading(context, canvas, &format!("Columns: {title}"));
    for Heading { title, help, .. } in columns {
        let label = format!("  {title}");
        canvas.item(&label, context.theme().key(), 16, help, context.theme().text());
    }
}
