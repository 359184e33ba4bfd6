//! The columns of the lab's findings: the setting, the figures, each with its theory where the textbook
//! gives one, and the verdict. Every output reads them.

use super::{
    finding::{Finding, Ran, Spread},
    sampled::{self, Spent},
    scenario::Scenario,
};
use zc_model::{
    column::{Column, Table, Unit, View::Figures},
    columns,
    counter::CounterId,
    snapshot::Provenance,
    user_copies::Share,
    value::{Quality, Value},
};
use zc_render::human;

/// The table of findings.
pub struct Findings;

/// A column of findings.
pub type Metric = Column<Findings>;

/// What the lab knows of a column.
#[derive(Clone, Copy)]
pub struct Lesson {
    /// What the textbook says; [`Value::Absent`] where it says nothing.
    pub theory: fn(&Scenario) -> Value<'static>,
    /// What was measured in each round, of which the column has the median.
    pub rounds: Option<fn(&Finding, &Ran) -> Option<Spread>>,
    /// How far it may be off either way, with 95 % confidence, where it is estimated from samples.
    pub margin: Option<&'static Metric>,
    /// Its place in the table of all findings.
    pub place: Option<Place>,
}

/// A place in the table of all findings.
#[derive(Clone, Copy)]
pub struct Place {
    /// The heading, where there is less room.
    pub heading: &'static str,
    /// Columns with a greater number are dropped first when there is little room.
    pub priority: u8,
    /// The same for the range of the rounds, which follows; `None` for no range.
    pub range: Option<u8>,
    /// Whether it is left out when no finding has it.
    pub is_optional: bool,
}

impl Table for Findings {
    type Row<'a> = &'a Finding;
    type Context = ();
    type Extra = Lesson;

    const PLAIN: Lesson =
        Lesson { theory: |_| Value::Absent, rounds: None, margin: None, place: None };
    const COLUMNS: &'static [&'static Column<Self>] = Self::ALL;
}

impl Findings {
    /// The figures, in order.
    pub fn figures() -> impl Iterator<Item = &'static Metric> {
        Self::of_view(Figures)
    }

    /// The figures for people, in order: margins stand behind what they belong to.
    pub fn shown() -> impl Iterator<Item = &'static Metric> {
        let is_margin = |metric: &Metric| {
            Self::figures().any(|other| other.extra.margin.is_some_and(|margin| margin == metric))
        };
        Self::figures().filter(move |metric| !is_margin(metric))
    }
}

impl Lesson {
    /// The spread over the rounds, where each has a figure of its own.
    #[must_use]
    pub fn spread(&self, finding: &Finding, ran: &Ran) -> Option<Spread> {
        self.rounds.and_then(|read| read(finding, ran))
    }

    const fn theory(theory: fn(&Scenario) -> Value<'static>) -> Self {
        Self { theory, ..Findings::PLAIN }
    }

    const fn rounds(read: fn(&Finding, &Ran) -> Option<Spread>) -> Self {
        Self { rounds: Some(read), ..Findings::PLAIN }
    }

    const fn margin(margin: &'static Metric) -> Self {
        Self { margin: Some(margin), ..Findings::PLAIN }
    }

    const fn at(self, heading: &'static str, priority: u8) -> Self {
        let place = Place { heading, priority, range: None, is_optional: false };
        Self { place: Some(place), ..self }
    }

    const fn optional(self) -> Self {
        let place = match self.place {
            Some(place) => Some(Place { is_optional: true, ..place }),
            None => None,
        };
        Self { place, ..self }
    }

    const fn range(self, priority: u8) -> Self {
        let place = match self.place {
            Some(place) => Some(Place { range: Some(priority), ..place }),
            None => None,
        };
        Self { place, ..self }
    }
}

