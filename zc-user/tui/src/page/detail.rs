//! One process, or a group of them: how its bytes flow, what could be saved, its files and peers, threads, code, the
//! last minutes, and what was counted.

use std::sync::Arc;

use anyhow::Result;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    text::Span,
};

use super::{Guide, Intent, Page, code::Window};
use crate::{
    action::Motion,
    archive::Archive,
    inspect::Question,
    keymap::{self, Binding, Chord, Key as KeyRow, bind, chr},
    state::{Context, key::ProcessKey, scroll::Scroll},
    view::canvas::Canvas,
};
use zc_model::{
    frame::Frame,
    group::{GroupBy, GroupId},
};

mod code;
mod command;
mod counters;
mod flow;
mod heading;
mod history;
mod objects;
mod past;
mod section;
mod subject;
mod table;
mod tasks;
mod threads;
mod track;

use self::{
    section::Section,
    subject::{Key, Subject},
    track::Track,
};

/// From this width on all sections are open at once.
const WIDE: u16 = 140;

/// From this height on the curves are below the paths.
const TALL: u16 = 28;

/// Where there is less, the heading scrolls with the rest.
const ROOM_FOR_HEADING: u16 = 7;

/// Lines below the tables of a wide screen but those of the curves: headings, the axis, a few counters.
const BELOW: u16 = 13;

/// Rows of a table next to others, and of one alone: more would not be read.
const ROWS: usize = 8;
const ROWS_ALONE: usize = 200;

/// What the keys of this page do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Next,
    Previous,
    AllCounters,
}

#[rustfmt::skip]
static KEYS: &[Binding<Action>] = &[
    bind(&[chr('n')], "n", Action::Next, "next section").hint(20, "n/p", "Section"),
    bind(&[chr('p')], "p", Action::Previous, "previous section"),
    bind(&[chr('x')], "x", Action::AllCounters, "all counters, or those not 0").hint(38, "x", "Counters"),
];

/// The page of one process, or of a group.
pub struct Detail {
    key: Key,
    /// What it was in the last frame that had it: it may end while the user reads.
    seen: Option<Subject>,
    /// Whether the frame on the screen has it.
    is_here: bool,
    window: Window,
    track: Track,
    section: Section,
    all_counters: bool,
    scroll: Scroll,
}

impl Detail {
    /// The page of the process with this key.
    #[must_use]
    pub fn new(key: ProcessKey) -> Self {
        Self::of(Key::Process(key))
    }

    /// The page of a process that has ended: this frame is the last that has it.
    #[must_use]
    pub fn last(key: ProcessKey, seen: Arc<Frame>, context: &Context) -> Self {
        let page = Self::new(key);
        Self { seen: Subject::of(&page.key, &seen, context), ..page }
    }

    /// The page of a group of processes.
    #[must_use]
    pub fn group(by: GroupBy, id: GroupId) -> Self {
        Self::of(Key::Group(by, id))
    }

    fn of(key: Key) -> Self {
        Self {
            key,
            seen: None,
            is_here: false,
            window: Window::default(),
            track: Track::default(),
            section: Section::Flow,
            all_counters: false,
            scroll: Scroll::START,
        }
    }

    /// What the help says of such a page.
    #[must_use]
    pub fn guide() -> Guide {
        Guide { title: "Process", keys: keymap::keys(KEYS), columns: Vec::new() }
    }

    fn is_group(&self) -> bool {
        matches!(self.key, Key::Group(..))
    }

    /// Who it is.
    fn heading(&self, context: &Context, canvas: &mut Canvas) {
        if let Some(subject) = &self.seen {
            heading::draw(subject, self.is_here, context, canvas);
        }
    }

    /// What is below the heading.
    fn canvas(&self, context: &Context, areas: &Areas) -> Canvas {
        let Rect { width, height, .. } = areas.below;
        let mut canvas = Canvas::new(width);
        if areas.above.is_empty() {
            self.heading(context, &mut canvas);
        }
        match &self.seen {
            None if context.frame().is_some() && self.is_group() => {
                canvas.line("no process of the group has done anything since this page was opened");
            }
            None => canvas.line("collecting..."),
            Some(subject) if width >= WIDE => self.all(subject, context, height, &mut canvas),
            Some(subject) => self.one(subject, context, height, &mut canvas),
        }
        canvas
    }

    /// The section that is open.
    fn one(&self, subject: &Subject, context: &Context, height: u16, canvas: &mut Canvas) {
        match self.section {
            Section::Flow => {
                flow::draw(subject, &self.track, height >= TALL, context, canvas);
                if height >= TALL {
                    canvas.gap();
                    history::draw(&self.track, 3, context, canvas);
                }
            }
            Section::Files => objects::draw(subject, ROWS_ALONE, context, canvas),
            Section::Threads => threads::draw(subject, ROWS_ALONE, context, canvas),
            Section::Code => code::draw(subject, &self.window, ROWS_ALONE, context, canvas),
            Section::History => {
                // Two headings, the axis and its labels.
                let lines = (height.saturating_sub(4) / 2).clamp(2, 8);
                history::draw(&self.track, lines, context, canvas);
            }
            Section::Counters => counters::draw(subject, self.all_counters, context, canvas),
        }
    }

