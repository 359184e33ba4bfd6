//! `zc doctor`: what works here, what does not, and what to do about it.

use std::{io::Write as _, process::ExitCode};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::options;
use crate::cli::Doctor;
use zc_model::snapshot::Provenance;
use zc_probe::{
    attach::{Attached, COPYING, KERNEL_BTF, attach},
    btf::Btf,
    catalog::{Group, Part},
    layout::Access,
    lockdown::{self, Lockdown},
    names::namespace::has_host_pids,
    refusal::missing_privilege,
};
use zc_render::sanitize::sanitize;

/// How bad a finding is. Ordered: the worst decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verdict {
    /// As it should be.
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

/// What a group of probes gives here, for programs.
#[derive(Serialize)]
struct Gives {
    /// The stable id of the group.
    group: &'static str,
    /// Whether its figures are measured, modelled or unavailable.
    provenance: &'static str,
    /// Why they are not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Finding {
    /// As what a group of probes gives.
    fn of(self, group: &'static str, provenance: Provenance, reason: Option<&str>) -> Self {
        let (provenance, reason) = (provenance.id(), reason.map(str::to_owned));
        Self { gives: Some(Gives { group, provenance, reason }), ..self }
    }
}

/// Runs `zc doctor`. Exits with 0 when all is well or merely degraded, 1 when something blocks.
pub(super) fn run(arguments: &Doctor) -> Result<ExitCode> {
    let findings = examine(arguments);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &findings)?;
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

fn examine(arguments: &Doctor) -> Vec<Finding> {
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
    findings.push(types(arguments));
    findings.push(locked_down());
    match attach(&options(&arguments.probing)) {
        Ok(attached) => probes(&attached, &mut findings),
        Err(error) => {
            findings.push(finding("probes", Verdict::Blocking, &format!("{error:#}"), None));
        }
    }
    findings.push(program_statistics());
    findings.push(terminal());
    findings
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
        Some((why, what)) => finding("privileges", Verdict::Blocking, why, Some(what)),
    }
}

fn process_ids() -> Finding {
    if has_host_pids() {
        finding("process ids", Verdict::Ok, "those of the whole machine", None)
    } else {
        finding(
            "process ids",
            Verdict::Degraded,
            "this PID namespace (a container) has its own: neither --pid nor a command can be followed",
            Some("run zc on the host, or with the host's PID namespace (docker run --pid=host)"),
        )
    }
}

fn types(arguments: &Doctor) -> Finding {
    let check = "type information";
    let fix = "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, or give a BTF file of exactly this kernel with --btf";
    if let Some(path) = &arguments.probing.btf {
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
        Lockdown::None => finding(check, Verdict::Ok, "none", None),
        Lockdown::Integrity => {
            let what = "integrity: the kernel's memory may be read, and that is all zc does";
            finding(check, Verdict::Ok, what, None)
        }
        Lockdown::Silent => {
            finding(check, Verdict::Ok, "the kernel does not say, and lets programs read it", None)
        }
        Lockdown::Confidentiality => {
            let (why, what) = lockdown::FORBIDDEN;
            finding(check, Verdict::Blocking, why, Some(what))
        }
    }
}

fn probes(attached: &Attached, findings: &mut Vec<Finding>) {
    let access = match attached.access {
        Access::Typed => "BTF tracepoints (typed loads)",
        Access::Checked => "raw tracepoints (checked reads, slower)",
    };
    findings.push(finding("probes", Verdict::Ok, access, None));
    for status in &attached.groups {
        let check = format!("  {}", status.group.id());
        findings.push(match &status.refusal {
            None => finding(&check, Verdict::Ok, status.group.gives(), None).of(
                status.group.id(),
                Provenance::Measured,
                None,
            ),
            Some(reason) => finding(
                &check,
                Verdict::Degraded,
                &format!("{}: not measured: {reason}", lost(status.group.gives())),
                None,
            )
            .of(status.group.id(), without(status.group), Some(reason)),
        });
    }
    findings.push(modules(attached));
    findings.push(if attached.measures_copies() {
        finding("copies", Verdict::Ok, "measured where the kernel makes them", None).of(
            "copies",
            Provenance::Measured,
            None,
        )
    } else {
        let what = "modelled: bytes moved are measured, copies are what each path is known to make";
        finding("copies", Verdict::Degraded, what, None).of(
            "copies",
            Provenance::Modelled,
            Some("no copy hooks"),
        )
    });
    findings.push(finding(
        "threads told apart",
        Verdict::Ok,
        &format!("{} at a time; more go to the unattributed row", attached.slots - 1),
        None,
    ));
}

/// The kprobes, which are in several groups and in none alone.
fn modules(attached: &Attached) -> Finding {
    let gives = "copies by modules (btrfs, network file systems, kTLS)";
    let group = Part::Kprobes.id();
    let check = format!("  {group}");
    match &attached.modules {
        None => {
            let what = match attached.unhooked.awaited() {
                [] => format!("{gives}, measured"),
                names => format!(
                    "{gives}, measured; not loaded: {} (start zc again when they are)",
                    names.join(", ")
                ),
            };
            finding(&check, Verdict::Ok, &what, None).of(group, Provenance::Measured, None)
        }
        Some(reason) => {
            let what = format!("{gives}: not measured: {reason}");
            finding(&check, Verdict::Degraded, &what, None).of(
                group,
                if attached.measures_copies() { Provenance::Assumed } else { Provenance::Modelled },
                Some(reason),
            )
        }
    }
}

/// What is lost of what a group gives.
fn lost(gives: &str) -> &str {
    gives.strip_suffix(", measured").unwrap_or(gives)
}

/// What the figures of a group are where it cannot be attached.
fn without(group: Group) -> Provenance {
    if COPYING.contains(&group) || group == Group::CopyFaults {
        Provenance::Modelled
    } else {
        Provenance::Unavailable
    }
}

fn program_statistics() -> Finding {
    let enabled = std::fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled")
        .is_ok_and(|value| value.trim() != "0");
    if enabled {
        finding("own run time", Verdict::Ok, "kernel.bpf_stats_enabled is on", None)
    } else {
        finding(
            "own run time",
            Verdict::Ok,
            "not measured, which keeps the probes cheap",
            Some("sysctl kernel.bpf_stats_enabled=1, if you want zc to show its own run time"),
        )
    }
}

fn terminal() -> Finding {
    use std::io::IsTerminal as _;
    if !std::io::stdout().is_terminal() {
        return finding("terminal", Verdict::Ok, "the output is none: plain text", None);
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
