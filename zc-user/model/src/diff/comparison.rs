//! Two sides, quantity by quantity.

use std::collections::BTreeSet;

use super::{
    estimate::Estimate,
    judge::{self, Difference, EQUAL},
    quantity::{Quantity, Sampled},
    series::{Kind, Series},
    side::Side,
};
use crate::{column::Unit, counter::CounterId, snapshot::PathId};

/// What quantities are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// Bytes of payload.
    Byte,
    /// Seconds.
    Second,
    /// Runs.
    Run,
    /// Nothing: a share.
    Share,
}

impl Basis {
    /// The end of an id.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Byte => "_per_byte",
            Self::Second => "_per_sec",
            Self::Run => "_per_run",
            Self::Share => "",
        }
    }
}

/// What the payload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// The busier direction of files, sockets and pipes: as for `copies_per_byte`.
    #[default]
    Busier,
    /// What moved on a path.
    Path(PathId),
}

/// How to compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// What everything is divided by; `None`: the payload, if both sides have one.
    pub basis: Option<Basis>,
    /// What the payload is.
    pub payload: Payload,
    /// A change is larger than that part of the figure.
    pub least: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { basis: None, payload: Payload::Busier, least: 0.01 }
    }
}

/// Where a figure stands in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// What matters most.
    Head,
    /// The same per second.
    Rates,
    /// Of paths.
    Paths,
    /// Other counters.
    Counters,
    /// Of devices.
    Devices,
}

/// What is said of a figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// More than chance makes, and large enough to matter.
    Changed,
    /// A change of a tenth would have been seen, and there is none that matters.
    Unchanged,
    /// There is next to nothing of it on either side: a thousandth of the bytes that moved, or a few events.
    Negligible,
    /// Neither can be said, and why.
    Untold(String),
}

/// A quantity on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The quantity.
    pub quantity: Quantity,
    /// What it is per.
    pub basis: Basis,
    /// Where it stands.
    pub section: Section,
    /// On the first side, if it is known there.
    pub a: Option<Estimate>,
    /// On the second side.
    pub b: Option<Estimate>,
    /// The change, as a part of the first; `None` where that is 0, or one is not known.
    pub relative: Option<f64>,
    /// Between which two it is, with 95 % confidence; `None` where the spread is not known.
    pub interval: Option<(f64, f64)>,
    /// What is said of it.
    pub verdict: Verdict,
    difference: Option<Difference>,
}

impl Figure {
    /// The stable id.
    #[must_use]
    pub fn id(&self) -> String {
        self.quantity.id() + self.basis.suffix()
    }

    /// How far the change may be off, with 95 % confidence, to the side of no change: to the other side, that of an
    /// increase may be off by more.
    #[must_use]
    pub fn margin(&self) -> Option<f64> {
        let (relative, (from, to)) = self.relative.zip(self.interval)?;
        Some(if relative > 0.0 { relative - from } else { to - relative })
    }

    /// Whether it differs by more than matters, whether or not chance alone can make that.
    #[must_use]
    pub fn differs(&self, least: f64) -> bool {
        match (self.relative, &self.a, &self.b) {
            (Some(relative), ..) => relative.abs() > least,
            (None, Some(a), Some(b)) => a.value.total_cmp(&b.value).is_ne(),
            _ => false,
        }
    }

    /// Whether a change may be claimed.
    #[must_use]
    pub const fn is_claimable(&self) -> bool {
        !matches!(self.basis, Basis::Second) && self.quantity.class().is_claimable()
    }

    /// Whether both sides know it in ways that can be compared, if only as facts of one run each.
    pub(super) fn is_comparable(&self) -> bool {
        self.a.zip(self.b).is_some_and(|(a, b)| judge::is_comparable(&a, &b))
    }

    /// Whether there is no spread: what was found in the runs is then a fact of those, where it depends on nothing else.
    fn is_fact_of_its_runs(&self) -> bool {
        self.has_no_spread() && self.is_claimable()
    }

    /// Whether one of the sides shows no spread.
    pub(super) fn has_no_spread(&self) -> bool {
        let has_spread = |side: &Option<Estimate>| side.is_some_and(|it| it.error.is_some());
        !(has_spread(&self.a) && has_spread(&self.b))
    }

