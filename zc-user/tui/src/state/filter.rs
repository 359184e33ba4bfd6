//! The filter: what is typed, whether it makes sense, and what of it applies until it does.

use std::ops::Range;

use crate::{action::Edit, line::Line};
use zc_model::{
    filter::{self, Expr, FilterError},
    frame::Frame,
    row::Row,
    snapshot::ProcessSample,
};

mod completion;
mod recall;

pub use self::{completion::Completion, recall::Recall};

/// The typed filter. While it makes no sense, the conditions at its beginning apply that are complete.
#[derive(Clone, Debug, Default)]
pub struct FilterState {
    line: Option<Line>,
    kept: Kept,
    /// The filter that applied when the user began to type.
    before: Kept,
    error: Option<Wrong>,
    completion: Option<Completion>,
    recall: Recall,
    /// Filters that have names: name and text.
    named: Vec<(String, String)>,
}

/// A filter that applies.
#[derive(Clone, Debug, Default)]
struct Kept {
    text: String,
    expr: Option<Expr>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where, in bytes of the line.
    pub span: Range<usize>,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl From<FilterError> for Wrong {
    fn from(error: FilterError) -> Self {
        Self { span: error.span, message: error.message }
    }
}

impl FilterState {
    /// A filter that applies from the start, such as that of the command line.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let expr = understand(text, &[]).ok().flatten();
        let mut recall = Recall::default();
        recall.push(text);
        Self { kept: Kept { text: text.to_owned(), expr }, recall, ..Self::default() }
    }

    /// Has these filters, name and text, for Up.
    pub(super) fn remember(&mut self, named: Vec<(String, String)>) {
        let kept = std::mem::take(&mut self.recall);
        named.iter().rev().for_each(|(_, text)| self.recall.push(text));
        self.recall.extend(kept);
        self.named = named;
    }

    /// Starts typing, from what is there.
    pub fn start(&mut self) {
        self.before = self.kept.clone();
        self.line = Some(Line::new(&self.kept.text));
    }

    /// Stops typing; the filter is what it was before.
    pub fn cancel(&mut self) {
        self.kept = std::mem::take(&mut self.before);
        self.stop();
    }

    /// Changes the line being typed, and at once what is shown.
    pub fn edit(&mut self, edit: Edit) {
        let Some(line) = &mut self.line else { return };
        line.edit(edit);
        self.completion = None;
        self.changed();
    }

    /// Stops typing and keeps the filter. A line that makes no sense stays, so that the user
    /// can correct it.
    pub fn accept(&mut self) {
        if self.error.is_none() {
            self.recall.push(&self.kept.text);
            self.stop();
        }
    }

    /// Shows everything again.
    pub fn clear(&mut self) {
        self.kept = Kept::default();
        self.stop();
    }

    /// Puts the filter before this one into the line, or the one after it.
    pub fn recall(&mut self, older: bool) {
        let Some(line) = &mut self.line else { return };
        if let Some(text) = self.recall.step(&line.text(), older) {
            *line = Line::new(&text);
            self.completion = None;
            self.changed();
        }
    }

    /// Completes the word before the cursor; again: the next of several ways, or the one before. `frame` has the texts
    /// that values are compared with.
    pub fn complete(&mut self, frame: Option<&Frame>, backwards: bool) {
        let Some(line) = &mut self.line else { return };
        let completion = self.completion.take();
        let completion = completion
            .or_else(|| Completion::named(&line.before_cursor(), &self.named))
            .or_else(|| Completion::of(&line.before_cursor(), frame));
        let Some(mut completion) = completion else { return };
        let (text, cursor) = completion.step(&line.text(), &line.before_cursor(), backwards);
        *line = Line::new(&text).at(cursor);
        self.completion = Some(completion);
        self.changed();
    }

    /// The line being typed.
    #[must_use]
    pub fn line(&self) -> Option<&Line> {
        self.line.as_ref()
    }

    /// The ways to complete the word before the cursor, once they were asked for.
    #[must_use]
    pub fn completion(&self) -> Option<&Completion> {
        self.completion.as_ref()
    }

    /// What applies, or is typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.kept.text
    }

    /// What is wrong with it.
    #[must_use]
    pub fn error(&self) -> Option<&Wrong> {
        self.error.as_ref()
    }

    /// What is typed, as far as it makes sense.
    #[must_use]
    pub fn expr(&self) -> Option<&Expr> {
        self.kept.expr.as_ref()
    }

    /// Whether a filter applies.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.kept.expr.is_some()
    }

    /// Whether it shows this process.
    #[must_use]
    pub fn selects(&self, process: &ProcessSample, frame: &Frame) -> bool {
        let expr = self.kept.expr.as_ref();
        expr.is_none_or(|expr| expr.holds(Row::process(process), frame) == Some(true))
    }

    fn stop(&mut self) {
        (self.line, self.error, self.completion) = (None, None, None);
        self.before = Kept::default();
        self.recall.rest();
    }

    fn changed(&mut self) {
        let Some(line) = &self.line else { return };
        self.kept.text = line.text();
        match understand(&self.kept.text, &self.named) {
            Ok(expr) => (self.kept.expr, self.error) = (expr, None),
            Err(error) => {
                self.kept.expr = beginning(&self.kept.text, &self.named);
                self.error = Some(error.into());
            }
        }
    }
}

