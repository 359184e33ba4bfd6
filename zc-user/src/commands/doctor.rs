//! `zc doctor`: checks kernel, privileges and terminal, and suggests fixes.

use std::{collections::BTreeMap, io::Write as _, process::ExitCode};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::options;
use crate::cli::{Doctor, Probing};
use zc_model::snapshot::Provenance;
use zc_probe::{
    attach::{Attached, KERNEL_BTF, Options, attach},
    btf::Btf,
    catalog::Part,
    coverage::{Coverage, PartCover},
    follow::Follow,
    layout::Access,
    lockdown::Lockdown,
    names::namespace::has_host_pids,
    refusal::{Barred, missing_privilege},
};
use zc_render::{human, sanitize::sanitize};
use zc_tui::state::checks::Check;

mod code;

/// How bad a finding is. Ordered: the worst decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verdict {
    /// Works.
    Ok,
    /// Something is missing; the rest works.
    Degraded,
    /// Nothing can be shown.
    Blocking,
}

/// One line of the report.
#[derive(Serialize)]
struct Finding {
    check: String,
    verdict: Verdict,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    gives: Option<Gives>,
}

/// What a probe group serves here, for programs.
#[derive(Serialize)]
struct Gives {
    /// The stable id of the group.
    group: &'static str,
    /// Whether its figures are measured, modelled or unavailable. Where the group is not attached: the
    /// best of what is left of them.
    provenance: &'static str,
    /// Why they are not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The provenance of the copies on each path that it serves.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    paths: BTreeMap<&'static str, &'static str>,
    /// The provenance of each counter that it serves.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    counters: BTreeMap<&'static str, &'static str>,
}

impl Finding {
    /// As what the probes of a part serve.
    fn of(self, part: &PartCover, coverage: &Coverage) -> Self {
        let is_measured = part.provenance == Provenance::Measured;
        let paths = part.paths().map(|path| (path.id(), coverage.path(path).provenance.id()));
        let counters = part
            .counters()
            .map(|counter| (counter.id(), coverage.counter(counter).provenance.id()));
        let gives = Gives {
            group: part.part.id(),
            provenance: part.provenance.id(),
            reason: part.refusal.as_ref().filter(|_| !is_measured).map(ToString::to_string),
            paths: paths.collect(),
            counters: counters.collect(),
        };
        Self { gives: Some(gives), ..self }
    }
}

/// Runs `zc doctor`. Exits with 0 when all is well or merely degraded, 1 when something blocks.
pub(super) fn run(arguments: &Doctor) -> Result<ExitCode> {
    let options = options(&arguments.probing, Follow::All)?;
    let findings = examine(arguments, &options);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &findings)
            .context("cannot write to standard output")?;
        writeln!(out).context("cannot write to standard output")?;
    } else {
        for finding in &findings {
            let verdict = match finding.verdict {
                Verdict::Ok => "OK      ",
                Verdict::Degraded => "DEGRADED",
                Verdict::Blocking => "BLOCKING",
            };
            writeln!(out, "{verdict}  {:<22} {}", finding.check, sanitize(&finding.what))
                .context("cannot write to standard output")?;
            if let Some(fix) = &finding.fix {
                writeln!(out, "          {:<22} fix: {}", "", sanitize(fix))
                    .context("cannot write to standard output")?;
            }
        }
    }
    let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
    Ok(ExitCode::from(u8::from(worst == Verdict::Blocking)))
}

fn examine(arguments: &Doctor, options: &Options) -> Vec<Finding> {
    let names = rustix::system::uname();
    let mut findings = vec![finding(
        "kernel",
        Verdict::Ok,
        &format!(
            "Linux {} on {}",
            names.release().to_string_lossy(),
            names.machine().to_string_lossy()
        ),
        None,
    )];
    findings.push(privileges());
    findings.push(process_ids());
    findings.push(types(&arguments.probing));
    findings.push(locked_down());
    match attach(options) {
        Ok(attached) => {
            probes(&attached, &mut findings);
            let coverage = attached.coverage();
            // Each has all of its maps.
            drop(attached);
            findings.extend(code::findings(options, &coverage));
        }
        Err(error) => {
            findings.push(finding("probes", Verdict::Blocking, &format!("{error:#}"), None));
        }
    }
    findings.push(program_statistics());
    findings.push(terminal());
    findings
}

