//! What each copy site costs, in instructions. Run by `cargo xtask bench --sites`, in a guest whose
//! clock counts them (qemu's `-icount`); it writes raw figures, which xtask makes a table of.
//!
//! An operation passes one site or more, a known number of times. It is measured without any
//! program; with an empty program in the place of the site's; with all of `zc`; without the program
//! at `sys_exit`, so that what a site leaves for it is not charged to the site; and without that
//! and the site's own. What the last two differ by is what the site costs.

use std::{fs, path::PathBuf, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use zc_common::site::Site;
use zc_probe::{
    attach::KERNEL_BTF,
    btf::Btf,
    site::{Hook, Hooked, SITES},
};

pub(crate) mod clock;
mod empty;
pub(crate) mod operation;
mod programs;

use empty::Empty;
use operation::{Operation, Refused};
use programs::Programs;

/// Operations that are measured; of their batches, the cheapest counts: what interrupts one can only
/// add.
pub(crate) const OPERATIONS: u32 = 640;

/// Operations before, which fill caches.
pub(crate) const WARM_UP: u32 = 128;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to write the figures
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
}

/// An operation, and what it took in every setting.
struct Measured {
    operation: Operation,
    bare: f64,
    bare_again: f64,
    floor: f64,
    zc: f64,
    without_sys_exit: f64,
    /// Runs of each of `zc`'s programs per operation.
    runs: Vec<(String, f64)>,
    sites: Vec<Cost>,
}

/// Sites that hook the same function, and what they cost.
struct Cost {
    sites: &'static [Site],
    /// Runs of the first of them per operation.
    runs: f64,
    with: f64,
    without: f64,
    empty: f64,
    /// Without any program, right before `empty`.
    bare: f64,
}

