//! Other keys for actions, as the user wants them.
//!
//! The tables of keys stay as they are: a key that the user chose is read as the one that the tables have for its action.

use std::fmt;

use crossterm::event::{KeyCode, KeyModifiers};

use super::{Chord, Key, chr, ctrl, key};

/// An action that can have other keys: its name in the settings, its key, and what it does.
pub type Named = (&'static str, Chord, &'static str);

/// The actions by their names.
#[rustfmt::skip]
pub static ACTIONS: &[Named] = &[
    ("quit", chr('q'), "quit"),
    ("back", key(KeyCode::Esc), "go back"),
    ("help", chr('?'), "show or close the help"),
    ("filter", chr('/'), "type a filter"),
    ("sort", chr('s'), "choose the column to sort by"),
    ("reverse", chr('r'), "reverse the order"),
    ("pause", chr(' '), "pause the display, or stop a recording"),
    ("next-page", key(KeyCode::Tab), "next page"),
    ("previous-page", key(KeyCode::BackTab), "previous page"),
    ("slower", chr('+'), "longer interval"),
    ("faster", chr('-'), "shorter interval"),
    ("group", chr('g'), "group in another way"),
    ("unfold", chr('e'), "show the processes of a group below it"),
    ("back-in-time", chr(','), "one snapshot back"),
    ("on-in-time", chr('.'), "one snapshot on"),
    ("go-to", chr('@'), "go to a time or a mark"),
    ("mark", chr('m'), "give the moment a name"),
    ("baseline", chr('b'), "compare with what is usual now"),
    ("save", chr('w'), "save what is shown"),
    ("copy", chr('y'), "copy the selected line"),
    ("open", key(KeyCode::Enter), "open the selected row"),
    ("up", key(KeyCode::Up), "one row up"),
    ("down", key(KeyCode::Down), "one row down"),
    ("page-up", key(KeyCode::PageUp), "one screen up"),
    ("page-down", key(KeyCode::PageDown), "one screen down"),
    ("first", key(KeyCode::Home), "go to the first row"),
    ("last", key(KeyCode::End), "go to the last row"),
];

/// The keys that were chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remap {
    rows: Vec<Chosen>,
}

/// Keys for one action.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chosen {
    /// The key of the tables.
    own: Chord,
    chords: Vec<Chord>,
    /// The keys as footer and help name them.
    shown: &'static str,
}

impl Remap {
    /// These keys do what `own` does, which does nothing then.
    pub fn set(&mut self, own: Chord, chords: Vec<Chord>) {
        let names: Vec<_> = chords.iter().map(|chord| name(*chord)).collect();
        // The tables have names that live as long as the program, and so do these: there are a few, once.
        let shown = Box::leak(names.join(" ").into_boxed_str());
        self.rows.retain(|row| row.own != own);
        self.rows.push(Chosen { own, chords, shown });
    }

    /// The key of the tables for what was pressed; `None` if it does nothing.
    #[must_use]
    pub fn translate(&self, pressed: Chord) -> Option<Chord> {
        match self.rows.iter().find(|row| row.chords.contains(&pressed)) {
            Some(row) => Some(row.own),
            None if self.rows.iter().any(|row| row.own == pressed) => None,
            None => Some(pressed),
        }
    }

