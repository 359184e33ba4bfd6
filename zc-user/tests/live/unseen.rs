//! Operations whose completion no hook sees, or of which it does not tell what they were.

use crate::{
    Test,
    requirement::{self, Skip},
    scenarios::rings::UNSEEN,
    zc::{Observed, observe, on_disk, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("unseen::what_is_reaped_in_memory_is_a_loss", reaped_in_memory),
    ("unseen::what_looks_the_same_is_a_loss", alike),
];

fn reaped_in_memory() -> Result<(), Skip> {
    requirement::ebpf()?;
    let mut command = Vec::from(workload());
    command.push("unseen".into());
    let observed = observe(&[], &command);
    let losses = observed.report.losses();
    assert_eq!(losses.get("aio_unseen"), Some(&(UNSEEN as u64)), "{losses:?}");
    Ok(())
}

/// A read and a write under the same structure and number.
fn alike() -> Result<(), Skip> {
    requirement::ebpf()?;
    let directory = on_disk();
    let mut command = Vec::from(workload());
    command.extend(["ambiguous".into(), directory.path().to_owned()]);
    let observed = observe(&[], &command);
    assert_eq!(losses(&observed), [("aio_ambiguous".to_owned(), 2)]);
    Ok(())
}

fn losses(observed: &Observed) -> Vec<(String, u64)> {
    observed.report.losses().into_iter().filter(|(_, count)| *count > 0).collect()
}
