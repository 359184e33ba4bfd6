//! `witness`: real programs run under `zc` and under an independent tracer, and both have to agree, to the byte.
//!
//! The tracer is a bpftrace script that sums what calls return, per process, call and kind of file. Each program runs in
//! a network namespace and a directory of its own, below `zc stat --json`. Not a test: it installs servers, and takes
//! minutes; it is for the time before a release.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::apt::Program;
use crate::setup::{self, Needs};
use crate::{build, privilege};

mod sums;

use sums::Sums;

const SCRIPT: &str = include_str!("witness/witness.bt");

/// Waits until a command succeeds.
const AWAIT: &str = "exec >/dev/null
await() {
    n=0
    until \"$@\" >/dev/null 2>&1; do
        n=$((n + 1))
        [ $n -lt 300 ] || { echo \"never ready: $*\" >&2; exit 1; }
        sleep 0.1
    done
}
";

/// A script and the programs that it runs.
struct Scenario {
    name: &'static str,
    script: &'static str,
    programs: &'static [Program],
}

macro_rules! scenarios {
    ($($name:literal: [$($program:literal in $package:literal),*],)*) => {
        const SCENARIOS: &[Scenario] = &[$(Scenario {
            name: $name,
            script: include_str!(concat!("witness/programs/", $name, ".sh")),
            programs: &[$(Program { name: $program, package: $package }),*],
        },)*];
    };
}

scenarios! {
    "nginx": ["nginx" in "nginx-light", "curl" in "curl"],
    "haproxy": ["haproxy" in "haproxy", "nginx" in "nginx-light", "curl" in "curl"],
    "postgresql": ["psql" in "postgresql-client", "/usr/lib/postgresql" in "postgresql"],
    "redis": ["redis-server" in "redis-server", "redis-benchmark" in "redis-tools"],
    "memcached": ["memcached" in "memcached", "python3" in "python3"],
    "rsync": ["rsync" in "rsync"],
    "git": ["git" in "git"],
    "sqlite": ["sqlite3" in "sqlite3"],
    "python": ["python3" in "python3"],
    "node": ["node" in "nodejs"],
    "java": ["javac" in "default-jdk-headless"],
    "samba": ["smbd" in "samba", "smbclient" in "smbclient"],
    "qemu-img": ["qemu-img" in "qemu-utils"],
}

const TRACER: [Program; 3] = [
    Program { name: "bpftrace", package: "bpftrace" },
    Program { name: "unshare", package: "util-linux" },
    Program { name: "ip", package: "iproute2" },
];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Run these programs only
    programs: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let wanted = |scenario: &&Scenario| {
        arguments.programs.is_empty() || arguments.programs.iter().any(|it| it == scenario.name)
    };
    for name in &arguments.programs {
        let known = || SCENARIOS.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
        ensure!(
            SCENARIOS.iter().any(|it| it.name == name),
            "no program '{name}'; there are {}",
            known()
        );
    }
    let scenarios: Vec<_> = SCENARIOS.iter().filter(wanted).collect();
    let mut programs = TRACER.to_vec();
    programs.extend(scenarios.iter().flat_map(|scenario| scenario.programs));
    programs.sort_by_key(|program| program.name);
    programs.dedup_by_key(|program| program.name);
    setup::prepare(Needs { programs: &programs, ..Needs::default() })?;
    let zc = build::zc(false)?;
    let mut wrong = Vec::new();
    for scenario in &scenarios {
        let Compared { sums, differences, advice } =
            compare(&zc, scenario).with_context(|| scenario.name)?;
        if differences.is_empty() {
            println!("{}: {sums}: equal", scenario.name);
        } else {
            println!("{}: {sums}: {} differ", scenario.name, differences.len());
            differences.iter().for_each(|line| println!("  {line}"));
            wrong.push(scenario.name);
        }
        advice.iter().for_each(|line| println!("  advised: {line}"));
    }
    ensure!(wrong.is_empty(), "zc and the witness differ: {}", wrong.join(", "));
    println!("{} programs: zc and the witness agree to the byte", scenarios.len());
    Ok(())
}

/// What a scenario came to.
struct Compared {
    /// How much was compared.
    sums: String,
    /// What differs.
    differences: Vec<String>,
    /// What `zc` advises: a person has to judge it.
    advice: Vec<String>,
}

