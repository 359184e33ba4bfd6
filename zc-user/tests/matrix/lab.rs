//! The lab, in its full width.

use serde_json::Value;

use crate::{
    Test,
    requirement::{self, Skip},
    zc::zc,
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[("lab::every_verdict_is_explained", explained)];

/// Bytes of the payload: a prime, so that the last transfer is a short one.
const SIZE: &str = "1048573";

fn explained() -> Result<(), Skip> {
    requirement::administrator()?;
    let words = ["lab", "run", "--all", "--sink", "all", "--repeat", "1", "--json", "--quiet"];
    // Without a deadline of its own: an emulated machine takes minutes.
    let output = zc(words.iter().chain(&["--size", SIZE])).output().unwrap();
    crate::keep("lab.json", &output.stdout);
    crate::keep("lab.err", &output.stderr);
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let mut wrong = Vec::new();
    let mut ran = 0;
    for finding in document["findings"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let what = format!("{} to {}", text(&finding["scenario"]), text(&finding["sink"]));
        let judgement = text(&finding["verdict"]["judgement"]);
        match text(&finding["outcome"]).as_str() {
            "ran" if ["as_textbook", "differs"].contains(&judgement.as_str()) => ran += 1,
            // Something that this machine does not have.
            "skipped" => eprintln!("SKIPPED: {what}: {}", text(&finding["why"])),
            outcome => {
                let why = text(&finding["why"]);
                wrong
                    .push(format!("{what}: {outcome}, {judgement}: {why}: {}", finding["verdict"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran > 0, "all scenarios were skipped");
    Ok(())
}
