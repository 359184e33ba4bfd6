//! The classifier on code that is known.

use crate::{Verdict, arm64, instruction::Instruction, program::is_in_copy, routine, x86};

mod libraries;
mod programs;

/// Where the code of a fixture is said to lie: functions are aligned.
const ADDRESS: u64 = 0x40_0000;

type Decode = fn(&[u8], u64, usize) -> Vec<Instruction>;

/// What the functions of a file written by `tests/fixtures/build.sh` are found to be: name, options, verdict.
fn verdicts(text: &str, decode: Decode) -> Vec<(String, Verdict)> {
    let verdict = |line: &str| {
        let [name, options, code] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("a name, options and code: {line}")
        };
        let code: Vec<u8> = code
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let code = decode(&code, ADDRESS, usize::MAX);
        let verdict = if routine::only_copies(&code) {
            Verdict::Library
        } else if (0..code.len()).any(|place| is_in_copy(&code, place)) {
            Verdict::Inlined
        } else {
            Verdict::Other
        };
        (format!("{name} {options}"), verdict)
    };
    text.lines().map(verdict).collect()
}

/// Whether the verdict is the one in the name of the function. A loop that is all of its function may be either.
fn is_expected(name: &str, verdict: Verdict) -> bool {
    match name.split('_').next() {
        Some("library") => verdict == Verdict::Library,
        Some("inlined") => verdict == Verdict::Inlined,
        Some("copy") => verdict.is_copy(),
        _ => verdict == Verdict::Other,
    }
}

#[track_caller]
fn check(text: &str, decode: Decode, functions: usize) {
    let found = verdicts(text, decode);
    assert_eq!(found.len(), functions);
    let wrong: Vec<_> =
        found.iter().filter(|(name, verdict)| !is_expected(name, *verdict)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn compiled_code_for_x86_is_what_its_source_says() {
    check(include_str!("../tests/fixtures/x86.hex"), x86::decode, 136);
}

#[test]
fn compiled_code_for_arm64_is_what_its_source_says() {
    check(include_str!("../tests/fixtures/arm64.hex"), arm64::decode, 96);
}
