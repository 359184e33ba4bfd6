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
};
use crate::column::{Column, Kind, Processes, Table as _, Unit};

/// Why an expression cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    text: String,
    dialect: Dialect,
    /// Where, in bytes of the expression.
    pub span: Range<usize>,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl FilterError {
    pub(super) fn new(text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { text: text.to_owned(), dialect: Dialect::Filter, span, message: message.into() }
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
            harmless(&self.message),
            harmless(&shown),
            " ".repeat(before - begin),
            "^".repeat(marked.clamp(1, SHOWN - (before - begin))),
        )
    }
}

/// Parses an expression such as `copied_bytes > 1MiB and (comm ~ nginx or not path == file_read)`.
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
            TokenKind::Word(_) if self.comparisons == MOST_COMPARISONS => {
                let message = format!("more than {MOST_COMPARISONS} comparisons");
                return Err(self.error(token, message));
            }
            TokenKind::Word(name) => {
                self.comparisons += 1;
                Expr::Compare(self.comparison(token, name)?)
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

    fn comparison(&mut self, at: &Token<'_>, name: &str) -> Result<Comparison, FilterError> {
        let operand = match self.dialect {
            Dialect::Filter => operand(name).ok_or_else(|| unknown_name(name)),
            Dialect::Expectation => sum(name),
        };
        let operand = operand.map_err(|message| self.error(at, message))?;
        let token = self.next();
        let TokenKind::Operator(operator) = token.kind else {
            let message = format!("expected a comparison after '{name}': == != < <= > >= ~ !~");
            return Err(self.error(token, message));
        };
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
        let literal = match token.kind {
            TokenKind::Quoted(text) if textual => Literal::Text(text.to_owned()),
            TokenKind::Word(text) if textual => {
                if matches!(operand, Operand::AnyPath) && equality {
                    CopyPath::from_id(text).ok_or_else(|| self.error(token, unknown_path(text)))?;
                }
                Literal::Text(text.to_owned())
            }
            TokenKind::Word(text) => {
                Literal::Number(number(text).map_err(|message| self.error(token, message))?)
            }
            TokenKind::Quoted(_) => {
                return Err(
                    self.error(token, format!("'{name}' is a number: leave the quotes out"))
                );
            }
            _ => {
                let message = format!("expected a value after '{name} {}'", operator.text());
                return Err(self.error(token, message));
            }
        };
        Ok(Comparison { operand, operator, literal })
    }
}

/// What people call the column `amplification`.
pub(crate) const COPIES_PER_BYTE: &str = "copies_per_byte";

fn column(name: &str) -> Option<&'static Column> {
    if name == COPIES_PER_BYTE { Some(Processes::AMPLIFICATION) } else { Column::from_id(name) }
}

fn operand(name: &str) -> Option<Operand> {
    if name == "path" {
        return Some(Operand::AnyPath);
    }
    // A filter selects processes, which are in groups afterwards.
    column(name)
        .filter(|column| *column != Processes::GROUP)
        .map(Operand::Column)
        .or_else(|| CopyPath::from_id(name).map(Operand::Moved))
}

/// What an expectation compares: a number that the sums over processes have.
fn sum(name: &str) -> Result<Operand, String> {
    if name == "losses" {
        return Ok(Operand::Losses);
    }
    if let Some(rest) = name.strip_prefix("path.") {
        let (id, of) = rest.split_once('.').map_or((rest, "moved"), |(id, of)| (id, of));
        let path = CopyPath::from_id(id).ok_or_else(|| unknown_path(id))?;
        return match of {
            "moved" => Ok(Operand::Moved(path)),
            "copied" => Ok(Operand::Copied(path)),
            _ => Err(format!("a path has no '{}': write path.{id} or path.{id}.copied", brief(of))),
        };
    }
    if let Some(path) = CopyPath::from_id(name) {
        return Ok(Operand::Moved(path));
    }
    if name.starts_with("relay") {
        return Err(format!(
            "'{name}' is evidence for advice, and may be more or less than what was passed on: expect the bytes of \
             a path"
        ));
    }
    match column(name) {
        Some(column) if is_summed(column) => Ok(Operand::Column(column)),
        Some(_) => Err(format!(
            "'{name}' tells processes apart, and an expectation is about their sums: choose processes with \
             -p, --comm, --cgroup or --filter"
        )),
        None => {
            let columns = Processes::COLUMNS.iter().filter(|column| is_summed(column));
            let names: Vec<_> =
                columns.map(|column| column.id).chain([COPIES_PER_BYTE, "losses"]).collect();
            let meant = nearest(name, names.iter().copied());
            Err(format!(
                "there is no figure '{}'{meant} Figures: {}; path.file_read for the bytes moved on a path, \
                 path.file_read.copied for those that the CPU copied",
                brief(name),
                names.join(", ")
            ))
        }
    }
}

fn is_summed(column: &Column) -> bool {
    // Of groups only.
    let is_of_groups = *column == *Processes::MEMBERS;
    matches!(column.kind, Kind::Counter | Kind::Gauge)
        && !is_of_groups
        && !column.id.starts_with("relay")
}

const fn is_textual(operand: Operand) -> bool {
    match operand {
        Operand::AnyPath => true,
        Operand::Moved(_) | Operand::Copied(_) | Operand::Losses => false,
        Operand::Column(column) => matches!(column.unit, Unit::Text),
    }
}

/// `12`, `1.5`, `1MiB`, `2k`, `80%`.
fn number(text: &str) -> Result<f64, String> {
    let expected = || {
        format!("'{}' is not a number; write it like 4096, 1.5, 64KiB, 10MB or 80%", brief(text))
    };
    if let Some(percent) = text.strip_suffix('%') {
        return percent.parse::<f64>().map(|percent| percent / 100.0).map_err(|_| expected());
    }
    if let Ok(number) = text.parse::<f64>() {
        return if number.is_finite() { Ok(number) } else { Err(expected()) };
    }
    let size: bytesize::ByteSize = text.parse().map_err(|_| expected())?;
    #[expect(clippy::cast_precision_loss, reason = "compared, and 2^53 bytes are 8 PiB")]
    Ok(size.as_u64() as f64)
}

/// The beginning of a word that may be long, for a message.
fn brief(word: &str) -> String {
    const SHOWN: usize = 60;
    let shown: String = word.chars().take(SHOWN).collect();
    if shown.len() < word.len() { format!("{shown}...") } else { shown }
}

fn unknown_name(name: &str) -> String {
    let columns = Processes::COLUMNS.iter().map(|column| column.id);
    let paths = CopyPath::ALL.iter().map(|path| path.id());
    let names: Vec<_> = columns.chain(["path"]).collect();
    let meant = nearest(name, names.iter().copied().chain(paths));
    format!(
        "there is no column '{}'{meant} Columns: {}. The id of a path (such as file_read) \
         stands for the bytes moved on it",
        brief(name),
        names.join(", ")
    )
}

fn unknown_path(name: &str) -> String {
    let ids: Vec<_> = CopyPath::ALL.iter().map(|path| path.id()).collect();
    let meant = nearest(name, ids.iter().copied());
    format!("there is no path '{}'{meant} Paths: {}", brief(name), ids.join(", "))
}

/// The end of the sentence: `; did you mean 'x'?`, if a name is close enough.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    /// Far longer than any name: the comparison takes time and memory for each pair of characters.
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return ".".to_owned();
    }
    let name = name.to_lowercase();
    names
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(|| ".".to_owned(), |(_, candidate)| format!("; did you mean '{candidate}'?"))
}