columns! { Findings:
    SCENARIO = "scenario", "Scenario", Text, Label,
        "Id of the scenario.",
        |finding, _| text(finding.scenario.id),
        .with(Findings::PLAIN.at("SCENARIO", 0));
    SINK = "sink", "Sink", Text, Label,
        "Where the payload goes.",
        |finding, _| text(finding.setting.sink.id()),
        .with(Findings::PLAIN.at("SINK", 6));
    SIZE = "size", "Size", Bytes, Label,
        "Bytes of the payload.",
        |finding, _| integer(finding.setting.size);
    CHUNK = "chunk", "Chunk", Bytes, Label,
        "Bytes per transfer.",
        |finding, _| integer(finding.setting.chunk);
    COLD = "cold", "Cold", Text, Label,
        "Whether the page cache was dropped before each round.",
        |finding, _| text(if finding.setting.cold { "true" } else { "false" });
    ROUNDS = "rounds", "Rounds", Count, Label,
        "Number of rounds.",
        |finding, _| of_ran(finding, |ran| integer(ran.rounds.into()));
    OUTCOME = "outcome", "Outcome", Text, Label,
        "ran, skipped or failed.",
        |finding, _| text(finding.outcome.id());
    WHY = "why", "Why", Text, Label,
        "Why it was skipped or failed.",
        |finding, _| finding.outcome.why().map_or(Value::Absent, text);
    CPU_COPIES = "cpu_copies", "CPU copies/byte", Ratio, Gauge,
        "Times the kernel copied each byte of the payload by the CPU, on the sending side. Copies in user \
         space are not among them.",
        |finding, _| of_ran(finding, cpu_copies),
        .on(&[Figures]),
        .with(Lesson::theory(|scenario| {
            scenario.theory.cpu_copies.map_or(Value::Absent, real)
        }).at("COPIES", 0));
    DMA_COPIES = "dma_copies", "DMA copies/byte", Ratio, Gauge,
        "Times a device moved each byte: between storage and memory, and between memory and the \
         network.",
        |finding, _| of_ran(finding, dma_copies),
        .on(&[Figures]),
        .with(Lesson::theory(|scenario| {
            real(f64::from(scenario.theory.storage_dma + scenario.theory.network_dma))
        }).at("DMA", 3));
    MODE_SWITCHES_PER_TRANSFER = "mode_switches_per_transfer", "Mode sw./transfer", Ratio, Gauge,
        "Switches between user and kernel mode per transfer of a chunk: two per system call, and two \
         per page fault.",
        |finding, _| of_ran(finding, |ran| mode_switches(finding, ran)),
        .on(&[Figures]),
        .with(Lesson::theory(|scenario| {
            scenario.theory.mode_switches.map_or(Value::Absent, |n| real(f64::from(n)))
        }).at("MODE SW.", 1));
    SYSCALLS = "syscalls", "Syscalls", Count, Counter,
        CounterId::Syscalls.help(),
        |finding, _| counter(finding, CounterId::Syscalls),
        .on(&[Figures]),
        .with(Findings::PLAIN.at("SYSCALLS", 7));
    MODE_SWITCHES = "mode_switches", "Mode switches", Count, Counter,
        CounterId::ModeSwitches.help(),
        |finding, _| counter(finding, CounterId::ModeSwitches),
        .on(&[Figures]);
    CONTEXT_SWITCHES_VOLUNTARY = "context_switches_voluntary", "Ctx sw. vol.", Count, Counter,
        CounterId::ContextSwitchesVoluntary.help(),
        |finding, _| counter(finding, CounterId::ContextSwitchesVoluntary),
        .on(&[Figures]);
    CONTEXT_SWITCHES_INVOLUNTARY = "context_switches_involuntary", "Ctx sw. invol.", Count, Counter,
        CounterId::ContextSwitchesInvoluntary.help(),
        |finding, _| counter(finding, CounterId::ContextSwitchesInvoluntary),
        .on(&[Figures]);
    CONTEXT_SWITCHES = "context_switches", "Context switches", Count, Counter,
        "Context switches, voluntary and involuntary.",
        |finding, _| sum(
            finding,
            [CounterId::ContextSwitchesVoluntary, CounterId::ContextSwitchesInvoluntary],
        ),
        .with(Findings::PLAIN.at("CTX SW.", 8));
    PAGE_FAULTS_MINOR = "page_faults_minor", "Minor faults", Count, Counter,
        CounterId::PageFaultsMinor.help(),
        |finding, _| counter(finding, CounterId::PageFaultsMinor),
        .on(&[Figures]);
    PAGE_FAULTS_MAJOR = "page_faults_major", "Major faults", Count, Counter,
        CounterId::PageFaultsMajor.help(),
        |finding, _| counter(finding, CounterId::PageFaultsMajor),
        .on(&[Figures]);
    PAGE_FAULTS = "page_faults", "Page faults", Count, Counter,
        "Page faults, minor and major.",
        |finding, _| sum(finding, [CounterId::PageFaultsMinor, CounterId::PageFaultsMajor]),
        .with(Findings::PLAIN.at("FAULTS", 9));
    PAGE_CACHE_HITS = "page_cache_hits", "Cache hits", Count, Counter,
        CounterId::PageCacheHits.help(),
        |finding, _| counter(finding, CounterId::PageCacheHits),
        .on(&[Figures]);
    PAGE_CACHE_MISSES = "page_cache_misses", "Cache misses", Count, Counter,
        CounterId::PageCacheMisses.help(),
        |finding, _| counter(finding, CounterId::PageCacheMisses),
        .on(&[Figures]);
    WALL_NS = "wall_ns", "Time", Nanoseconds, Gauge,
        "Duration of the work, median of the rounds.",
        |finding, _| median(finding, Findings::WALL_NS),
        .on(&[Figures]),
        .with(Lesson::rounds(|_, ran| Some(ran.wall_ns)).at("TIME", 4).range(11));
    CPU_NS = "cpu_ns", "CPU time", Nanoseconds, Gauge,
        "CPU time of the worker, user and system, median of the rounds.",
        |finding, _| median(finding, Findings::CPU_NS),
        .on(&[Figures]),
        .with(Lesson::rounds(|_, ran| Some(ran.cpu_ns)).at("CPU TIME", 5));
    THROUGHPUT_BYTES_PER_SEC = "throughput_bytes_per_sec", "Throughput", BytesPerSec, Gauge,
        "Payload per second, from the median duration.",
        |finding, _| median(finding, Findings::THROUGHPUT_BYTES_PER_SEC),
        .on(&[Figures]),
        .with(Lesson::rounds(throughput));
    RELATIVE_THROUGHPUT = "relative_throughput", "vs read+write", Ratio, Gauge,
        "Throughput as a multiple of read + write to the same sink, median of the rounds, which \
         alternated.",
        |finding, _| median(finding, Findings::RELATIVE_THROUGHPUT),
        .on(&[Figures]),
        .with(Lesson::rounds(|_, ran| ran.relative).at("vs R+W", 1).range(10));
    CPU_NS_PER_BYTE = "cpu_ns_per_byte", "CPU ns/byte", Ratio, Gauge,
        "CPU time of the worker per byte of the payload, in nanoseconds, median of the rounds. This and the \
         following are there for scenarios about copies in user space, and with `--user-copies`.",
        |finding, _| median(finding, Findings::CPU_NS_PER_BYTE),
        .on(&[Figures]),
        .with(Lesson::rounds(cpu_per_byte));
    COPY_TAX = "copy_tax", "Copies of the kernel", Fraction, Gauge,
        "Share of the CPU time in the copy routines of the kernel, by samples of all rounds.",
        |finding, _| Spent::Kernel.share(finding),
        .on(&[Figures]),
        .with(Lesson::margin(Findings::COPY_TAX_MARGIN));
    COPY_TAX_MARGIN = "copy_tax_margin", "Kernel margin", Fraction, Gauge,
        "95 % confidence margin of `copy_tax`.",
        |finding, _| Spent::Kernel.margin(finding),
        .on(&[Figures]);
    USER_COPY_SHARE = "user_copy_share", "Copies in user space", Fraction, Gauge,
        "Share of the CPU time in copies that the program makes itself, by samples of all rounds: in \
         functions and loops that copy, and in the page faults that these took.",
        |finding, _| Spent::User(Share::All).share(finding),
        .on(&[Figures]),
        .with(Lesson::margin(Findings::USER_COPY_MARGIN).at("USER COPIES", 2).optional());
    USER_COPY_MARGIN = "user_copy_margin", "User margin", Fraction, Gauge,
        "95 % confidence margin of `user_copy_share`.",
        |finding, _| Spent::User(Share::All).margin(finding),
        .on(&[Figures]);
    LIBRARY_COPY_SHARE = "library_copy_share", "in functions", Fraction, Gauge,
        "Share of the CPU time in functions that only copy, such as memcpy.",
        |finding, _| Spent::User(Share::Library).share(finding),
        .on(&[Figures]),
        .with(Lesson::margin(Findings::LIBRARY_COPY_MARGIN));
    LIBRARY_COPY_MARGIN = "library_copy_margin", "Function margin", Fraction, Gauge,
        "95 % confidence margin of `library_copy_share`.",
        |finding, _| Spent::User(Share::Library).margin(finding),
        .on(&[Figures]);
    INLINED_COPY_SHARE = "inlined_copy_share", "in loops", Fraction, Gauge,
        "Share of the CPU time in loops that copy, in functions that do more.",
        |finding, _| Spent::User(Share::Inlined).share(finding),
        .on(&[Figures]),
        .with(Lesson::margin(Findings::INLINED_COPY_MARGIN));
    INLINED_COPY_MARGIN = "inlined_copy_margin", "Loop margin", Fraction, Gauge,
        "95 % confidence margin of `inlined_copy_share`.",
        |finding, _| Spent::User(Share::Inlined).margin(finding),
        .on(&[Figures]);
    COPY_FAULT_SHARE = "copy_fault_share", "in their faults", Fraction, Gauge,
        "Share of the CPU time in page faults that copies in user space took.",
        |finding, _| Spent::User(Share::Faults).share(finding),
        .on(&[Figures]),
        .with(Lesson::margin(Findings::COPY_FAULT_MARGIN));
    COPY_FAULT_MARGIN = "copy_fault_margin", "Fault margin", Fraction, Gauge,
        "95 % confidence margin of `copy_fault_share`.",
        |finding, _| Spent::User(Share::Faults).margin(finding),
        .on(&[Figures]);
    NO_FILE_SHARE = "no_file_share", "code with no file", Fraction, Gauge,
        "Share of the CPU time in code that is in no file, such as that of a JIT compiler: it may copy.",
        |finding, _| Spent::User(Share::NoFile).share(finding),
        .on(&[Figures]),
        .with(Lesson::margin(Findings::NO_FILE_MARGIN));
    NO_FILE_MARGIN = "no_file_margin", "No-file margin", Fraction, Gauge,
        "95 % confidence margin of `no_file_share`.",
        |finding, _| Spent::User(Share::NoFile).margin(finding),
        .on(&[Figures]);
    UNKNOWN_CODE_SHARE = "unknown_code_share", "code not known", Fraction, Gauge,
        "Share of the CPU time in code of which nothing could be found out: it may copy.",
        |finding, _| Spent::User(Share::Unknown).share(finding),
        .on(&[Figures]),
        .with(Lesson::margin(Findings::UNKNOWN_CODE_MARGIN));
    UNKNOWN_CODE_MARGIN = "unknown_code_margin", "Unknown margin", Fraction, Gauge,
        "95 % confidence margin of `unknown_code_share`.",
        |finding, _| Spent::User(Share::Unknown).margin(finding),
        .on(&[Figures]);
    COPY_BILL = "copy_bill", "Copy bill", Fraction, Gauge,
        "Share of the CPU time in copies, of the kernel and in user space.",
        |finding, _| Spent::User(Share::Bill).share(finding),
        .on(&[Figures]),
        .with(Lesson::margin(Findings::COPY_BILL_MARGIN));
    COPY_BILL_MARGIN = "copy_bill_margin", "Bill margin", Fraction, Gauge,
        "95 % confidence margin of `copy_bill`.",
        |finding, _| Spent::User(Share::Bill).margin(finding),
        .on(&[Figures]);
    USER_COPY_NS = "user_copy_ns", "CPU time of user copies", Nanoseconds, Gauge,
        "CPU time of copies in user space in a round: their share of the median.",
        |finding, _| Spent::User(Share::All).time(finding),
        .on(&[Figures]),
        .with(Lesson::margin(Findings::USER_COPY_NS_MARGIN));
    USER_COPY_NS_MARGIN = "user_copy_ns_margin", "User time margin", Nanoseconds, Gauge,
        "95 % confidence margin of `user_copy_ns`.",
        |finding, _| Spent::User(Share::All).time_margin(finding),
        .on(&[Figures]);
    CPU_SAMPLES = "cpu_samples", "CPU samples", Count, Counter,
        "Samples of the CPU time in all rounds, from which these shares are estimated.",
        |finding, _| sampled::samples(finding),
        .on(&[Figures]);
    COPIES_PROVENANCE = "copies_provenance", "Provenance", Text, Label,
        "Provenance of the copies.",
        |finding, _| of_ran(finding, |ran| text(ran.measurement.copies().provenance.id()));
    LOSSES = "losses", "Losses", Count, Counter,
        "Events that zc did not count, for any reason.",
        |finding, _| of_ran(finding, |ran| {
            ran.measurement.frame.as_ref().map_or(Value::Absent, |frame| integer(frame.losses.total()))
        });
    VERDICT = "verdict", "Verdict", Text, Label,
        "Whether the textbook is right here.",
        |finding, _| of_ran(finding, |ran| text(ran.verdict.judgement.id())),
        .with(Findings::PLAIN.at("VERDICT", 0));
    SENTENCE = "sentence", "Sentence", Text, Label,
        "The verdict in a sentence.",
        |finding, _| of_ran(finding, |ran| Value::Text(ran.verdict.judgement.sentence().into()));
}

