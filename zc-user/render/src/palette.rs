//! The colours of each look, by meaning.

use ratatui::style::Color;

/// A colour: one of the 256, and the nearest of the sixteen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink {
    many: Option<Color>,
    sixteen: Option<Color>,
}

impl Ink {
    /// The colour on a terminal with 256 of them, or with sixteen; `None` for that of the text.
    pub(super) const fn color(self, many: bool) -> Option<Color> {
        if many { self.many } else { self.sixteen }
    }
}

/// The colours of a look.
#[derive(Debug)]
pub(super) struct Palette {
    pub(super) copied: Ink,
    pub(super) reference: Ink,
    pub(super) device: Ink,
    pub(super) notice: Ink,
    pub(super) alarm: Ink,
    pub(super) head: Ink,
    pub(super) key: Ink,
    pub(super) curve: Ink,
    /// Text and background of the selected row, of the 256; `None`: white on blue of the sixteen.
    pub(super) row: Option<(u8, u8)>,
}

const fn ink(many: u8, sixteen: Color) -> Ink {
    Ink { many: Some(Color::Indexed(many)), sixteen: Some(sixteen) }
}

const fn named(color: Color) -> Ink {
    Ink { many: Some(color), sixteen: Some(color) }
}

const TEXT: Ink = Ink { many: None, sixteen: None };

/// For dark backgrounds. Orange, cyan, dim blue and purple stay apart with any kind of colour vision: they follow those
/// of Okabe and Ito, and differ in lightness too.
pub(super) static DARK: Palette = Palette {
    copied: ink(214, Color::Yellow),
    reference: ink(44, Color::Cyan),
    device: ink(67, Color::Blue),
    notice: ink(176, Color::LightMagenta),
    alarm: ink(202, Color::LightRed),
    head: TEXT,
    key: ink(110, Color::LightBlue),
    curve: ink(214, Color::Yellow),
    row: Some((255, 238)),
};

/// For light backgrounds, on which yellow and cyan cannot be read.
pub(super) static LIGHT: Palette = Palette {
    copied: ink(130, Color::Red),
    reference: ink(30, Color::Cyan),
    device: ink(25, Color::Blue),
    notice: ink(90, Color::Magenta),
    alarm: ink(160, Color::Red),
    head: TEXT,
    key: ink(24, Color::Blue),
    curve: ink(130, Color::Red),
    row: Some((16, 253)),
};

/// What `zc` looked like at first. Only the sixteen named colours, so that they follow the user's own palette.
pub(super) static CLASSIC: Palette = Palette {
    copied: named(Color::Red),
    reference: named(Color::Green),
    device: named(Color::LightBlue),
    notice: named(Color::Yellow),
    alarm: named(Color::Red),
    head: named(Color::Cyan),
    key: named(Color::Cyan),
    curve: named(Color::Cyan),
    row: None,
};
