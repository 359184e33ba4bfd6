//! Expectations of a run: what `zc stat --expect` checks of the sums over all processes selected.
//!
//! An expectation is met only where everything that it may depend on is known well enough: of a sum of which a part
//! was lost it is known that it is not smaller, of an estimate that it lies within its margin.

use zc_common::{loss::Loss, path::CopyPath};

use crate::{
    column::{Column, Kind, Processes, Unit, why_copies_are_unavailable},
    counter::CounterId,
    filter::{
        COPIES_PER_BYTE, Comparison, Expr, FilterError, Literal, Operand, Operator,
        parse_expectation,
    },
    frame::Frame,
    ledger::PathSum,
    row::Row,
    snapshot::{Limitation, LossId, Provenance},
    tax,
    user_copies::Share,
    value::{Quality, Value},
};

/// A parsed expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// As it was written.
    pub text: String,
    expr: Expr,
}

/// Whether it is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is true, whatever is not known.
    Met,
    /// It is false, whatever is not known.
    Failed,
    /// It may be either.
    Unknown,
}

/// A figure that an expectation looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure<'f> {
    /// Its name, as in expectations.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// What it is.
    pub value: Value<'f>,
    /// How far it may be off either way, with 95 % confidence, where it is an estimate.
    pub margin: Option<f64>,
    /// Why it may be another, if it may: whether it is more or less than that, and for which reason.
    pub doubt: Option<String>,
}

/// The result of an expectation.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<'f> {
    /// Whether it is met.
    pub verdict: Verdict,
    /// What it looked at, each once, in the order in which they were written.
    pub figures: Vec<Figure<'f>>,
}

impl Expectation {
    /// Parses an expression such as `copies_per_byte <= 1.05 and path.sendfile_to_socket > 0`.
    ///
    /// # Errors
    /// With the place and what to write instead.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Ok(Self { text: text.to_owned(), expr: parse_expectation(text)? })
    }

    /// Whether the totals of `frame` are as expected.
    #[must_use]
    pub fn check<'f>(&self, frame: &'f Frame) -> Outcome<'f> {
        let mut figures: Vec<Figure<'f>> = Vec::new();
        let holds = self.expr.holds_by(&mut |comparison| {
            let (figure, range) = look(comparison.operand, frame)?;
            if figures.iter().all(|known| known.name != figure.name) {
                figures.push(figure);
            }
            range?.holds(comparison)
        });
        let verdict = match holds {
            Some(true) => Verdict::Met,
            Some(false) => Verdict::Failed,
            None => Verdict::Unknown,
        };
        Outcome { verdict, figures }
    }
}

/// What a number is at least and at most.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    least: f64,
    most: f64,
}

impl Range {
    /// Whether every number in it, or none, is what a comparison asks for.
    fn holds(self, comparison: &Comparison) -> Option<bool> {
        let Literal::Number(wanted) = comparison.literal else { return None };
        let Self { least, most } = self;
        let is = |number: f64| {
            number
                .partial_cmp(&wanted)
                .is_some_and(|ordering| comparison.operator.accepts(ordering))
        };
        let holds_in_between = match comparison.operator {
            Operator::Equal => least == most,
            Operator::NotEqual => wanted < least || wanted > most,
            _ => true,
        };
        if is(least) && is(most) && holds_in_between {
            return Some(true);
        }
        let is_possible = match comparison.operator {
            Operator::Equal => least <= wanted && wanted <= most,
            _ => is(least) || is(most),
        };
        if is_possible { None } else { Some(false) }
    }
}

/// A figure of the totals, and what it can be. `None` in place of the range: anything.
fn look(operand: Operand, frame: &Frame) -> Option<(Figure<'_>, Option<Range>)> {
    let figure =
        |name: String, unit, value| Figure { name, unit, value, margin: None, doubt: None };
    let mut figure = match operand {
        Operand::Column(column) => {
            let row = Row::totals(frame);
            let is_per_byte = column == Processes::AMPLIFICATION;
            let name = if is_per_byte { COPIES_PER_BYTE } else { column.id };
            let figure = figure(name.to_owned(), column.unit, column.of(row, frame));
            let margin = margin(column, row, frame).and_then(|margin| margin.number());
            Figure { margin, ..figure }
        }
        Operand::Moved(path) => {
            figure(format!("path.{}", path.id()), Unit::Bytes, moved(path, frame))
        }
        Operand::Copied(path) => {
            figure(format!("path.{}.copied", path.id()), Unit::Bytes, copied(path, frame))
        }
        Operand::Losses => {
            let own = frame.losses.occurred().filter(|(loss, _)| frame.scope.concerns(*loss));
            let count = own.fold(0_u64, |sum, (_, count)| sum.saturating_add(count));
            let value = Value::Integer(count, Quality::MEASURED);
            return Some((figure("losses".to_owned(), Unit::Count, value), Some(exactly(count))));
        }
        Operand::AnyPath | Operand::User => return None,
    };
    let Some(number) = figure.value.number() else { return Some((figure, None)) };
    let spread = figure.margin.unwrap_or(0.0);
    let range = Range { least: (number - spread).max(0.0), most: number + spread };
    let (range, doubt) = doubted(operand, &figure, range, frame);
    figure.doubt = doubt;
    Some((figure, range))
}

