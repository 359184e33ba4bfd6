//! The figures that a guest measured, and the cost of the sites that follows from them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

const SCHEMA: &str = "zc-bench-sites/1";

/// All figures of a guest, in instructions.
#[derive(Debug, Deserialize)]
pub(super) struct Figures {
    schema: String,
    /// The kernel's release.
    pub(super) kernel: String,
    mitigations: String,
    pub(super) operations: Vec<Operation>,
    /// Operations that this guest cannot carry out.
    pub(super) refused: Vec<Refused>,
    /// Sites that no operation passes.
    pub(super) not_driven: Vec<NotDriven>,
}

/// An operation, per time it was carried out.
#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) what: String,
    /// Without any program.
    pub(super) bare: f64,
    /// The same at the end of everything.
    bare_again: f64,
    /// With an empty program at the end of system calls.
    pub(super) floor: f64,
    /// With all programs of `zc`.
    pub(super) zc: f64,
    /// With all but the one at the end of system calls.
    pub(super) without_sys_exit: f64,
    /// Runs of `zc`'s programs.
    runs: BTreeMap<String, f64>,
    pub(super) sites: Vec<Sites>,
}

/// Sites that hook the same function: measured together.
#[derive(Debug, Deserialize)]
pub(super) struct Sites {
    /// Their programs.
    pub(super) sites: Vec<String>,
    pub(super) function: String,
    pub(super) hooks: Vec<String>,
    /// Runs of the first of them per operation; 0 where the kernel does not pass them.
    pub(super) runs: f64,
    with: f64,
    without: f64,
    empty: f64,
    bare: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    pub(super) id: String,
    pub(super) sites: Vec<String>,
    pub(super) why: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct NotDriven {
    pub(super) site: String,
    pub(super) why: String,
}

/// What a site costs each time that its function is called.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    /// Empty programs in the same place.
    pub(super) empty: f64,
    /// `zc`'s.
    pub(super) zc: f64,
}

impl Cost {
    /// What it costs more than the empty program.
    pub(super) fn more(self) -> f64 {
        self.zc - self.empty
    }

    /// In terms of the empty program.
    pub(super) fn ratio(self) -> f64 {
        self.zc / self.empty
    }
}

impl Figures {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let figures: Self = serde_json::from_str(text).context("cannot read the figures")?;
        ensure!(figures.schema == SCHEMA, "figures of another kind: {}", figures.schema);
        Ok(figures)
    }

    /// How it makes indirect calls, which programs and trampolines are full of.
    pub(super) fn indirect_calls(&self) -> String {
        let words = self.mitigations.split(';').next().unwrap_or_default();
        words.trim_start_matches("Mitigation: ").to_lowercase()
    }

    /// All sites that were passed, with the operation.
    pub(super) fn costs(&self) -> impl Iterator<Item = (&Operation, &Sites, Cost)> {
        let sites = self
            .operations
            .iter()
            .flat_map(|operation| operation.sites.iter().map(move |sites| (operation, sites)));
        sites.filter_map(|(operation, sites)| Some((operation, sites, sites.cost()?)))
    }
}

impl Sites {
    fn cost(&self) -> Option<Cost> {
        (self.runs > 0.0).then(|| Cost {
            empty: (self.empty - self.bare) / self.runs,
            zc: (self.with - self.without) / self.runs,
        })
    }
}

impl Operation {
    /// System calls, as far as `zc` saw them.
    pub(super) fn calls(&self) -> f64 {
        let ends = self.runs.iter().filter(|(name, _)| name.starts_with("zc_sys_exit"));
        // The sum of nothing is -0.
        ends.fold(0.0, |sum, (_, runs)| sum + runs)
    }

    /// What the program at the end of system calls adds.
    pub(super) fn sys_exit(&self) -> f64 {
        self.zc - self.without_sys_exit
    }
}

/// By how much repeated measurements differ, the worst first.
#[derive(Debug, PartialEq)]
pub(super) struct Spread {
    /// Per operation in whatever setting, as a share of the least.
    pub(super) operations: Vec<(String, f64)>,
    /// Per site, empty or not, in instructions.
    pub(super) sites: Vec<(String, f64)>,
}

/// Compares guests with each other.
pub(super) fn spread(guests: &[Figures]) -> Spread {
    let mut operations: BTreeMap<&str, Vec<[f64; 4]>> = BTreeMap::new();
    let mut sites: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
    for guest in guests {
        for it in &guest.operations {
            let settings = [it.bare, it.bare_again, it.floor, it.zc];
            operations.entry(&it.id).or_default().push(settings);
        }
        for (_, site, cost) in guest.costs() {
            sites.entry(&site.sites[0]).or_default().push([cost.empty, cost.zc]);
        }
    }
    Spread {
        operations: worst_first(operations, |values| range(values) / least(values)),
        sites: worst_first(sites, range),
    }
}

/// How far the guests differ, of each in the setting in which they differ most.
fn worst_first<const SETTINGS: usize>(
    all: BTreeMap<&str, Vec<[f64; SETTINGS]>>,
    difference: impl Fn(&[f64]) -> f64,
) -> Vec<(String, f64)> {
    let worst = |guests: Vec<[f64; SETTINGS]>| {
        let of = |setting: usize| guests.iter().map(|guest| guest[setting]).collect::<Vec<_>>();
        (0..SETTINGS).map(|setting| difference(&of(setting))).fold(0.0, f64::max)
    };
    let mut all: Vec<_> =
        all.into_iter().map(|(id, guests)| (id.to_owned(), worst(guests))).collect();
    all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    all
}

fn range(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most - least(values)
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}
