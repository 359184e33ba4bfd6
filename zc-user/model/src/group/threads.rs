//! Threads as groups of one, and what is left of their process.

use std::collections::HashMap;

use super::{Group, GroupBy, GroupId};
use crate::{
    counter::Counters,
    frame::Frame,
    ledger,
    snapshot::{PathSample, ProcessId, ProcessSample, ThreadSample},
};

/// The threads of the processes of `frame` that did something, named after process and thread; those that have ended
/// are a group per name. What is known of no thread is a row of the process.
pub(super) fn groups(frame: &Frame) -> Vec<Group> {
    let mut threads: HashMap<ProcessId, Vec<&ThreadSample>> = HashMap::new();
    for thread in &frame.threads {
        threads.entry(thread.process).or_default().push(thread);
    }
    let mut groups = Vec::new();
    let mut merged: HashMap<&str, Group> = HashMap::new();
    for process in frame.processes.iter().filter(|process| process.is_active()) {
        if process.is_merged() {
            let new = || {
                group(
                    format!("{} (merged)", process.comm),
                    process,
                    Some(0),
                    Counters::default(),
                    Vec::new(),
                )
            };
            let sum = merged.entry(&process.comm).or_insert_with(new);
            sum.members =
                sum.members.map(|members| members.saturating_add(frame.merged_in(process)));
            sum.counters.add(&process.counters);
            ledger::add(&mut sum.paths, &process.paths);
            continue;
        }
        let whole = format!("{}[{}]", process.comm, process.id);
        let (mut counters, mut paths) = (Counters::default(), Vec::new());
        for thread in threads.get(&process.id).into_iter().flatten() {
            if thread.counters.is_zero() && thread.paths.is_empty() {
                continue;
            }
            counters.add(&thread.counters);
            ledger::add(&mut paths, &thread.paths);
            let (name, members) = if thread.has_ended() {
                // Work may have been done for them later.
                let ended = Some(thread.ended).filter(|ended| *ended > 0);
                (format!("{whole}/{} (ended)", thread.comm), ended)
            } else {
                (format!("{whole}/{}[{}]", thread.comm, thread.id), Some(1))
            };
            let did = (thread.counters.clone(), thread.paths.clone());
            groups.push(group(name, process, members, did.0, did.1));
        }
        let left = ledger::difference(&paths, &process.paths);
        let mut counters = process.counters.zip_with(&counters, u64::saturating_sub);
        ledger::reconcile(&mut counters, &left);
        if !left.is_empty() || !counters.is_zero() {
            groups.push(group(format!("{whole}/?"), process, None, counters, left));
        }
    }
    groups.extend(merged.into_values());
    groups
}

fn group(
    name: String,
    process: &ProcessSample,
    members: Option<u64>,
    counters: Counters,
    paths: Vec<PathSample>,
) -> Group {
    Group {
        id: GroupId::of(GroupBy::Thread, &(&name, process.id)),
        by: GroupBy::Thread,
        name,
        process: (!process.is_merged()).then_some(process.id),
        cgroup: process.cgroup.as_deref().filter(|_| !process.is_merged()).map(str::to_owned),
        user: None,
        members,
        counters,
        paths,
    }
}