/// What a figure can be that is in `range` if everything is known, and why it may be outside.
fn doubted(
    operand: Operand,
    figure: &Figure<'_>,
    mut range: Range,
    frame: &Frame,
) -> (Option<Range>, Option<String>) {
    if frame.scope.filtered && frame.processes.is_empty() {
        return (None, Some("no process was selected: check the selection".to_owned()));
    }
    if frame.scope.filtered && frame.crowded {
        let doubt = "more or less: threads have found no slot, and what they did may be that of other \
                     processes; track more threads with --max-threads";
        return (None, Some(doubt.to_owned()));
    }
    let mut doubts = Vec::new();
    if let Some(limit) = limit(operand, frame) {
        return (None, Some(format!("more or less: {}", limit.reason)));
    }
    if let Some(lost) = lost(frame) {
        let is_sum = !matches!(operand, Operand::Column(column) if column.kind != Kind::Counter);
        if !is_sum {
            return (None, Some(format!("more or less: {lost}")));
        }
        range.most = f64::INFINITY;
        doubts.push(format!("or more: {lost}"));
    }
    let faults = by_faults(operand, frame);
    if faults > 0.0 {
        range.least = (range.least - faults).max(0.0);
        doubts.push("or less: which page faults copied is not visible here".to_owned());
    }
    if figure.value.quality().is_some_and(|quality| quality.lower_bound) {
        let unknown = unknown(operand, frame);
        range.most = unknown.map_or(f64::INFINITY, |unknown| range.most + unknown);
        doubts.push(
            "or more: there are bytes of which it is not known whether they were copied".to_owned(),
        );
    }
    let doubt = (!doubts.is_empty()).then(|| doubts.join("; "));
    (Some(range), doubt)
}

/// The limitation of a counter that is a model here, and may be off in either direction.
fn limit(operand: Operand, frame: &Frame) -> Option<&Limitation> {
    let Operand::Column(column) = operand else { return None };
    let id = column.id.strip_suffix("_per_sec").unwrap_or(column.id);
    let counter = CounterId::ALL.iter().copied().find(|counter| counter.id() == id)?;
    // Copies have a model that each path is known to follow, and a bound: see [`by_faults`].
    if matches!(counter, CounterId::CopiedBytes | CounterId::CowCopiedBytes) {
        return None;
    }
    frame.host.limitation(counter).filter(|limit| limit.provenance == Provenance::Modelled)
}

/// Of a figure, the part that page faults have done at most, and perhaps have not.
#[expect(clippy::cast_precision_loss, reason = "compared, and 2^53 bytes are 8 PiB")]
fn by_faults(operand: Operand, frame: &Frame) -> f64 {
    let is_bound = |path| {
        seen_with(path)
            .is_some_and(|counter| frame.host.provenance(counter) == Provenance::Modelled)
    };
    let of = |path| PathSum::on(&frame.totals.paths, &[path]);
    match operand {
        Operand::Moved(path) if is_bound(path) => of(path).moved_bytes as f64,
        Operand::Copied(path) if is_bound(path) => of(path).copied_bytes as f64,
        Operand::Column(column) if is_bound(CopyPath::CowCopy) => {
            let bytes = of(CopyPath::CowCopy).copied_bytes;
            if column == Processes::COPIED_BYTES || column == Processes::COW_COPIED_BYTES {
                bytes as f64
            } else if column == Processes::COPIED_BYTES_PER_SEC {
                frame.per_second(bytes).unwrap_or(0.0)
            } else {
                0.0
            }
        }
        _ => 0.0,
    }
}