    /// Whether the direction of the change is open, where one side may have lost counts.
    pub(super) fn is_open(&self) -> bool {
        self.difference.as_ref().is_some_and(|it| it.is_open)
    }

    /// What the relative change is at least and at most, as far as that is known.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        let (a, b) = (self.a?, self.b?);
        let Some(relative) = self.relative else {
            let most = if b.value > 0.0 { f64::INFINITY } else { 0.0 };
            // What is new is only a change if it is more than next to nothing, and than chance makes.
            if self.verdict == Verdict::Negligible {
                return Some((0.0, 0.0));
            }
            let by_chance = self.difference.as_ref().and_then(|it| it.by_chance);
            let is_fact = by_chance.is_some_and(|it| it < BY_CHANCE) || self.is_fact_of_its_runs();
            return Some((if is_fact { most } else { 0.0 }, most));
        };
        let (from, to) = self.interval.unwrap_or((relative, relative));
        let low = (b.value - b.less) / (a.value + a.more) - 1.0;
        let high = if a.value - a.less > 0.0 {
            (b.value + b.more) / (a.value - a.less) - 1.0
        } else {
            f64::INFINITY
        };
        Some((from + low.min(relative) - relative, to + high.max(relative) - relative))
    }
}

impl Payload {
    pub(super) fn quantity(self) -> Quantity {
        match self {
            Self::Busier => Quantity::Payload,
            Self::Path(path) => Quantity::PathMoved(path),
        }
    }
}

/// Two sides, compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What most figures are per.
    pub basis: Basis,
    /// How it was compared.
    pub options: Options,
    /// The figures, in the order of a report. Those of which there is next to nothing on both sides are not among
    /// them, unless they stand in the head.
    pub figures: Vec<Figure>,
    /// How many were left out.
    pub minor: usize,
    a: Side,
    b: Side,
}

/// What one figure that a condition is about may be by chance.
const BY_CHANCE: f64 = 0.05;

/// Fewer events than that are no figure.
const FEWEST_EVENTS: f64 = 5.0;

/// Of the bytes that moved, a smaller part is no figure.
const LEAST_SHARE: f64 = 0.001;

impl Comparison {
    /// Compares two sides.
    #[must_use]
    pub fn of(a: &Series, b: &Series, options: Options) -> Self {
        let (a, b) = (Side::new(a), Side::new(b));
        let runs = a.kind == Kind::Runs && b.kind == Kind::Runs;
        let payload = options.payload.quantity();
        let has_payload = a.total(&payload) > 0.0 && b.total(&payload) > 0.0;
        let basis = options.basis.unwrap_or(match (has_payload, runs) {
            (true, _) => Basis::Byte,
            (false, true) => Basis::Run,
            (false, false) => Basis::Second,
        });
        let mut made = Self { basis, options, figures: Vec::new(), minor: 0, a, b };
        for (quantity, basis, section) in made.wanted(runs) {
            let Some(figure) = made.figure(&quantity, basis, section) else { continue };
            // Where neither can tell, there is nothing to compare.
            let is_optional = section != Section::Head || quantity == Quantity::UserCopyShare;
            if figure.a.is_none() && figure.b.is_none() && is_optional {
                continue;
            }
            if section != Section::Head && made.is_minor(&figure) {
                made.minor += 1;
            } else {
                made.figures.push(figure);
            }
        }
        made.judge();
        made
    }

