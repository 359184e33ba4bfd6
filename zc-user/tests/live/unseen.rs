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
    #[cfg(target_arch = "x86_64")]
    ("unseen::what_is_received_over_arguments_is_a_loss", overwritten),
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

/// Receives by socketcall(2), of which each writes to where its arguments are.
#[cfg(target_arch = "x86_64")]
fn overwritten() -> Result<(), Skip> {
    use crate::{report::Count, scenarios::foreign::OVERWRITTEN};

    requirement::ebpf()?;
    let mut command = Vec::from(workload());
    command.push("overwritten".into());
    let observed = observe(&[], &command);
    let rows = observed.report.processes();
    let row = rows.iter().find(|row| row.path("socket_send:unix").ops > 0).expect("it has sent");
    if row.path("socket_send:unix").ops != OVERWRITTEN as u64 {
        return Err(Skip::Kernel("this kernel has no calls of i386".to_owned()));
    }
    assert_eq!(losses(&observed), [("compat_syscalls".to_owned(), OVERWRITTEN as u64)]);
    assert_eq!(row.path("socket_recv:unix"), Count::default());
    Ok(())
}

fn losses(observed: &Observed) -> Vec<(String, u64)> {
    observed.report.losses().into_iter().filter(|(_, count)| *count > 0).collect()
}
