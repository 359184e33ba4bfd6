//! Code that copied between two snapshots.

use crate::snapshot::Copier;

/// The deltas of those in `next` that were found in between: both are in [`Copier::order`].
pub(super) fn between(previous: &[Copier], next: &[Copier]) -> Vec<Copier> {
    let delta = |copier: &Copier| {
        let known = previous.binary_search_by(|it| it.order().cmp(&copier.order()));
        let (samples, faults) = known
            .ok()
            .and_then(|at| previous.get(at))
            .map_or((0, 0), |it| (it.samples, it.fault_samples));
        let samples = copier.samples.saturating_sub(samples);
        let fault_samples = copier.fault_samples.saturating_sub(faults);
        (samples + fault_samples > 0).then(|| Copier { samples, fault_samples, ..copier.clone() })
    };
    next.iter().filter_map(delta).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{CopierKind, ProcessId};

    #[test]
    fn only_what_was_found_in_between_is_left() {
        let copier = |function: &str, samples, fault_samples| Copier {
            process: ProcessId { pid: 7, start_ns: 1 },
            kind: CopierKind::Library,
            file: "/lib/libc.so.6".into(),
            function: Some(function.into()),
            samples,
            fault_samples,
        };
        let before = [copier("memcpy", 5, 1), copier("memmove", 3, 0)];
        let after = [copier("memccpy", 2, 0), copier("memcpy", 5, 4), copier("memmove", 3, 0)];
        let between = between(&before, &after);
        assert_eq!(between, [copier("memccpy", 2, 0), copier("memcpy", 0, 3)]);
    }
}
