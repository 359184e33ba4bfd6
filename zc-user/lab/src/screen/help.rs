//! The help of the tour: its keys, its signs and the arrows of its pictures, in its own language.

use crossterm::event::KeyCode;
use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    language::Language,
    tour::words::{self, Words},
};
use zc_render::{symbols::Arrow, theme::Theme};
use zc_tui::{
    keymap::{self, Binding, Chord, Key, bind, chr, key},
    state::scroll::Scroll,
    view::canvas::Canvas,
};

/// From this width on, it has two columns.
const TWO_COLUMNS: u16 = 120;
/// Cells between them.
const GAP: u16 = 4;
/// Cells of the names of keys, and of signs.
const NAMES: (u16, u16) = (18, 8);
/// Cells of an arrow.
const ARROW: usize = 4;

/// The help, while it is open.
pub(super) struct Help {
    /// How far it is scrolled.
    pub(super) scroll: Scroll,
}

/// What a key does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    Close,
    /// One screen further.
    On,
}

macro_rules! table {
    ($words:expr) => {
        &[
            bind(
                &[
                    key(KeyCode::Esc),
                    chr('q'),
                    chr('?'),
                    chr('h'),
                    key(KeyCode::F(1)),
                    key(KeyCode::Enter),
                    key(KeyCode::Left),
                    key(KeyCode::Backspace),
                ],
                "Esc q ?",
                Pressed::Close,
                $words.close.1,
            )
            .hint(0, "Esc", $words.close.0),
            bind(&[chr(' ')], "Space", Pressed::On, $words.on.1).hint(1, "Space", $words.on.0),
        ]
    };
}

static ENGLISH: &[Binding<Pressed>] = table!(words::ENGLISH_KEYS);
static CHINESE: &[Binding<Pressed>] = table!(words::CHINESE_KEYS);

/// The keys while it is open.
pub(super) fn keys(language: Language) -> Vec<&'static Key> {
    keymap::keys(match language {
        Language::En => ENGLISH,
        Language::Zh => CHINESE,
    })
}

/// What a key does while it is open.
pub(super) fn pressed(chord: Chord) -> Option<Pressed> {
    keymap::find(ENGLISH, chord)
}

/// The whole help: `own` are the keys of the tour.
pub(super) fn canvas(own: &[&'static Key], words: &Words, theme: Theme, width: u16) -> Canvas {
    let is_wide = width >= TWO_COLUMNS;
    let each = if is_wide { (width - GAP) / 2 } else { width };
    let keys = own.iter().map(|key| (key.shown, key.help));
    let tour = [items(words.help_here, NAMES.0, keys, each, theme)];
    let moving = [
        ("Up Down k j", words.move_line),
        ("PgUp PgDn", words.move_screen),
        ("Home End G", words.move_ends),
        ("Ctrl-C", words.interrupt),
        ("Ctrl-L", words.redraw),
        ("Ctrl-Z", words.suspend),
    ];
    let others = [
        items(words.help_moving, NAMES.0, moving, each, theme),
        items(words.help_signs, NAMES.1, words.signs.iter().copied(), each, theme),
        arrows(words, each, theme),
    ];
    let mut canvas = Canvas::new(width);
    if is_wide {
        in_columns(&mut canvas, [&tour, &others], each, theme);
    } else {
        for block in tour.iter().chain(&others) {
            append(&mut canvas, block, theme);
        }
    }
    canvas
}

/// A heading, and rows of a name and what it means.
fn items(
    heading: &str,
    names: u16,
    rows: impl IntoIterator<Item = (&'static str, &'static str)>,
    width: u16,
    theme: Theme,
) -> Canvas {
    let mut canvas = Canvas::new(width);
    canvas.line(Span::styled(heading, theme.head()));
    for (name, meaning) in rows {
        canvas.item(&format!("  {name}"), theme.key(), names, meaning, theme.text());
    }
    canvas
}

/// What the arrows of a picture mean.
fn arrows(words: &Words, width: u16, theme: Theme) -> Canvas {
    let mut canvas = Canvas::new(width);
    canvas.line(Span::styled(words.help_arrows, theme.head()));
    let (labels, symbols) = (words.labels, theme.symbols);
    for (arrow, meaning, style) in [
        (symbols.copy, labels.copied_by_the_cpu, theme.copied()),
        (symbols.reference, labels.by_reference, theme.reference()),
        (symbols.dma, labels.by_the_device, theme.dma()),
    ] {
        canvas.line(Line::from(vec![
            Span::raw("  "),
            Span::styled(drawn(arrow), style),
            Span::raw("  "),
            Span::raw(meaning),
        ]));
    }
    canvas
}

fn drawn(arrow: Arrow) -> String {
    let shaft = arrow.shaft.iter().cycle().take(ARROW - 1).copied();
    shaft.chain([arrow.right]).collect()
}

fn append(canvas: &mut Canvas, block: &Canvas, theme: Theme) {
    if canvas.height() > 0 {
        canvas.gap();
    }
    let (area, buf) = canvas.block(block.height());
    block.show(0, theme, area, buf);
}

/// Blocks from top to bottom, the columns next to each other.
fn in_columns(canvas: &mut Canvas, columns: [&[Canvas]; 2], each: u16, theme: Theme) {
    let columns = columns.map(|blocks| {
        let mut column = Canvas::new(each);
        for block in blocks {
            append(&mut column, block, theme);
        }
        column
    });
    let height = columns.iter().map(Canvas::height).max().unwrap_or(0);
    let (area, buf) = canvas.block(height);
    for (column, x) in columns.iter().zip([area.x, area.x + each + GAP]) {
        let lines = column.height();
        column.show(0, theme, Rect { x, width: each, height: lines, ..area }, buf);
    }
}
