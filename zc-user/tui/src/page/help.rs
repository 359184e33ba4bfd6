//! The help on one screen: keys from the key tables, signs from the pages that draw them, words from
//! the column tables; first what concerns the page that one comes from.

use ratatui::{buffer::Buffer, layout::Rect, text::Span};

use super::{Guide, Heading, Intent, Page, Sign};
use crate::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr},
    state::{Context, scroll::Scroll},
    view::canvas::Canvas,
};

/// What the keys of this page do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Close,
    ScreenDown,
    Turn,
}

#[rustfmt::skip]
static KEYS: &[Binding<Action>] = &[
    bind(&[chr('?')], "?", Action::Turn, "turn to all columns, and to the keys of all pages").hint(12, "?", "All keys, columns"),
    bind(&[chr('q')], "q", Action::Close, "close the help"),
    bind(&[chr(' ')], "Space", Action::ScreenDown, "one screen down"),
];

/// Cells between two columns of text.
const GAP: u16 = 2;

/// What can be typed as a filter, and what it selects.
pub static FILTERS: &[(&str, &str)] = &[
    ("nginx", "the name contains it"),
    ("copied > 10 MiB/s", "copied more, each second"),
    ("path = file_read", "used this path"),
    ("cgroup ~ web", "in such a control group"),
    ("pid = 12,34", "one of these"),
    ("not curl", "all others; and or ( )"),
    ("/^ngi/ and advice", "a regex, with advice"),
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
    /// The keys of each page and the pages that it opens.
    pub own: Vec<(&'static str, KeySection)>,
    /// The keys of all pages.
    pub shared: Vec<KeySection>,
    /// The keys of everything else.
    pub others: Vec<KeySection>,
    /// What clicks do; empty where they do nothing.
    pub mouse: &'static str,
    /// The signs of each page that has some.
    pub signs: Vec<(&'static str, Vec<Sign>)>,
    /// The other pages.
    pub guides: Vec<Guide>,
    /// Whether pages are filtered.
    pub has_filter: bool,
    /// The page that the user comes from.
    here: &'static str,
    /// Whether all columns, and the keys of all pages, are on the screen.
    is_turned: bool,
    scroll: Scroll,
}

impl Help {
    /// The help on these.
    #[must_use]
    pub fn new(
        own: Vec<(&'static str, KeySection)>,
        shared: Vec<KeySection>,
        others: Vec<KeySection>,
        mouse: &'static str,
        signs: Vec<(&'static str, Vec<Sign>)>,
        guides: Vec<Guide>,
        has_filter: bool,
    ) -> Self {
        let here = guides.first().map_or("", |guide| guide.title);
        let (is_turned, scroll) = (false, Scroll::START);
        Self { own, shared, others, mouse, signs, guides, has_filter, here, is_turned, scroll }
    }

    /// What the help says of itself.
    #[must_use]
    pub fn guide() -> Guide {
        Guide { title: "Help", keys: keymap::keys(KEYS), columns: Vec::new() }
    }

    /// The whole help at this width.
    fn canvas(&self, context: &Context, width: u16) -> Canvas {
        let columns = match width {
            0..100 => 1,
            100..140 => 2,
            _ => 3,
        };
        let each = (width - GAP * (columns - 1)) / columns;
        let blocks =
            if self.is_turned { self.everything(context, each) } else { self.first(context, each) };
        in_columns(blocks, columns.into(), each, width)
    }

    /// What concerns the page that the user comes from.
    fn first(&self, context: &Context, width: u16) -> Vec<Canvas> {
        let mut blocks = Vec::new();
        if let Some((_, section)) = self.own.iter().find(|(title, _)| *title == self.here) {
            let title = format!("Keys here: {}", self.here);
            blocks.push(keys(context, width, &title, &section.rows));
        }
        for section in &self.shared {
            blocks.push(keys(context, width, &section.title, &section.rows));
        }
        if self.has_filter {
            blocks.push(items(context, width, "Filter, for example", 26, FILTERS));
        }
        let signs = self.signs.iter().find(|(title, _)| *title == self.here);
        if let Some((_, signs)) = signs.or(self.signs.first()) {
            blocks.push(items(context, width, "Signs", 6, signs));
        }
        blocks.push(picture(context, width));
        if let Some(guide) = self.guides.iter().find(|guide| guide.title == self.here) {
            let words: Vec<_> =
                guide.columns.iter().map(|it| (it.title, clause(it.help))).collect();
            if !words.is_empty() {
                blocks.push(items(
                    context,
                    width,
                    &format!("Columns here: {}", self.here),
                    16,
                    &words,
                ));
            }
        }
        blocks
    }

    /// Everything: the keys of all pages, and all columns in full.
    fn everything(&self, context: &Context, width: u16) -> Vec<Canvas> {
        let mut blocks = Vec::new();
        let own = self.own.iter().map(|(_, section)| section);
        for section in self.shared.iter().chain(own).chain(&self.others) {
            blocks.push(keys(context, width, &section.title, &section.rows));
        }
        if !self.mouse.is_empty() {
            let mut canvas = Canvas::new(width);
            canvas.item("Mouse", context.theme().head(), 7, self.mouse, context.theme().text());
            blocks.push(canvas);
        }
        for guide in self.guides.iter().filter(|guide| !guide.columns.is_empty()) {
            let rows: Vec<_> =
                guide.columns.iter().map(|Heading { title, help, .. }| (*title, *help)).collect();
            blocks.push(items(context, width, &format!("Columns: {}", guide.title), 16, &rows));
        }
        blocks
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
            Action::Turn => {
                self.is_turned = !self.is_turned;
                self.scroll = Scroll::START;
                Intent::Nothing
            }
        })
    }

    fn enter(&mut self) {
        (self.is_turned, self.scroll) = (false, Scroll::START);
    }

    fn come_from(&mut self, page: &'static str) {
        self.here = page;
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

/// The blocks in so many columns: in their order, and each column about as long as the others.
fn in_columns(blocks: Vec<Canvas>, columns: usize, each: u16, width: u16) -> Canvas {
    let height = |blocks: &[Canvas]| -> u16 {
        let lines: u16 = blocks.iter().map(|block| block.height() + 1).sum();
        lines.saturating_sub(1)
    };
    // The least height in which the blocks fit in their order.
    let tallest = blocks.iter().map(Canvas::height).max().unwrap_or(0);
    let split = |most: u16| {
        let mut parts: Vec<Vec<usize>> = vec![Vec::new()];
        let mut used = 0;
        for (at, block) in blocks.iter().enumerate() {
            if used > 0 && used + 1 + block.height() > most && parts.len() < columns {
                parts.push(Vec::new());
                used = 0;
            }
            used += block.height() + u16::from(used > 0);
            if let Some(last) = parts.last_mut() {
                last.push(at);
            }
        }
        parts
    };
    let of = |parts: &[Vec<usize>]| {
        let lines = |part: &Vec<usize>| {
            part.iter().map(|at| blocks[*at].height() + 1).sum::<u16>().saturating_sub(1)
        };
        parts.iter().map(lines).max().unwrap_or(0)
    };
    let whole = height(&blocks);
    let most = (tallest..=whole).find(|most| of(&split(*most)) <= *most).unwrap_or(whole);
    let parts = split(most);
    let mut canvas = Canvas::new(width);
    let (area, buf) = canvas.block(of(&parts));
    for (part, column) in parts.iter().zip(0_u16..) {
        let x = area.x + column * (each + GAP);
        let mut y = area.y;
        for at in part {
            let from = blocks[*at].buffer();
            for position in from.area.positions() {
                let to = (x + position.x, y + position.y);
                if let (Some(to), Some(from)) = (buf.cell_mut(to), from.cell(position)) {
                    *to = from.clone();
                }
            }
            y += blocks[*at].height() + 1;
        }
    }
    canvas
}

fn keys(context: &Context, width: u16, title: &str, rows: &[(&str, &str)]) -> Canvas {
    let longest = rows.iter().map(|(shown, _)| shown.len()).max().unwrap_or(0);
    let indent = u16::try_from(longest + 4).unwrap_or(u16::MAX).max(18);
    items(context, width, title, indent, rows)
}

/// Labels and what they mean, under a heading.
fn items(context: &Context, width: u16, title: &str, indent: u16, rows: &[(&str, &str)]) -> Canvas {
    let theme = context.theme();
    let mut canvas = Canvas::new(width);
    canvas.line(Span::styled(title.to_owned(), theme.head()));
    for (label, meaning) in rows {
        canvas.item(&format!("  {label}"), theme.key(), indent, meaning, theme.text());
    }
    canvas
}

/// The arrows of the picture of a process.
fn picture(context: &Context, width: u16) -> Canvas {
    let symbols = context.theme().symbols;
    let arrow = |arrow: &zc_render::symbols::Arrow| {
        let shaft: Vec<_> = arrow.shaft.iter().cycle().take(2).copied().collect();
        format!("{}{}", shaft.concat(), arrow.right)
    };
    let (copy, reference, dma) =
        (arrow(&symbols.copy), arrow(&symbols.reference), arrow(&symbols.dma));
    let idle = symbols.idle.repeat(3);
    let rows = [
        (&*copy, "copied by the CPU"),
        (&*reference, "by reference: nothing is copied"),
        (&*dma, "moved by a device"),
        (&*idle, "nothing at the moment"),
    ];
    items(context, width, "Picture of a process", 8, &rows)
}

/// The first clause of a sentence.
fn clause(sentence: &str) -> &str {
    let end = [": ", "; ", ", in ", ". "].iter().filter_map(|at| sentence.find(at)).min();
    end.map_or(sentence, |end| &sentence[..end]).trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use zc_model::filter::parse;

    #[test]
    fn what_is_said_of_filters_can_be_typed() {
        for (example, _) in &FILTERS[1..] {
            assert!(parse(example).is_ok(), "{example}");
        }
    }

    #[test]
    fn a_clause_ends_where_the_sentence_goes_on() {
        assert_eq!(
            clause("Bytes moved per second: what the calls returned."),
            "Bytes moved per second"
        );
        assert_eq!(clause("Calls that failed."), "Calls that failed");
    }

    #[test]
    fn blocks_keep_their_order_and_fill_the_columns() {
        let block = |lines: u16, text: &str| {
            let mut canvas = Canvas::new(4);
            (0..lines).for_each(|_| canvas.line(text.to_owned()));
            canvas
        };
        let blocks = || vec![block(3, "a"), block(1, "b"), block(2, "c"), block(2, "d")];
        assert_eq!(in_columns(blocks(), 1, 4, 4).height(), 11);
        let two = in_columns(blocks(), 2, 4, 10);
        assert_eq!(two.height(), 5);
        assert_eq!(two.buffer()[(0, 4)].symbol(), "b");
        assert_eq!(two.buffer()[(6, 0)].symbol(), "c");
        assert_eq!(two.buffer()[(6, 3)].symbol(), "d");
    }
}