impl Cost {
    fn of(sites: &'static [Site], runs: f64) -> Self {
        Self { sites, runs, with: 0.0, without: 0.0, empty: 0.0, bare: 0.0 }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let unit = clock::verify()?;
    let btf = Btf::open(KERNEL_BTF.as_ref())?;
    let (operations, refused) = operation::chosen(&[])?;
    for Refused { id, why, .. } in &refused {
        println!("{id}: cannot be had: {why}");
    }

    let mut all: Vec<Measured> = operations
        .into_iter()
        .map(|mut operation| {
            let bare = instructions(&mut operation)?;
            Ok(Measured {
                operation,
                bare,
                bare_again: 0.0,
                floor: 0.0,
                zc: 0.0,
                without_sys_exit: 0.0,
                runs: Vec::new(),
                sites: Vec::new(),
            })
        })
        .collect::<Result<_>>()?;
    println!("measured without programs: {} operations", all.len());

    with_floor(&mut all)?;
    with_zc(&mut all)?;
    println!("measured with zc");
    with_empty(&mut all, &btf)?;
    println!("measured with empty programs");
    for measured in &mut all {
        measured.bare_again = instructions(&mut measured.operation)?;
    }

    let kernel = rustix::system::uname();
    let figures = json!({
        "schema": "zc-bench-sites/1",
        "kernel": kernel.release().to_string_lossy(),
        "mitigations": mitigations(),
        "unit": unit,
        "operations_each": OPERATIONS,
        "operations": all.iter().map(|measured| measured.json(&btf)).collect::<Vec<_>>(),
        "refused": refused.iter().map(Refused::json).collect::<Vec<_>>(),
        "not_driven": operation::NOT_DRIVEN
            .iter()
            .map(|(site, why)| json!({ "site": site.program(), "why": why }))
            .collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&figures)? + "\n";
    let path = &arguments.json;
    fs::write(path, text).with_context(|| format!("cannot write '{}'", path.display()))
}

/// Instructions per operation, in the cheapest batch.
pub(crate) fn instructions(operation: &mut Operation) -> Result<f64> {
    // Lets the kernel finish its work for programs that started or exited. It does not prolong the
    // benchmark: the clock of such a guest jumps forward while the guest is idle.
    thread::sleep(Duration::from_millis(100));
    let mut work = || (operation.work)().with_context(|| format!("cannot {}", operation.what));
    for _ in 0..WARM_UP {
        work()?;
    }
    let mut least = u64::MAX;
    for _ in 0..OPERATIONS / operation.batch {
        let begin = clock::now();
        for _ in 0..operation.batch {
            work()?;
        }
        least = least.min(clock::now() - begin);
    }
    Ok(least as f64 / f64::from(operation.batch))
}

/// Measures all of them again with an empty program at the end of system calls, as the floor.
fn with_floor(all: &mut [Measured]) -> Result<()> {
    let mut empty = Empty::load()?;
    empty.at_sys_exit()?;
    for measured in all {
        measured.floor = instructions(&mut measured.operation)?;
    }
    Ok(())
}

fn with_zc(all: &mut [Measured]) -> Result<()> {
    let mut programs = Programs::attach()?;
    for measured in &mut *all {
        measured.zc = instructions(&mut measured.operation)?;
    }
    for measured in &mut *all {
        let work = &mut measured.operation.work;
        measured.runs = programs.count_runs(WARM_UP, &mut || work())?;
    }
    programs.unload_sys_exit()?;
    for measured in &mut *all {
        measured.without_sys_exit = instructions(&mut measured.operation)?;
    }
    for measured in all {
        for sites in measured.operation.sites {
            let Some(first) = sites.first() else { continue };
            let runs = runs_of(&measured.runs, first.program());
            let mut cost = Cost::of(sites, runs);
            if runs > 0.0 {
                // Not as above: others have been taken away since.
                cost.with = instructions(&mut measured.operation)?;
                for site in *sites {
                    programs.unload(site.program())?;
                }
                cost.without = instructions(&mut measured.operation)?;
            }
            measured.sites.push(cost);
        }
    }
    Ok(())
}

/// With empty programs in the places of `zc`'s.
fn with_empty(all: &mut [Measured], btf: &Btf) -> Result<()> {
    let mut empty = Empty::load()?;
    for measured in all {
        for cost in measured.sites.iter_mut().filter(|cost| cost.runs > 0.0) {
            cost.bare = instructions(&mut measured.operation)?;
            for site in cost.sites {
                empty.at(hooked(*site), btf)?;
            }
            cost.empty = instructions(&mut measured.operation)?;
            for site in cost.sites {
                empty.leave(hooked(*site))?;
            }
        }
    }
    Ok(())
}

fn runs_of(runs: &[(String, f64)], program: &str) -> f64 {
    runs.iter().find(|(name, _)| name == program).map_or(0.0, |(_, runs)| *runs)
}

/// How a site is hooked.
fn hooked(site: Site) -> &'static Hooked {
    SITES.iter().find(|hooked| hooked.site == site).expect("every site is in the table")
}

impl Measured {
    fn json(&self, btf: &Btf) -> Value {
        let runs: serde_json::Map<_, _> =
            self.runs.iter().map(|(name, runs)| (name.clone(), (*runs).into())).collect();
        json!({
            "id": self.operation.id,
            "what": self.operation.what,
            "batch": self.operation.batch,
            "bare": self.bare,
            "bare_again": self.bare_again,
            "floor": self.floor,
            "zc": self.zc,
            "without_sys_exit": self.without_sys_exit,
            "runs": runs,
            "sites": self.sites.iter().map(|cost| cost.json(btf)).collect::<Vec<_>>(),
        })
    }
}

impl Cost {
    fn json(&self, btf: &Btf) -> Value {
        let first = hooked(self.sites[0]);
        let function = first.function(btf).map_or(first.functions[0], |(_, name, _)| name);
        let hooks: Vec<_> = self.sites.iter().map(|site| name(hooked(*site).hook)).collect();
        let sites: Vec<_> = self.sites.iter().map(|site| site.program()).collect();
        json!({
            "sites": sites,
            "function": function,
            "hooks": hooks,
            "runs": self.runs,
            "with": self.with,
            "without": self.without,
            "empty": self.empty,
            "bare": self.bare,
        })
    }
}

fn name(hook: Hook) -> &'static str {
    match hook {
        Hook::Return => "fexit",
        Hook::Entry => "fentry",
        Hook::Kprobe => "kprobe",
    }
}

/// How the kernel makes indirect calls, which both programs and trampolines are full of.
pub(crate) fn mitigations() -> String {
    let path = "/sys/devices/system/cpu/vulnerabilities/spectre_v2";
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// What a system call that returns a count or -1 said.
fn checked(result: isize) -> Result<usize> {
    usize::try_from(result).map_err(|_| std::io::Error::last_os_error().into())
}

/// As [`checked`], for all of `count`.
fn whole(result: isize, count: usize) -> Result<()> {
    let done = checked(result)?;
    ensure!(done == count, "{done} of {count} bytes");
    Ok(())
}
