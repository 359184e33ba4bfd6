//! Prose between tables.

use std::io;

use super::{
    sanitize,
    wrap::{Piece, pieces},
};

/// Where a paragraph stands.
#[derive(Clone, Copy, Debug)]
pub struct Indent {
    /// What the first line begins with.
    pub first: &'static str,
    /// What the others begin with.
    pub rest: &'static str,
}

impl Indent {
    /// None.
    pub const NONE: Self = Self { first: "", rest: "" };
    /// Further in from the second line on.
    pub const HANGING: Self = Self { first: "  ", rest: "    " };
    /// An item of a list.
    pub const ITEM: Self = Self { first: "  - ", rest: "    " };
}

/// Writes `text`, safe for a terminal, in lines of at most `columns` where words allow it.
pub fn write(
    text: &str,
    indent: Indent,
    columns: usize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let text = sanitize::sanitize(text);
    let mut line = String::from(indent.first);
    let mut is_empty = true;
    for Piece { text, is_word } in pieces(&text) {
        if !is_empty {
            if sanitize::width(&line) + usize::from(is_word) + sanitize::width(text) > columns {
                writeln!(out, "{line}")?;
                line.clear();
                line.push_str(indent.rest);
            } else if is_word {
                line.push(' ');
            }
        }
        line.push_str(text);
        is_empty = false;
    }
    writeln!(out, "{line}")
}
