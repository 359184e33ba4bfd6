//! Code that copies: call stacks of the kernel's copies, and functions of programs that copy by
//! themselves.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{
    Page,
    detail::Detail,
    listing::{Listing, TablePage},
    stack::StackPage,
    switch::Switch,
};
use crate::state::{Context, key::ProcessKey};
use zc_model::{
    column::{
        Column,
        stack::{CopierLine, Copiers, StackLine, Stacks as Columns},
    },
    frame::Frame,
    snapshot::{
        Copier, CopierKind, PathId, ProcessId, Provenance, StackEnd, StackFrame, StackSample,
        Stacks,
    },
    stack::{Estimate, copied_apart},
    value::Quality,
};
use zc_render::{
    folded::function,
    human,
    sanitize::{name, sanitize, truncate, truncate_start},
    table::UNATTRIBUTED,
};

/// Intervals whose samples are taken together: of one alone there are too few.
const INTERVALS: usize = 10;

/// The page: stacks first, then the functions that copy by themselves.
#[must_use]
pub fn page() -> Switch {
    let stacks = Box::new(TablePage::new(OfStacks::default()));
    Switch::new("Code", "code that copies", stacks, vec![Box::new(TablePage::new(OfCopiers))])
}

/// Samples of the last intervals.
#[derive(Clone, Debug, Default)]
pub struct Window {
    intervals: VecDeque<Interval>,
}

#[derive(Clone, Debug)]
struct Interval {
    taken_at_ns: u64,
    seconds: f64,
    stacks: Stacks,
    apart: Vec<(PathId, u64)>,
}

impl Window {
    /// Adds the samples of a frame, once.
    pub fn push(&mut self, frame: &Frame) {
        let Some(stacks) = &frame.stacks else { return self.intervals.clear() };
        let last = self.intervals.back().map(|last| last.taken_at_ns);
        if last == Some(frame.taken_at_ns) || frame.elapsed_ns == 0 {
            return;
        }
        if last.is_some_and(|last| last > frame.taken_at_ns) {
            // A recording was moved back in.
            self.intervals.clear();
        }
        if self.intervals.len() >= INTERVALS {
            self.intervals.pop_front();
        }
        self.intervals.push_back(Interval {
            taken_at_ns: frame.taken_at_ns,
            seconds: frame.seconds(),
            stacks: stacks.clone(),
            apart: copied_apart(frame),
        });
    }

    /// How long the intervals were together, seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.intervals.iter().map(|interval| interval.seconds).sum()
    }

    /// The samples of all intervals.
    #[must_use]
    pub fn stacks(&self) -> Stacks {
        self.stacks_where(|_| true)
    }

    /// The same, of some processes.
    #[must_use]
    pub fn stacks_where(&self, keep: impl Fn(ProcessId) -> bool) -> Stacks {
        let mut all = Stacks::default();
        for Interval { stacks, .. } in &self.intervals {
            all.rows.extend(stacks.rows.iter().filter(|row| keep(row.process)).cloned());
            all.lost_bytes = all.lost_bytes.saturating_add(stacks.lost_bytes);
            (all.frequency, all.mean_bytes) = (stacks.frequency, stacks.mean_bytes);
        }
        all
    }

    fn apart(&self) -> Vec<(PathId, u64)> {
        let mut all: Vec<(PathId, u64)> = Vec::new();
        for (path, bytes) in self.intervals.iter().flat_map(|interval| &interval.apart) {
            match all.iter_mut().find(|(it, _)| it == path) {
                Some((_, sum)) => *sum = sum.saturating_add(*bytes),
                None => all.push((*path, *bytes)),
            }
        }
        all
    }
}

/// A stack of all processes of a name: short-lived ones have a few samples each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StackKey {
    /// Their name.
    pub comm: Arc<str>,
    /// The frames, the innermost first.
    pub frames: Arc<[Arc<StackFrame>]>,
    /// Where they end.
    pub end: StackEnd,
}

