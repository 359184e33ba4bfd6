//! Whole sessions: scripted inputs in, the last screen out.

use std::{collections::VecDeque, time::Duration};

use anyhow::Result;
use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, style::Modifier, text::Span};
use zc_model::{
    column::{Column, Processes},
    filter::Filter,
    fixture::Fixture,
    snapshot::Snapshot,
    sort::Direction,
    source::SnapshotSource,
};
use zc_recording::{Memory, Meta, Past};
use zc_render::theme::Theme;
use zc_tui::{
    archive::Archive,
    hand_on::HandOn,
    inspect::Inspect,
    page::Page,
    run::{Options, session},
    shell::{Preferences, dashboard},
    state::checks::Checks,
    world::{Happening, Input, Surface, World},
};

use crate::{machine::Machine, stage::Stage};

/// How often a live source is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// A session to be played.
pub struct Session {
    pub source: Box<dyn SnapshotSource>,
    pub size: (u16, u16),
    pub theme: Theme,
    pub recorded: bool,
    pub keeps_past: bool,
    pub hand_on: Option<Box<dyn HandOn>>,
    pub archive: Option<Box<dyn Archive>>,
    pub inspect: Option<Box<dyn Inspect>>,
    /// When the terminal gets another size silently, in frames, and which.
    pub shrinks: Option<(usize, (u16, u16))>,
    pub filter: Filter,
    /// By which column it is sorted at first, and how.
    pub sort: (&'static Column, Direction),
    pub top: Option<usize>,
    pub checks: Checks,
    pub preferences: Preferences,
    pub lab: Option<Box<dyn Page>>,
    inputs: Vec<Input>,
}

/// What was left of it.
pub struct Played {
    pub screen: Buffer,
    /// Inputs that came after the session had ended.
    pub left: usize,
    pub suspended: usize,
    /// What was given to the clipboard.
    pub copied: Vec<String>,
    pub waits: Vec<Option<Duration>>,
}

impl Session {
    /// The machine for a few seconds.
    pub fn of(machine: Machine) -> Self {
        Self::playing((0..10).map(|seconds| machine.after(seconds)).collect())
    }

    /// These snapshots.
    pub fn playing(snapshots: Vec<Snapshot>) -> Self {
        Self::from(Box::new(Fixture::new(snapshots)))
    }

    /// This source.
    pub fn from(source: Box<dyn SnapshotSource>) -> Self {
        Self {
            source,
            size: (80, 24),
            theme: Theme::new(false, true),
            recorded: false,
            keeps_past: false,
            hand_on: None,
            archive: None,
            inspect: None,
            shrinks: None,
            filter: Filter::default(),
            sort: (Processes::COPIED_BYTES_PER_SEC, Direction::Descending),
            top: None,
            checks: Checks::default(),
            preferences: Preferences::default(),
            lab: None,
            inputs: Vec::new(),
        }
    }

    pub fn size(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    /// As a recording.
    pub fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }

    /// As what goes on, of which the last minutes are kept.
    pub fn with_past(mut self) -> Self {
        let memory = Memory::new(Meta::default(), Duration::from_secs(600));
        self.source = Box::new(Past::new(self.source, memory));
        self.keeps_past = true;
        self
    }

    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// Lets this many snapshots be taken.
    pub fn ticks(mut self, count: usize) -> Self {
        self.inputs.extend(std::iter::repeat_n(Input::Tick, count));
        self
    }

    pub fn input(mut self, input: Input) -> Self {
        self.inputs.push(input);
        self
    }

    pub fn key(self, code: KeyCode) -> Self {
        self.press(code, KeyModifiers::NONE)
    }

    pub fn press(self, code: KeyCode, modifiers: KeyModifiers) -> Self {
        self.input(Input::Event(Happening::Terminal(Event::Key(KeyEvent::new(code, modifiers)))))
    }

    /// Types text; upper case comes with Shift, as from a terminal.
    pub fn keys(mut self, text: &str) -> Self {
        for c in text.chars() {
            let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
            self = self.press(KeyCode::Char(c), shift);
        }
        self
    }

    pub fn click(self, column: u16, row: u16) -> Self {
        let kind = MouseEventKind::Down(MouseButton::Left);
        self.mouse(kind, column, row)
    }

    pub fn mouse(self, kind: MouseEventKind, column: u16, row: u16) -> Self {
        let modifiers = KeyModifiers::NONE;
        self.input(Input::Event(Happening::Terminal(Event::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers,
        }))))
    }

    /// Plays everything, and leaves the dashboard as it is then.
    #[must_use]
    pub fn stage(self) -> Stage {
        let hands_on = self.hand_on.is_some();
        let Self { theme, filter, sort, top, checks, lab, .. } = self;
        let shell = dashboard(theme, INTERVAL, filter, sort, top, checks, lab)
            .of_recording(self.recorded)
            .with_past(self.keeps_past)
            .handing_on(hands_on)
            .with(self.preferences);
        let mut stage = Stage::new(shell, self.source, self.size);
        stage.play(self.inputs);
        stage
    }

    /// Plays everything; what is left when the session ends is counted.
    pub fn play(self) -> Played {
        let Self {
            source,
            size,
            theme,
            recorded,
            keeps_past,
            hand_on,
            archive,
            inspect,
            shrinks,
            filter,
            sort,
            top,
            checks,
            preferences,
            lab,
            inputs,
        } = self;
        let options = Options {
            interval: INTERVAL,
            theme,
            recorded,
            keeps_past,
            hand_on,
            archive,
            inspect,
            filter,
            sort,
            top,
            checks,
            preferences,
            lab,
        };
        let terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        let inputs = VecDeque::from(inputs);
        let mut world = Script::new(terminal, inputs);
        world.screen.shrinks = shrinks;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(session(|| Ok(source), options, &mut world)).unwrap();
        Played::of(world)
    }
}

