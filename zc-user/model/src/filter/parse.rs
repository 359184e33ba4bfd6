//! From text to [`Expr`].
//!
//! Written by hand: three levels of precedence are a page of code. What matters are its error texts
//! (where, what was expected, which name was probably meant), and no parser generator gives them for
//! less.

use std::{fmt, ops::Range};

use zc_common::path::CopyPath;

use super::{
    Comparison, Expr, Literal, Operand, Operator,
    lexer::{Token, TokenKind, tokens},
    names::{MOST_WORDS, brief, is_textual, operand, sum, unknown_name, unknown_path},
    number::{self, Number, number},
    pattern::{Pattern, glob},
};
use crate::column::{Kind, Processes, Unit};

/// Why an expression cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    text: String,
    dialect: Dialect,
    /// Where, in bytes of the expression.
    pub span: Range<usize>,
    /// What is wrong and what to write instead.
    pub message: String,
    /// The names that there are, where one is unknown; else empty.
    known: String,
}

impl FilterError {
    pub(super) fn new(text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            text: text.to_owned(),
            dialect: Dialect::Filter,
            span,
            message: message.into(),
            known: String::new(),
        }
    }

    /// The same at another place, of another text.
    pub(super) fn moved(self, text: &str, span: Range<usize>) -> Self {
        Self { text: text.to_owned(), span, ..self }
    }

    fn of(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }
}

/// What an expression is about, which decides what can be compared in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// Each process.
    Filter,
    /// The sums over all of them.
    Expectation,
}

/// Characters of an expression that an error shows: of a line that may be long, and before the place.
const SHOWN: usize = 160;
const SHOWN_BEFORE: usize = 100;

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An expression may come from anywhere, and this goes to a terminal.
        let harmless = |text: &str| text.replace(char::is_control, " ");
        let before = self.text[..self.span.start].chars().count();
        // Of a long expression, what is around the place.
        let begin = before.saturating_sub(SHOWN_BEFORE);
        let shown: String = self.text.chars().skip(begin).take(SHOWN).collect();
        let marked = self.text[self.span.clone()].chars().count();
        write!(
            f,
            "bad {} at character {}: {}\n  {}\n  {}{}",
            match self.dialect {
                Dialect::Filter => "filter",
                Dialect::Expectation => "expectation",
            },
            before + 1,
            harmless([self.message.as_str(), self.known.as_str()].join(" ").trim_end()),
            harmless(&shown),
            " ".repeat(before - begin),
            "^".repeat(marked.clamp(1, SHOWN - (before - begin))),
        )
    }
}

/// Parses an expression such as `copied > 10 MiB/s and (nginx or not path = file_read)`: docs/filters.md has all of it.
///
/// # Errors
/// With the place and what to write instead.
pub fn parse(text: &str) -> Result<Expr, FilterError> {
    parse_as(text, Dialect::Filter)
}

/// Parses an expectation of sums, such as `copies_per_byte <= 1.05 and path.file_read.copied == 0`.
///
/// # Errors
/// With the place and what to write instead.
pub(crate) fn parse_expectation(text: &str) -> Result<Expr, FilterError> {
    parse_as(text, Dialect::Expectation).map_err(|error| error.of(Dialect::Expectation))
}

fn parse_as(text: &str, dialect: Dialect) -> Result<Expr, FilterError> {
    if text.len() > MOST_BYTES {
        return Err(FilterError::new(
            text,
            0..0,
            format!("it has {} bytes, and at most {MOST_BYTES} are read", text.len()),
        ));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { text, dialect, tokens: &tokens, depth: 0, comparisons: 0 };
    let expr = parser.expression(0)?;
    let next = parser.peek();
    match next.kind {
        TokenKind::End => Ok(expr),
        TokenKind::Close => Err(parser.error(next, "this parenthesis was never opened")),
        _ => Err(parser.error(next, "expected 'and', 'or' or the end")),
    }
}

/// Longer than any person writes.
const MOST_BYTES: usize = 64 << 10;

/// Bytes of a word that is looked for in names: the kernel keeps 15 of most names, and adds what its workers are for
/// (`/proc/PID/comm`, 64 at most).
const LONGEST_NAME: usize = 128;

/// Deeper than any person writes, and far from the end of the stack.
const MAX_DEPTH: u32 = 64;

/// As many comparisons: a chain of them is as deep.
const MOST_COMPARISONS: u32 = 512;

struct Parser<'t> {
    text: &'t str,
    dialect: Dialect,
    /// Never empty: ends with [`TokenKind::End`].
    tokens: &'t [Token<'t>],
    depth: u32,
    comparisons: u32,
}

