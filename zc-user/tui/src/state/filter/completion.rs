//! Completion of the filter line: names and signs of the language, and what is on the screen.

use std::collections::BTreeSet;

use zc_model::{
    column::Processes,
    filter::{self, Operand, Wanted},
    frame::Frame,
    row::Row,
    value::Value,
};

/// As many ways as anyone chooses from.
const MOST: usize = 50;

/// The ways to complete a word.
#[derive(Clone, Debug)]
pub struct Completion {
    /// Where the word begins, in bytes of the line.
    start: usize,
    /// The word as it was typed.
    typed: String,
    ways: Vec<String>,
    /// The one in the line; `None` for what was typed.
    chosen: Option<usize>,
}

impl Completion {
    /// The filters whose names begin with what is between `@` and the end of `before`.
    pub(super) fn named(before: &str, named: &[(String, String)]) -> Option<Self> {
        let start = before.rfind('@')?;
        let sought = &before[start + 1..];
        let found = named.iter().filter(|(name, _)| name.starts_with(sought));
        let ways: Vec<String> = found.map(|(_, text)| format!("({text})")).collect();
        let typed = before[start..].to_owned();
        (!ways.is_empty()).then_some(Self { start, typed, ways, chosen: None })
    }

    /// The ways to complete the end of `before`; `None` if there is none.
    pub(super) fn of(before: &str, frame: Option<&Frame>) -> Option<Self> {
        let (start, wanted) = filter::wanted(before)?;
        let typed = before[start..].to_owned();
        let texts = |wanted| frame.map(|frame| texts(wanted, frame)).unwrap_or_default();
        let candidates: Vec<String> = match wanted {
            Wanted::Name => {
                let mut names: Vec<String> = filter::names().collect();
                names.extend(texts(Operand::Column(Processes::COMM)));
                names
            }
            Wanted::Value(Operand::AnyPath) => filter::paths().map(str::to_owned).collect(),
            Wanted::Value(operand) => texts(operand),
            Wanted::Sign { text: true } => ["=", "!=", "~", "!~"].map(str::to_owned).to_vec(),
            Wanted::Sign { text: false } => {
                [">", ">=", "<", "<=", "=", "!="].map(str::to_owned).to_vec()
            }
            Wanted::Join => ["and", "or"].map(str::to_owned).to_vec(),
        };
        let sought = typed.to_lowercase();
        let begins = |way: &&String| {
            let way = way.to_lowercase();
            way.trim_start_matches(['\'', '"']).starts_with(&sought) && way != sought
        };
        let mut ways: Vec<String> = Vec::new();
        for way in candidates.iter().filter(begins) {
            if !ways.contains(way) && ways.len() < MOST {
                ways.push(way.clone());
            }
        }
        (!ways.is_empty()).then_some(Self { start, typed, ways, chosen: None })
    }

    /// Puts the next way into `line`, or the one before: the line, and its cursor in characters.
    pub(super) fn step(&mut self, line: &str, before: &str, backwards: bool) -> (String, usize) {
        let last = self.ways.len() - 1;
        self.chosen = match (self.chosen, backwards) {
            (None, false) => Some(0),
            (None, true) => Some(last),
            (Some(0), true) => None,
            (Some(at), true) => Some(at - 1),
            (Some(at), false) if at == last => None,
            (Some(at), false) => Some(at + 1),
        };
        let way = self.chosen.map_or(self.typed.as_str(), |at| &self.ways[at]);
        let head = format!("{}{way}", &line[..self.start]);
        let cursor = head.chars().count();
        (head + &line[before.len()..], cursor)
    }

    /// The ways, and whether each is the one in the line.
    pub fn ways(&self) -> impl Iterator<Item = (&str, bool)> {
        self.ways.iter().enumerate().map(|(at, way)| (way.as_str(), self.chosen == Some(at)))
    }
}

/// The texts that processes on the screen have there, as they have to be written.
fn texts(operand: Operand, frame: &Frame) -> Vec<String> {
    let mut texts = BTreeSet::new();
    for process in &frame.processes {
        match operand {
            Operand::Column(column) => {
                if let Value::Text(text) = column.of(Row::process(process), frame) {
                    texts.extend(filter::word(&text));
                }
            }
            Operand::User => {
                let name = process.user.map(|user| frame.host.users.get(&user).cloned());
                texts.extend(name.flatten().and_then(|name| filter::word(&name)));
            }
            _ => {}
        }
    }
    texts.into_iter().collect()
}