impl Played {
    /// What is left of a session in this world.
    pub fn of(world: Script) -> Self {
        Self {
            screen: world.screen.terminal.backend().buffer().clone(),
            left: world.inputs.inputs.len(),
            suspended: world.screen.suspended,
            copied: world.screen.copied,
            waits: world.inputs.waits,
        }
    }

    /// The screen as text; what is drawn in reverse is between guillemets.
    pub fn text(&self) -> String {
        text(&self.screen)
    }

    /// The selected line.
    pub fn selected(&self) -> String {
        self.text().lines().skip(4).find(|line| line.contains('«')).unwrap_or_default().to_owned()
    }

    /// Names of the listed processes, top to bottom.
    pub fn listed(&self) -> Vec<String> {
        let names = ["nginx", "java", "postgres", "burst", "evil", "kthreadd", "sh "];
        self.text()
            .lines()
            .skip(5)
            // Below the rule and in a filter being typed, there are names as well.
            .take_while(|line| !line.starts_with(['─', '-']) && !line.starts_with("filter:"))
            .filter_map(|line| names.iter().find(|name| line.contains(&format!(" {name}"))))
            .map(|name| (*name).to_owned())
            .collect()
    }
}

/// A screen as text; what is drawn in reverse is between guillemets.
#[must_use]
pub fn text(screen: &Buffer) -> String {
    let area = screen.area;
    let mut text = String::new();
    for y in area.top()..area.bottom() {
        let mut reversed = false;
        let mut line = String::new();
        let mut next = area.left();
        for x in area.left()..area.right() {
            // The cells behind a wide character are part of it.
            if x < next {
                continue;
            }
            let cell = &screen[(x, y)];
            next = x + u16::try_from(Span::raw(cell.symbol()).width()).unwrap_or(1).max(1);
            // Bars and curves of a selected row are underlined.
            let now =
                cell.modifier.contains(Modifier::REVERSED) || cell.modifier == Modifier::UNDERLINED;
            if now != reversed {
                line.push(if now { '«' } else { '»' });
                reversed = now;
            }
            line.push_str(cell.symbol());
        }
        if reversed {
            line.push('»');
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A world whose inputs are known beforehand; after the last one the terminal is gone.
pub struct Script {
    screen: TestScreen,
    inputs: Inputs,
}

/// What a scripted session draws on.
pub struct TestScreen {
    terminal: Terminal<TestBackend>,
    suspended: usize,
    copied: Vec<String>,
    /// When it gets another size silently, in frames from now on, and which.
    shrinks: Option<(usize, (u16, u16))>,
}

/// What happens in a scripted session.
pub struct Inputs {
    inputs: VecDeque<Input>,
    waits: Vec<Option<Duration>>,
}

impl Script {
    pub fn new(terminal: Terminal<TestBackend>, inputs: VecDeque<Input>) -> Self {
        let screen = TestScreen { terminal, suspended: 0, copied: Vec::new(), shrinks: None };
        Self { screen, inputs: Inputs { inputs, waits: Vec::new() } }
    }
}

impl World for Script {
    type Surface = TestScreen;
    type Inputs = Inputs;

    fn parts(&mut self) -> (&mut TestScreen, &mut Inputs) {
        (&mut self.screen, &mut self.inputs)
    }
}

impl zc_session::world::World for Inputs {
    type Event = Happening;

    async fn next(&mut self, wait: Option<Duration>) -> Input {
        self.waits.push(wait);
        self.inputs.pop_front().unwrap_or(Input::Event(Happening::Closed))
    }
}

impl Surface for TestScreen {
    type Backend = TestBackend;

    fn terminal(&mut self) -> &mut Terminal<TestBackend> {
        &mut self.terminal
    }

    fn begin_frame(&mut self) -> Result<()> {
        self.shrinks = match self.shrinks {
            Some((0, (columns, rows))) => {
                self.terminal.backend_mut().resize(columns, rows);
                None
            }
            left => left.map(|(frames, size)| (frames - 1, size)),
        };
        Ok(())
    }

    fn copy(&mut self, text: &str) -> Result<()> {
        self.copied.push(text.to_owned());
        Ok(())
    }

    fn suspend(&mut self) -> Result<()> {
        self.suspended += 1;
        Ok(())
    }

    fn resume(&mut self) -> Result<()> {
        self.terminal.clear().unwrap();
        Ok(())
    }

    fn resized(&mut self, columns: u16, rows: u16) {
        self.terminal.backend_mut().resize(columns, rows);
    }
}
