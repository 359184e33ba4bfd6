//! Whole sessions: scripted inputs in, the last screen out.

use std::{collections::VecDeque, time::Duration};

use anyhow::Result;
use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, style::Modifier};
use zc_model::{
    column::Processes, filter::Filter, fixture::Fixture, snapshot::Snapshot, sort::Direction,
    source::SnapshotSource,
};
use zc_render::theme::Theme;
use zc_tui::{
    run::{Options, session},
    world::{Input, World},
};

use crate::machine::Machine;

/// A session to be played.
pub struct Session {
    pub source: Box<dyn SnapshotSource>,
    pub size: (u16, u16),
    pub theme: Theme,
    pub filter: Filter,
    inputs: Vec<Input>,
}

/// What was left of it.
pub struct Played {
    pub screen: Buffer,
    /// Inputs that came after the session had ended.
    pub left: usize,
    pub suspended: usize,
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
        let theme = Theme::new(false, true);
        Self { source, size: (80, 24), theme, filter: Filter::default(), inputs: Vec::new() }
    }

    pub fn size(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
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
        self.input(Input::Terminal(Event::Key(KeyEvent::new(code, modifiers))))
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
        self.input(Input::Terminal(Event::Mouse(MouseEvent { kind, column, row, modifiers })))
    }

    /// Plays everything; what is left when the session ends is counted.
    pub fn play(self) -> Played {
        let Self { source, size, theme, filter, inputs } = self;
        let sort = (Processes::COPIED_BYTES_PER_SEC, Direction::Descending);
        let options = Options { interval: Duration::from_secs(1), theme, filter, sort };
        let terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        let inputs = VecDeque::from(inputs);
        let mut world = Script::new(terminal, inputs);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(session(|| Ok(source), options, &mut world)).unwrap();
        Played::of(world)
    }
}

impl Played {
    /// What is left of a session in this world.
    pub fn of(world: Script) -> Self {
        Self {
            screen: world.terminal.backend().buffer().clone(),
            left: world.inputs.len(),
            suspended: world.suspended,
            waits: world.waits,
        }
    }

    /// The screen as text; what is drawn in reverse is between guillemets.
    pub fn text(&self) -> String {
        let area = self.screen.area;
        let mut text = String::new();
        for y in area.top()..area.bottom() {
            let mut reversed = false;
            let mut line = String::new();
            for x in area.left()..area.right() {
                let cell = &self.screen[(x, y)];
                let now = cell.modifier.contains(Modifier::REVERSED);
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
            // The last line is the footer: a filter being typed may name anything.
            .take_while(|line| !line.starts_with("filter:"))
            .filter_map(|line| names.iter().find(|name| line.contains(&format!(" {name}"))))
            .map(|name| (*name).to_owned())
            .collect()
    }
}

/// A world whose inputs are known beforehand; after the last one it says to stop.
pub struct Script {
    terminal: Terminal<TestBackend>,
    inputs: VecDeque<Input>,
    suspended: usize,
    waits: Vec<Option<Duration>>,
}

impl Script {
    pub fn new(terminal: Terminal<TestBackend>, inputs: VecDeque<Input>) -> Self {
        Self { terminal, inputs, suspended: 0, waits: Vec::new() }
    }
}

impl World for Script {
    type Backend = TestBackend;

    fn terminal(&mut self) -> &mut Terminal<TestBackend> {
        &mut self.terminal
    }

    async fn next(&mut self, wait: Option<Duration>) -> Input {
        self.waits.push(wait);
        let input = self.inputs.pop_front().unwrap_or(Input::Stop);
        if let Input::Terminal(Event::Resize(width, height)) = input {
            self.terminal.backend_mut().resize(width, height);
        }
        input
    }

    fn suspend(&mut self) -> Result<()> {
        self.suspended += 1;
        Ok(())
    }

    fn resume(&mut self) -> Result<()> {
        self.terminal.clear().unwrap();
        Ok(())
    }
}