/// A figure of a table: a dash where there is nothing to tell.
#[must_use]
pub fn figure(value: &Value<'_>, unit: Unit) -> String {
    match value {
        Value::Absent => human::UNAVAILABLE.to_owned(),
        _ => human::marked(value, unit),
    }
}

/// The value of a metric for people, with its margin; empty where the question has no answer.
#[must_use]
pub fn in_words(metric: &Metric, finding: &Finding) -> String {
    let value = metric.of(finding, &());
    let words = human::marked(&value, metric.unit);
    match metric.extra.margin {
        Some(margin) if value != Value::Absent => {
            human::with_margin(words, &human::value(&margin.of(finding, &()), metric.unit))
        }
        _ => words,
    }
}

const fn text(text: &str) -> Value<'_> {
    Value::Text(std::borrow::Cow::Borrowed(text))
}

const fn integer<'a>(value: u64) -> Value<'a> {
    Value::Integer(value, Quality::MEASURED)
}

fn of_ran<'a>(finding: &'a Finding, read: impl FnOnce(&'a Ran) -> Value<'a>) -> Value<'a> {
    finding.ran().map_or(Value::Absent, read)
}

fn counter(finding: &Finding, counter: CounterId) -> Value<'_> {
    of_ran(finding, |ran| ran.measurement.counter(counter))
}