impl<'t> Parser<'t> {
    const fn peek(&self) -> &'t Token<'t> {
        &self.tokens[0]
    }

    fn next(&mut self) -> &'t Token<'t> {
        let token = self.peek();
        if self.tokens.len() > 1 {
            self.tokens = &self.tokens[1..];
        }
        token
    }

    fn error(&self, token: &Token<'_>, message: impl Into<String>) -> FilterError {
        FilterError::new(self.text, token.start..token.end, message)
    }

    /// An error with the names that there are.
    fn error_at(&self, span: Range<usize>, (message, known): (String, String)) -> FilterError {
        FilterError { known, ..FilterError::new(self.text, span, message) }
    }

    /// One comparison more.
    fn count(&mut self, at: &Token<'_>) -> Result<(), FilterError> {
        if self.comparisons == MOST_COMPARISONS {
            let message = format!("more than {MOST_COMPARISONS} comparisons");
            return Err(self.error(at, message));
        }
        self.comparisons += 1;
        Ok(())
    }

    /// Whether a text that is no word stands for the name of a process: no operator follows.
    fn is_name(&self) -> bool {
        self.dialect == Dialect::Filter && !matches!(self.peek().kind, TokenKind::Operator(_))
    }

    /// Operators that bind at least as tightly as `min`: `or` 0, `and` 1.
    fn expression(&mut self, min: u8) -> Result<Expr, FilterError> {
        let mut left = self.term()?;
        loop {
            let (power, join) = match self.peek().kind {
                TokenKind::Or => (0, Expr::Or as fn(_, _) -> _),
                TokenKind::And => (1, Expr::And as fn(_, _) -> _),
                _ => return Ok(left),
            };
            if power < min {
                return Ok(left);
            }
            self.next();
            let right = self.expression(power + 1)?;
            left = join(Box::new(left), Box::new(right));
        }
    }

