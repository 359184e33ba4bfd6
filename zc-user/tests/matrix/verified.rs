//! How much work the verifier has with each program: it follows at most 1,000,000 instructions.
//!
//! The number grows by leaps when a loop or a branch comes in, long before a kernel refuses the program, and each start
//! of `zc` waits for it.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use aya::programs::loaded_programs;

use crate::{
    Test,
    requirement::{self, Skip, kernel_before},
    zc::{Running, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] =
    &[("verified::no_program_is_much_more_work_than_recorded", steps)];

/// Instructions that the verifier followed, by the name of a program, which the kernel cuts off: before 6.12, on 6.1;
/// and the most on 6.12, 6.18 and 7.2. After a change that is worth it, take those that the test prints.
const RECORDED: &[(&str, u32, u32)] = &[
    ("zc_sys_exit", 387_605, 170_572),
    ("zc_sys_exit_kpr", 0, 165_618),
    ("zc_uring_overfl", 29_465, 33_754),
    ("zc_uring_comple", 28_767, 20_010),
    ("zc_uring_submit", 21_481, 12_331),
    ("zc_uring_work", 13_678, 11_417),
    ("zc_uring_local_", 13_678, 11_417),
    ("zc_uring_retry_", 13_315, 8_060),
    ("zc_uring_end", 13_315, 8_081),
    ("zc_sched_switch", 12_060, 7_106),
    ("zc_exit", 19_379, 12_480),
    // More where copies are not measured.
    ("zc_page_fault", 11_202, 12_724),
    ("zc_kernel_fault", 11_202, 12_737),
];

/// Of every other program.
const OTHERS: (u32, u32) = (6_885, 4_165);

/// The same source becomes different code with each compiler: so many percent more are no reason to look.
const ROOM: u32 = 15;

fn steps() -> Result<(), Skip> {
    requirement::ebpf()?;
    if kernel_before(5, 16) {
        return Err(Skip::Kernel("a kernel that tells how many instructions it verified".into()));
    }
    let running = Running::start(zc(["top", "--json", "-i", "0.1"]));
    running.attached();
    let descriptors = fs::read_dir(format!("/proc/{}/fdinfo", running.0.id())).unwrap();
    let texts = descriptors.filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
    let ids: Vec<u32> = texts
        .filter_map(|text| {
            let id = text.lines().find_map(|line| line.strip_prefix("prog_id:"))?;
            id.trim().parse().ok()
        })
        .collect();
    let mut verified = BTreeMap::<String, u32>::new();
    for program in loaded_programs() {
        // Those of others may end at any moment.
        let Ok(program) = program else { continue };
        if ids.contains(&program.id()) {
            let steps = verified.entry(program.name_as_str().unwrap().to_owned()).or_default();
            *steps = (*steps).max(program.verified_instruction_count().unwrap());
        }
    }
    running.signal(rustix::process::Signal::INT);
    running.end();

    assert!(verified.len() >= 10, "{verified:?}");
    let mut text = String::new();
    for (name, steps) in &verified {
        writeln!(text, "{name} {steps}").unwrap();
    }
    crate::keep("verified.txt", text.as_bytes());
    let most = |name: &str| {
        let recorded = RECORDED.iter().find(|(it, ..)| *it == name);
        let (early, late) = recorded.map_or(OTHERS, |(_, early, late)| (*early, *late));
        let recorded = if kernel_before(6, 12) { early } else { late };
        recorded + recorded * ROOM / 100
    };
    let beyond: Vec<_> = verified.iter().filter(|(name, steps)| **steps > most(name)).collect();
    assert!(beyond.is_empty(), "more work for the verifier: {beyond:?}");
    Ok(())
}
