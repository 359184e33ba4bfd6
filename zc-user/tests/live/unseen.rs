//! Operations whose completion no hook sees.

use crate::{
    Test,
    requirement::{self, Skip},
    scenarios::rings::UNSEEN,
    zc::{observe, workload},
};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("unseen::what_is_reaped_in_memory_is_a_loss", reaped_in_memory)];

fn reaped_in_memory() -> Result<(), Skip> {
    requirement::ebpf()?;
    let mut command = Vec::from(workload());
    command.push("unseen".into());
    let observed = observe(&[], &command);
    let losses = observed.report.losses();
    assert_eq!(losses.get("aio_unseen"), Some(&(UNSEEN as u64)), "{losses:?}");
    Ok(())
}
