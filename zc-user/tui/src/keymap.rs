//! The form of a key table. The shell and each page have one; footer and help come from it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

mod remap;

pub use remap::{ACTIONS, Named, Remap, parse};

/// A key with its modifiers; Shift is left out, since it is part of the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Control and Alt.
    pub modifiers: KeyModifiers,
}

impl Chord {
    /// What was pressed.
    #[must_use]
    pub const fn of(event: KeyEvent) -> Self {
        Self { code: event.code, modifiers: event.modifiers.difference(KeyModifiers::SHIFT) }
    }
}

/// A key without modifiers.
#[must_use]
pub const fn key(code: KeyCode) -> Chord {
    Chord { code, modifiers: KeyModifiers::NONE }
}

/// A character.
#[must_use]
pub const fn chr(c: char) -> Chord {
    key(KeyCode::Char(c))
}

/// A character with Control.
#[must_use]
pub const fn ctrl(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
}

/// What the footer says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The key as the footer names it.
    pub key: &'static str,
    /// Its effect in a word.
    pub word: &'static str,
    /// Hints with a greater number go first when there is little room.
    pub priority: u8,
}

/// Keys with the same effect, and what footer and help say of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The keys.
    pub chords: &'static [Chord],
    /// The keys as the help names them.
    pub shown: &'static str,
    /// The effect in words, for the help.
    pub help: &'static str,
    /// What the footer says, when it belongs there.
    pub hint: Option<Hint>,
}

/// One row of a key table: keys, and what they do.
#[derive(Clone, Copy, Debug)]
pub struct Binding<A> {
    /// The keys.
    pub key: Key,
    /// The effect.
    pub action: A,
}

/// A row without a hint in the footer.
#[must_use]
pub const fn bind<A: Copy>(
    chords: &'static [Chord],
    shown: &'static str,
    action: A,
    help: &'static str,
) -> Binding<A> {
    Binding { key: Key { chords, shown, help, hint: None }, action }
}

impl<A: Copy> Binding<A> {
    /// The row with a hint in the footer.
    #[must_use]
    pub const fn hint(self, priority: u8, key: &'static str, word: &'static str) -> Self {
        let hint = Some(Hint { key, word, priority });
        Self { key: Key { hint, ..self.key }, action: self.action }
    }
}

/// What this key does according to `table`, if anything.
#[must_use]
pub fn find<A: Copy>(table: &[Binding<A>], chord: Chord) -> Option<A> {
    let found = table.iter().find(|binding| binding.key.chords.contains(&chord));
    found.map(|binding| binding.action)
}

/// The keys of `table`.
#[must_use]
pub fn keys<A>(table: &'static [Binding<A>]) -> Vec<&'static Key> {
    table.iter().map(|binding| &binding.key).collect()
}