    /// What is compared, where both sides are `runs` or not.
    fn wanted(&self, runs: bool) -> Vec<(Quantity, Basis, Section)> {
        let whole = if runs { Basis::Run } else { Basis::Second };
        let mut wanted = Vec::new();
        for quantity in Quantity::HEAD {
            let basis = match quantity {
                _ if quantity.is_share() => Basis::Share,
                Quantity::Elapsed if !runs => continue,
                Quantity::Elapsed => Basis::Run,
                Quantity::Payload => whole,
                _ => self.basis,
            };
            wanted.push((quantity, basis, Section::Head));
        }
        if self.basis != Basis::Second {
            let rates = [
                Quantity::Payload,
                Quantity::Copied,
                Quantity::ByReference,
                Quantity::Counter(CounterId::ModeSwitches),
                Quantity::CpuTime,
            ];
            let is_new = |quantity: &Quantity| *quantity != Quantity::Payload || runs;
            wanted.extend(
                rates.into_iter().filter(is_new).map(|it| (it, Basis::Second, Section::Rates)),
            );
        }
        let all: BTreeSet<_> = self.a.known().union(&self.b.known()).cloned().collect();
        wanted.extend(all.into_iter().filter_map(|quantity| {
            let section = quantity.section()?;
            Some((quantity, self.basis, section))
        }));
        wanted.sort_by_key(|(_, _, section)| *section);
        wanted
    }

    /// A quantity on both sides, not judged yet. `None` where it is 0 on both.
    pub(super) fn figure(
        &self,
        quantity: &Quantity,
        basis: Basis,
        section: Section,
    ) -> Option<Figure> {
        let side = |side: &Side| {
            let unknown = side.unknown_per(quantity, basis).map(str::to_owned);
            let estimate = side.estimate(quantity, basis, self.options.payload);
            (estimate.filter(|_| unknown.is_none()), unknown)
        };
        let ((a, a_unknown), (b, b_unknown)) = (side(&self.a), side(&self.b));
        let is_nothing = |estimate: &Option<Estimate>, unknown: &Option<String>| {
            estimate.is_none_or(|it| it.total <= 0.0 && it.more <= 0.0) && unknown.is_none()
        };
        if is_nothing(&a, &a_unknown) && is_nothing(&b, &b_unknown) {
            return None;
        }
        let mut figure = Figure {
            quantity: quantity.clone(),
            basis,
            section,
            a,
            b,
            relative: None,
            interval: None,
            verdict: Verdict::Unchanged,
            difference: None,
        };
        let untold = |why: String| Verdict::Untold(why);
        figure.verdict = match (a_unknown, b_unknown) {
            (Some(a), Some(b)) if a == b => untold(format!("not known on either side: {a}")),
            (Some(why), _) => untold(format!("not known in A: {why}")),
            (_, Some(why)) => untold(format!("not known in B: {why}")),
            (None, None) => self.measure(&mut figure),
        };
        Some(figure)
    }

    /// Whether both sides have what figures of this basis are divided by.
    pub(super) fn can_divide(&self, basis: Basis) -> bool {
        let by = match basis {
            Basis::Byte => self.options.payload.quantity(),
            Basis::Second | Basis::Run => Quantity::Elapsed,
            Basis::Share => Quantity::Samples(Sampled::All),
        };
        self.a.total(&by) > 0.0 && self.b.total(&by) > 0.0
    }

    /// Works out how the sides differ. What can be said before all figures are known.
    fn measure(&self, figure: &mut Figure) -> Verdict {
        let (Some(a), Some(b)) = (figure.a, figure.b) else {
            return Verdict::Untold("there is nothing to divide by on one side".to_owned());
        };
        let drift = match figure.basis {
            Basis::Second => Quantity::Elapsed.drift(),
            _ => figure.quantity.drift(),
        };
        let lost = (self.a.lost().is_some(), self.b.lost().is_some());
        let difference = judge::difference(&a, &b, lost, drift);
        (figure.relative, figure.interval) = (difference.relative, difference.interval);
        figure.difference = Some(difference);
        if !judge::is_comparable(&a, &b) {
            return Verdict::Untold(format!(
                "{} in A, {} in B: the difference may be one of the method",
                a.provenance.id(),
                b.provenance.id()
            ));
        }
        let few = |side: &Side| match side.kind {
            Kind::Runs => "one run".to_owned(),
            Kind::Intervals => "too few intervals with something to do".to_owned(),
        };
        match (a.error, b.error) {
            (Some(_), Some(_)) if !figure.is_claimable() => {
                Verdict::Untold("it depends on what else the machine runs".to_owned())
            }
            (Some(_), Some(_)) => Verdict::Unchanged,
            (None, None) if few(&self.a) == few(&self.b) => {
                Verdict::Untold(format!("{} on each side, which shows no spread", few(&self.a)))
            }
            (None, _) => Verdict::Untold(format!("{} in A, which shows no spread", few(&self.a))),
            (_, None) => Verdict::Untold(format!("{} in B, which shows no spread", few(&self.b))),
        }
    }

