//! More threads than the table has room for: what cannot be attributed is still counted.

use std::process::Command;

use crate::{
    Test,
    requirement::{self, Skip},
    workload::crowd::BYTES,
    zc::{Watch, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("exhaustion::totals_reconcile_in_json", json),
    ("exhaustion::the_loss_is_told_in_text", text),
];

/// Processes that are alive at the same time; the table has 64 slots.
const CROWD: usize = 307;

fn crowd() {
    let [program, word] = workload();
    let status = Command::new(program)
        .arg(word)
        .args(["crowd", &CROWD.to_string()])
        .status()
        .expect("the workload runs");
    assert!(status.success());
}

fn json() -> Result<(), Skip> {
    requirement::ebpf()?;
    let watch = Watch::start(&["--json", "--max-threads", "64"]);
    crowd();
    let report = watch.finish();
    // Whoever did it: parsing has checked that the totals are the sum of the rows and of what
    // belongs to nobody.
    let tee = report.totals()["tee"];
    assert_eq!((tee.ops, tee.bytes), (CROWD as u64, (CROWD * BYTES) as u64));
    let nobodys = report.unattributed()["tee"];
    assert!(nobodys.ops >= (CROWD - 64) as u64, "64 slots cannot hold {CROWD}: {nobodys:?}");
    assert_eq!(report.losses().keys().collect::<Vec<_>>(), ["slots_exhausted"]);
    Ok(())
}

fn text() -> Result<(), Skip> {
    requirement::ebpf()?;
    let watch = Watch::start(&["--max-threads", "64"]);
    crowd();
    let text = watch.finish_text();
    assert!(text.contains("of no process"), "{text}");
    assert!(text.contains("Losses:"), "{text}");
    assert!(text.contains("slots_exhausted"), "{text}");
    let bytes = CROWD * BYTES;
    let line = text.lines().find(|line| line.trim_start().starts_with("tee ")).expect("a path");
    assert!(line.contains(&CROWD.to_string()), "{line}: {bytes} B");
    Ok(())
}
