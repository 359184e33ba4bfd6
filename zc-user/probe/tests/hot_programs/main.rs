//! What can be seen in the eBPF object without a kernel.
//!
//! Programs that run in every system call, copy or packet do not call `memset` or `memcpy`. For the BPF target both are loops over bytes in a subprogram. The compiler makes a call of two
//! adjacent stores of zero, silently: that once cost 105 instructions in every call that moved data.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use zc_common::site::Site;
use zc_probe::{
    OBJECT,
    catalog::{PROBES, ProbeGroup},
};

mod functions;
mod stack;

use functions::{functions, local_calls};

/// What hot programs must not call.
const LOOPS: [&str; 3] = ["memset", "memcpy", "memmove"];

/// Parts of names of functions that hot programs call once per thread or interface, or less often.
const RARE: [&str; 3] = ["5slots4open", "10first_sent", "14first_received"];

/// Programs that call one, where they do it, and what is planned. Each must be needed.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Functions by name, and the names of those that each calls.
type Calls = BTreeMap<String, BTreeSet<String>>;

/// Programs that run in every system call, copy, access to the page cache, or packet.
fn hot_programs() -> Vec<&'static str> {
    let hot = |group| matches!(group, ProbeGroup::PageCache | ProbeGroup::Net);
    let probes = PROBES.iter().filter(|it| hot(it.group) || it.tracepoint == "sys_exit");
    let probes = probes.flat_map(|probe| [probe.program, probe.raw_program]);
    let sites = Site::ALL.iter().map(|site| site.program());
    probes.chain(["zc_sys_exit_kprobe"]).chain(sites).collect()
}

/// The shortest way from a function to one of [`LOOPS`], if there is one that is not rare.
fn way(calls: &Calls, from: &str) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![from.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        let last = way.last().expect("a way has a beginning");
        if LOOPS.contains(&last.as_str()) {
            return Some(way);
        }
        if RARE.iter().any(|part| last.contains(part)) || !seen.insert(last.clone()) {
            continue;
        }
        let callees = calls.get(last).unwrap_or_else(|| panic!("there is no function {last}"));
        ways.extend(callees.iter().map(|callee| {
            let mut longer = way.clone();
            longer.push(callee.clone());
            longer
        }));
    }
    None
}

/// The ways from hot programs, by program.
fn ways(calls: &Calls) -> BTreeMap<&'static str, String> {
    let mut ways = BTreeMap::new();
    for program in hot_programs() {
        if let Some(way) = way(calls, program) {
            ways.insert(program, way.join(" -> "));
        }
    }
    ways
}

/// Which function calls which.
fn calls(elf: &[u8]) -> Calls {
    functions(elf).into_iter().map(|(name, function)| (name, function.callees)).collect()
}

/// The object with a function under another name, which is not longer.
fn renamed(from: &str, to: &str) -> Vec<u8> {
    let mut elf = OBJECT.to_vec();
    let from = format!("\0{from}\0").into_bytes();
    // The types have names, too.
    while let Some(at) = elf.windows(from.len()).position(|it| it == from) {
        elf[at + 1..=at + to.len()].copy_from_slice(to.as_bytes());
        elf[at + 1 + to.len()] = 0;
    }
    elf
}

#[test]
fn hot_programs_call_neither_memset_nor_memcpy() {
    let mut ways = ways(&calls(OBJECT));
    for (program, why) in EXCEPTIONS {
        assert!(
            ways.remove(program).is_some(),
            "{program} calls none of {LOOPS:?}: remove the exception ({why})"
        );
    }
    let ways: Vec<_> = ways.into_values().collect();
    assert!(
        ways.is_empty(),
        "hot programs call loops over bytes; write adjacent zeros with write_volatile:\n{}",
        ways.join("\n")
    );
}

#[test]
fn a_call_is_found_over_functions_and_sections() {
    let mut calls = calls(OBJECT);
    // In the code of the object: as if a function that the end of system calls calls were memset.
    let called = calls["zc_sys_exit"].iter().find(|it| RARE.iter().all(|part| !it.contains(part)));
    let called = called.expect("it calls functions").clone();
    let elf = renamed(&called, "memset");
    let found = ways(&self::calls(&elf));
    assert_eq!(found["zc_sys_exit"], "zc_sys_exit -> memset");
    assert!(!ways(&calls).contains_key("zc_sys_exit"));

    // One more function in between.
    calls.get_mut(&called).expect("it exists").insert("memcpy".to_owned());
    calls.insert("memcpy".to_owned(), BTreeSet::new());
    let found = ways(&calls);
    assert!(found["zc_sys_exit"].starts_with("zc_sys_exit -> "), "{found:?}");
    assert!(found["zc_sys_exit"].ends_with(" -> memcpy"), "{found:?}");
}

#[test]
fn what_is_called_once_per_thread_may() {
    let call = |from: &str, to: &str| (from.to_owned(), BTreeSet::from([to.to_owned()]));
    let calls = Calls::from([call("hot", "a5slots4open"), call("a5slots4open", "memset")]);
    assert_eq!(way(&calls, "hot"), None);
    let calls = Calls::from([call("hot", "open"), call("open", "memset")]);
    assert_eq!(way(&calls, "hot").expect("it is found"), ["hot", "open", "memset"]);
}

#[test]
fn only_calls_of_subprograms_are_read() {
    let code = [
        [0x85, 0x00, 0, 0, 6, 0, 0, 0],             // helper 6
        [0x85, 0x10, 0, 0, 0xff, 0xff, 0xff, 0xff], // itself
        [0x85, 0x20, 0, 0, 9, 0, 0, 0],             // kfunc
        [0x18, 0x01, 0, 0, 1, 0, 0, 0],             // 64 bits
        [0x00, 0x00, 0, 0, 0, 0, 0, 0],
        [0x85, 0x10, 0, 0, 2, 0, 0, 0],
    ];
    assert_eq!(local_calls(&code.concat()).collect::<Vec<_>>(), [(8, -1), (40, 2)]);
}