impl StackKey {
    /// Whether a row is of this stack.
    #[must_use]
    pub fn has(&self, row: &StackSample) -> bool {
        row.comm == self.comm && row.end == self.end && row.frames == self.frames
    }
}

/// What a line stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// A stack.
    Stack(StackKey),
    /// What is copied on a path where no stack is taken.
    Apart(PathId),
    /// What lost samples stand for.
    Lost,
}

/// The stacks.
#[derive(Default)]
pub struct OfStacks {
    window: Window,
}

/// Functions that copy by themselves.
pub struct OfCopiers;

/// What is copied through a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Amount {
    /// The processes.
    pub processes: Vec<ProcessId>,
    /// What they copied on each path, the largest first.
    pub paths: Vec<(PathId, f64)>,
    /// What they copied.
    pub estimate: Estimate,
}

/// The stacks in some order, those of processes of a name together.
#[must_use]
pub fn stacks_of(stacks: &Stacks) -> HashMap<StackKey, Amount> {
    let mut all: HashMap<StackKey, Amount> = HashMap::new();
    for row in &stacks.rows {
        let key =
            StackKey { comm: Arc::clone(&row.comm), frames: Arc::clone(&row.frames), end: row.end };
        let amount = all.entry(key).or_insert_with(|| Amount {
            processes: Vec::new(),
            paths: Vec::new(),
            estimate: Estimate::default(),
        });
        amount.estimate.add(row);
        if !amount.processes.contains(&row.process) {
            amount.processes.push(row.process);
        }
        let Some(path) = row.path else { continue };
        match amount.paths.iter_mut().find(|(it, _)| *it == path) {
            Some((_, bytes)) => *bytes += row.bytes,
            None => amount.paths.push((path, row.bytes)),
        }
    }
    for amount in all.values_mut() {
        amount.paths.sort_by(|a, b| b.1.total_cmp(&a.1));
    }
    all
}

/// `nginx[4711]`, or `nginx (4)`. Safe for a terminal.
#[must_use]
pub fn processes(ids: &[ProcessId], comm: &str) -> String {
    match ids {
        [one] => process(*one, comm),
        all => format!("{} ({})", name(comm), human::count(all.len() as u64)),
    }
}

/// `nginx[4711]`. Safe for a terminal.
fn process(id: ProcessId, comm: &str) -> String {
    if id == ProcessId::default() {
        return UNATTRIBUTED.to_owned();
    }
    format!("{}[{}]", name(comm), id.pid)
}

/// No better than the worst of the paths.
#[must_use]
pub fn quality(frame: &Frame, paths: &[(PathId, f64)]) -> Quality {
    let of_paths = frame.totals.paths.iter().filter(|total| {
        total.provenance != Provenance::Unavailable
            && paths.iter().any(|(path, _)| *path == total.path)
    });
    let worst = of_paths.map(|total| total.provenance).max();
    Quality::of(worst.unwrap_or(Provenance::Measured))
}

/// The functions in one line, the outermost first.
#[must_use]
pub fn code(stack: &StackKey) -> String {
    let mut names: Vec<String> = stack.frames.iter().rev().map(|frame| function(frame)).collect();
    match stack.end {
        StackEnd::Whole => {}
        StackEnd::Depth | StackEnd::NoFramePointers => names.insert(0, "?".to_owned()),
        StackEnd::NoStack => names.push("(no stack)".to_owned()),
    }
    names.join(" > ")
}