/// By how much a figure of copied bytes can be too low, where that is known.
#[expect(clippy::cast_precision_loss, reason = "compared, and 2^53 bytes are 8 PiB")]
fn unknown(operand: Operand, frame: &Frame) -> Option<f64> {
    let paths = &frame.totals.paths;
    match operand {
        Operand::Column(column) if column == Processes::COPIED_BYTES => {
            Some(frame.copied(paths).unknown_moved_bytes as f64)
        }
        Operand::Copied(path) => {
            let of_path: Vec<_> =
                paths.iter().filter(|sample| sample.path == path).copied().collect();
            Some(frame.copied(&of_path).unknown_moved_bytes as f64)
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "compared, and 2^53 losses are more than there are")]
const fn exactly(count: u64) -> Range {
    Range { least: count as f64, most: count as f64 }
}

/// The margin of a figure that is an estimate.
fn margin<'f>(of: &Column, row: Row<'f>, frame: &'f Frame) -> Option<Value<'f>> {
    if of == Processes::COPY_TAX {
        return Some(tax::copy_tax_margin(row.counters, frame));
    }
    let shares = [
        (Processes::LIBRARY_COPY_SHARE, Share::Library),
        (Processes::INLINED_COPY_SHARE, Share::Inlined),
        (Processes::COPY_FAULT_SHARE, Share::Faults),
        (Processes::USER_COPY_SHARE, Share::All),
        (Processes::COPY_BILL, Share::Bill),
        (Processes::NO_FILE_SHARE, Share::NoFile),
        (Processes::UNKNOWN_CODE_SHARE, Share::Unknown),
    ];
    let share = shares.into_iter().find(|(column, _)| *column == of);
    share.map(|(_, share)| share.margin(row.counters, frame))
}

/// Why sums over the processes of `frame` may be too small, if they may.
pub(crate) fn lost(frame: &Frame) -> Option<&'static str> {
    let matters = |loss: LossId| {
        frame.scope.concerns(loss)
            && !loss.is_known_and(|loss| match loss {
                // These leave the sums as they are.
                Loss::DevicesExhausted
                | Loss::ScatterListsTruncated
                | Loss::ObjectsExhausted
                | Loss::FlowsExhausted
                | Loss::CopiersExhausted
                | Loss::StacksLost => true,
                // Counted in the unattributed row, which is in the sums unless a filter leaves it out.
                Loss::SlotsExhausted | Loss::DepartedExhausted => !frame.scope.filtered,
                _ => false,
            })
    };
    if frame.losses.occurred().any(|(loss, _)| matters(loss)) {
        return Some("not everything was counted, see the losses");
    }
    let rings = frame.host.provenance(CounterId::UringOps);
    (rings == Provenance::Unavailable).then_some("operations of io_uring are not counted here")
}

/// The counter that is limited where what happens on a path cannot be seen. Calls are always seen.
pub(crate) const fn seen_with(path: CopyPath) -> Option<CounterId> {
    match path {
        CopyPath::MmapRead | CopyPath::MmapWrite => Some(CounterId::MappedSentBytes),
        CopyPath::CowCopy => Some(CounterId::CowCopiedBytes),
        CopyPath::SkbLinearize => Some(CounterId::ZerocopyLinearizedBytes),
        CopyPath::KernelCopy | CopyPath::SwiotlbBounce => Some(CounterId::CopiedBytes),
        _ => None,
    }
}

fn moved(path: CopyPath, frame: &Frame) -> Value<'_> {
    let moved = PathSum::on(&frame.totals.paths, &[path]).moved_bytes;
    let limit = seen_with(path).and_then(|counter| frame.host.limitation(counter));
    match limit {
        Some(limit) if limit.provenance != Provenance::Measured && moved == 0 => {
            Value::Unavailable(&limit.reason)
        }
        Some(limit) => Value::Integer(moved, Quality::of(limit.provenance)),
        None => Value::Integer(moved, Quality::MEASURED),
    }
}

fn copied(path: CopyPath, frame: &Frame) -> Value<'_> {
    let samples: Vec<_> =
        frame.totals.paths.iter().filter(|sample| sample.path == path).copied().collect();
    if samples.is_empty() {
        // Nothing was moved there, so nothing was copied, if that can be seen.
        return moved(path, frame);
    }
    let copied = frame.copied(&samples);
    if copied.bytes == 0 && copied.is_lower_bound() {
        return Value::Unavailable(why_copies_are_unavailable(frame));
    }
    Value::Integer(copied.bytes, copied.quality())
}

#[cfg(test)]
mod tests;
