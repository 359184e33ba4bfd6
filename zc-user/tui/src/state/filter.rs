//! The filter: what is typed, whether it makes sense, and what applies until it does.

use crate::{action::Edit, line::Line};
use zc_model::{
    column::Processes,
    filter::{self, Comparison, Expr, Literal, Operand, Operator},
    frame::Frame,
    row::Row,
    snapshot::ProcessSample,
};

/// The typed filter. While it does not make sense, the last one that did applies.
#[derive(Clone, Debug, Default)]
pub struct FilterState {
    line: Option<Line>,
    text: String,
    expr: Option<Expr>,
    /// `expr` is a plain word, looked for in the names.
    is_name: bool,
    error: Option<String>,
    /// The filter that applied when the user began to type.
    before: Option<Box<Self>>,
}

impl FilterState {
    /// Starts typing, from what is there.
    pub fn start(&mut self) {
        self.before = Some(Box::new(self.clone()));
        self.line = Some(Line::new(&self.text));
    }

    /// Stops typing; the filter is what it was before.
    pub fn cancel(&mut self) {
        *self = self.before.take().map_or_else(Self::default, |before| *before);
    }

    /// Changes the line being typed, and at once what is shown.
    pub fn edit(&mut self, edit: Edit) {
        let Some(line) = &mut self.line else { return };
        line.edit(edit);
        self.text = line.text();
        let is_name = is_name(self.text.trim());
        match understand(&self.text) {
            Ok(expr) => (self.expr, self.error, self.is_name) = (expr, None, is_name),
            Err(error) => {
                self.error = Some(error);
                if self.is_name {
                    // The name has turned out to be the start of an expression.
                    self.expr = None;
                }
            }
        }
    }

    /// Stops typing and keeps the filter. A line that makes no sense stays, so that the user
    /// can correct it.
    pub fn accept(&mut self) {
        if self.error.is_none() {
            (self.line, self.before) = (None, None);
        }
    }

    /// Shows everything again.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The line being typed.
    #[must_use]
    pub fn line(&self) -> Option<&Line> {
        self.line.as_ref()
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong with it.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// What is typed, as far as it makes sense.
    #[must_use]
    pub fn expr(&self) -> Option<&Expr> {
        self.expr.as_ref()
    }

    /// Whether a filter applies.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.expr.is_some()
    }

    /// Whether it shows this process.
    #[must_use]
    pub fn selects(&self, process: &ProcessSample, frame: &Frame) -> bool {
        self.expr.as_ref().is_none_or(|expr| expr.holds(Row::process(process), frame) == Some(true))
    }
}

/// A plain word is looked for in the names, as users expect of `/`; anything else is an expression.
/// An empty line selects all processes.
fn understand(text: &str) -> Result<Option<Expr>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if is_name(text) {
        return Ok(Some(Expr::Compare(Comparison {
            operand: Operand::Column(Processes::COMM),
            operator: Operator::Contains,
            literal: Literal::Text(text.to_owned()),
        })));
    }
    filter::parse(text).map(Some).map_err(|error| error.message)
}

fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || "-_.:/@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> FilterState {
        let mut state = FilterState::default();
        state.start();
        for c in text.chars() {
            state.edit(Edit::Insert(c));
        }
        state
    }

    #[test]
    fn a_half_typed_expression_keeps_the_last_that_made_sense() {
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
}