impl OfStacks {
    fn lines(&self, context: &Context, frame: &Frame) -> Vec<(Key, StackLine)> {
        let (stacks, seconds) = (self.window.stacks(), self.window.seconds());
        let all = stacks.total();
        let typed = context.filter().text().trim();
        let mut lines = Vec::new();
        for (key, amount) in stacks_of(&stacks) {
            let line = StackLine {
                code: code(&key),
                process: processes(&amount.processes, &key.comm),
                path: amount.paths.first().map_or_else(String::new, |(path, _)| path.id().into()),
                quality: quality(frame, &amount.paths),
                estimate: amount.estimate,
                all,
                seconds,
            };
            let mut owners = amount.processes.iter().filter_map(|id| frame.process(*id));
            let is_selected = owners.clone().any(|it| context.selects(it, frame));
            let is_named = !typed.is_empty()
                && line.code.contains(typed)
                && (!context.is_narrowed() || owners.any(|it| context.admits(it, frame)));
            if !context.is_filtered() || is_selected || is_named {
                lines.push((Key::Stack(key), line));
            }
        }
        // A map has no order: equal ones would change places.
        lines.sort_by(|a, b| (&a.1.process, &a.1.code).cmp(&(&b.1.process, &b.1.code)));
        if !context.is_filtered() {
            let other = |key, what: &str, path: String, bytes: u64| {
                let line = StackLine {
                    code: what.to_owned(),
                    process: String::new(),
                    path,
                    // Counted, and in no sample: it has a rate, and no share.
                    estimate: estimate(bytes),
                    all: Estimate::default(),
                    seconds,
                    quality: Quality::MEASURED,
                };
                (key, line)
            };
            lines.extend(self.window.apart().into_iter().map(|(path, bytes)| {
                other(Key::Apart(path), "(no stack is taken here)", path.id().into(), bytes)
            }));
            if stacks.lost_bytes > 0 {
                lines.push(other(Key::Lost, "(lost samples)", String::new(), stacks.lost_bytes));
            }
        }
        lines
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn estimate(bytes: u64) -> Estimate {
    Estimate { bytes: bytes as f64, samples: 1, ..Estimate::default() }
}

impl Listing for OfStacks {
    type Columns = Columns;
    type Item = (Key, StackLine);
    type Key = Key;

    const TABLE: &'static str = "code";

    fn title(&self) -> &'static str {
        "Code"
    }

    fn about(&self) -> &'static str {
        "code that copies"
    }

    fn order(&self) -> &'static Column<Columns> {
        Columns::COPIED_BYTES_PER_SEC
    }

    fn arrange(&mut self, context: &Context) {
        match context.frame() {
            Some(frame) => self.window.push(frame),
            None => self.window = Window::default(),
        }
    }

    fn items(&self, context: &Context, frame: &Frame) -> Vec<(Key, StackLine)> {
        self.lines(context, frame)
    }

    fn key(item: &(Key, StackLine)) -> Key {
        item.0.clone()
    }

    fn row(item: &(Key, StackLine)) -> &StackLine {
        &item.1
    }

    fn absent(&self, context: &Context, frame: &Frame) -> Option<Vec<String>> {
        if frame.stacks.is_some() {
            return None;
        }
        let recorded =
            "This recording has no stacks. Make one that has them: zc record --stacks FILE";
        let live = [
            "No stacks are taken: zc does it only when it is asked to. It makes each call that moves data 27 instructions \
             longer, about 1% of the time that a read of 4 KiB takes.",
            "Quit (q) and start again with them:  zc top --stacks",
            "p shows copies that programs make themselves, where these are looked for:  zc top --user-copies",
            "For a flame graph:  zc stacks -d 10 --format folded",
        ];
        Some(match context.is_recorded() {
            true => vec![recorded.to_owned()],
            false => live.map(str::to_owned).to_vec(),
        })
    }

    fn empty(&self, context: &Context) -> &'static str {
        if context.is_filtered() {
            "no stack that matches the filter has copied in the last intervals"
        } else {
            "nothing was copied in the last intervals"
        }
    }

    fn noun(&self) -> Option<[&'static str; 2]> {
        Some(["stack", "stacks"])
    }

    fn is_counted(item: &(Key, StackLine)) -> bool {
        matches!(item.0, Key::Stack(_))
    }

    fn remark(&self, context: &Context) -> Option<String> {
        let has_stacks = context.frame().is_some_and(|frame| frame.stacks.is_some());
        let seconds = self.window.seconds();
        (has_stacks && seconds > 0.0).then(|| format!("of the last {seconds:.0} s"))
    }

    const HAS_NOTE: bool = true;

    fn note(&self, item: Option<&(Key, StackLine)>, _context: &Context) -> String {
        match item {
            None => String::new(),
            Some((Key::Apart(path), _)) => {
                format!(
                    "{} These bytes are counted, and copied where no call is under way.",
                    path.help()
                )
            }
            Some((Key::Lost, _)) => {
                "There was no room for these samples: what they stand for is an estimate, too."
                    .to_owned()
            }
            Some((Key::Stack(_), line)) => line.code.clone(),
        }
    }

    const OPENS: Option<&'static str> = Some("the whole stack");

    fn open(&self, item: &(Key, StackLine), _frame: &Frame) -> Option<Box<dyn Page>> {
        let (Key::Stack(key), _) = item else { return None };
        Some(Box::new(StackPage::new(key.clone(), self.window.clone())))
    }

    const IS_FILTERED: bool = true;

    fn shorten(column: &Column<Columns>, text: String, room: usize) -> String {
        // The end says which call it was.
        let is_code = column == Columns::CODE;
        if is_code { truncate_start(&text, room, "..").into_owned() } else { text }
    }
}

