//! The page of the dashboard on which a mechanism runs and is watched.

mod describe;
mod watched;

use std::{
    task::{self, Poll},
    time::Duration,
};

use anyhow::Result;
use crossterm::event::KeyCode;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    text::Span,
};

use self::watched::Watched;
use crate::{catalog::SCENARIOS, run::again::Runner, scenario::Scenario, sink::Sink};
use zc_tui::{
    action::Motion,
    keymap::{self, Binding, Chord, Key, bind, chr, key},
    page::{
        Intent, Page, Work,
        tabular::{self, Clicked},
    },
    state::{Context, rows::Rows, scroll::Scroll},
    view::canvas::Canvas,
    widget::grid::{Grid, Spec},
};

/// From this width on, a run is at the right of the list.
const WIDE: u16 = 120;
/// The fewest of these that the list has, and the most.
const LIST: (u16, u16) = (58, 76);
/// What a run needs for its boxes.
const PICTURE: u16 = 92;
/// Lines on the selected mechanism below the list, and a rule.
const NOTE: u16 = 6;
/// The fewest lines of a page with room for these.
const ROOM_FOR_NOTE: u16 = 14;

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Run,
    Stop,
    Back,
}

#[rustfmt::skip]
static KEYS: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Enter), key(KeyCode::Right), chr('l')], "Enter Right l", Action::Run, "run the mechanism for 20 s").hint(20, "Enter", "Run"),
    bind(&[chr('x')], "x", Action::Stop, "stop it").hint(21, "x", "Stop"),
];

/// While a run has the whole page.
#[rustfmt::skip]
static LOOKING: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Esc)], "Esc", Action::Back, "back to the list").hint(11, "Esc", "List"),
    bind(&[key(KeyCode::Left), key(KeyCode::Backspace)], "Left Backspace", Action::Back, "back to the list"),
];

#[rustfmt::skip]
static SPECS: [Spec; 4] = [
    Spec { title: "MECHANISM", width: 20, right: false, marks: false, stretch: 24, priority: 0 },
    Spec { title: "COPIES", width: 6, right: true, marks: false, stretch: 6, priority: 1 },
    Spec { title: "GOES TO", width: 8, right: false, marks: false, stretch: 11, priority: 2 },
    Spec { title: "WHAT IT IS", width: 18, right: false, marks: false, stretch: 36, priority: 3 },
];

/// Where nothing can be run: the list, and the reason.
pub type Bench = Result<Box<dyn Runner>, &'static str>;

/// A recording does not run anything.
pub const OF_A_RECORDING: &str =
    "a recording is played: nothing that runs now would be in it; zc top runs mechanisms";

/// Nor does what counts elsewhere.
pub const OF_ANOTHER_MACHINE: &str =
    "another zc counts, which sees nothing that runs here; zc top on that machine runs mechanisms";

/// The page.
pub struct LabPage {
    bench: Bench,
    /// Where each mechanism goes, or why it cannot run.
    places: Vec<Result<Sink, String>>,
    rows: Rows<usize>,
    run: Option<Watched>,
    /// Whether the run has the whole page.
    looking: bool,
    scroll: Scroll,
}

impl LabPage {
    /// The page, with what runs mechanisms.
    #[must_use]
    pub fn new(bench: Bench) -> Self {
        let place = |scenario: &&Scenario| match &bench {
            Ok(runner) => runner.place(scenario),
            Err(why) => Err((*why).to_owned()),
        };
        let places = SCENARIOS.iter().map(place).collect();
        let mut rows = Rows::default();
        rows.replace((0..SCENARIOS.len()).collect(), 1);
        Self { bench, places, rows, run: None, looking: false, scroll: Scroll::START }
    }

    fn selected(&self) -> usize {
        self.rows.selected().copied().unwrap_or(0)
    }

    fn is_wide(context: &Context) -> bool {
        context.body().width >= WIDE
    }

    /// Whether the run is all that there is room for.
    fn fills_page(&self, context: &Context) -> bool {
        self.looking && !Self::is_wide(context)
    }

    fn is_of_selected(&self, run: &Watched) -> bool {
        run.scenario.id == SCENARIOS[self.selected()].id
    }

    fn start(&mut self, context: &Context) {
        let selected = self.selected();
        let is_under_way = |run: &Watched| run.is_running() && self.is_of_selected(run);
        if self.run.as_ref().is_some_and(is_under_way) {
            self.looking = !Self::is_wide(context);
            return;
        }
        if let (Ok(runner), Some(Ok(sink))) = (&mut self.bench, self.places.get(selected)) {
            // One at a time: what ran before ends here.
            self.run = None;
            self.run = Some(Watched::start(runner.as_mut(), SCENARIOS[selected], *sink));
            self.looking = !Self::is_wide(context);
            self.scroll = Scroll::START;
        }
    }

    fn list(context: &Context) -> Rect {
        let body = context.body();
        if Self::is_wide(context) {
            let width = body.width.saturating_sub(PICTURE + 2).clamp(LIST.0, LIST.1);
            return Rect { width, ..body };
        }
        let note = if body.height >= ROOM_FOR_NOTE { NOTE } else { 0 };
        Rect { height: body.height - note, ..body }
    }

    fn height(context: &Context) -> usize {
        tabular::rows_visible(Self::list(context))
    }