/// An empty line selects all processes.
fn understand(text: &str, named: &[(String, String)]) -> Result<Option<Expr>, FilterError> {
    if text.trim().is_empty() { Ok(None) } else { filter::parse_named(text, named).map(Some) }
}

/// What the conditions say that are complete, before the last `and` or `or`.
fn beginning(text: &str, named: &[(String, String)]) -> Option<Expr> {
    /// A line that is longer has been pasted.
    const MOST_TRIES: usize = 8;
    let joins = [" and", " or", "&&", "||"];
    let mut ends: Vec<usize> =
        joins.iter().flat_map(|join| text.match_indices(join)).map(|(at, _)| at).collect();
    ends.sort_unstable();
    ends.iter()
        .rev()
        .take(MOST_TRIES)
        .find_map(|end| understand(&text[..*end], named).ok().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> FilterState {
        let mut state = FilterState::default();
        state.start();
        enter(&mut state, text);
        state
    }

    fn enter(state: &mut FilterState, text: &str) {
        for c in text.chars() {
            state.edit(Edit::Insert(c));
        }
    }

    #[test]
    fn a_half_typed_expression_keeps_what_makes_sense() {
        let state = typed("pid > 1 and");
        assert!(state.is_active());
        assert!(state.error().is_some());
    }

    #[test]
    fn a_name_that_turns_into_an_expression_no_longer_applies() {
        let state = typed("copied_bytes >");
        assert!(!state.is_active());
        assert!(state.error().is_some());
    }

    #[test]
    fn an_edit_that_is_cancelled_changes_nothing() {
        let mut state = typed("nginx");
        state.accept();
        for edit in [Edit::DeleteToStart, Edit::Insert('p'), Edit::Insert('>')] {
            state.start();
            state.edit(edit);
            state.cancel();
        }
        assert_eq!((state.text(), state.is_active()), ("nginx", true));
        assert!(state.line().is_none() && state.error().is_none());
    }

    #[test]
    fn nonsense_cannot_be_kept_but_can_be_cleared() {
        let mut state = typed("copied_bytes >");
        state.accept();
        assert!(state.line().is_some(), "stays open to be corrected");
        state.clear();
        assert!(!state.is_active() && state.line().is_none() && state.text().is_empty());
    }

    #[test]
    fn blank_is_no_filter() {
        let state = typed("  ");
        assert!(!state.is_active() && state.error().is_none());
    }

    #[test]
    fn filters_that_were_kept_come_back_and_so_does_the_draft() {
        let mut state = FilterState::of("comm = dd");
        for text in ["nginx", "redis", "redis"] {
            state.start();
            state.edit(Edit::DeleteToStart);
            enter(&mut state, text);
            state.accept();
        }
        state.start();
        enter(&mut state, " or x");
        let mut seen = Vec::new();
        for older in [true, true, true, false, false, false] {
            state.recall(older);
            seen.push(state.text().to_owned());
        }
        assert_eq!(seen, ["redis", "nginx", "comm = dd", "nginx", "redis", "redis or x"]);
        state.recall(true);
        state.cancel();
        assert_eq!(state.text(), "redis", "nothing is kept that was only looked at");
    }

    #[test]
    fn tab_goes_through_the_ways_to_complete_a_word_and_back() {
        let mut state = typed("path = pipe_");
        let mut seen = Vec::new();
        for backwards in [false, false, true, true] {
            state.complete(None, backwards);
            seen.push(state.text().to_owned());
        }
        assert_eq!(seen[0], "path = pipe_read", "{seen:?}");
        assert_eq!(seen[1], "path = pipe_write");
        assert_eq!((&seen[2], seen[3].as_str()), (&seen[0], "path = pipe_"));
        state.edit(Edit::Insert('x'));
        assert!(state.completion().is_none());
    }

    #[test]
    fn filters_with_names_are_understood() {
        let mut state = FilterState::default();
        state.remember(vec![("web".to_owned(), "nginx or redis".to_owned())]);
        state.start();
        enter(&mut state, "@we");
        assert!(state.error().is_some_and(|wrong| wrong.message.contains("did you mean 'web'?")));
        enter(&mut state, "b");
        assert!(state.is_active() && state.error().is_none());
        state.accept();
        assert_eq!((state.text(), state.line().is_none()), ("@web", true));
    }

    #[test]
    fn what_is_behind_the_cursor_stays() {
        let mut state = typed("per b > 2");
        (0..4).for_each(|_| state.edit(Edit::Left));
        state.complete(None, false);
        assert_eq!(state.text(), "per byte > 2");
        assert_eq!(state.line().unwrap().before_cursor(), "per byte");
    }
}
