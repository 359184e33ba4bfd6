//! Copies in user space: the kernel counts the same with and without them, and samples of the program's code do not.

use std::fs;

use crate::{
    Test,
    failure::bare,
    finding::{Finding, findings},
    requirement::{self, Skip},
    table::{netty, python},
    zc::{run, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("user_copies::clones_are_copies_that_no_counter_of_the_kernel_shows", rust),
    ("user_copies::slices_of_bytes_are_copies_and_those_of_a_memoryview_are_not", slices),
    ("user_copies::buffers_of_netty_are_copied_by_code_with_no_file", buffers),
    ("user_copies::too_few_samples_are_no_share", too_few),
    ("user_copies::without_privileges_there_is_a_reason_and_no_zero", unobserved),
];

/// A prime: some 15 ms of CPU time for the one that copies less.
const SIZE: u64 = 67_108_859;
const ROUNDS: &str = "5";

fn sampler() -> Result<(), Skip> {
    requirement::ebpf()?;
    let text = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    if text.starts_with("0000000000000000 ") && !text.contains("\nffff") {
        return Err(Skip::Kernel("the kernel hides its addresses".to_owned()));
    }
    Ok(())
}

/// Both, alternating.
fn compare(copying: &str, referring: &str) -> [Finding; 2] {
    let size = SIZE.to_string();
    let words = ["lab", "compare", copying, referring, "--json", "--quiet"];
    let document = run(zc(words.iter().chain(&["--size", &size, "--repeat", ROUNDS]))).json();
    let both = <[Finding; 2]>::try_from(findings(&document)).ok().unwrap();
    for finding in &both {
        // Every byte has arrived, and the kernel has copied each twice.
        assert_eq!((finding.outcome(), finding.judgement()), ("ran", "as_textbook"), "{finding}");
        let paths = finding.paths();
        assert_eq!(paths["file_read"], SIZE, "{finding}");
        assert!((SIZE..SIZE + 4).contains(&paths["socket_send"]), "{finding}");
        let copies = finding.metric("cpu_copies").0.unwrap();
        assert!((copies - 2.0).abs() < 1e-6, "{finding}");
    }
    both
}

/// Whether the least of the first is more than the greatest of the second, with 95 % confidence each.
fn is_apart(both: &[Finding; 2], share: &str, margin: &str) -> bool {
    let [copying, referring] = both.each_ref().map(|it| it.interval(share, margin).unwrap());
    println!("{share}: {copying:?} and {referring:?}");
    copying[0] > referring[1]
}

fn rust() -> Result<(), Skip> {
    sampler()?;
    let both = compare("rust_clones", "rust_moves");
    assert!(is_apart(&both, "user_copy_share", "user_copy_margin"), "{both:#?}");
    // What copies is a function of the C library, or of this program where that is linked into it.
    assert!(is_apart(&both, "library_copy_share", "library_copy_margin"), "{both:#?}");
    for finding in &both {
        let counted = |id| finding.metric(id).0.unwrap();
        // The parts of the copies, and copies of the program and of the kernel, add up.
        let parts = ["library_copy_share", "inlined_copy_share", "copy_fault_share"].map(counted);
        assert!((counted("user_copy_share") - parts.iter().sum::<f64>()).abs() < 1e-9);
        let bill = counted("copy_tax") + counted("user_copy_share");
        assert!((counted("copy_bill") - bill).abs() < 1e-9);
        let time = counted("user_copy_share") * counted("cpu_ns");
        assert!((counted("user_copy_ns") - time).abs() <= 1.0, "{finding}");
    }
    Ok(())
}

fn slices() -> Result<(), Skip> {
    sampler()?;
    python()?;
    let both = compare("python_slices", "python_memoryview");
    assert!(is_apart(&both, "user_copy_share", "user_copy_margin"), "{both:#?}");
    Ok(())
}

/// The Java machine makes its routines that copy when it starts: since Java 14 those for memory outside of the heap,
/// too (`Unsafe_CopyMemory0`, `src/hotspot/share/prims/unsafe.cpp`). An older one copies by functions of a file.
fn buffers() -> Result<(), Skip> {
    sampler()?;
    netty()?;
    let both = compare("netty_copies", "netty_slices");
    let no_file = is_apart(&both, "no_file_share", "no_file_margin");
    let copies = is_apart(&both, "user_copy_share", "user_copy_margin");
    assert!(no_file || copies, "{both:#?}");
    Ok(())
}

/// A thousandth of the payload takes less than a millisecond.
fn too_few() -> Result<(), Skip> {
    sampler()?;
    let words = ["lab", "run", "rust_moves", "--size", "65537", "--repeat", "1", "--json"];
    let finding = findings(&run(zc(words)).exits(0).json()).remove(0);
    let why = finding.interval("user_copy_share", "user_copy_margin").unwrap_err();
    assert!(why.contains("fewer than 25 samples"), "{why}");
    assert_eq!(finding.metric("user_copy_ns"), (None, Some("unavailable")));
    // Not of interest elsewhere, which is another thing.
    let words = ["lab", "run", "read_write", "--size", "65537", "--repeat", "1", "--json"];
    let finding = findings(&run(zc(words)).exits(0).json()).remove(0);
    assert_eq!(finding.metric("user_copy_share"), (None, None));
    Ok(())
}

fn unobserved() -> Result<(), Skip> {
    let words = ["lab", "run", "rust_clones", "--size", "65537", "--repeat", "1", "--json"];
    let finding = findings(&run(bare(&words)).exits(0).json()).remove(0);
    assert_eq!((finding.outcome(), finding.judgement()), ("ran", "not_measured"), "{finding}");
    assert_eq!(finding.metric("user_copy_share"), (None, Some("unavailable")), "{finding}");
    assert_eq!(finding.metric("no_file_share"), (None, Some("unavailable")), "{finding}");
    Ok(())
}
