//! One side, ready to be compared, and the means over its runs.

use std::collections::BTreeSet;

use super::{
    comparison::{Basis, Payload, Section},
    estimate::Estimate,
    observation::Observation,
    quantity::{Quantity, Sampled},
    series::{Kind, Series},
};
use crate::{advice, counter::CounterId, user_copies};

/// One side, ready to be compared.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) kind: Kind,
    pub(super) observations: Vec<Observation>,
}

impl Side {
    pub(super) fn new(series: &Series) -> Self {
        Self { kind: series.kind, observations: series.observations() }
    }

    /// Everything that was counted, and everything of which it is known that it was not.
    pub(super) fn known(&self) -> BTreeSet<Quantity> {
        let all = self.observations.iter();
        all.flat_map(|it| it.counts.keys().chain(it.unknown.keys()).cloned()).collect()
    }

    fn mean(&self, quantity: Quantity, basis: Basis, section: Section) -> Option<Mean> {
        if let Some(why) = self.unknown_per(&quantity, basis) {
            let estimate = Err(why.to_owned());
            let is_optional = section != Section::Head || quantity == Quantity::UserCopyShare;
            let mean = Mean { quantity, basis, section, estimate, ends: (0.0, 0.0) };
            return (!is_optional).then_some(mean);
        }
        let estimate = self.estimate(&quantity, basis, Payload::Busier)?;
        if estimate.total <= 0.0 && section != Section::Head {
            return None;
        }
        let each = self.observations.iter().filter_map(|it| {
            let one = Self { kind: Kind::Runs, observations: vec![it.clone()] };
            one.estimate(&quantity, basis, Payload::Busier).map(|it| it.value)
        });
        let ends = each.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        Some(Mean { quantity, basis, section, estimate: Ok(estimate), ends })
    }

    pub(super) fn lost(&self) -> Option<&'static str> {
        self.observations.iter().find_map(|it| it.lost)
    }

    pub(super) fn unknown(&self, quantity: &Quantity) -> Option<&str> {
        self.observations.iter().find_map(|it| it.unknown.get(quantity)).map(String::as_str)
    }

    /// The same of what is divided: copies per byte are those that were made for the payload, and may not be known
    /// where others are.
    pub(super) fn unknown_per(&self, quantity: &Quantity, basis: Basis) -> Option<&str> {
        let is_of_payload = *quantity == Quantity::Copied && basis == Basis::Byte;
        let payload = || self.observations.iter().find_map(|it| it.payload_unknown.as_deref());
        self.unknown(quantity).or_else(|| is_of_payload.then(payload).flatten())
    }

    pub(super) fn total(&self, quantity: &Quantity) -> f64 {
        let counts = self.observations.iter().filter_map(|it| it.counts.get(quantity));
        counts.map(|count| count.value).sum()
    }

    pub(super) fn estimate(
        &self,
        quantity: &Quantity,
        basis: Basis,
        payload: Payload,
    ) -> Option<Estimate> {
        let counted = |observation: &Observation| match (quantity, basis) {
            (Quantity::Copied, Basis::Byte) => observation.payload_copied,
            (quantity, _) => observation.counts.get(quantity).copied(),
        };
        let value = |observation: &Observation, quantity: &Quantity| {
            observation.counts.get(quantity).map_or(0.0, |count| count.value)
        };
        let divisor = |observation: &Observation| match basis {
            Basis::Byte => value(observation, &payload.quantity()),
            Basis::Second => observation.seconds,
            Basis::Run => 1.0,
            Basis::Share => value(observation, &Quantity::Samples(Sampled::All)),
        };
        Estimate::of(&self.observations, self.kind, quantity, &counted, &divisor)
    }
}

/// The mean of a quantity over the runs of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Mean {
    /// The quantity.
    pub quantity: Quantity,
    /// What it is per.
    pub basis: Basis,
    /// Where it stands.
    pub section: Section,
    /// What was found, or why that is not known.
    pub estimate: Result<Estimate, String>,
    /// The smallest and the greatest of all runs.
    pub ends: (f64, f64),
}

impl Mean {
    /// The means of all that was counted in the runs of `series`, in the order of a report. What is 0 is not among
    /// them.
    #[must_use]
    pub fn all(series: &Series) -> Vec<Self> {
        let side = Side::new(series);
        let known = side.known();
        let copies = (Quantity::Copied, Basis::Byte, Section::Head);
        let head = Quantity::HEAD.into_iter().map(|it| {
            let basis = if it.is_share() { Basis::Share } else { Basis::Run };
            (it, basis, Section::Head)
        });
        let rest = known.into_iter().filter_map(|it| Some((it.clone(), Basis::Run, it.section()?)));
        let mut wanted: Vec<_> = head.chain([copies]).chain(rest).collect();
        wanted.sort_by_key(|(_, _, section)| *section);
        wanted
            .into_iter()
            .filter_map(|(quantity, basis, section)| side.mean(quantity, basis, section))
            .collect()
    }
}

impl Quantity {
    /// Where it is listed, if not in the head only.
    pub(super) fn section(&self) -> Option<Section> {
        match self {
            Self::PathMoved(_) | Self::PathCopied(_) | Self::PathOps(_) => Some(Section::Paths),
            Self::DeviceRead(..) | Self::DeviceWritten(..) => Some(Section::Devices),
            Self::Counter(counter) if is_listed(*counter) => Some(Section::Counters),
            _ => None,
        }
    }
}

/// Whether a counter is listed by itself.
fn is_listed(counter: CounterId) -> bool {
    let is_in_head = Quantity::HEAD.contains(&Quantity::Counter(counter));
    let is_elsewhere = matches!(
        counter,
        CounterId::MovedBytes
            | CounterId::CopiedBytes
            | CounterId::CpuSamples
            | CounterId::CopySamples
    );
    !is_in_head
        && !is_elsewhere
        && !advice::COUNTERS.contains(&counter)
        && !user_copies::COUNTERS.contains(&counter)
}
