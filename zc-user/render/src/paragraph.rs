//! Prose between tables.

use std::io;

use super::sanitize;

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
    for word in text.split_whitespace() {
        if !is_empty {
            if sanitize::width(&line) + 1 + sanitize::width(word) > columns {
                writeln!(out, "{line}")?;
                line.clear();
                line.push_str(indent.rest);
            } else {
                line.push(' ');
            }
        }
        line.push_str(word);
        is_empty = false;
    }
    writeln!(out, "{line}")
}