    fn term(&mut self) -> Result<Expr, FilterError> {
        let token = self.next();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(token, "too many levels of parentheses and negations"));
        }
        let term = match token.kind {
            TokenKind::Not => Expr::Not(Box::new(self.term()?)),
            TokenKind::Open => {
                let inner = self.expression(0)?;
                let close = self.next();
                if close.kind != TokenKind::Close {
                    return Err(self.error(close, "expected 'and', 'or' or ')'"));
                }
                inner
            }
            TokenKind::Word(_) => {
                self.count(token)?;
                self.leaf(token)?
            }
            TokenKind::Quoted(text) if self.is_name() => {
                self.count(token)?;
                named(Pattern::plain(text))
            }
            TokenKind::Regex(text) if self.is_name() => {
                self.count(token)?;
                named(Pattern::regex(text).map_err(|message| self.error(token, message))?)
            }
            TokenKind::End => {
                let example = match self.dialect {
                    Dialect::Filter => "comm ~ nginx",
                    Dialect::Expectation => "copies_per_byte <= 1.05",
                };
                return Err(
                    self.error(token, format!("a comparison is missing, such as {example}"))
                );
            }
            _ => return Err(self.error(token, "expected the name of a column")),
        };
        self.depth -= 1;
        Ok(term)
    }

    /// A comparison, or what stands for one: the name of a process, its number, a path that it used.
    fn leaf(&mut self, first: &'t Token<'t>) -> Result<Expr, FilterError> {
        let (name, at) = self.name(first);
        let next = self.peek();
        if let TokenKind::Operator(operator) = next.kind {
            let operand = match self.dialect {
                Dialect::Filter => operand(name).ok_or_else(|| unknown_name(name)),
                Dialect::Expectation => sum(name),
            };
            let operand = operand.map_err(|wrong| self.error_at(at, wrong))?;
            self.next();
            return self.comparison(name, operand, next, operator);
        }
        match (self.dialect, &first.kind) {
            (Dialect::Filter, TokenKind::Word(word)) => self.bare(first, word),
            _ => Err(self.error(next, expected_comparison(name))),
        }
    }

    /// The words of a name, which an operator follows, and where they are; the first word if none does. What follows is
    /// next then.
    fn name(&mut self, first: &'t Token<'t>) -> (&'t str, Range<usize>) {
        let more = self.tokens.iter().take(MOST_WORDS);
        let more = more.take_while(|token| matches!(token.kind, TokenKind::Word(_))).count();
        let is_compared = matches!(self.tokens[more].kind, TokenKind::Operator(_));
        let mut at = first.start..first.end;
        if is_compared && self.dialect == Dialect::Filter {
            (0..more).for_each(|_| at.end = self.next().end);
        }
        (&self.text[at.clone()], at)
    }

    /// A word without a comparison.
    fn bare(&mut self, at: &Token<'_>, word: &str) -> Result<Expr, FilterError> {
        let compare = |operand, operator, literal| {
            Expr::Compare(Comparison { operand, operator, literal, per_second: false })
        };
        let name = Operand::Column(Processes::COMM);
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if CopyPath::from_id(word).is_some() {
            let path = Literal::Text(word.to_owned());
            return Ok(compare(Operand::AnyPath, Operator::Equal, path));
        }
        match operand(word) {
            Some(Operand::Column(column)) if column == Processes::ADVICE => {
                let none = Literal::Text(String::new());
                return Ok(compare(Operand::Column(column), Operator::NotEqual, none));
            }
            Some(_) => return Err(self.error(self.peek(), expected_comparison(word))),
            None => {}
        }
        if word.split(',').all(|part| !part.is_empty() && is_number(part)) {
            let pid = Operand::Column(Processes::PID);
            return self.listed(at, word, "pid", pid, Operator::Equal);
        }
        if word.len() > LONGEST_NAME {
            let message = format!("'{}' is longer than any name of a process", brief(word));
            return Err(self.error(at, message));
        }
        Ok(if word.contains('*') {
            compare(name, Operator::Equal, Literal::Text(word.to_owned()))
        } else {
            compare(name, Operator::Contains, Literal::Pattern(Pattern::plain(word)))
        })
    }

    fn comparison(
        &mut self,
        name: &str,
        operand: Operand,
        token: &Token<'_>,
        operator: Operator,
    ) -> Result<Expr, FilterError> {
        let textual = is_textual(operand);
        let contains = matches!(operator, Operator::Contains | Operator::ContainsNot);
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        if textual && !contains && !equality {
            let message = format!("'{name}' is a text: compare it with ==, !=, ~ or !~");
            return Err(self.error(token, message));
        }
        if !textual && contains {
            let message = format!("'{name}' is a number: compare it with ==, !=, <, <=, > or >=");
            return Err(self.error(token, message));
        }
        let token = self.next();
        let compare = |operator, literal| {
            Ok(Expr::Compare(Comparison { operand, operator, literal, per_second: false }))
        };
        match token.kind {
            TokenKind::Regex(text) if textual => {
                let regex = Pattern::regex(text).map_err(|message| self.error(token, message))?;
                let operator = match operator {
                    Operator::Equal => Operator::Contains,
                    Operator::NotEqual => Operator::ContainsNot,
                    operator => operator,
                };
                compare(operator, Literal::Pattern(regex))
            }
            TokenKind::Quoted(text) | TokenKind::Word(text) if textual && contains => {
                compare(operator, Literal::Pattern(Pattern::loose(text)))
            }
            TokenKind::Quoted(text) if textual => compare(operator, Literal::Text(text.to_owned())),
            TokenKind::Word(_) => {
                let text = self.value(token, !textual);
                let at = Token { end: token.start + text.len(), ..token.clone() };
                self.listed(&at, text, name, operand, operator)
            }
            TokenKind::Quoted(_) | TokenKind::Regex(_) => {
                Err(self.error(token, format!("'{name}' is a number: leave the quotes out")))
            }
            _ => {
                let message = format!("expected a value after '{name} {}'", operator.text());
                Err(self.error(token, message))
            }
        }
    }

    /// The words of a value: those after a comma, and a unit behind a number.
    fn value(&mut self, first: &Token<'_>, is_number: bool) -> &'t str {
        let mut end = first.end;
        while let TokenKind::Word(next) = self.peek().kind {
            let before = &self.text[first.start..end];
            let amount = before.rsplit([',', ' ']).next().unwrap_or_default();
            let is_unit = is_number && number::is_bare(amount) && number::is_unit(next);
            if !before.ends_with(',') && !is_unit {
                break;
            }
            end = self.next().end;
        }
        &self.text[first.start..end]
    }

    /// A comparison with one of the values in `text`, which commas separate.
    fn listed(
        &mut self,
        at: &Token<'_>,
        text: &str,
        name: &str,
        operand: Operand,
        operator: Operator,
    ) -> Result<Expr, FilterError> {
        let join = match operator {
            Operator::Equal => Expr::Or,
            Operator::NotEqual => Expr::And,
            _ => {
                let literal = self.literal(at, text, name, operand, operator)?;
                return Ok(Expr::Compare(literal));
            }
        };
        let mut listed: Option<Expr> = None;
        let mut start = at.start;
        for part in text.split(',') {
            let blanks = part.len() - part.trim_start().len();
            let begin = start + blanks;
            let word = part.trim();
            let place = Token { start: begin, end: begin + word.len(), ..at.clone() };
            start += part.len() + 1;
            if listed.is_some() {
                self.count(&place)?;
            }
            let one = Expr::Compare(self.literal(&place, word, name, operand, operator)?);
            listed = Some(match listed {
                Some(listed) => join(Box::new(listed), Box::new(one)),
                None => one,
            });
        }
        listed.ok_or_else(|| self.error(at, "a value is missing"))
    }

    fn literal(
        &self,
        at: &Token<'_>,
        word: &str,
        name: &str,
        operand: Operand,
        operator: Operator,
    ) -> Result<Comparison, FilterError> {
        let text = |text: &str| {
            let literal = Literal::Text(text.to_owned());
            Comparison { operand, operator, literal, per_second: false }
        };
        if is_textual(operand) {
            if operand == Operand::AnyPath {
                let is_known = match word.contains('*') {
                    true => CopyPath::ALL.iter().any(|path| glob(word, path.id())),
                    false => CopyPath::from_id(word).is_some(),
                };
                if !is_known {
                    return Err(self.error_at(at.start..at.end, unknown_path(word)));
                }
            }
            return Ok(text(word));
        }
        let Number { value, per_second } =
            number(word).map_err(|message| self.error(at, message))?;
        let is_share = match operand {
            Operand::Column(column) => matches!(column.unit, Unit::Fraction | Unit::Ratio),
            operand => !matches!(operand, Operand::Moved(_)),
        };
        if word.ends_with('%') && !is_share {
            let message = format!("'{name}' is no share: write a size or a number");
            return Err(self.error(at, message));
        }
        let is_rate = match operand {
            Operand::Column(column) => matches!(column.unit, Unit::PerSec | Unit::BytesPerSec),
            _ => false,
        };
        let is_counted = match operand {
            _ if self.dialect == Dialect::Expectation => false,
            Operand::Column(column) => column.kind == Kind::Counter,
            operand => matches!(operand, Operand::Moved(_)),
        };
        if per_second && !is_rate && !is_counted {
            let message = format!("'{name}' has no rate: leave '/s' out");
            return Err(self.error(at, message));
        }
        let literal = Literal::Number(value);
        Ok(Comparison { operand, operator, literal, per_second: per_second && !is_rate })
    }
}

fn expected_comparison(name: &str) -> String {
    format!("expected a comparison after '{}': == != < <= > >= ~ !~", brief(name))
}

/// Processes whose name has this.
fn named(pattern: Pattern) -> Expr {
    let operand = Operand::Column(Processes::COMM);
    let literal = Literal::Pattern(pattern);
    Expr::Compare(Comparison { operand, operator: Operator::Contains, literal, per_second: false })
}
