//! The JSON of `zc`, read back.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;
use zc_common::{object::ends, path::CopyPath};

use crate::requirement::Skip;

/// A document of schema `zc/1`. Reading one checks that its sums hold.
#[derive(Debug)]
pub struct Report(Value);

/// How often something else on the machine may lose counts.
const ATTEMPTS: usize = 5;

/// What was counted on a path.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub ops: u64,
    pub errors: u64,
    pub bytes: u64,
}

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B in {} ops, {} errors", self.bytes, self.ops, self.errors)
    }
}

/// Counts by path; the copying socket paths by kind: `socket_send:tcp`.
pub type Paths = BTreeMap<String, Count>;

/// Paths that depend on where the kernel placed the address space, not on what a program does.
const MEMORY: [&str; 3] = ["mmap_read", "mmap_write", "cow_copy"];

/// A row of the report.
#[derive(Clone, Debug)]
pub struct Process {
    pub pid: u64,
    pub parent: u64,
    pub start_ns: u64,
    pub comm: String,
    /// The path of its control group.
    pub cgroup: Option<String>,
    pub exited: bool,
    pub merged: u64,
    pub paths: Paths,
    /// What was asked for without a copy, mechanism by mechanism.
    pub zerocopy: Value,
    /// What it is advised.
    pub advice: Vec<Value>,
    counters: Value,
    copies: BTreeMap<String, (Option<u64>, String)>,
}

/// A group of processes.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub members: Option<u64>,
    pub paths: Paths,
}

/// What a process moved from and to a file, a socket or a pipe.
#[derive(Clone, Debug)]
pub struct ObjectRow {
    pub kind: String,
    pub name: Option<String>,
    pub deleted: bool,
    pub inode: u64,
    pub pid: u64,
    pub comm: String,
    /// Sockets only.
    pub socket: Value,
    /// Processes that were seen at the other end.
    pub peers: Vec<Value>,
    pub from: Paths,
    pub to: Paths,
    pub mount_namespace: Option<u64>,
}

impl Process {
    /// A counter that this kernel can tell.
    pub fn counter(&self, id: &str) -> u64 {
        number(&self.counters, id)
    }

    /// A counter, if this kernel can tell.
    pub fn known(&self, id: &str) -> Option<u64> {
        self.counters[id].as_u64()
    }

    /// Bytes that the CPU copied on a path, all kinds of sockets together, and where the figure comes
    /// from.
    pub fn copied(&self, path: &str) -> (Option<u64>, &str) {
        let copies = self.copies.get(path);
        copies.map_or((None, "absent"), |(bytes, provenance)| (*bytes, provenance))
    }

    /// Bytes copied for what the program asked for: without copies on write.
    pub fn payload_copied(&self) -> u64 {
        self.counter("copied_bytes") - self.path("cow_copy").bytes
    }

    /// The paths that carry what the program asked for.
    pub fn data_paths(&self) -> Paths {
        data(&self.paths)
    }

    /// What was counted on a path; nothing if it was not used.
    pub fn path(&self, path: &str) -> Count {
        self.paths.get(path).copied().unwrap_or_default()
    }
}

/// Without the paths of the address space.
pub fn data(paths: &Paths) -> Paths {
    paths
        .iter()
        .filter(|(path, _)| !MEMORY.contains(&path.as_str()))
        .map(|(path, count)| (path.clone(), *count))
        .collect()
}

