//! The guess of a class: how often the CPU copies each byte. It is compared with what was measured, or with theory where
//! nothing was.

use super::{script::Act, walk::Exhibit, words::Words};
use crate::{judge::finding::Finding, language::fill, metric::Findings};
use zc_model::value::Value;

/// The largest guess.
pub const MOST: u8 = 3;

/// Whether a guess is asked for: where one scenario runs, and the textbook gives a number.
#[must_use]
pub fn asks(act: &Act) -> bool {
    matches!(act, Act::Step(scenario, _) if scenario.theory.cpu_copies.is_some())
}

/// The copies of each byte that a guess is compared with.
#[must_use]
pub fn answer(finding: &Finding) -> Option<f64> {
    finding.ran()?;
    let measured = Findings::CPU_COPIES.of(finding, &());
    match measured {
        Value::Absent => finding.scenario.theory.cpu_copies,
        value => value.number().or(finding.scenario.theory.cpu_copies),
    }
}

/// Whether a guess is right: within half a copy.
#[must_use]
pub fn is_right(guess: u8, finding: &Finding) -> Option<bool> {
    Some((answer(finding)? - f64::from(guess)).abs() < 0.5)
}

/// Guesses, and how many of them were right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Guesses of scenes that ran.
    pub guessed: usize,
    /// Right ones.
    pub right: usize,
}

impl<'a> FromIterator<(u8, &'a Exhibit)> for Score {
    fn from_iter<I: IntoIterator<Item = (u8, &'a Exhibit)>>(guesses: I) -> Self {
        let mut score = Self::default();
        for (guess, exhibit) in guesses {
            if let Some(is_right) = exhibit.findings.first().and_then(|it| is_right(guess, it)) {
                score.guessed += 1;
                score.right += usize::from(is_right);
            }
        }
        score
    }
}

impl Score {
    /// In a sentence.
    #[must_use]
    pub fn sentence(&self, words: &Words) -> String {
        fill(words.score, &[("right", &self.right), ("guessed", &self.guessed)])
    }
}
