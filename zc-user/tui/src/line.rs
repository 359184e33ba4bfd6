//! A line of text being typed.

use super::action::Edit;

/// The most characters of a line: what a paste has beyond them is left out.
const MOST: usize = 1_024;

/// Text with a cursor, counted in characters.
#[derive(Clone, Debug, Default)]
pub struct Line {
    text: Vec<char>,
    cursor: usize,
}

impl Line {
    /// A line that holds `text`, cursor at its end.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text: Vec<char> = text.chars().filter(|c| !c.is_control()).collect();
        Self { cursor: text.len(), text }
    }

    /// The line with its cursor behind so many characters.
    #[must_use]
    pub fn at(self, cursor: usize) -> Self {
        Self { cursor: cursor.min(self.text.len()), ..self }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// The text before the cursor.
    #[must_use]
    pub fn before_cursor(&self) -> String {
        self.text[..self.cursor].iter().collect()
    }

    /// Applies one change.
    pub fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Insert(c) if c.is_control() || self.text.len() >= MOST => {}
            Edit::Insert(c) => {
                self.text.insert(self.cursor, c);
                self.cursor += 1;
            }
            Edit::DeleteBefore => {
                if self.cursor > 0 {
                    self.cursor -= 1;
                    self.text.remove(self.cursor);
                }
            }
            Edit::DeleteUnder => {
                if self.cursor < self.text.len() {
                    self.text.remove(self.cursor);
                }
            }
            Edit::DeleteWord => {
                let before = &self.text[..self.cursor];
                let word_end = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |i| i + 1);
                let start =
                    before[..word_end].iter().rposition(|c| c.is_whitespace()).map_or(0, |i| i + 1);
                self.text.drain(start..self.cursor);
                self.cursor = start;
            }
            Edit::DeleteToStart => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            Edit::Left => self.cursor = self.cursor.saturating_sub(1),
            Edit::Right => self.cursor = (self.cursor + 1).min(self.text.len()),
            Edit::Start => self.cursor = 0,
            Edit::End => self.cursor = self.text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str, edits: &[Edit]) -> (String, String) {
        let mut line = Line::new(text);
        for edit in edits {
            line.edit(*edit);
        }
        (line.text(), line.before_cursor())
    }

    #[test]
    fn editing_in_the_middle_keeps_the_rest() {
        let edits = [Edit::Left, Edit::Left, Edit::Insert('é'), Edit::DeleteUnder];
        assert_eq!(typed("abcd", &edits), ("abéd".into(), "abé".into()));
    }

    #[test]
    fn deleting_a_word_takes_the_blanks_after_it() {
        assert_eq!(typed("pid=3  comm=x  ", &[Edit::DeleteWord]).0, "pid=3  ");
        assert_eq!(typed("  ", &[Edit::DeleteWord]).0, "");
    }

    #[test]
    fn edges_hold() {
        let edits = [Edit::Start, Edit::Left, Edit::DeleteBefore, Edit::End, Edit::Right];
        assert_eq!(typed("ab", &edits), ("ab".into(), "ab".into()));
        assert_eq!(typed("ab", &[Edit::Insert('\u{1b}')]).0, "ab");
        assert_eq!(typed("ab", &[Edit::DeleteToStart]).0, "");
    }
}
