//! What may be typed next: for completion.

use std::ops::Range;

use super::{
    Operand,
    lexer::{Token, TokenKind, tokens},
    names::{MOST_WORDS, is_textual, operand},
};

/// What may stand at the end of a line that is being typed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// A name that can be compared, or the name of a process.
    Name,
    /// A text that this may be compared with.
    Value(Operand),
    /// A sign of a comparison with a text, or with a number.
    Sign {
        /// Whether a text is compared.
        text: bool,
    },
    /// `and` or `or`.
    Join,
}

/// What is being typed at the end of `before`: where it begins, and what it may be. `None` where nothing can be said,
/// such as within quotes.
#[must_use]
pub fn wanted(before: &str) -> Option<(usize, Wanted)> {
    let tokens = tokens(before).ok()?;
    let tokens = &tokens[..tokens.len() - 1];
    let (typed, done) = match tokens.split_last() {
        Some((last, done)) if last.end == before.len() => match last.kind {
            TokenKind::Word(_) => (last.start..last.end, done),
            TokenKind::Operator(_) | TokenKind::Open => (before.len()..before.len(), tokens),
            _ => return None,
        },
        _ => (before.len()..before.len(), tokens),
    };
    // The words right before belong together: a name of several, or a complete value.
    let words = done.iter().rev().take_while(|token| matches!(token.kind, TokenKind::Word(_)));
    let words = words.count().min(MOST_WORDS);
    let (head, words) = done.split_at(done.len() - words);
    match head.last().map(|token| &token.kind) {
        _ if words.is_empty() && is_start(head) => Some((typed.start, Wanted::Name)),
        None | Some(TokenKind::And | TokenKind::Or | TokenKind::Not | TokenKind::Open) => {
            Some(after_words(before, words, typed))
        }
        Some(TokenKind::Operator(_)) if words.is_empty() => {
            let operand = compared(before, &head[..head.len() - 1])?;
            let part = &before[typed.clone()];
            let start = part.rfind(',').map_or(typed.start, |comma| typed.start + comma + 1);
            Some((start, Wanted::Value(operand)))
        }
        // A value of which another part follows a comma is typed as a whole.
        _ => Some((typed.start, Wanted::Join)),
    }
}

fn is_start(head: &[Token<'_>]) -> bool {
    use TokenKind::{And, Not, Open, Or};
    head.last().is_none_or(|token| matches!(token.kind, And | Or | Not | Open))
}

/// After words without a comparison: more of a name, a sign behind one, or another condition.
fn after_words(before: &str, words: &[Token<'_>], typed: Range<usize>) -> (usize, Wanted) {
    let start = words.first().map_or(typed.start, |first| first.start);
    let so_far = before[start..typed.end].to_lowercase();
    let is_name = |name: String| name.starts_with(&so_far);
    let name = words.last().map_or("", |last| &before[start..last.end]);
    if !typed.is_empty() && super::names().any(is_name) {
        (start, Wanted::Name)
    } else if typed.is_empty()
        && let Some(operand) = operand(name)
    {
        (typed.start, Wanted::Sign { text: is_textual(operand) })
    } else {
        (typed.start, Wanted::Join)
    }
}

/// What the words at the end of `tokens` name.
fn compared(before: &str, tokens: &[Token<'_>]) -> Option<Operand> {
    let words = tokens.iter().rev().take_while(|token| matches!(token.kind, TokenKind::Word(_)));
    let first = words.take(MOST_WORDS).last()?;
    operand(&before[first.start..tokens.last()?.end])
}
