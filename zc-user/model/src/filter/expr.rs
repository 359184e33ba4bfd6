//! The meaning of a filter expression.

use std::cmp::Ordering;

use zc_common::path::CopyPath;

use crate::{
    column::Column,
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
    /// `~`: contains, ignoring case.
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
    /// A text.
    Text(String),
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

impl Comparison {
    fn holds(&self, row: Row<'_>, frame: &Frame) -> Option<bool> {
        match self.operand {
            Operand::Column(column) => match column.of(row, frame) {
                Value::Text(text) => self.holds_for_text(&text),
                // A process without a cgroup is not in the cgroup `x`.
                Value::Absent if !column.unit.is_numeric() => self.holds_for_text(""),
                value => self.holds_for_number(value.number()?),
            },
            Operand::Moved(path) => {
                let moved = PathSum::on(row.paths, &[path]).moved_bytes;
                self.holds_for_number(Value::Integer(moved, Quality::MEASURED).number()?)
            }
            // The parser gives these for sums only, which [`crate::expectation`] looks at.
            Operand::Copied(_) | Operand::Losses => None,
            // "No path is x" is what `path != x` asks, not "some path is not x".
            Operand::AnyPath => {
                let positive = match self.operator {
                    Operator::NotEqual => Operator::Equal,
                    Operator::ContainsNot => Operator::Contains,
                    operator => operator,
                };
                let any = row.paths.iter().any(|sample| {
                    text_matches(positive, sample.path.id(), &self.literal) == Some(true)
                });
                Some(any == (positive == self.operator))
            }
        }
    }

    fn holds_for_number(&self, number: f64) -> Option<bool> {
        let Literal::Number(wanted) = &self.literal else { return None };
        Some(self.operator.accepts(number.partial_cmp(wanted)?))
    }

    fn holds_for_text(&self, text: &str) -> Option<bool> {
        text_matches(self.operator, text, &self.literal)
    }
}

fn text_matches(operator: Operator, text: &str, literal: &Literal) -> Option<bool> {
    let Literal::Text(wanted) = literal else { return None };
    let contains = || text.to_lowercase().contains(&wanted.to_lowercase());
    Some(match operator {
        Operator::Contains => contains(),
        Operator::ContainsNot => !contains(),
        operator => operator.accepts(text.cmp(wanted)),
    })
}
