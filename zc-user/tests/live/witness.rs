//! Third-party witnesses: programs that count for themselves what they move, and what `zc` saw of
//! them.

mod fio;
mod iperf;
mod reflink;

use libtest_mimic::Trial;

use crate::report::Process;

/// A test per job of each witness.
pub(crate) fn trials() -> Vec<Trial> {
    [fio::trials(), iperf::trials(), reflink::trials()].into_iter().flatten().collect()
}

/// What a path has to hold: operations where they are known, bytes, and how many of these bytes the
/// CPU copied.
struct Expected {
    path: &'static str,
    ops: Option<u64>,
    bytes: u64,
    copied: u64,
}

/// `row` has these paths and, but for those of the address space and of pseudo files, no others. What
/// the kernel copies for itself, to start a program, moves nothing.
fn check(row: &Process, expected: &[Expected]) {
    let mut paths = row.data_paths();
    paths.retain(|path, count| !path.starts_with("pseudo_") && count.bytes > 0);
    let known: Vec<_> = expected.iter().map(|expected| expected.path).collect();
    let seen: Vec<_> = paths.keys().map(String::as_str).collect();
    assert!(seen.iter().all(|path| known.contains(path)), "{paths:?}");
    for Expected { path, ops, bytes, copied } in expected {
        let count = row.path(path);
        assert_eq!(count.bytes, *bytes, "{path}: {paths:?}");
        if let Some(ops) = ops {
            assert_eq!(count.ops, *ops, "{path}: {paths:?}");
        }
        let id = path.split(':').next().unwrap_or(path);
        let (counted, provenance) = row.copied(id);
        // A model of these paths says the same, as their copies do not depend on the kernel.
        assert_eq!(counted, Some(*copied), "{path}: copies are {provenance}: {paths:?}");
    }
}