/// The sum of counters; not available if one of them is not.
fn sum(finding: &Finding, counters: [CounterId; 2]) -> Value<'_> {
    let [first, second] = counters.map(|id| counter(finding, id));
    match (first, second) {
        (Value::Integer(a, qa), Value::Integer(b, qb)) => {
            let provenance = qa.provenance.max(qb.provenance);
            Value::Integer(a + b, Quality { provenance, ..qa })
        }
        (Value::Integer(..), other) | (other, _) => other,
    }
}

/// The middle of what the rounds gave.
fn median<'a>(finding: &'a Finding, metric: &Metric) -> Value<'a> {
    let spread = |ran| metric.extra.spread(finding, ran);
    finding.ran().and_then(spread).map_or(Value::Absent, |spread| real(spread.median))
}

fn cpu_copies(ran: &Ran) -> Value<'_> {
    let copies = ran.measurement.copies();
    if copies.provenance == Provenance::Unavailable {
        return Value::Unavailable(ran.measurement.why_no_copies());
    }
    let quality = Quality { provenance: copies.provenance, lower_bound: false };
    Value::Real(ran.measurement.per_byte(copies.bytes), quality)
}

fn dma_copies(ran: &Ran) -> Value<'_> {
    let read = ran.measurement.counter(CounterId::BlockReadBytes);
    let written = ran.measurement.counter(CounterId::BlockWriteBytes);
    match (&read, &written) {
        (Value::Integer(read, quality), Value::Integer(written, _)) => {
            Value::Real(ran.measurement.per_byte(read + written), *quality)
        }
        _ => read,
    }
}

