//! What a report says: plain data, the same for each form that it is written in.
//!
//! Texts may hold names from other processes: hostile input, which the writers sanitise.

use zc_model::picture::Picture;

use crate::{series::Series, wording::Wording};

/// A report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What it says by itself.
    pub wording: &'static Wording,
    /// The heading.
    pub title: String,
    /// What was watched, where and when, in a sentence.
    pub subject: String,
    /// What a reader of nothing else must know: a sentence or two.
    pub answer: Vec<String>,
    /// The figures that matter most.
    pub figures: Vec<Figure>,
    /// What holds for all figures, such as that those of copies are modelled.
    pub caveats: Vec<String>,
    /// The rest, in order.
    pub sections: Vec<Section>,
}

/// One of the figures that matter most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What it is.
    pub label: &'static str,
    /// The number, with its unit and its mark.
    pub value: String,
    /// What it means, or why it is not known.
    pub note: String,
    /// How it is shown.
    pub tone: Tone,
}

/// What something is about, where it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Bytes copied by the CPU.
    Copied,
    /// Bytes that went by reference.
    Reference,
    /// Bytes that devices moved.
    Device,
    /// What could be better.
    Advice,
    /// Anything else.
    Plain,
}

/// A part of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// A word that names it in links.
    pub id: &'static str,
    /// The heading.
    pub title: &'static str,
    /// What it consists of, in order.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A heading within the section.
    Heading(String),
    /// Prose.
    Text(String),
    /// Sentences that do not depend on each other.
    List(Vec<String>),
    /// A table.
    Table(Table),
    /// The picture of where bytes went.
    Picture(Picture),
    /// The same as a question: the places, and room for an answer on each arrow.
    Question(Picture),
    /// What happened over time.
    Series(Series),
    /// Pieces of advice.
    Advice(Vec<Counsel>),
    /// Call stacks.
    Stacks(Tree),
    /// A line to type.
    Command(String),
    /// Lines to type or to read, one below the other.
    Code(Vec<String>),
}

/// A table. Rows of [`Kind::Row`] and [`Kind::Rest`] add up to that of [`Kind::Total`], where there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows: as many cells each as there are columns.
    pub rows: Vec<Row>,
    /// What the marks in it mean.
    pub marks: Vec<&'static str>,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The heading.
    pub title: &'static str,
    /// Whether it has numbers.
    pub is_number: bool,
    /// Whether it is left out where there is little room.
    pub is_extra: bool,
    /// Whether it explains the words of another column, as text has no room to.
    pub is_prose: bool,
}

impl Column {
    /// A column of numbers, or of words.
    #[must_use]
    pub fn new(title: &'static str, is_number: bool) -> Self {
        Self { title, is_number, is_extra: false, is_prose: title == EXPLANATION }
    }
}

/// The heading of columns that explain the words of another one.
pub const EXPLANATION: &str = "WHAT IT IS";

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What kind of row.
    pub kind: Kind,
    /// The cells.
    pub cells: Vec<String>,
    /// How much it is of the greatest row, in thousandths, for a bar.
    pub share: Option<u16>,
}

/// What a row of a table stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One thing.
    Row,
    /// A part of the row above.
    Part,
    /// Those that are not listed, and what belongs to none.
    Rest,
    /// The sum.
    Total,
}

/// A piece of advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counsel {
    /// To whom.
    pub to: String,
    /// How sure it is: a word, and what that word means.
    pub certainty: (&'static str, &'static str),
    /// What to do, with its condition: a sentence.
    pub remedy: String,
    /// What it would save, the most important first.
    pub savings: Vec<String>,
    /// What was seen.
    pub evidence: String,
}

/// Call stacks as a tree, from the process to the path.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// The whole.
    pub root: Node,
}

/// A function in a stack, with what those below it copied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// The name.
    pub name: String,
    /// Copied bytes: an estimate.
    pub bytes: f64,
    /// What it called, the most bytes first.
    pub children: Vec<Node>,
}

impl Node {
    /// The longest way from here, in nodes.
    #[must_use]
    pub fn depth(&self) -> usize {
        1 + self.children.iter().map(Self::depth).max().unwrap_or(0)
    }
}