impl Report {
    /// Reads a document.
    pub fn parse(text: &str) -> Self {
        let document: Value = serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("the report is no JSON: {error}\n{text}"));
        assert_eq!(document["schema"], "zc/1");
        let report = Self(document);
        report.reconcile();
        report
    }

    /// The totals are the sum of all rows, path by path, and so are the moved bytes. Pages of the
    /// address space are on their paths, but no system call moved them.
    fn reconcile(&self) {
        let mut sum = self.unattributed();
        let mut moved = number(&self.0["unattributed"]["counters"], "moved_bytes");
        for process in self.processes() {
            moved += process.counter("moved_bytes");
            let bytes: u64 = process.data_paths().values().map(|count| count.bytes).sum();
            assert_eq!(process.counter("moved_bytes"), bytes, "{process:?}");
            add(&mut sum, &process.paths);
        }
        assert_eq!(self.totals(), sum, "the totals are not the sum of the rows");
        assert_eq!(number(&self.0["totals"]["counters"], "moved_bytes"), moved);
        if self.0.get("groups").is_some() {
            let mut sum = self.unattributed();
            self.groups().iter().for_each(|group| add(&mut sum, &group.paths));
            assert_eq!(self.totals(), sum, "the totals are not the sum of the groups");
        }
        self.reconcile_objects();
    }

    /// For each path, and for each end that it has, the rows of objects and what is outside them have what the totals
    /// have, copies included.
    fn reconcile_objects(&self) {
        let Some(rows) = self.0.get("objects").map(array) else { return };
        let outside = array(&self.0["objects_outside"]);
        for (end, member) in ["from", "to"].iter().enumerate() {
            let mut sum = Paths::new();
            let mut copied = BTreeMap::new();
            for row in rows.iter().chain(outside) {
                add(&mut sum, &samples(&row[member]));
                add_copied(&mut copied, &row[member]);
            }
            let has_end = |path: &str| {
                let path = path.split(':').next().unwrap_or_default();
                CopyPath::from_id(path).is_some_and(|path| ends(path)[end])
            };
            let mut totals = self.totals();
            totals.retain(|path, _| has_end(path));
            assert_eq!(totals, sum, "the rows of '{member}' are not the totals");
            let mut totals = BTreeMap::new();
            add_copied(&mut totals, &self.0["totals"]["paths"]);
            // Where a part is unknown, so is the total, and the rows have what is known.
            let unknown = |path: &str| {
                array(&self.0["totals"]["paths"])
                    .iter()
                    .any(|it| it["path"] == path && it["copied_bytes"].is_null())
            };
            totals.retain(|path, _| has_end(path) && !unknown(path));
            copied.retain(|path: &String, _| !unknown(path));
            assert_eq!(totals, copied, "the copies of '{member}' are not those of the totals");
        }
    }

    /// What was moved from and to files, sockets and pipes, by process.
    pub fn objects(&self) -> Vec<ObjectRow> {
        let text = |row: &Value, member: &str| row[member].as_str().map(str::to_owned);
        let row = |row: &Value| ObjectRow {
            kind: text(row, "kind").expect("a kind"),
            name: text(row, "name"),
            deleted: row["deleted"].as_bool().expect("whether it has a name"),
            inode: number(row, "inode"),
            pid: number(row, "pid"),
            comm: text(row, "comm").expect("a name"),
            socket: row.get("socket").cloned().unwrap_or_default(),
            peers: row.get("peers").map(array).unwrap_or_default().to_vec(),
            from: samples(&row["from"]),
            to: samples(&row["to"]),
            mount_namespace: row["mount_namespace"].as_u64(),
        };
        self.0.get("objects").map(array).unwrap_or_default().iter().map(row).collect()
    }

    /// Bytes and calls by where they came from and went to, names of files or numbers of inodes, and by path, empty for
    /// what was relayed.
    pub fn flows(&self) -> BTreeMap<(String, String, String), (u64, u64)> {
        let end = |end: &Value| match (&end["kind"], &end["name"]) {
            (kind, Value::String(name)) if kind == "file" => name.clone(),
            _ => end["inode"].to_string(),
        };
        let flow = |flow: &Value| {
            let path = flow["path"].as_str().unwrap_or_default().to_owned();
            assert_eq!(flow["relayed"], path.is_empty());
            let key = (end(&flow["from"]), end(&flow["to"]), path);
            (key, (number(flow, "bytes"), number(flow, "ops")))
        };
        self.0.get("flows").map(array).unwrap_or_default().iter().map(flow).collect()
    }

    /// What is in the row of no object, by reason: where it came from, and where it went to.
    pub fn outside(&self) -> BTreeMap<String, [Paths; 2]> {
        let reason = |row: &Value| {
            let reason = row["reason"].as_str().expect("a reason").to_owned();
            (reason, [samples(&row["from"]), samples(&row["to"])])
        };
        let rows = self.0.get("objects_outside").map(array).unwrap_or_default();
        rows.iter().map(reason).collect()
    }

    /// Every row.
    pub fn processes(&self) -> Vec<Process> {
        array(&self.0["processes"])
            .iter()
            .map(|row| Process {
                pid: number(row, "pid"),
                parent: number(row, "ppid"),
                start_ns: number(row, "start_ns"),
                comm: row["comm"].as_str().expect("a name").to_owned(),
                cgroup: row["cgroup"].as_str().map(str::to_owned),
                exited: row["exited"].as_bool().expect("whether it has exited"),
                merged: number(row, "merged"),
                paths: paths(row),
                zerocopy: row["zerocopy"].clone(),
                advice: array(&row["advice"]).to_vec(),
                counters: row["counters"].clone(),
                copies: array(&row["paths"]).iter().map(copies).collect(),
            })
            .collect()
    }

    /// The groups, if there are any.
    pub fn groups(&self) -> Vec<Group> {
        let groups = self.0.get("groups").map(array).unwrap_or_default();
        let group = |row: &Value| Group {
            name: row["group"].as_str().expect("a name").to_owned(),
            members: row["members"].as_u64(),
            paths: paths(row),
        };
        groups.iter().map(group).collect()
    }

    /// The rows of a pid, in the order of their start.
    pub fn incarnations(&self, pid: u64) -> Vec<Process> {
        let mut rows = self.processes();
        rows.retain(|row| row.pid == pid);
        rows.sort_by_key(|row| row.start_ns);
        rows
    }

    /// The only row of a pid.
    pub fn process(&self, pid: u64) -> Process {
        let rows = self.incarnations(pid);
        assert_eq!(rows.len(), 1, "rows of process {pid} in {:#?}", self.processes());
        rows[0].clone()
    }

    /// Sums over all rows.
    pub fn totals(&self) -> Paths {
        paths(&self.0["totals"])
    }

    /// A counter, over all rows.
    pub fn total(&self, counter: &str) -> u64 {
        number(&self.0["totals"]["counters"], counter)
    }

    /// What belongs to no process.
    pub fn unattributed(&self) -> Paths {
        paths(&self.0["unattributed"])
    }

    /// What was lost, by reason.
    pub fn losses(&self) -> BTreeMap<String, u64> {
        let reasons = self.0["losses"].as_object().expect("losses");
        let mut losses: BTreeMap<_, _> = reasons
            .keys()
            .map(|reason| (reason.clone(), number(&self.0["losses"], reason)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let total = losses.remove("total").unwrap_or(0);
        assert_eq!(total, losses.values().sum::<u64>(), "{losses:?}");
        losses
    }

    /// Nothing at all was lost.
    pub fn assert_complete(&self) {
        assert_eq!(self.losses(), BTreeMap::new(), "losses");
    }

    /// A report of `observe`, asked for again while something was lost: losses are those of the whole
    /// machine. What is lost every time, and just as well while nothing of ours runs (`idle`), is lost
    /// by something else: the test cannot say anything then.
    pub fn complete(
        mut observe: impl FnMut() -> Result<Self, Skip>,
        idle: impl FnOnce() -> Self,
    ) -> Result<Self, Skip> {
        let mut report = observe()?;
        for _ in 1..ATTEMPTS {
            if report.losses().is_empty() {
                return Ok(report);
            }
            report = observe()?;
        }
        let (losses, others) = (report.losses(), idle().losses());
        if !losses.is_empty() && losses.keys().all(|reason| others.contains_key(reason)) {
            return Err(Skip::Kernel(format!("something else on this machine loses {others:?}")));
        }
        Ok(report)
    }

    /// What this run cannot measure, and why.
    pub fn limitations(&self) -> &[Value] {
        array(&self.0["limitations"])
    }

    /// The rows of devices.
    pub fn devices(&self) -> &[Value] {
        array(&self.0["devices"])
    }
}

/// Adds `more` to `sum`, path by path.
pub fn add(sum: &mut Paths, more: &Paths) {
    for (path, count) in more {
        let sum = sum.entry(path.clone()).or_default();
        sum.ops += count.ops;
        sum.errors += count.errors;
        sum.bytes += count.bytes;
    }
}

fn add_copied(sum: &mut BTreeMap<String, u64>, samples: &Value) {
    for sample in array(samples) {
        let (path, (copied, _)) = copies(sample);
        *sum.entry(path).or_default() += copied.unwrap_or_default();
    }
}

fn paths(row: &Value) -> Paths {
    samples(&row["paths"])
}

fn samples(list: &Value) -> Paths {
    let mut paths = Paths::new();
    for sample in array(list) {
        let path = sample["path"].as_str().expect("a path has an id");
        match sample["sockets"].as_object() {
            Some(kinds) => {
                for (kind, counts) in kinds {
                    paths.insert(format!("{path}:{kind}"), count(counts));
                }
            }
            None => {
                paths.insert(path.to_owned(), count(sample));
            }
        }
    }
    paths
}

/// Bytes copied on a path, and where the figure comes from.
fn copies(sample: &Value) -> (String, (Option<u64>, String)) {
    let text = |member: &str| sample[member].as_str().expect("a word").to_owned();
    (text("path"), (sample["copied_bytes"].as_u64(), text("provenance")))
}

fn count(sample: &Value) -> Count {
    Count {
        ops: number(sample, "ops"),
        errors: number(sample, "errors"),
        bytes: number(sample, "moved_bytes"),
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_else(|| panic!("no array: {value}"))
}

/// A member that is a number.
pub fn number(object: &Value, member: &str) -> u64 {
    object[member].as_u64().unwrap_or_else(|| panic!("no number '{member}' in {object}"))
}