    /// How a key of the tables is named: `usual`, unless the user chose another.
    #[must_use]
    pub fn shown(&self, key: &Key, usual: &'static str) -> &'static str {
        let chosen = self.rows.iter().find(|row| key.chords.contains(&row.own));
        chosen.map_or(usual, |row| row.shown)
    }
}

/// Keys with names, as they are written.
const NAMES: &[(&str, KeyCode)] = &[
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Shift-Tab", KeyCode::BackTab),
    ("Space", KeyCode::Char(' ')),
    ("Backspace", KeyCode::Backspace),
    ("Del", KeyCode::Delete),
    ("Ins", KeyCode::Insert),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
];

/// The key that is written so: `q`, `Q`, `F10`, `PgUp`, `Ctrl-X`, `Alt-x`.
///
/// # Errors
/// What to write instead.
pub fn parse(text: &str) -> Result<Chord, String> {
    let known = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    if let Some((_, code)) = known {
        return Ok(key(*code));
    }
    let mut chars = text.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return if c.is_control() {
            Err("it is a control character".to_owned())
        } else {
            Ok(chr(c))
        };
    }
    if let Some(number) = text.strip_prefix(['F', 'f']).and_then(|number| number.parse().ok()) {
        return match number {
            1..=24 => Ok(key(KeyCode::F(number))),
            _ => Err("function keys are F1 to F24".to_owned()),
        };
    }
    let (modifier, rest) = text.split_once('-').unwrap_or_default();
    let base = if rest.is_empty() { None } else { parse(rest).ok() };
    match (modifier.to_ascii_lowercase().as_str(), base) {
        ("ctrl", Some(Chord { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE })) => {
            match c.to_ascii_lowercase() {
                'c' | 'l' | 'z' => Err("Ctrl-C, Ctrl-L and Ctrl-Z stay as they are".to_owned()),
                c => Ok(ctrl(c)),
            }
        }
        ("alt", Some(Chord { code, modifiers: KeyModifiers::NONE })) => {
            Ok(Chord { code, modifiers: KeyModifiers::ALT })
        }
        _ => Err("write a key like q, Q, F10, PgUp, Space, Ctrl-X or Alt-x".to_owned()),
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(*self))
    }
}

/// How a key is written.
fn name(chord: Chord) -> String {
    let named = NAMES.iter().find(|(_, code)| *code == chord.code);
    let base = match (named, chord.code) {
        (Some((name, _)), _) => (*name).to_owned(),
        (None, KeyCode::F(number)) => format!("F{number}"),
        (None, KeyCode::Char(c)) if chord.modifiers == KeyModifiers::CONTROL => {
            c.to_uppercase().to_string()
        }
        (None, KeyCode::Char(c)) => c.to_string(),
        (None, code) => code.to_string(),
    };
    match chord.modifiers {
        KeyModifiers::CONTROL => format!("Ctrl-{base}"),
        KeyModifiers::ALT => format!("Alt-{base}"),
        _ => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_shown() {
        for text in [
            "q",
            "Q",
            "F10",
            "PgUp",
            "Space",
            "Ctrl-X",
            "Alt-x",
            "Shift-Tab",
            "+",
            "-",
            "é",
            "Alt-Enter",
        ] {
            assert_eq!(parse(text).map(name).as_deref(), Ok(text));
        }
        assert_eq!(parse("ctrl-x"), Ok(ctrl('x')));
        assert_eq!(parse("esc"), Ok(key(KeyCode::Esc)));
        for text in ["", "qq", "F99", "Ctrl-C", "Hyper-x", "Ctrl-Enter", "\\u{1b}", "-"] {
            assert_eq!(parse(text).is_err(), text != "-", "{text}");
        }
    }

    #[test]
    fn each_action_has_a_name_and_a_key_of_its_own() {
        for (at, (name, chord, _)) in ACTIONS.iter().enumerate() {
            assert!(
                ACTIONS[..at].iter().all(|(other, taken, _)| other != name && taken != chord),
                "{name}"
            );
        }
    }

    #[test]
    fn a_key_that_was_given_away_does_nothing() {
        let mut remap = Remap::default();
        assert_eq!(remap.translate(chr('q')), Some(chr('q')));
        remap.set(chr('q'), vec![chr('x'), key(KeyCode::F(10))]);
        assert_eq!(remap.translate(chr('x')), Some(chr('q')));
        assert_eq!(remap.translate(chr('q')), None);
        remap.set(chr('s'), vec![chr('q')]);
        assert_eq!(remap.translate(chr('q')), Some(chr('s')));
    }
}
