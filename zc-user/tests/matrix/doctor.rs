//! What `zc doctor` reports about this kernel.

use crate::{
    Test,
    requirement::{self, Skip},
    zc::{run, zc},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[("doctor::nothing_blocks", nothing_blocks)];

fn nothing_blocks() -> Result<(), Skip> {
    requirement::ebpf()?;
    let finished = run(zc(["doctor", "--json"]));
    crate::keep("doctor.json", &finished.output.stdout);
    let findings = finished.exits(0).json();
    let findings = findings.as_array().unwrap();
    let blocking: Vec<_> =
        findings.iter().filter(|finding| finding["verdict"] == "BLOCKING").collect();
    assert!(blocking.is_empty(), "{blocking:#?}");
    // A program that the verifier refuses brings all of them down to raw tracepoints, without copy sites.
    let probes = findings.iter().find(|finding| finding["check"] == "probes").unwrap();
    assert_eq!(probes["verdict"], "OK", "{probes:#}");
    let groups: Vec<_> = findings.iter().filter(|finding| finding["group"].is_string()).collect();
    let core = groups.iter().find(|finding| finding["group"] == "core").unwrap();
    assert_eq!(core["provenance"], "measured", "{core:#}");
    // What is not measured says why.
    for group in groups {
        let measured = group["provenance"] == "measured";
        assert_eq!(measured, group["reason"].is_null(), "{group:#}");
        assert_eq!(measured, group["verdict"] == "OK", "{group:#}");
    }
    Ok(())
}
