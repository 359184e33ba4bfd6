//! The filters that were kept before, in the order in which they were typed.

use std::collections::VecDeque;

/// As many as anyone goes back through with a key.
const MOST: usize = 50;

/// Filters to go back to.
#[derive(Clone, Debug, Default)]
pub struct Recall {
    /// The newest is the last.
    texts: VecDeque<String>,
    /// Which of them is in the line, and what was typed before.
    at: Option<(usize, String)>,
}

impl Recall {
    /// Adds a filter that is kept; the same again only moves to the end.
    pub fn push(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.texts.retain(|known| known != text);
        if self.texts.len() == MOST {
            self.texts.pop_front();
        }
        self.texts.push_back(text.to_owned());
    }

    /// Adds those of `newer`.
    pub fn extend(&mut self, newer: Self) {
        newer.texts.iter().for_each(|text| self.push(text));
    }

    /// The one before what is in the line, or the one after; behind the last one is `typed` as it was.
    pub fn step(&mut self, typed: &str, older: bool) -> Option<String> {
        let (at, draft) = match self.at.take() {
            Some(at) => at,
            None => (self.texts.len(), typed.to_owned()),
        };
        let mut next = if older { at.checked_sub(1) } else { Some(at + 1) };
        // What is in the line already is no other filter.
        if older && next.is_some_and(|next| at == self.texts.len() && self.texts[next] == typed) {
            next = at.checked_sub(2);
        }
        let next = next.filter(|next| *next <= self.texts.len()).unwrap_or(at);
        let text = self.texts.get(next).unwrap_or(&draft).clone();
        self.at = Some((next, draft));
        Some(text)
    }

    /// The next step begins at the newest.
    pub fn rest(&mut self) {
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut recall = Recall::default();
        (0..MOST + 7).for_each(|number| recall.push(&number.to_string()));
        let mut oldest = String::new();
        (0..2 * MOST).for_each(|_| oldest = recall.step("", true).unwrap());
        assert_eq!(oldest, "7");
        assert_eq!(Recall::default().step("x", true).as_deref(), Some("x"));
    }
}