    /// All sections: the picture and advice at the left, the tables at the right, the curves below them.
    fn all(&self, subject: &Subject, context: &Context, height: u16, canvas: &mut Canvas) {
        let width = canvas.width();
        let right_width = (width * 2 / 5).clamp(60, 110);
        let mut left = Canvas::new(width - right_width - 3);
        flow::draw(subject, &self.track, true, context, &mut left);
        let mut right = Canvas::new(right_width);
        let is_group = subject.is_group();
        let head = |section: Section, canvas: &mut Canvas| {
            if canvas.height() > 0 {
                canvas.gap();
            }
            let style = context.theme().strong();
            canvas.line(Span::styled(section.title(is_group), style));
        };
        head(Section::Files, &mut right);
        objects::draw(subject, ROWS, context, &mut right);
        head(Section::Threads, &mut right);
        threads::draw(subject, ROWS, context, &mut right);
        head(Section::Code, &mut right);
        code::draw(subject, &self.window, ROWS, context, &mut right);
        columns(&left, &right, context, canvas);
        let lines = (height.saturating_sub(canvas.height() + BELOW) / 2).clamp(2, 6);
        head(Section::History, canvas);
        history::draw(&self.track, lines, context, canvas);
        head(Section::Counters, canvas);
        counters::draw(subject, self.all_counters, context, canvas);
    }

    /// Where what is, and the heading as it is drawn there.
    fn areas(&self, context: &Context, area: Rect) -> (Canvas, Areas) {
        let mut head = Canvas::new(area.width);
        if area.height < ROOM_FOR_HEADING {
            return (head, Areas { above: Rect::ZERO, bar: None, below: area });
        }
        self.heading(context, &mut head);
        let used = head.height().min(area.height / 3).max(1);
        let above = Rect { height: used, ..area };
        let is_wide = area.width >= WIDE;
        let bar = (!is_wide).then_some(Rect { y: above.bottom(), height: 1, ..area });
        let y = above.bottom() + u16::from(!is_wide);
        (head, Areas { above, bar, below: Rect { y, height: area.bottom() - y, ..area } })
    }

    fn open(&mut self, section: Section) {
        self.section = section;
        self.scroll = Scroll::START;
    }
}

/// Where what of the page is.
struct Areas {
    /// The heading; empty where it scrolls with the rest.
    above: Rect,
    /// The names of the sections.
    bar: Option<Rect>,
    /// The rest, which scrolls.
    below: Rect,
}

/// Two canvases next to each other, with a line between them.
fn columns(left: &Canvas, right: &Canvas, context: &Context, canvas: &mut Canvas) {
    let theme = context.theme();
    let (area, buf) = canvas.block(left.height().max(right.height()));
    let at_left = Rect { width: left.width(), ..area };
    left.show(0, theme, at_left, buf);
    let x = at_left.right() + 1;
    for y in area.top()..area.bottom() {
        buf.set_stringn(x, y, theme.symbols.border.vertical_left, 1, theme.dim());
    }
    right.show(0, theme, Rect { x: x + 2, width: right.width(), ..area }, buf);
}

impl Page for Detail {
    fn title(&self) -> &'static str {
        if self.is_group() { "Group" } else { "Process" }
    }

    fn about(&self) -> &'static str {
        if self.is_group() { "a group of processes" } else { "one process" }
    }

    fn keys(&self) -> Vec<&'static KeyRow> {
        keymap::keys(KEYS)
    }

    fn press(&mut self, chord: Chord, context: &Context) -> Option<Intent> {
        match keymap::find(KEYS, chord)? {
            // All are open.
            Action::Next | Action::Previous if context.body().width >= WIDE => {}
            Action::Next => self.open(self.section.after(1)),
            Action::Previous => self.open(self.section.before()),
            Action::AllCounters => {
                // Pressed where they are not on the screen, it shows them.
                self.all_counters = !self.all_counters;
                if self.section != Section::Counters {
                    self.all_counters = true;
                    self.open(Section::Counters);
                }
            }
        }
        Some(Intent::Nothing)
    }

    fn click(&mut self, at: Position, context: &Context) -> Intent {
        let (_, areas) = self.areas(context, context.body());
        let section =
            areas.bar.and_then(|bar| section::clicked(self.section, self.is_group(), bar, at));
        if let Some(section) = section {
            self.open(section);
        }
        Intent::Nothing
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        let (_, areas) = self.areas(context, context.body());
        let height = self.canvas(context, &areas).height();
        self.scroll.step(motion, height, areas.below.height);
    }

    fn arrange(&mut self, context: &Context) {
        let Some(frame) = context.frame() else { return };
        let now = Subject::of(&self.key, frame, context);
        self.window.push(frame);
        self.track.look(&self.key, frame, now.as_ref(), context);
        self.is_here = now.is_some();
        if now.is_some() {
            self.seen = now;
        }
    }

    fn asks(&self, context: &Context) -> Option<Question> {
        let process = self.seen.as_ref().filter(|_| self.is_here)?.process()?;
        let is_open = self.section == Section::Threads || context.body().width >= WIDE;
        let is_counted = self.seen.as_ref().is_some_and(Subject::has_threads);
        (!process.is_merged())
            .then_some(Question { process: process.id, threads: is_open && !is_counted })
    }

    fn recall(&mut self, archive: &mut dyn Archive, context: &Context) -> Result<bool> {
        self.track.recall(&self.key, archive, context)
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let theme = context.theme();
        let (head, areas) = self.areas(context, area);
        head.show_beginning(theme, areas.above, buf);
        if let Some(bar) = areas.bar {
            section::draw(self.section, self.is_group(), theme, bar, buf);
        }
        let canvas = self.canvas(context, &areas);
        canvas.show(self.scroll.lines(), theme, areas.below, buf);
    }
}
