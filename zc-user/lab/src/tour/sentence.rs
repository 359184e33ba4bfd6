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

/// Whether it is as the textbook says, and the number of copies follows from the path only.
fn agrees_as_a_model(finding: &Finding) -> bool {
    let copies = Findings::CPU_COPIES.of(finding, &());
    finding.ran().is_some_and(|ran| ran.verdict.judgement == Judgement::Textbook)
        && copies.quality().is_some_and(|it| it.provenance == Provenance::Modelled)
}