    /// The run, or what the selected mechanism is.
    fn canvas(&self, context: &Context, width: u16) -> Canvas {
        let mut canvas = Canvas::new(width);
        match &self.run {
            Some(run) if self.fills_page(context) || self.is_of_selected(run) => {
                describe::run(context, run, &mut canvas);
            }
            _ => self.describe(context, &mut canvas),
        }
        canvas
    }

    fn describe(&self, context: &Context, canvas: &mut Canvas) {
        let at = self.selected();
        if let (Some(scenario), Some(place)) = (SCENARIOS.get(at), self.places.get(at)) {
            describe::mechanism(context, scenario, place.as_ref(), canvas);
        }
    }

    fn draw_list(&self, context: &Context, buf: &mut Buffer) {
        let theme = context.theme();
        let area = Self::list(context);
        let grid = Grid { specs: &SPECS, sorted: None, theme, area };
        grid.head(buf);
        for ((at, selected), line) in self.rows.visible(Self::height(context)).zip(0..) {
            let (scenario, place) = (SCENARIOS[*at], &self.places[*at]);
            let runs = self
                .run
                .as_ref()
                .is_some_and(|run| run.is_running() && run.scenario.id == scenario.id);
            let style = match place {
                Ok(_) if runs => theme.strong(),
                Ok(_) => theme.text(),
                Err(_) => theme.dim(),
            };
            grid.row(line, selected, buf, |slot| {
                let text = match slot.column {
                    0 if runs => format!("{} *", scenario.id),
                    0 => scenario.id.to_owned(),
                    1 => describe::copies(scenario),
                    2 => place.as_ref().map_or_else(|_| "-".to_owned(), |it| it.id().to_owned()),
                    _ => scenario.title.to_owned(),
                };
                (text, style)
            });
        }
    }
}

impl Page for LabPage {
    fn title(&self) -> &'static str {
        "Lab"
    }

    fn about(&self) -> &'static str {
        "mechanisms to run and to watch"
    }

    fn keys(&self) -> Vec<&'static Key> {
        if self.bench.is_err() {
            return Vec::new();
        }
        let back = if self.looking { LOOKING } else { &[] };
        KEYS.iter().chain(back).map(|binding| &binding.key).collect()
    }

    fn press(&mut self, chord: Chord, context: &Context) -> Option<Intent> {
        let back = self.fills_page(context).then(|| keymap::find(LOOKING, chord)).flatten();
        match back.or_else(|| keymap::find(KEYS, chord))? {
            Action::Run => self.start(context),
            Action::Stop => self.run.iter_mut().for_each(Watched::stop),
            Action::Back => self.looking = false,
        }
        Some(Intent::Nothing)
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        if self.fills_page(context) {
            let body = context.body();
            let height = self.canvas(context, body.width).height();
            self.scroll.step(motion, height, body.height);
        } else {
            self.rows.step(motion, Self::height(context));
        }
    }

    fn click(&mut self, at: Position, context: &Context) -> Intent {
        let list = Self::list(context);
        if self.fills_page(context) || !list.contains(at) {
            return Intent::Nothing;
        }
        if let Some(Clicked::Row(line)) = tabular::clicked(&SPECS, at, list) {
            let before = self.selected();
            let is_row = self.rows.select_visible(line, Self::height(context));
            if is_row && self.selected() == before {
                // A second click on the selected row runs it.
                self.start(context);
            }
        }
        Intent::Nothing
    }

    fn arrange(&mut self, context: &Context) {
        if let (Some(run), Some(frame)) = (&mut self.run, context.frame()) {
            run.follow(frame);
        }
        self.rows.replace((0..SCENARIOS.len()).collect(), Self::height(context));
    }

    fn scope(&self, context: &Context) -> String {
        match &self.run {
            Some(run) if run.is_running() => format!("{} runs: {}", run.scenario.id, run.state()),
            _ if context.is_recorded() => "of a recording: nothing runs".to_owned(),
            _ => format!("{} mechanisms", SCENARIOS.len()),
        }
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let theme = context.theme();
        if self.fills_page(context) {
            let canvas = self.canvas(context, area.width);
            return canvas.show(self.scroll.lines(), theme, area, buf);
        }
        self.draw_list(context, buf);
        let list = Self::list(context);
        if Self::is_wide(context) {
            let x = list.right() + 2;
            let side = Rect { x, width: area.right().saturating_sub(x), ..area };
            self.canvas(context, side.width).show_beginning(theme, side, buf);
        } else if list.height < area.height {
            let rule = theme.symbols.border.horizontal_top.repeat(area.width.into());
            let rule = Span::styled(rule, theme.dim());
            buf.set_span(area.x, list.bottom(), &rule, area.width);
            let y = list.bottom() + 1;
            let note = Rect { y, height: area.bottom() - y, ..area };
            let mut canvas = Canvas::new(area.width);
            self.describe(context, &mut canvas);
            canvas.show_beginning(theme, note, buf);
        }
    }

    fn work(&mut self) -> Option<&mut dyn Work> {
        Some(self)
    }
}

impl Work for LabPage {
    fn start(&mut self) -> Result<()> {
        Ok(())
    }

    fn tick(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn pass(&mut self, time: Duration) -> Intent {
        self.run.iter_mut().for_each(|run| run.pass(time));
        Intent::Nothing
    }

    fn tend(&mut self) {}

    fn poll(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        self.run.as_mut().map_or(Poll::Pending, |run| run.poll(task))
    }
}
