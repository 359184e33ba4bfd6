//! Which copy paths and counters the probes that are attached serve, and how well.
//!
//! [`ROWS`] says it for each probe group, with what stands in for a group that is missing. [`Coverage`]
//! is that table, evaluated once for what was attached. The limitations in snapshots, the provenance of
//! every path and the report of `zc doctor` all come from it, so that they cannot disagree.

mod table;
#[cfg(test)]
mod tests;

use zc_common::path::CopyPath;
use zc_model::{
    counter::CounterId,
    snapshot::{Limitation, Provenance},
};

use crate::{
    catalog::{Part, ProbeGroup},
    module::Module,
    refusal::Refusal,
};
pub use table::{DeviceFigure, ROWS, Reason, Row, Without};

/// How well one copy path or counter is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Where its figures come from.
    pub provenance: Provenance,
    /// The probes that count it: those that serve it first, or those that stand in. `None` when none
    /// does.
    pub served_by: Option<Part>,
    /// Why it is not measured by the probes that serve it first.
    pub reason: Option<String>,
}

impl Cover {
    const NONE: Self = Self { provenance: Provenance::Measured, served_by: None, reason: None };
}

/// What became of some probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartCover {
    /// The probes.
    pub part: Part,
    /// How well the others replace them: measured when all that they serve is measured, unavailable
    /// when nothing of it is known.
    pub provenance: Provenance,
    /// Why they are not attached; `None` when they are.
    pub refusal: Option<Refusal>,
}

impl PartCover {
    /// The copy paths that they serve.
    pub fn paths(&self) -> impl Iterator<Item = CopyPath> {
        let rows = table::rows_of(self.part);
        rows.flat_map(|row| row.paths).copied()
    }

    /// The counters that they serve.
    pub fn counters(&self) -> impl Iterator<Item = CounterId> {
        let rows = table::rows_of(self.part);
        rows.flat_map(|row| row.counters).copied()
    }
}

/// The table, evaluated for what is attached.
#[derive(Clone, Debug)]
pub struct Coverage {
    paths: [Cover; CopyPath::COUNT],
    counters: [Cover; CounterId::COUNT],
    parts: Vec<PartCover>,
    missing_devices: Vec<DeviceFigure>,
    copies: Provenance,
    limitations: Vec<Limitation>,
}

