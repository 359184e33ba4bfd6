//! A verdict in words, as the tour says it: where the number of copies is a model, agreement with theory proves nothing.

use super::walk::Tour;
use crate::{
    judge::{finding::Finding, verdict::Judgement},
    metric::Findings,
};
use zc_model::snapshot::Provenance;

/// The verdict on a finding that ran; `is_first` if no other of its scene comes before it.
#[must_use]
pub fn of(tour: &Tour, finding: &Finding, is_first: bool) -> Option<String> {
    let judgement = &finding.ran()?.verdict.judgement;
    if !agrees_as_a_model(finding) {
        return Some(tour.words().judgement(judgement));
    }
    let words = tour.words();
    // Said once: it holds for every scene.
    let has_been_said = !is_first || tour.earlier(agrees_as_a_model);
    Some(if has_been_said { words.modelled } else { words.modelled_first }.to_owned())
}

/// The same where it is said elsewhere that copies are a model, as in a handout.
#[must_use]
pub fn in_short(tour: &Tour, finding: &Finding) -> Option<String> {
    let judgement = &finding.ran()?.verdict.judgement;
    Some(match agrees_as_a_model(finding) {
        true => tour.words().modelled.to_owned(),
        false => tour.words().judgement(judgement),
    })
}

/// The sentences of a text, each with what ends it.
#[must_use]
pub fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let ends = rest.char_indices().find_map(|(at, sign)| {
            let end = at + sign.len_utf8();
            let is_end = match sign {
                '。' | '？' | '！' => true,
                '.' | '?' | '!' => rest[end..].starts_with(' '),
                _ => false,
            };
            is_end.then_some(end)
        });
        let (sentence, after) = rest.split_at(ends.unwrap_or(rest.len()));
        sentences.push(sentence);
        rest = after.trim_start();
    }
    sentences
}

/// Whether it is as the textbook says, and the number of copies follows from the path only.
fn agrees_as_a_model(finding: &Finding) -> bool {
    let copies = Findings::CPU_COPIES.of(finding, &());
    finding.ran().is_some_and(|ran| ran.verdict.judgement == Judgement::Textbook)
        && copies.quality().is_some_and(|it| it.provenance == Provenance::Modelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_behind_its_sentences() {
        for (text, expected) in [
            ("", &[][..]),
            ("One", &["One"]),
            ("In Linux 2.1. Two? Three", &["In Linux 2.1.", "Two?", "Three"]),
            (
                "两次拷贝。为什么？因为 read() 拷贝。",
                &["两次拷贝。", "为什么？", "因为 read() 拷贝。"],
            ),
        ] {
            assert_eq!(sentences(text), expected);
        }
    }
}
