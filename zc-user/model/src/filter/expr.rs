//! The meaning of a filter expression.

use std::{borrow::Cow, cmp::Ordering};

use zc_common::path::CopyPath;

use super::pattern::{Pattern, glob};
use crate::{
    column::{Column, Processes},
    frame::Frame,
    ledger::PathSum,
    row::Row,
    value::{Quality, Value},
};

/// A parsed filter expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Both.
    And(Box<Self>, Box<Self>),
    /// Either, or both.
    Or(Box<Self>, Box<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// A comparison.
    Compare(Comparison),
}

/// `operand operator literal`. The parser checks that the three fit together.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub operand: Operand,
    /// How.
    pub operator: Operator,
    /// With what.
    pub literal: Literal,
    /// Whether what was counted is compared per second of the interval.
    pub per_second: bool,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operand {
    /// A column.
    Column(&'static Column),
    /// Bytes moved on one path, by the path's id.
    Moved(CopyPath),
    /// Bytes copied on one path. Of sums only.
    Copied(CopyPath),
    /// Events that were not counted where they belong. Of sums only.
    Losses,
    /// `path`: each path that the process used.
    AnyPath,
    /// `user`: the name of the effective user, or the number.
    User,
}

/// How it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `==` or `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `~`: has a text or a regular expression, ignoring case.
    Contains,
    /// `!~`
    ContainsNot,
}

impl Operator {
    /// As it is written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => "~",
            Self::ContainsNot => "!~",
        }
    }

    pub(crate) const fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Contains | Self::ContainsNot => false,
        }
    }
}

/// What it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A number, in the unit of the column.
    Number(f64),
    /// A text, in which each `*` stands for any text.
    Text(String),
    /// A text or a regular expression to be found.
    Pattern(Pattern),
}

impl Expr {
    /// Whether it is true of `row`. `None` when that depends on a value which is not known: what
    /// is unknown stays unknown when negated.
    #[must_use]
    pub fn holds(&self, row: Row<'_>, frame: &Frame) -> Option<bool> {
        self.holds_by(&mut |comparison| comparison.holds(row, frame))
    }

    /// The same, where `compare` says of each comparison whether it holds. Each is asked for.
    pub(crate) fn holds_by(
        &self,
        compare: &mut dyn FnMut(&Comparison) -> Option<bool>,
    ) -> Option<bool> {
        match self {
            Self::And(a, b) => match (a.holds_by(compare), b.holds_by(compare)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Or(a, b) => match (a.holds_by(compare), b.holds_by(compare)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(inner) => inner.holds_by(compare).map(|holds| !holds),
            Self::Compare(comparison) => compare(comparison),
        }
    }
}

impl Expr {
    /// Whether a comparison in it is of `operand`.
    #[must_use]
    pub fn mentions(&self, operand: Operand) -> bool {
        match self {
            Self::And(a, b) | Self::Or(a, b) => a.mentions(operand) || b.mentions(operand),
            Self::Not(inner) => inner.mentions(operand),
            Self::Compare(comparison) => comparison.operand == operand,
        }
    }
}

impl Comparison {
    fn holds(&self, row: Row<'_>, frame: &Frame) -> Option<bool> {
        match self.operand {
            Operand::Column(column) => match column.of(row, frame) {
                Value::Text(text) => self.holds_for_text(&text),
                // What is not known of a process is neither so nor otherwise; one outside of containers is in none.
                Value::Absent if is_from_cgroup(column) && !has_cgroup(row, frame) => None,
                Value::Absent if !column.unit.is_numeric() => self.holds_for_text(""),
                value => self.holds_for_number(value.number()?, frame),
            },
            Operand::Moved(path) => {
                let moved = PathSum::on(row.paths, &[path]).moved_bytes;
                self.holds_for_number(Value::Integer(moved, Quality::MEASURED).number()?, frame)
            }
            // The parser gives these for sums only, which [`crate::expectation`] looks at.
            Operand::Copied(_) | Operand::Losses => None,
            // "No path is x" is what `path != x` asks, not "some path is not x".
            Operand::AnyPath => self.holds_for_any(row.paths.iter().map(|path| path.path.id())),
            Operand::User => {
                let user = row.process.map(|process| process.user);
                let user = user.or(row.group.map(|group| group.user)).flatten()?;
                let name = frame.host.users.get(&user).map(|name| Cow::Borrowed(name.as_str()));
                let number = Cow::Owned(user.to_string());
                self.holds_for_any(name.iter().chain([&number]).map(AsRef::as_ref))
            }
        }
    }

    /// Whether it is true of one of them; a negation, of all.
    fn holds_for_any<'a>(&self, mut texts: impl Iterator<Item = &'a str>) -> Option<bool> {
        let positive = match self.operator {
            Operator::NotEqual => Operator::Equal,
            Operator::ContainsNot => Operator::Contains,
            operator => operator,
        };
        let any = texts.any(|text| text_matches(positive, text, &self.literal) == Some(true));
        Some(any == (positive == self.operator))
    }

    fn holds_for_number(&self, number: f64, frame: &Frame) -> Option<bool> {
        let Literal::Number(wanted) = &self.literal else { return None };
        let number = match self.per_second {
            true if frame.elapsed_ns == 0 => return None,
            true => number / frame.seconds(),
            false => number,
        };
        Some(self.operator.accepts(number.partial_cmp(wanted)?))
    }

    fn holds_for_text(&self, text: &str) -> Option<bool> {
        text_matches(self.operator, text, &self.literal)
    }
}

/// Whether the column is read from the path of the control group.
fn is_from_cgroup(column: &Column) -> bool {
    [Processes::CGROUP, Processes::CONTAINER, Processes::RUNTIME, Processes::POD, Processes::UNIT]
        .contains(&column)
}

fn has_cgroup(row: Row<'_>, frame: &Frame) -> bool {
    Processes::CGROUP.of(row, frame).is_known()
}

fn text_matches(operator: Operator, text: &str, literal: &Literal) -> Option<bool> {
    Some(match (literal, operator) {
        (Literal::Pattern(pattern), Operator::Contains) => pattern.is_in(text),
        (Literal::Pattern(pattern), Operator::ContainsNot) => !pattern.is_in(text),
        (Literal::Text(wanted), Operator::Equal) => glob(wanted, text),
        (Literal::Text(wanted), Operator::NotEqual) => !glob(wanted, text),
        _ => return None,
    })
}