impl Coverage {
    /// Evaluates the table. `refusal` says why some probes are not attached, `modules` are those that
    /// are loaded and have no hook.
    pub fn of<'a>(refusal: impl Fn(Part) -> Option<&'a Refusal>, modules: &[Module]) -> Self {
        let has = |part| refusal(part).is_none();
        let mut coverage = Self {
            paths: [const { Cover::NONE }; CopyPath::COUNT],
            counters: [const { Cover::NONE }; CounterId::COUNT],
            parts: Vec::new(),
            missing_devices: Vec::new(),
            copies: Provenance::Measured,
            limitations: Vec::new(),
        };
        for row in ROWS {
            match refusal(row.part) {
                None => coverage.serve(row),
                // The group that these probes belong to is missing as a whole, and has a row.
                Some(_) if row.within.is_some_and(|group| !has(Part::Group(group))) => {}
                Some(refusal) => coverage.replace(row, refusal, &has),
            }
        }
        modules.iter().for_each(|module| coverage.miss_module(module));
        // What a reader looks for first.
        coverage.limitations.sort_by_key(|limit| limit.counter != CounterId::CopiedBytes);
        coverage.parts = table::parts()
            .map(|part| PartCover {
                part,
                provenance: coverage.replaced(part, has(part)),
                refusal: refusal(part).cloned(),
            })
            .collect();
        coverage
    }

    /// The probes of `row` are attached.
    fn serve(&mut self, row: &Row) {
        let first = |cover: &mut Cover| {
            cover.served_by.get_or_insert(row.part);
        };
        // Those that stand in elsewhere come second there.
        if !matches!(row.without, Without::Served { provenance: Provenance::Measured, .. }) {
            row.paths.iter().for_each(|path| first(&mut self.paths[*path as usize]));
            row.counters.iter().for_each(|counter| first(&mut self.counters[*counter as usize]));
        }
    }

    /// The probes of `row` are not attached.
    fn replace(&mut self, row: &Row, refusal: &Refusal, has: &impl Fn(Part) -> bool) {
        let (provenance, served_by, why) = match row.without {
            Without::Unavailable => (Provenance::Unavailable, None, row.reason),
            Without::Modelled => {
                (Provenance::Modelled, Some(Part::Group(ProbeGroup::Core)), row.reason)
            }
            Without::Assumed => {
                (Provenance::Assumed, Some(Part::Group(ProbeGroup::Core)), row.reason)
            }
            Without::Served { group, provenance } if has(Part::Group(group)) => {
                (provenance, Some(Part::Group(group)), row.reason)
            }
            Without::Served { .. } => (Provenance::Unavailable, None, Reason::Refusal),
        };
        let reason = why.text(refusal);
        let lower = |cover: &mut Cover, provenance: Provenance| {
            if provenance > cover.provenance {
                *cover = Cover {
                    provenance,
                    served_by: served_by.filter(|_| provenance != Provenance::Unavailable),
                    reason: Some(reason.clone()),
                };
            } else if cover.provenance == Provenance::Measured {
                cover.served_by = served_by;
            }
        };
        for path in row.paths {
            // There is no model where the call may or may not copy.
            let unknown = provenance == Provenance::Modelled && path.modelled_copies().is_none();
            let provenance = if unknown { Provenance::Unavailable } else { provenance };
            lower(&mut self.paths[*path as usize], provenance);
        }
        for counter in row.counters {
            lower(&mut self.counters[*counter as usize], provenance);
            let is_known = |it: &Limitation| it.counter == *counter && it.provenance == provenance;
            if provenance != Provenance::Measured && !self.limitations.iter().any(is_known) {
                let reason = reason.clone();
                let counter = (*counter).into();
                self.limitations.push(Limitation { counter, provenance, reason });
            }
        }
        if row.is_ordinary_copying() {
            self.copies = self.copies.max(provenance);
        }
        self.missing_devices.extend(row.devices);
    }

    /// A module is loaded whose functions are not hooked.
    fn miss_module(&mut self, module: &Module) {
        let Module { name, is_late } = module;
        let (counter, provenance, what) = if *name == "tls" {
            let what = "what it encrypts is not counted";
            (CounterId::TransformedBytes, Provenance::Unavailable, what)
        } else {
            (CounterId::CopiedBytes, Provenance::Assumed, "what it copies is assumed")
        };
        let reason = if *is_late {
            format!(
                "the module {name} was loaded after zc had begun: {what}; start zc again to have it \
                 measured"
            )
        } else {
            format!("the module {name} has no function that can be hooked: {what}")
        };
        let cover = &mut self.counters[counter as usize];
        if provenance > cover.provenance {
            *cover = Cover { provenance, reason: Some(reason.clone()), ..cover.clone() };
        }
        self.limitations.push(Limitation { counter: counter.into(), provenance, reason });
    }

    /// Some CPUs were not sampled for a while: what is known is measured, and not all is known.
    pub(crate) fn miss_samples(&mut self, reasons: &[String]) {
        for reason in reasons {
            for counter in
                [CounterId::CpuSamples, CounterId::CopySamples, CounterId::RelayingCpuSamples]
            {
                let (counter, reason) = (counter.into(), reason.clone());
                let provenance = Provenance::Measured;
                self.limitations.push(Limitation { counter, provenance, reason });
            }
        }
    }

    /// How well the others replace a part.
    fn replaced(&self, part: Part, attached: bool) -> Provenance {
        if attached {
            return Provenance::Measured;
        }
        let rows = table::rows_of(part);
        let of_rows = rows.flat_map(|row| {
            let paths = row.paths.iter().map(|path| self.path(*path).provenance);
            let counters = row.counters.iter().map(|counter| self.counter(*counter).provenance);
            // No other probes serve them.
            let devices = row.devices.iter().map(|_| Provenance::Unavailable);
            paths.chain(counters).chain(devices)
        });
        of_rows.filter(|it| *it != Provenance::Measured).min().unwrap_or(Provenance::Measured)
    }

    /// How well the copies on a path are known.
    #[must_use]
    pub fn path(&self, path: CopyPath) -> &Cover {
        &self.paths[path as usize]
    }

    /// How well a counter is known.
    #[must_use]
    pub fn counter(&self, counter: CounterId) -> &Cover {
        &self.counters[counter as usize]
    }

    /// Whether a figure of devices is known.
    #[must_use]
    pub fn has(&self, figure: DeviceFigure) -> bool {
        !self.missing_devices.contains(&figure)
    }

    /// Every probe group in the order of the catalog, and the kprobes, which are in several groups and
    /// make up none.
    #[must_use]
    pub fn parts(&self) -> &[PartCover] {
        &self.parts
    }

    /// Where the copies of ordinary calls come from.
    #[must_use]
    pub const fn copies(&self) -> Provenance {
        self.copies
    }

    /// The counters that are not simply measured, and why.
    #[must_use]
    pub fn limitations(&self) -> &[Limitation] {
        &self.limitations
    }
}
