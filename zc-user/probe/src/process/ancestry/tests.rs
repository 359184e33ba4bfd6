use std::collections::HashMap;

use zc_common::{COMM_LEN, record::STATE_LIVE};

use super::*;
use crate::records::Header;

/// Processes that are not counted: by number, with start, name and parent.
struct Table(HashMap<u32, (u64, &'static str, u32)>);

impl Outside for Table {
    fn process(&self, pid: u32, start_ns: Option<u64>) -> Option<(Relative, u32)> {
        let (start, comm, parent) = *self.0.get(&pid)?;
        let id = ProcessId { pid, start_ns: start };
        start_ns.is_none_or(|it| it == start).then(|| (Relative { id, comm: comm.into() }, parent))
    }
}

fn header(pid: u32, parent: u32) -> Header {
    let mut comm = [0; COMM_LEN];
    comm[0] = b'a' + u8::try_from(pid % 26).unwrap();
    Header {
        state: STATE_LIVE,
        flags: 0,
        pid,
        tgid: pid,
        start_ns: pid.into(),
        process_start_ns: pid.into(),
        parent_tgid: parent,
        parent_start_ns: parent.into(),
        cgroup_id: 0,
        user: 0,
        comm,
    }
}

/// Parent and root of each process, `-` for none, where these processes appear with these parents.
fn traced(outside: &[(u32, u64, &'static str, u32)], seen: &[(u32, u32)]) -> Vec<String> {
    traced_to(true, outside, seen)
}

fn traced_to(
    roots: bool,
    outside: &[(u32, u64, &'static str, u32)],
    seen: &[(u32, u32)],
) -> Vec<String> {
    let table = outside.iter().map(|(pid, start, comm, parent)| (*pid, (*start, *comm, *parent)));
    let mut processes =
        Processes::new(Some(Ancestors { outside: Box::new(Table(table.collect())), roots }), false);
    for (slot, (pid, parent)) in seen.iter().enumerate() {
        processes.touch(slot as u32 + 1, &header(*pid, *parent));
    }
    processes.refresh(|_, _| Ok(()), &crate::coverage::Coverage::of(|_| None, &[])).unwrap();
    let samples = processes.samples(|_, _, _| None);
    samples
        .iter()
        .map(|sample| {
            let ancestry = sample.ancestry.as_deref().unwrap();
            let name = |it: &Relative| format!("{}[{}]", it.comm, it.id.pid);
            let parent = ancestry.parent.as_ref().map_or("-".to_owned(), name);
            format!("{}: {parent} {}", sample.id.pid, name(&ancestry.root))
        })
        .collect()
}

#[test]
fn the_root_is_the_oldest_ancestor_below_the_first_process() {
    let seen = [(30, 20), (20, 10), (10, 1), (31, 20)];
    let expected = ["10: ?[1] k[10]", "20: k[10] k[10]", "30: u[20] k[10]", "31: u[20] k[10]"];
    assert_eq!(traced(&[], &seen), expected, "children may be seen before their parents");
}

#[test]
fn ancestors_that_are_not_counted_are_asked_for() {
    let outside =
        [(1, 1, "init", 0), (5, 5, "shell", 4), (4, 4, "login", 1), (2, 2, "kthreadd", 0)];
    let seen = [(30, 5), (40, 2), (50, 49)];
    let expected = ["30: shell[5] login[4]", "40: kthreadd[2] kthreadd[2]", "50: ?[49] y[50]"];
    assert_eq!(traced(&outside, &seen), expected, "49 has ended");
    let followed = ["30: shell[5] e[30]", "40: kthreadd[2] o[40]", "50: ?[49] y[50]"];
    assert_eq!(traced_to(false, &outside, &seen), followed, "none above them is counted");
}

/// Another process has the number of a parent that has ended.
#[test]
fn a_number_is_no_identity() {
    let outside = [(5, 29, "other", 1)];
    assert_eq!(traced(&outside, &[(30, 5)]), ["30: ?[5] e[30]"]);
}

/// A parent that is younger than its child, or its own ancestor, is none.
#[test]
fn what_contradicts_itself_is_not_followed() {
    assert_eq!(traced(&[], &[(30, 40), (40, 30)]), ["30: o[40] e[30]", "40: e[30] e[30]"]);
    assert_eq!(traced(&[(5, 5, "a", 6), (6, 6, "b", 5)], &[(30, 5)]).len(), 1);
}
