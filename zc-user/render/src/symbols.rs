//! The signs on the screen, for terminals with and without Unicode.

use ratatui::symbols::border;

/// How bytes get across: the look of an arrow in the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// Head pointing right.
    pub right: &'static str,
    /// Head pointing left.
    pub left: &'static str,
    /// Shaft; longer than one sign when it is dashed.
    pub shaft: &'static [&'static str],
}

/// Moments on an axis of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moments {
    /// What figures are compared with.
    pub baseline: &'static str,
    /// It has a name.
    pub mark: &'static str,
    /// What the screen shows, where that is not the newest one.
    pub shown: &'static str,
}

/// One set of signs.
#[derive(Debug)]
pub struct Symbols {
    /// Frames of boxes.
    pub border: border::Set<'static>,
    /// From nothing to everything.
    pub spark: [&'static str; 9],
    /// A bar's last cell, from nothing to everything.
    pub bar: [&'static str; 9],
    /// The CPU copies.
    pub copy: Arrow,
    /// By reference: nothing is copied.
    pub reference: Arrow,
    /// The device moves the bytes.
    pub dma: Arrow,
    /// Shaft of an arrow on which nothing travels now.
    pub idle: &'static str,
    /// Sorted from small to large.
    pub ascending: &'static str,
    /// Sorted from large to small.
    pub descending: &'static str,
    /// What was cut off.
    pub ellipsis: &'static str,
    /// There is advice on this process.
    pub advice: &'static str,
    /// Corners at the ends of an arrow below the boxes.
    pub corners: [&'static str; 2],
    /// What tells parts of a bar apart: the first is solid, the last is that of all others.
    pub shades: [&'static str; 4],
    /// Moments on an axis.
    pub moments: Moments,
}

/// For UTF-8 terminals.
pub static UNICODE: Symbols = BLOCKS;

/// The same, with curves of dots: finer, where the font has them.
pub static BRAILLE: Symbols =
    Symbols { spark: [" ", "⡀", "⣀", "⣄", "⣤", "⣦", "⣶", "⣷", "⣿"], ..BLOCKS };

const BLOCKS: Symbols = Symbols {
    border: border::PLAIN,
    spark: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    bar: [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    copy: Arrow { right: "▶", left: "◀", shaft: &["━"] },
    reference: Arrow { right: "▷", left: "◁", shaft: &["─", " "] },
    dma: Arrow { right: "▷", left: "◁", shaft: &["═"] },
    idle: "·",
    ascending: "▲",
    descending: "▼",
    ellipsis: "…",
    advice: "!",
    corners: ["└", "┘"],
    shades: ["█", "▓", "▒", "░"],
    moments: Moments { baseline: "●", mark: "◆", shown: "▲" },
};

/// For everything else.
pub static ASCII: Symbols = Symbols {
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    spark: [" ", ".", ".", ":", ":", "|", "|", "#", "#"],
    bar: [" ", " ", " ", " ", "|", "|", "|", "#", "#"],
    copy: Arrow { right: ">", left: "<", shaft: &["#"] },
    reference: Arrow { right: ">", left: "<", shaft: &["-", " "] },
    dma: Arrow { right: ">", left: "<", shaft: &["="] },
    idle: ".",
    ascending: "^",
    descending: "v",
    ellipsis: ">",
    advice: "!",
    corners: ["+", "+"],
    shades: ["#", "=", ":", "."],
    moments: Moments { baseline: "o", mark: "*", shown: "^" },
};
