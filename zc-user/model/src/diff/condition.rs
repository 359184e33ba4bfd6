//! Conditions on a change, such as `copied_per_byte > +5%`: what `zc diff --fail-if` checks.

use super::{
    comparison::{Basis, Comparison, Figure, Section, Verdict},
    quantity::Quantity,
};

/// A condition on the change of one figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As it was written.
    pub text: String,
    quantity: Quantity,
    basis: Basis,
    is_more: bool,
    /// As a part of the first side.
    than: f64,
}

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Met {
    /// It does: so does the whole interval of 95 %.
    Yes,
    /// A part of the interval does.
    Maybe,
    /// It does not.
    No,
    /// There is no figure to compare, and why.
    Unknown(String),
}

/// What an id looks like, for messages.
const EXAMPLE: &str = "write it like 'copied_per_byte > +5%'";

impl Condition {
    /// Parses a condition.
    ///
    /// # Errors
    /// When it is none, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let place =
            text.find(['<', '>']).ok_or_else(|| format!("neither < nor > in it; {EXAMPLE}"))?;
        let (id, rest) = text.split_at(place);
        let (is_more, rest) = (rest.starts_with('>'), &rest[1..]);
        let than = rest
            .trim()
            .strip_suffix('%')
            .and_then(|number| number.trim().parse::<f64>().ok())
            .filter(|number| number.is_finite())
            .ok_or_else(|| {
                format!("no change in percent after {}; {EXAMPLE}", &text[place..=place])
            })?;
        let (quantity, basis) = figure(id.trim())?;
        Ok(Self { text: text.to_owned(), quantity, basis, is_more, than: than / 100.0 })
    }

    /// What its figure is per.
    #[must_use]
    pub const fn basis(&self) -> Basis {
        self.basis
    }

    /// Whether it holds, and the figure that it is about.
    #[must_use]
    pub fn check(&self, comparison: &Comparison) -> (Met, Option<Figure>) {
        let Some(mut figure) = comparison.figure(&self.quantity, self.basis, Section::Head) else {
            if !comparison.can_divide(self.basis) {
                let why = "there is nothing to divide by: no payload, or no samples";
                return (Met::Unknown(why.to_owned()), None);
            }
            // Nothing of it on either side is no change.
            return (if self.holds(0.0) { Met::Yes } else { Met::No }, None);
        };
        if comparison.is_minor(&figure) {
            figure.verdict = Verdict::Negligible;
        }
        let met = match (&figure.verdict, figure.range()) {
            (Verdict::Untold(why), _) if !figure.is_comparable() => Met::Unknown(why.clone()),
            (_, None) => Met::Unknown("there is nothing to compare".to_owned()),
            // Of one run a side there is no telling how much of it is chance, where chance has a part in it.
            (Verdict::Untold(why), Some(_)) if !figure.is_claimable() && figure.has_no_spread() => {
                Met::Unknown(why.clone())
            }
            (_, Some(_)) if figure.is_open() => {
                Met::Unknown("not everything was counted, see the losses".to_owned())
            }
            (_, Some((least, most))) => match (self.holds(least), self.holds(most)) {
                (true, true) => Met::Yes,
                (false, false) => Met::No,
                _ => Met::Maybe,
            },
        };
        (met, Some(figure))
    }

    fn holds(&self, change: f64) -> bool {
        if self.is_more { change > self.than } else { change < self.than }
    }
}

/// The figure with this id.
fn figure(id: &str) -> Result<(Quantity, Basis), String> {
    for basis in [Basis::Byte, Basis::Second, Basis::Run] {
        if let Some(name) = id.strip_suffix(basis.suffix()) {
            return match Quantity::from_id(name) {
                Some(quantity) if !quantity.is_share() => Ok((quantity, basis)),
                _ => Err(unknown(id)),
            };
        }
    }
    match Quantity::from_id(id) {
        Some(quantity) if quantity.is_share() => Ok((quantity, Basis::Share)),
        Some(_) => Err(format!(
            "'{id}' of how much? Add _per_byte (of payload), _per_sec or _per_run, such as {id}_per_byte"
        )),
        None => Err(unknown(id)),
    }
}

fn unknown(id: &str) -> String {
    let head: Vec<_> = Quantity::HEAD.iter().map(Quantity::id).collect();
    format!(
        "unknown figure '{id}'; expected one of {}, path.ID, path.ID.copied, path.ID.ops or a counter, with \
         _per_byte, _per_sec or _per_run",
        head.join(", ")
    )
}