/// What there is to say of a run that has begun, for its dashboard. What is measured and what is not, its snapshots
/// say.
pub(super) fn of_run(probing: &Probing, attached: &Attached) -> Vec<Check> {
    let mut findings = vec![process_ids(), types(probing), locked_down()];
    probes(attached, &mut findings);
    let checks = findings.into_iter().filter(|finding| finding.gives.is_none());
    checks
        .map(|Finding { check, verdict, what, fix, .. }| Check {
            name: check,
            is_ok: verdict == Verdict::Ok,
            what,
            fix,
        })
        .collect()
}

fn finding(check: &str, verdict: Verdict, what: &str, fix: Option<&str>) -> Finding {
    Finding {
        check: check.to_owned(),
        verdict,
        what: what.to_owned(),
        fix: fix.map(str::to_owned),
        gives: None,
    }
}

fn privileges() -> Finding {
    match missing_privilege() {
        None => {
            finding("privileges", Verdict::Ok, "CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN)", None)
        }
        Some(barred) => {
            finding("privileges", Verdict::Blocking, barred.reason(), Some(barred.remedy()))
        }
    }
}

fn process_ids() -> Finding {
    if has_host_pids() {
        finding("process ids", Verdict::Ok, "those of the whole machine", None)
    } else {
        finding(
            "process ids",
            Verdict::Degraded,
            "this PID namespace (a container) has its own: zc can follow neither --pid nor a command",
            Some("run zc on the host, or with the host's PID namespace (docker run --pid=host)"),
        )
    }
}

fn types(probing: &Probing) -> Finding {
    let check = "type information";
    let fix = "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, or give a BTF file of exactly this kernel with --btf";
    if let Some(path) = &probing.btf {
        return match Btf::open(path) {
            Ok(_) => finding(check, Verdict::Ok, &format!("given: {}", path.display()), None),
            Err(error) => finding(
                check,
                Verdict::Blocking,
                &format!("{error:#}"),
                Some("give a BTF file of exactly this kernel, or none to use the kernel's own"),
            ),
        };
    }
    if std::path::Path::new(KERNEL_BTF).exists() {
        finding(check, Verdict::Ok, KERNEL_BTF, None)
    } else {
        finding(check, Verdict::Blocking, "this kernel publishes none", Some(fix))
    }
}

fn locked_down() -> Finding {
    let check = "lockdown";
    match Lockdown::of_this_kernel() {
        Lockdown::None => finding(check, Verdict::Ok, "off", None),
        Lockdown::Integrity => {
            let what = "integrity: zc only reads kernel memory, which this mode allows";
            finding(check, Verdict::Ok, what, None)
        }
        Lockdown::Silent => finding(check, Verdict::Ok, "off (not reported by this kernel)", None),
        Lockdown::Confidentiality => {
            let barred = Barred::Lockdown;
            finding(check, Verdict::Blocking, barred.reason(), Some(barred.remedy()))
        }
    }
}

fn probes(attached: &Attached, findings: &mut Vec<Finding>) {
    let access = match attached.access {
        Access::Typed => "BTF tracepoints (typed loads)",
        Access::Checked => "raw tracepoints (checked reads, slower)",
    };
    findings.push(match &attached.untyped_because {
        Some(why) => finding("probes", Verdict::Degraded, &format!("{access}: {why}"), None),
        None => finding("probes", Verdict::Ok, access, None),
    });
    findings.extend(served(&attached.coverage(), attached.unhooked.awaited()));
    findings.push(finding(
        "thread slots",
        Verdict::Ok,
        &format!(
            "up to {} threads at a time are tracked individually; further threads are counted as unattributed",
            attached.slots - 1
        ),
        None,
    ));
    findings.push(finding(
        "map memory",
        Verdict::Ok,
        &format!(
            "{} bytes ({}) of kernel memory, up to {} bytes ({}) with that many threads",
            human::count(attached.map_bytes),
            human::bytes(attached.map_bytes),
            human::count(attached.most_map_bytes),
            human::bytes(attached.most_map_bytes)
        ),
        None,
    ));
}