/// Runs a scenario under both.
fn compare(zc: &Path, scenario: &Scenario) -> Result<Compared> {
    let directory = tempfile::tempdir().context("cannot make a directory")?;
    let (tracer, script) = (directory.path().join("witness.bt"), directory.path().join("run.sh"));
    let place = directory.path().join("work");
    fs::create_dir(&place)?;
    fs::write(&tracer, SCRIPT)?;
    fs::write(&script, format!("{AWAIT}{}", scenario.script))?;
    // Servers that give up root must come in.
    let_all_enter(directory.path())?;
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a path is no UTF-8");

    let complaints = directory.path().join("complaints");
    let mut witness = Witness::start(&text(&tracer)?, &complaints)
        .with_context(|| fs::read_to_string(&complaints).unwrap_or_default().trim().to_owned())?;
    // `ip` asks how long a message is before it reads it, and to the witness that is a message.
    let enter = "ip link set lo up && exec \"$@\"";
    let [zc, script] = [text(zc)?, text(&script)?];
    let command = ["-n", "sh", "-c", enter, "sh", &zc, "stat", "--json", "--", "sh", &script];
    let output = privilege::command("unshare", &command)?
        .current_dir(&place)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run unshare")?;
    let seen = witness.finish()?;
    ensure!(output.status.success(), "the program failed: {}", output.status);
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("zc printed no JSON")?;
    let own = Sums::of_report(&report)?;
    let witnessed = Sums::of_witness(&seen)?;
    let (mut compared, mut differences) = (0, Vec::new());
    let mut total = BTreeMap::new();
    for ((pid, family), ours) in own.iter() {
        let theirs = witnessed.get(*pid, *family);
        compared += 1;
        *total.entry(*family).or_insert(0_u64) += theirs.bytes;
        if *ours != theirs {
            let comm = own.name(*pid);
            differences.push(format!("{comm} ({pid}), {family:?}: zc {ours}, witness {theirs}"));
        }
    }
    for (pid, family) in witnessed.beyond(&own) {
        let theirs = witnessed.get(pid, family);
        differences
            .push(format!("{} ({pid}), {family:?}: zc nothing, witness {theirs}", own.name(pid)));
    }
    let total: Vec<_> = total.iter().map(|(family, bytes)| format!("{family:?} {bytes}")).collect();
    let what =
        format!("{} processes, {compared} sums, bytes: {}", own.processes(), total.join(", "));
    Ok(Compared { sums: what, differences, advice: advice(&report) })
}

/// Who is advised what, a line each.
fn advice(report: &serde_json::Value) -> Vec<String> {
    let items = |value: &serde_json::Value, key: &str| {
        value.get(key).and_then(|it| it.as_array()).cloned().unwrap_or_default()
    };
    let mut lines = Vec::new();
    for process in items(report, "processes") {
        for advice in items(&process, "advice") {
            let text = |value: &serde_json::Value, key: &str| {
                value.get(key).and_then(|it| it.as_str()).unwrap_or("?").to_owned()
            };
            let (rule, certainty) = (text(&advice, "rule"), text(&advice, "certainty"));
            lines.push(format!("{}: {rule} ({certainty})", text(&process, "comm")));
        }
    }
    lines.sort();
    lines.dedup();
    lines
}

/// Lets everyone enter a directory.
fn let_all_enter(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
        .context("cannot open a directory to others")
}

/// The tracer, as it runs.
struct Witness {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Witness {
    /// Starts it, and waits until it traces.
    fn start(script: &str, complaints: &Path) -> Result<Self> {
        let mut child = privilege::command("bpftrace", &["-f", "json", script])?
            // The name of this setting differs between versions.
            .env("BPFTRACE_MAP_KEYS_MAX", "100000")
            .env("BPFTRACE_MAX_MAP_KEYS", "100000")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(complaints).context("cannot make a file")?)
            .spawn()
            .context("cannot run bpftrace")?;
        let mut output = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        while !line.contains("ready") {
            line.clear();
            if output.read_line(&mut line)? == 0 {
                bail!("bpftrace does not trace: {}", child.wait()?);
            }
        }
        Ok(Self { child, output })
    }

    /// Ends it; returns what it has printed.
    fn finish(&mut self) -> Result<String> {
        let pid = self.child.id().to_string();
        let status =
            Command::new("kill").args(["-INT", &pid]).status().context("cannot run kill")?;
        ensure!(status.success(), "cannot interrupt bpftrace");
        let mut text = String::new();
        self.output.read_to_string(&mut text)?;
        self.child.wait()?;
        Ok(text)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
