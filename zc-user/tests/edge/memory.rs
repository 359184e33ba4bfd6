//! What the maps take of the machine's memory: as the kernel reports it, and said before it is taken.

use std::{collections::BTreeMap, fs};

use super::{
    pty::Pty,
    zc::{Running, ZC, in_own_mounts, run, signal, through, zc},
};
use rustix::process::Signal;
use zc_common::record::Record;
use zc_test_support::requirement::kernel_before;

/// Threads whose maps take more than 256 MiB.
const MANY: &str = "131072";

/// Bytes of each map of a process by its id, as the kernel reports them.
fn maps(pid: u32) -> BTreeMap<u64, u64> {
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
    let texts = infos.filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
    let maps = texts.filter_map(|text| {
        let field = |name: &str| -> Option<u64> {
            text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        };
        Some((field("map_id:")?, field("memlock:")?))
    });
    maps.collect()
}

/// What `zc doctor` states that the maps take when that many threads are tracked.
fn stated(threads: &str) -> u64 {
    let report = run(zc(["doctor", "--json", "--max-threads", threads])).exits(0).json();
    let findings = report.as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == "map memory");
    let what = found.unwrap_or_else(|| panic!("{report:#}"))["what"].as_str().unwrap();
    let (now, most) = what.split_once("up to ").unwrap_or_else(|| panic!("{what}"));
    assert!(bytes(now) <= bytes(most), "{what}");
    bytes(most)
}

/// What a table of records takes, of which there are as many as are needed.
fn table(threads: u64) -> u64 {
    let page = rustix::param::page_size() as u64;
    let slots = (threads / 4).next_power_of_two().clamp(64, 8192);
    page + (slots * size_of::<Record>() as u64).next_multiple_of(page)
}

/// The first number of bytes in a text.
fn bytes(text: &str) -> u64 {
    let (before, _) = text.split_once(" bytes (").unwrap_or_else(|| panic!("{text}"));
    let number = before.rsplit(' ').next().unwrap_or_default();
    number.replace(',', "").parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn the_doctor_states_what_the_kernel_reports_of_the_maps() {
    // Until 6.4 the kernel does not report what hash tables take.
    if kernel_before(6, 4) {
        return;
    }
    for threads in ["64", "8192", "50000"] {
        let running = Running::start(zc(["top", "--json", "--max-threads", threads]));
        running.attached();
        let maps = maps(running.0.id());
        let (reported, stated) = (maps.values().sum::<u64>(), stated(threads));
        assert!(maps.len() > 10, "{maps:?}");
        // Each map has a description, which is less than a page, and no more tables are made than are needed.
        let descriptions = maps.len() as u64 * rustix::param::page_size() as u64;
        let table = table(threads.parse().unwrap());
        let missing = (stated + descriptions)
            .checked_sub(reported)
            .unwrap_or_else(|| panic!("{threads}: {stated} stated, {reported} reported: {maps:?}"));
        assert!(
            missing % table <= descriptions,
            "{threads}: {stated} stated, {reported} reported, {table} a table: {maps:?}"
        );
    }
}

#[test]
fn what_takes_much_memory_is_said_before_it_is_taken() {
    // Too few files for the first map.
    let few = ["prlimit", "--nofile=16"];
    for verb in [&["stat"][..], &["top", "--once"], &["lab", "run", "sendfile"]] {
        let words = [verb, &["--max-threads", MANY]].concat();
        let text = run(through(&few, ZC.as_ref(), &words)).stderr();
        let line = text.lines().next().unwrap_or_default();
        assert!(
            line.starts_with("zc: BPF maps for 131,072 threads take up to "),
            "{words:?}: {text}"
        );
        let (bytes, most) = (bytes(line), stated(MANY));
        // Some maps are smaller on some kernels.
        assert!((most..most + (8 << 20)).contains(&bytes), "{most} stated: {line}");
    }
    let text = run(through(&few, ZC.as_ref(), &["stat", "--max-threads", "65536"])).stderr();
    assert!(!text.contains("memory"), "{text}");
}

#[test]
fn it_is_said_before_the_dashboard_takes_the_terminal() {
    let mut pty = Pty::open(120, 30);
    let child = pty.spawn(&["top", "--max-threads", MANY]);
    let before = pty.wait_for("\u{1b}[?1049h");
    assert!(before.contains("BPF maps for 131,072 threads"), "{before:?}");
    pty.wait_for("COMMAND");
    signal(child.id(), Signal::TERM);
    let mut child = child;
    child.wait().unwrap();
    let rest = pty.rest();
    assert!(!rest.contains("BPF maps"), "{rest:?}");
}

#[test]
fn more_than_is_available_is_refused_before_anything_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let (meminfo, made) = (directory.path().join("meminfo"), directory.path().join("made"));
    fs::write(&meminfo, "MemTotal: 9999999 kB\nMemFree: 1 kB\nMemAvailable:     200000 kB\n")
        .unwrap();
    let with = |words: &str| {
        let script =
            format!("mount --bind {} /proc/meminfo; exec \"$0\" {words}", meminfo.display());
        run(in_own_mounts(&script))
    };
    let made = made.display().to_string();
    for words in [
        format!("stat --max-threads 1048576 -- touch {made}"),
        "top --once --max-threads 1048576".to_owned(),
        "doctor --max-threads 1048576".to_owned(),
        format!("lab run sendfile --max-threads 1048576 --json -o {made}"),
        "demo --text --max-threads 1048576".to_owned(),
    ] {
        with(&words).fails(
            2,
            &[
                "cannot track 1,048,576 threads",
                "204,800,000 bytes (195 MiB) of memory are available",
                "use --max-threads 65536",
            ],
        );
        assert!(!fs::exists(&made).unwrap(), "{words}");
    }
    // What the message recommends is possible.
    with("stat --max-threads 65536 -- true").exits(0);
}