fn mode_switches<'a>(finding: &Finding, ran: &'a Ran) -> Value<'a> {
    match ran.measurement.counter(CounterId::ModeSwitches) {
        Value::Integer(switches, quality) => {
            Value::Real(ratio(switches, finding.setting.transfers()), quality)
        }
        other => other,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "other figures are not known of every round")]
fn throughput(finding: &Finding, ran: &Ran) -> Option<Spread> {
    let rate = |ns| per_sec(finding.setting.size, ns);
    let Spread { min, median, max } = ran.wall_ns;
    Some(Spread { min: rate(max), median: rate(median), max: rate(min) })
}

/// Where copies in user space are of interest.
fn cpu_per_byte(finding: &Finding, ran: &Ran) -> Option<Spread> {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let size = finding.setting.size.max(1) as f64;
    let Spread { min, median, max } = ran.cpu_ns;
    let is_absent = Spent::User(Share::All).share(finding) == Value::Absent;
    (!is_absent).then_some(Spread { min: min / size, median: median / size, max: max / size })
}

const fn real<'a>(value: f64) -> Value<'a> {
    Value::Real(value, Quality::MEASURED)
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn ratio(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

/// Bytes per second, when `bytes` took `ns`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn per_sec(bytes: u64, ns: f64) -> f64 {
    if ns > 0.0 { bytes as f64 * 1e9 / ns } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn figures_have_distinct_ids() {
        let ids: HashSet<_> = Findings::COLUMNS.iter().map(|metric| metric.id).collect();
        assert_eq!(ids.len(), Findings::COLUMNS.len());
    }
}
