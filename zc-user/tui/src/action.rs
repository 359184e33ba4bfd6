//! What a key or a click asks for, where several modules have to agree on it.

/// A step of the selection or of the scrolled text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One screen up.
    PageUp,
    /// One screen down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// A change to the line being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Insert at the cursor.
    Insert(char),
    /// Delete the character before the cursor.
    DeleteBefore,
    /// Delete the character under the cursor.
    DeleteUnder,
    /// Delete the word before the cursor.
    DeleteWord,
    /// Delete everything before the cursor.
    DeleteToStart,
    /// Cursor one character to the left.
    Left,
    /// Cursor one character to the right.
    Right,
    /// Cursor to the start.
    Start,
    /// Cursor to the end.
    End,
}
