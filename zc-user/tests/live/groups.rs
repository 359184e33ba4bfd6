//! Groups of processes, compared with what their members are known to have done.

use std::fs;

use tempfile::TempDir;

use crate::{
    Test,
    followed::{Group as ControlGroup, Halves},
    report::{Count, Group, Report},
    requirement::{self, Skip},
    workload::{users, workers},
    zc::{Watch, idle, observe, workload},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("groups::a_tree_has_all_its_members_also_those_that_are_merged", tree),
    ("groups::a_container_has_all_its_members_also_those_that_are_merged", container),
    ("groups::threads_have_what_each_did_also_those_that_have_ended", threads),
    ("groups::users_are_those_that_processes_became", users),
];

/// Processes that write once each: more than are kept one by one.
const SWARM: u64 = 3001;
const BYTES: u64 = 1009;

/// Lets the swarm run under `sh -c SCRIPT`, where `"$@"` is its command line.
fn swarm(options: &[&str], script: &str) -> Result<Report, Skip> {
    let run = || {
        let directory = TempDir::new().expect("a directory");
        let mut command: Vec<_> = ["sh", "-c", script, "sh"].map(Into::into).to_vec();
        command.extend(workload());
        command.extend(["swarm".into(), SWARM.to_string().into(), BYTES.to_string().into()]);
        command.push(directory.path().join("log"));
        let report = observe(&[&["--max-threads", "32768"], options].concat(), &command).report;
        let written = fs::metadata(directory.path().join("log")).expect("the log").len();
        assert_eq!(written, SWARM * BYTES);
        Ok(report)
    };
    let report = Report::complete(run, idle)?;
    report.assert_complete();
    assert!(report.processes().iter().any(|row| row.merged > 1), "some are merged");
    Ok(report)
}

/// The only group in which a file was written to.
fn assert_wrote(report: &Report, name: &str) {
    let mut groups = report.groups();
    groups.retain(|group| group.paths.contains_key("file_write"));
    let [group] = &groups[..] else { panic!("not one group: {groups:?}") };
    assert_eq!(group.name, name);
    // The parent is one more.
    assert_eq!(group.members, Some(SWARM + 1));
    let written = Count { ops: SWARM, errors: 0, bytes: SWARM * BYTES };
    assert_eq!(group.paths["file_write"], written);
}

fn tree() -> Result<(), Skip> {
    requirement::ebpf()?;
    let report = swarm(&["--group-by", "tree"], "exec \"$@\"")?;
    // All descend from the only process whose parent is not among them.
    let mut roots = report.processes();
    roots.retain(|row| row.merged == 1 && report.incarnations(row.parent).is_empty());
    let [root] = &roots[..] else { panic!("not one root: {roots:?}") };
    assert_wrote(&report, &format!("{}[{}]", root.comm, root.pid));
    Ok(())
}

fn container() -> Result<(), Skip> {
    requirement::administrator()?;
    let group = ControlGroup::new()?;
    let id = "0123456789abcdef".repeat(4);
    let home = group.directory.join("below").join(format!("docker-{id}.scope"));
    fs::create_dir_all(&home).expect("groups below");
    let script = format!("echo $$ >{}/cgroup.procs && exec \"$@\"", home.display());
    let report = swarm(&["--group-by", "container"], &script);
    fs::remove_dir(&home).expect("its members have ended");
    assert_wrote(&report?, &format!("docker:{id}"));
    Ok(())
}

/// What is seen of a workload of two halves, while it lives.
fn watch(word: &str, group_by: &str) -> Result<Report, Skip> {
    let run = || {
        let mut halves = Halves::start(&[word]);
        let watch = Watch::start(&["--json", "--group-by", group_by, "--pid", &halves.pid()]);
        halves.go();
        halves.line();
        let report = watch.finish();
        halves.go();
        assert!(halves.succeeds());
        Ok(report)
    };
    let report = Report::complete(run, idle)?;
    report.assert_complete();
    Ok(report)
}

/// The only group of which the name is like this has so many members, each of which has read so often and so much.
fn assert_read(
    groups: &[Group],
    is_it: impl Fn(&str) -> bool,
    members: u64,
    (reads, bytes): (usize, usize),
) {
    let mut found = groups.iter().filter(|group| is_it(&group.name));
    let (Some(group), None) = (found.next(), found.next()) else { panic!("not one: {groups:?}") };
    let (ops, bytes) = (members * reads as u64, members * (reads * bytes) as u64);
    let read = Count { ops, errors: 0, bytes };
    assert_eq!((group.members, group.paths["pseudo_read"]), (Some(members), read), "{groups:?}");
}

fn users() -> Result<(), Skip> {
    requirement::administrator()?;
    let groups = watch("users", "user")?.groups();
    for (user, reads, bytes) in [users::ENDED, users::LIVES] {
        assert_read(&groups, |name| name == user.to_string(), 1, (reads, bytes));
    }
    Ok(())
}

fn threads() -> Result<(), Skip> {
    requirement::ebpf()?;
    let groups = watch("workers", "thread")?.groups();
    for (thread, reads, bytes) in workers::LIVE {
        let start = format!("/{thread}[");
        assert_read(&groups, |name| name.contains(&start), 1, (reads, bytes));
    }
    let (thread, reads, bytes) = workers::ENDED;
    let end = format!("/{thread} (ended)");
    assert_read(&groups, |name| name.ends_with(&end), workers::COUNT as u64, (reads, bytes));
    Ok(())
}
