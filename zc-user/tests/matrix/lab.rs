//! The lab, in its full width: what every path moved and copied, to the byte.

use serde_json::Value;

use crate::{
    Test,
    requirement::{self, Skip},
    zc::zc,
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[("lab::every_byte_is_where_it_belongs", run)];

/// Bytes of the payload: a prime, so that the last transfer is a short one.
const SIZE: u64 = 300_007;

/// Runs with other sinks. They are few: each attaches all probes again, which takes long in an
/// emulated machine.
const FURTHER: [&[&str]; 2] =
    [&["read_write", "sendfile", "--sink", "veth"], &["splice", "--sink", "pipe"]];

fn run() -> Result<(), Skip> {
    requirement::administrator()?;
    let mut wrong = Vec::new();
    let mut ran = check("lab", &["--all"], &mut wrong);
    for (number, words) in FURTHER.iter().enumerate() {
        ran += check(&format!("lab-{number}"), words, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran > 0, "all scenarios were skipped");
    Ok(())
}

/// Runs scenarios; how many ran.
fn check(name: &str, words: &[&str], wrong: &mut Vec<String>) -> usize {
    let size = SIZE.to_string();
    let common = ["--repeat", "1", "--json", "--quiet", "--size", &size];
    // Without a deadline of its own: an emulated machine takes minutes.
    let output = zc(["lab", "run"].iter().chain(words).chain(&common)).output().unwrap();
    crate::keep(&format!("{name}.json"), &output.stdout);
    crate::keep(&format!("{name}.err"), &output.stderr);
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let mut ran = 0;
    for finding in document["findings"].as_array().unwrap() {
        let what = format!("{} to {}", text(&finding["scenario"]), text(&finding["sink"]));
        match text(&finding["outcome"]) {
            "ran" => {
                ran += 1;
                wrong.extend(faults(finding).into_iter().map(|fault| format!("{what}: {fault}")));
            }
            // Something that this machine does not have.
            "skipped" if may_lack(finding) => {
                eprintln!("not run: {what}: {}", text(&finding["why"]));
            }
            outcome => wrong.push(format!("{what}: {outcome}: {}", text(&finding["why"]))),
        }
    }
    ran
}

/// Scenarios that differ from the textbook on all kernels that guests boot.
const DIFFERING: [&str; 7] = [
    "mmap_write",
    "sendfile_to_file",
    "zerocopy",
    "zerocopy_unset",
    "uring_send_zc",
    "cow_huge",
    "nginx_sendfile",
];

/// Paths whose bytes the network stack copies.
const LATE: [&str; 2] = ["socket_send_zerocopy", "skb_linearize"];

/// Whether this is one of the kernels where all is known to be there, and measured.
fn is_guest() -> bool {
    std::env::var_os("ZC_VM_RESULTS").is_some()
}

/// Whether a scenario may be skipped here.
fn may_lack(finding: &Value) -> bool {
    let is_program = text(&finding["why"]).contains("is not installed");
    let is_old = text(&finding["scenario"]) == "uring_send_zc" && requirement::kernel_before(6, 0);
    !is_guest() || is_program || is_old
}

/// What is wrong with a scenario that ran.
fn faults(finding: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let judgement = text(&finding["verdict"]["judgement"]);
    let differs = DIFFERING.contains(&text(&finding["scenario"]));
    let is_as_known = match (is_guest(), differs) {
        (true, true) => judgement == "differs",
        (true, false) => judgement == "as_textbook",
        (false, _) => ["as_textbook", "differs"].contains(&judgement),
    };
    if !is_as_known {
        faults.push(text(&finding["verdict"]["sentence"]).to_owned());
    }
    let paths = finding["paths"].as_array().unwrap();
    for (id, moved, copied) in known(text(&finding["scenario"]), text(&finding["sink"])) {
        let Some(path) = paths.iter().find(|path| path["path"] == id) else {
            faults.push(format!("nothing on {id}"));
            continue;
        };
        let provenance = text(&path["provenance"]);
        if path["moved_bytes"] != moved {
            faults.push(format!("{id} moved {} instead of {moved}", path["moved_bytes"]));
        }
        // What is copied on the way is copied again when it is sent again, as far as it had left.
        let again = if LATE.contains(&id) { finding["sent_again_bytes"].as_u64() } else { None };
        let expected = copied..=copied + again.unwrap_or(0);
        let is_right =
            path["copied_bytes"].as_u64().is_some_and(|copied| expected.contains(&copied));
        // Otherwise the kernel does not tell, and says so.
        if ["measured", "assumed"].contains(&provenance) && !is_right {
            faults.push(format!("{id} copied {} instead of {copied}", path["copied_bytes"]));
        }
        if provenance == "assumed" || (is_guest() && provenance != "measured") {
            faults.push(format!("copies on {id} are {provenance}"));
        }
    }
    faults
}

/// The paths of a scenario: bytes that they move, and that they copy.
fn known(scenario: &str, sink: &str) -> Vec<(&'static str, u64, u64)> {
    const PAGE: u64 = 4096;
    const HUGE: u64 = 2 << 20;
    let blocks = SIZE.next_multiple_of(PAGE);
    let moved = |path| (path, SIZE, 0);
    let copied = |path| (path, SIZE, SIZE);
    let (write, sendfile, splice) = match sink {
        "pipe" => ("pipe_write", "sendfile_to_pipe", moved("splice_pipe_pipe")),
        "file" => ("file_write", "sendfile_to_file", copied("splice_pipe_file")),
        _ => ("socket_send", "sendfile_to_socket", moved("splice_pipe_socket")),
    };
    let mut paths = match scenario {
        "read_write" | "uring_read_write" | "rust_clones" | "rust_moves" => {
            vec![copied("file_read"), copied(write)]
        }
        "mmap_write" => vec![copied(write)],
        "sendfile" | "sendfile_linear" => vec![moved(sendfile)],
        "splice" => vec![moved("splice_file_pipe"), splice],
        "vmsplice" => vec![moved("vmsplice")],
        "tee" => vec![moved("tee"), moved("splice_file_pipe")],
        "sendfile_to_file" => vec![copied(sendfile)],
        "copy_range_copied" => vec![copied("copy_range_copied")],
        "copy_range_reflink" => vec![moved("copy_range_reflink")],
        "direct_read" | "uring_direct" | "libaio" => vec![moved("direct_read")],
        "direct_write" => vec![("direct_write", blocks, 0)],
        "zerocopy" | "uring_send_zc" => vec![copied("socket_send_zerocopy")],
        "zerocopy_unset" => vec![copied("socket_send")],
        "cow" => vec![("cow_copy", blocks, blocks)],
        "cow_huge" => {
            let pages = SIZE.div_ceil(HUGE) * PAGE;
            vec![("cow_copy", pages, pages)]
        }
        "cache_warm" | "cache_cold" | "cache_cold_no_readahead" => vec![copied("file_read")],
        // Nothing moves, or it is a program of its own, of which the verdict knows.
        _ => Vec::new(),
    };
    // A device that cannot gather. The call that sent them has moved them.
    if sink == "veth-linear" {
        paths.push(("skb_linearize", 0, SIZE));
    }
    paths
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}