impl Listing for OfCopiers {
    type Columns = Copiers;
    type Item = CopierLine;
    type Key = (ProcessId, CopierKind, Arc<str>, Option<Arc<str>>);

    const TABLE: &'static str = "copiers";

    fn title(&self) -> &'static str {
        "Copies in user space"
    }

    fn about(&self) -> &'static str {
        "copies that programs make themselves"
    }

    fn order(&self) -> &'static Column<Copiers> {
        Copiers::SAMPLES
    }

    fn items(&self, context: &Context, frame: &Frame) -> Vec<CopierLine> {
        let line = |copier: &Copier| {
            let owner = frame.process(copier.process);
            let is_listed = match owner {
                Some(process) => context.selects(process, frame),
                None => !context.is_filtered(),
            };
            let comm = owner.map_or("", |process| &process.comm);
            is_listed.then(|| CopierLine {
                process: process(copier.process, comm),
                copier: copier.clone(),
            })
        };
        frame.copiers.iter().filter_map(line).collect()
    }

    fn key(item: &CopierLine) -> Self::Key {
        let Copier { process, kind, file, function, .. } = &item.copier;
        (*process, *kind, Arc::clone(file), function.clone())
    }

    fn row(item: &CopierLine) -> &CopierLine {
        item
    }

    fn absent(&self, _context: &Context, frame: &Frame) -> Option<Vec<String>> {
        (!frame.host.user_copies).then(|| {
            vec![
                "Copies that programs make themselves, with memcpy or in loops, are not looked for.".to_owned(),
                "Quit (q) and start again with them:  zc top --user-copies".to_owned(),
                "p shows the stacks of the kernel's copies.".to_owned(),
            ]
        })
    }

    fn empty(&self, context: &Context) -> &'static str {
        if context.is_filtered() {
            "no function of a process that matches the filter was found copying"
        } else {
            "no function was found copying in this interval"
        }
    }

    fn noun(&self) -> Option<[&'static str; 2]> {
        Some(["function", "functions"])
    }

    const HAS_NOTE: bool = true;

    fn note(&self, item: Option<&CopierLine>, _context: &Context) -> String {
        item.map_or_else(String::new, |line| {
            let file = sanitize(&line.copier.file);
            format!(
                "{file}: samples of CPU time in the last interval, not bytes: a few say little."
            )
        })
    }

    const OPENS: Option<&'static str> = Some("the process");

    fn open(&self, item: &CopierLine, frame: &Frame) -> Option<Box<dyn Page>> {
        let process = frame.process(item.copier.process)?;
        Some(Box::new(Detail::new(ProcessKey::of(process))))
    }

    const IS_FILTERED: bool = true;

    fn shorten(column: &Column<Copiers>, text: String, room: usize) -> String {
        match column {
            it if it == Copiers::FILE => truncate_start(&text, room, "..").into_owned(),
            it if it == Copiers::FUNCTION => truncate(&text, room, "..").into_owned(),
            _ => text,
        }
    }
}