    /// Judges all figures that can be.
    fn judge(&mut self) {
        let (least, lost) = (self.options.least, self.a.lost().or(self.b.lost()));
        let minor: Vec<_> = self.figures.iter().map(|figure| self.is_minor(figure)).collect();
        for (figure, _) in self.figures.iter_mut().zip(minor).filter(|(_, is_minor)| *is_minor) {
            figure.verdict = Verdict::Negligible;
        }
        // What matters most is judged by itself: the many others would ask for more evidence of it.
        for is_head in [true, false] {
            let candidates: Vec<_> = (0..self.figures.len())
                .filter(|at| {
                    let figure = &self.figures[*at];
                    figure.verdict == Verdict::Unchanged
                        && (figure.section == Section::Head) == is_head
                })
                .collect();
            let chances: Vec<_> = candidates
                .iter()
                .map(|at| {
                    let difference = self.figures[*at].difference.as_ref();
                    difference.and_then(|it| it.by_chance).unwrap_or(1.0)
                })
                .collect();
            for (at, is_claimed) in candidates.into_iter().zip(judge::claimed(&chances)) {
                let figure = &mut self.figures[at];
                let Some(difference) = &figure.difference else { continue };
                figure.verdict = verdict(difference, is_claimed, least, lost);
            }
        }
    }

    /// Whether there is next to nothing of it on either side.
    pub(super) fn is_minor(&self, figure: &Figure) -> bool {
        if matches!(figure.quantity, Quantity::Payload | Quantity::Moved) {
            return false;
        }
        let (total, lies) = (|it: &Option<Estimate>| it.map(|it| it.total), figure.quantity.unit());
        let is_small = |side: &Side, estimate: &Option<Estimate>| {
            let Some(total) = total(estimate) else { return false };
            match lies {
                Unit::Count => total < FEWEST_EVENTS,
                Unit::Bytes => {
                    let payload = side.total(&self.options.payload.quantity());
                    total < LEAST_SHARE * payload.max(side.total(&Quantity::Moved))
                }
                _ => false,
            }
        };
        is_small(&self.a, &figure.a) && is_small(&self.b, &figure.b)
    }

    /// The figures of a section, in their order.
    pub fn section(&self, section: Section) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(move |figure| figure.section == section)
    }

    /// Whether any figure changed.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.figures.iter().any(|figure| figure.verdict == Verdict::Changed)
    }

    /// The payload of each side.
    #[must_use]
    pub fn payloads(&self) -> (f64, f64) {
        let payload = self.options.payload.quantity();
        (self.a.total(&payload), self.b.total(&payload))
    }
}

fn verdict(
    difference: &Difference,
    is_claimed: bool,
    least: f64,
    lost: Option<&'static str>,
) -> Verdict {
    let is_large = difference.certain.abs() > least;
    if is_claimed && is_large {
        return if difference.is_open {
            let why = lost.unwrap_or_default();
            Verdict::Untold(format!("the smaller one may be larger: {why}"))
        } else {
            Verdict::Changed
        };
    }
    if let Some(why) = lost {
        return Verdict::Untold(why.to_owned());
    }
    let relative = difference.relative.map_or(f64::INFINITY, f64::abs);
    let most = difference.interval.map_or(f64::INFINITY, |(from, to)| from.abs().max(to.abs()));
    if is_claimed && relative <= least || most <= EQUAL {
        return Verdict::Unchanged;
    }
    if relative > least && difference.certain.abs() <= least {
        let why = "bytes of which it is not known whether they were copied may be all of it";
        return Verdict::Untold(why.to_owned());
    }
    Verdict::Untold(difference.interval.map_or_else(
        || "too few to tell from chance".to_owned(),
        |(from, to)| {
            let (from, to) = (from * 100.0, to * 100.0);
            format!("with this spread, it may be anything from {from:+.0} % to {to:+.0} %")
        },
    ))
}
