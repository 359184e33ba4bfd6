//! The key table of the tour: keys, footer and help all come from it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use zc_tui::{
    action::Motion,
    keymap::{Chord, chr, ctrl, key},
};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Pause, or go on.
    PauseOrGoOn,
    /// To what comes next.
    Next,
    /// Back to an earlier result.
    Previous,
    /// Twice as fast.
    Faster,
    /// Half as fast.
    Slower,
    /// Scroll.
    Move(Motion),
    /// Show or close the help.
    ToggleHelp,
    /// Leave.
    Quit,
    /// Leave, as any program on Ctrl-C.
    Interrupt,
    /// Draw the screen anew.
    Redraw,
    /// Stop the job.
    Suspend,
}

/// One row of the key table.
#[derive(Debug)]
pub struct Binding {
    /// The keys, all with the same effect.
    pub keys: &'static [Chord],
    /// The keys as the help names them.
    pub shown: &'static str,
    /// The effect.
    pub action: Action,
    /// The effect in words, for the help.
    pub help: &'static str,
    /// Key and word for the footer, when it belongs there.
    pub footer: Option<(&'static str, &'static str)>,
}

const fn binding(
    keys: &'static [Chord],
    shown: &'static str,
    action: Action,
    help: &'static str,
) -> Binding {
    Binding { keys, shown, action, help, footer: None }
}

impl Binding {
    const fn footer(mut self, key: &'static str, word: &'static str) -> Self {
        self.footer = Some((key, word));
        self
    }
}

/// Every key, in the order of the help and of the footer.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = &[
    binding(&[chr(' '), key(KeyCode::Enter)], "Space Enter", Action::PauseOrGoOn, "pause, or go on").footer("Space", "Pause/Next"),
    binding(&[chr('n'), chr('l'), key(KeyCode::Right)], "n Right l", Action::Next, "to what comes next, without waiting").footer("n", "Next"),
    binding(&[chr('p'), chr('h'), key(KeyCode::Left), key(KeyCode::Backspace)], "p Left h", Action::Previous, "back to an earlier result; meanwhile the tour stands still").footer("p", "Back"),
    binding(&[chr('+'), chr('=')], "+", Action::Faster, "twice as fast").footer("+/-", "Speed"),
    binding(&[chr('-')], "-", Action::Slower, "half as fast"),
    binding(&[key(KeyCode::Up), chr('k')], "Up k", Action::Move(Motion::Up), "one line up"),
    binding(&[key(KeyCode::Down), chr('j')], "Down j", Action::Move(Motion::Down), "one line down"),
    binding(&[key(KeyCode::PageUp), ctrl('b')], "PgUp Ctrl-B", Action::Move(Motion::PageUp), "one screen up"),
    binding(&[key(KeyCode::PageDown), ctrl('f')], "PgDn Ctrl-F", Action::Move(Motion::PageDown), "one screen down"),
    binding(&[key(KeyCode::Home), chr('g')], "Home g", Action::Move(Motion::First), "to the top"),
    binding(&[key(KeyCode::End), chr('G')], "End G", Action::Move(Motion::Last), "to the bottom"),
    binding(&[chr('?'), key(KeyCode::F(1))], "? F1", Action::ToggleHelp, "show or close this help").footer("?", "Help"),
    binding(&[chr('q'), key(KeyCode::Esc)], "q Esc", Action::Quit, "leave the tour, or the help").footer("q", "Quit"),
    binding(&[ctrl('c')], "Ctrl-C", Action::Interrupt, "leave at once"),
    binding(&[ctrl('l')], "Ctrl-L", Action::Redraw, "draw the screen anew"),
    binding(&[ctrl('z')], "Ctrl-Z", Action::Suspend, "suspend; fg returns"),
];

/// What this key means, if anything.
#[must_use]
pub fn action(event: KeyEvent) -> Option<Action> {
    let chord =
        Chord { code: event.code, modifiers: event.modifiers.difference(KeyModifiers::SHIFT) };
    let binding = BINDINGS.iter().find(|binding| binding.keys.contains(&chord));
    binding.map(|binding| binding.action)
}

/// What the footer says: key and word, most important first.
pub fn footer() -> impl Iterator<Item = (&'static str, &'static str)> {
    BINDINGS.iter().filter_map(|binding| binding.footer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_has_two_meanings() {
        let keys: Vec<_> = BINDINGS.iter().flat_map(|binding| binding.keys).collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{key:?}");
        }
    }
}