/// What each probe group serves here. `awaited` are modules that are not loaded.
fn served(coverage: &Coverage, awaited: &[&str]) -> Vec<Finding> {
    let mut findings: Vec<_> =
        coverage.parts().iter().map(|part| of_part(part, coverage, awaited)).collect();
    let (verdict, what) = if coverage.copies() == Provenance::Measured {
        (Verdict::Ok, "measured where the kernel makes them")
    } else {
        let what =
            "modelled: bytes moved are measured, copies follow from what each path is known to do";
        (Verdict::Degraded, what)
    };
    let gives = Gives {
        group: "copies",
        provenance: coverage.copies().id(),
        reason: (verdict == Verdict::Degraded).then(|| "no copy hooks".to_owned()),
        paths: BTreeMap::new(),
        counters: BTreeMap::new(),
    };
    findings.push(Finding { gives: Some(gives), ..finding("copies", verdict, what, None) });
    findings
}

/// A probe group, or the kprobes, which are in several groups.
fn of_part(part: &PartCover, coverage: &Coverage, awaited: &[&str]) -> Finding {
    let gives = match part.part {
        Part::Group(group) => group.help(),
        Part::Functions | Part::Kprobes => "copies by modules (btrfs, network file systems, kTLS)",
    };
    let (verdict, what) = match (&part.refusal, part.provenance) {
        (None, _) if part.part == Part::Kprobes && !awaited.is_empty() => {
            let names = awaited.join(", ");
            (Verdict::Ok, format!("{gives}; not loaded: {names} (restart zc after loading them)"))
        }
        (None, _) => (Verdict::Ok, gives.to_owned()),
        (Some(reason), Provenance::Measured) => {
            let others: Vec<_> = instead(part, coverage).map(Part::id).collect();
            (Verdict::Ok, format!("{gives}: measured by {}: {reason}", others.join(", ")))
        }
        (Some(reason), provenance) => {
            (Verdict::Degraded, format!("{gives}: {}, not measured: {reason}", provenance.id()))
        }
    };
    finding(&format!("  {}", part.part.id()), verdict, &what, None).of(part, coverage)
}

/// The probes that serve what those of `part` would have served.
fn instead(part: &PartCover, coverage: &Coverage) -> impl Iterator<Item = Part> {
    let paths = part.paths().filter_map(|path| coverage.path(path).served_by);
    let counters = part.counters().filter_map(|counter| coverage.counter(counter).served_by);
    let mut parts: Vec<_> = paths.chain(counters).collect();
    parts.dedup();
    parts.into_iter()
}

fn program_statistics() -> Finding {
    let enabled = std::fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled")
        .is_ok_and(|value| value.trim() != "0");
    if enabled {
        finding("own run time", Verdict::Ok, "measured (kernel.bpf_stats_enabled is on)", None)
    } else {
        finding(
            "own run time",
            Verdict::Ok,
            "off, because it makes the probes more expensive",
            Some("sysctl kernel.bpf_stats_enabled=1 makes zc show the run time of its probes"),
        )
    }
}

fn terminal() -> Finding {
    use std::io::IsTerminal as _;
    if !std::io::stdout().is_terminal() {
        return finding("terminal", Verdict::Ok, "output is not a terminal: plain text", None);
    }
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns >= 80 && rows >= 24 => {
            finding("terminal", Verdict::Ok, &format!("{columns}x{rows}"), None)
        }
        Ok((columns, rows)) => finding(
            "terminal",
            Verdict::Degraded,
            &format!("{columns}x{rows}: columns will be left out"),
            Some("80x24 or larger shows everything"),
        ),
        Err(error) => {
            finding("terminal", Verdict::Degraded, &format!("its size is unknown: {error}"), None)
        }
    }
}

#[cfg(test)]
mod tests;
