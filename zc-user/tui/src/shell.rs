//! The shell: the stack of pages, and what all of them have in common: what is around them, the
//! filter line, the sort menu, pausing.

use std::{
    mem,
    task::{self, Poll},
    time::Duration,
};

use anyhow::Result;
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::{
    action::{Edit, Motion},
    keymap::{self, Binding, Chord, Key},
    page::{Intent, Page, code, devices, doctor::Doctor, files, paths, who::Who},
    state::{
        Context,
        checks::Checks,
        order::Order,
        prompt::{Prompt, Wanted},
    },
    view::chrome::{self, Chrome},
};
use zc_model::{column::Column, filter::Filter, snapshot::Snapshot, sort::Direction};
use zc_render::theme::Theme;

mod copy;
mod draw;
mod guide;
mod hand_on;
mod inspect;
pub mod keys;
mod preferences;
mod travel;
mod typing;

use self::keys::{
    ALWAYS, Action, EDITING, LINE, MENU, MOVING, NOW, PAGE, PAST, PLAYING, PROMPT, TIME,
};
pub use self::preferences::Preferences;

/// Rows that one notch of the mouse wheel scrolls.
const WHEEL_ROWS: usize = 3;

/// The dashboard with all its pages, in the order of their tabs. The one on which mechanisms run is made elsewhere.
#[must_use]
pub fn dashboard(
    theme: Theme,
    interval: Duration,
    filter: Filter,
    (column, direction): (&'static Column, Direction),
    top: Option<usize>,
    checks: Checks,
    lab: Option<Box<dyn Page>>,
) -> Shell<'static> {
    let mut pages: Vec<Box<dyn Page>> = vec![
        Box::new(Who::new(column, direction, top)),
        Box::new(paths::page()),
        Box::new(files::page()),
        Box::new(devices::page()),
        Box::new(code::page()),
    ];
    pages.extend(lab);
    pages.push(Box::new(Doctor::new(checks)));
    Shell::new(Context::new(theme, interval, filter), pages)
}

/// What an input asks of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing but a new screen.
    None,
    /// Leave.
    Quit,
    /// Leave, as any program on Ctrl-C.
    Interrupt,
    /// Stop like Ctrl-Z does.
    Suspend,
    /// Redraw every character.
    Redraw,
    /// Keep what is on the screen.
    Save,
    /// Give this text to the clipboard of the terminal.
    Copy(String),
    /// Give it the selected line.
    CopySelected,
}

/// Where keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To the page on top, then to the shell.
    Page,
    /// To the sort menu, of which this entry is selected.
    Menu(usize),
    /// To the filter being typed.
    Line,
    /// To a line that is looked at when it is complete.
    Prompt,
}

/// Everything between two inputs.
pub struct Shell<'a> {
    context: Context,
    screen: Rect,
    /// The pages that tabs and digits reach; the last one is the help.
    tabs: Vec<Box<dyn Page + 'a>>,
    tab: usize,
    /// Pages that were opened on top of the tab.
    above: Vec<Box<dyn Page>>,
    /// Where the user was when the help was opened.
    before_help: Option<(usize, Vec<Box<dyn Page>>)>,
    menu: Option<usize>,
    /// A moment or a name, while it is typed.
    prompt: Option<Prompt>,
}

impl<'a> Shell<'a> {
    /// A shell with these pages, and the help as the last one. The first page is on the screen.
    #[must_use]
    pub fn new(context: Context, mut tabs: Vec<Box<dyn Page + 'a>>) -> Self {
        let help = guide::help(&tabs, &context);
        tabs.push(Box::new(help));
        let (above, screen) = (Vec::new(), Rect::ZERO);
        Self { context, screen, tabs, tab: 0, above, before_help: None, menu: None, prompt: None }
    }

    /// The same, where what is on the screen can be handed on.
    #[must_use]
    pub fn handing_on(self, hands_on: bool) -> Self {
        Self { context: self.context.handing_on(hands_on), ..self }
    }

    /// The same, where the last minutes of a live source are kept.
    #[must_use]
    pub fn with_past(self, keeps_past: bool) -> Self {
        Self { context: self.context.with_past(keeps_past), ..self }
    }

    /// The same, where the snapshots are those of a recording.
    #[must_use]
    pub fn of_recording(self, recorded: bool) -> Self {
        Self { context: self.context.of_recording(recorded), ..self }
    }

    /// The same, where what was counted before is kept.
    #[must_use]
    pub fn with_archive(self, has_archive: bool) -> Self {
        Self { context: self.context.with_archive(has_archive), ..self }
    }

    /// What the pages share.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// The page that has the keys.
    #[must_use]
    pub fn top(&self) -> &dyn Page {
        self.above.last().map_or_else(|| &*self.tabs[self.tab] as &dyn Page, |page| &**page)
    }

    /// Where keys go.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.menu {
            Some(entry) => Mode::Menu(entry),
            None if self.prompt.is_some() => Mode::Prompt,
            None if self.context.filter().line().is_some() => Mode::Line,
            None => Mode::Page,
        }
    }

    /// The next snapshot has been asked for.
    pub fn receive(&mut self, next: Result<Option<Snapshot>>) {
        self.context.receive(next);
        if !self.context.is_paused() || self.context.is_held() {
            self.arrange();
        }
    }

    /// The screen has this size, which it may have got a moment ago: its event is still to come.
    pub(crate) fn fit(&mut self, screen: Rect) {
        if self.screen != screen {
            self.resize(screen);
        }
    }

    /// The screen has a new size.
    pub fn resize(&mut self, screen: Rect) {
        self.screen = screen;
        self.arrange();
    }

    /// Begins what goes on behind pages.
    ///
    /// # Errors
    /// When the session cannot go on without it.
    pub fn start(&mut self) -> Result<()> {
        self.tabs.iter_mut().filter_map(|page| page.work()).try_for_each(|work| work.start())
    }

    /// How often pages want time to pass.
    pub fn tick(&mut self) -> Option<Duration> {
        self.tabs.iter_mut().filter_map(|page| page.work()).map(|work| work.tick()).min()
    }

    /// Time has passed.
    pub fn pass(&mut self, time: Duration) -> Effect {
        let mut effect = Effect::None;
        for tab in 0..self.tabs.len() {
            let intent = self.tabs[tab].work().map(|work| work.pass(time));
            match intent.map(|intent| self.fulfil(intent)) {
                None | Some(Effect::None) => {}
                Some(other) => effect = other,
            }
        }
        effect
    }

    /// Housekeeping of the source was done; whether there is something to draw.
    pub fn tend(&mut self, source: Result<()>) -> bool {
        self.tabs.iter_mut().filter_map(|page| page.work()).for_each(|work| work.tend());
        source.map_err(|error| self.context.complain(&error)).is_err()
    }

    /// Goes on with what goes on behind pages; ready when there is something to draw.
    pub fn poll(&mut self, task: &mut task::Context<'_>) -> Poll<()> {
        for page in &mut self.tabs {
            if page.work().is_some_and(|work| work.poll(task).is_ready()) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Does what an event of the terminal asks for; `None` if it means nothing here.
    pub fn handle(&mut self, event: &Event) -> Option<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.press(Chord::of(*key)),
            Event::Mouse(mouse) => match mouse.kind {
                MouseEventKind::ScrollUp => self.turn(Motion::Up),
                MouseEventKind::ScrollDown => self.turn(Motion::Down),
                MouseEventKind::Down(MouseButton::Left) => {
                    Some(self.click(Position::new(mouse.column, mouse.row)))
                }
                _ => None,
            },
            // Coming back to a terminal on which another program has written costs nothing.
            _ => None,
        }
    }

    /// Does what a key asks for; `None` if it means nothing here.
    pub fn press(&mut self, chord: Chord) -> Option<Effect> {
        // It has been read.
        self.context.unsay();
        let chord = match self.mode() {
            Mode::Page | Mode::Menu(_) => self.context.keys().translate(chord)?,
            Mode::Line | Mode::Prompt => chord,
        };
        if self.mode() == Mode::Page {
            let Self { context, tabs, tab, above, .. } = self;
            let pressed = match above.last_mut() {
                Some(page) => page.press(chord, context),
                None => tabs[*tab].press(chord, context),
            };
            if let Some(intent) = pressed {
                return Some(self.fulfil(intent));
            }
        }
        let found = self.tables().iter().find_map(|table| {
            keymap::find(table, chord).filter(|action| self.has_use_for(*action))
        });
        match (found, self.mode(), chord) {
            (Some(action), ..) => Some(self.update(action)),
            (
                None,
                Mode::Line | Mode::Prompt,
                Chord { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE },
            ) => Some(self.update(Action::Edit(Edit::Insert(c)))),
            (None, ..) => None,
        }
    }

    /// The keys that mean something now.
    #[must_use]
    pub fn keys(&self) -> Vec<&'static Key> {
        let mut keys = if self.mode() == Mode::Page { self.top().keys() } else { Vec::new() };
        for table in self.tables() {
            // The first table that has a key decides what it does.
            let taken: Vec<Chord> = keys.iter().flat_map(|key| key.chords).copied().collect();
            let rest = table.iter().filter(|binding| {
                self.has_use_for(binding.action)
                    && !binding.key.chords.iter().all(|chord| taken.contains(chord))
            });
            keys.extend(rest.map(|binding| &binding.key));
        }
        keys
    }

    fn tables(&self) -> Vec<&'static [Binding<Action>]> {
        match self.mode() {
            Mode::Page if self.context.is_recorded() => {
                vec![PLAYING, TIME, PAGE, MOVING, ALWAYS]
            }
            Mode::Page if self.context.is_in_past() => {
                vec![PAST, TIME, NOW, PAGE, MOVING, ALWAYS]
            }
            Mode::Page if self.context.has_past() => vec![TIME, NOW, PAGE, MOVING, ALWAYS],
            Mode::Page => vec![PAGE, MOVING, ALWAYS],
            Mode::Menu(_) => vec![MENU, MOVING, ALWAYS],
            Mode::Line => vec![LINE, EDITING, ALWAYS],
            Mode::Prompt => vec![PROMPT, EDITING, ALWAYS],
        }
    }

    fn has_use_for(&self, action: Action) -> bool {
        match action {
            Action::Show(tab) => self.chrome().has_tabs() && tab < self.tabs.len(),
            Action::NextTab | Action::PreviousTab => self.chrome().has_tabs(),
            Action::Slower | Action::Faster
                if self.context.is_recorded() || self.context.is_in_past() =>
            {
                false
            }
            Action::TogglePause | Action::Slower | Action::Faster => self.chrome().has_frames(),
            Action::Back => !self.above.is_empty() || self.is_on_help(),
            Action::ChooseSort | Action::Reverse => self.top().order().is_some(),
            Action::EditFilter => self.top().is_filterable(),
            Action::Save | Action::Copy => self.context.hands_on(),
            Action::SetBaseline => self.chrome().has_frames(),
            Action::ClearBaseline => self.context.baseline().is_some(),
            _ => true,
        }
    }

    /// Applies an action.
    pub fn update(&mut self, action: Action) -> Effect {
        let tabs = self.tabs.len();
        match action {
            Action::Quit => return Effect::Quit,
            Action::Interrupt => return Effect::Interrupt,
            Action::Suspend => return Effect::Suspend,
            Action::Redraw => return Effect::Redraw,
            Action::Save => return Effect::Save,
            Action::Copy => return Effect::CopySelected,
            Action::SetBaseline => {
                self.context.set_baseline();
                self.arrange();
            }
            Action::ClearBaseline => {
                self.context.clear_baseline();
                self.arrange();
            }
            Action::Show(tab) => self.show(tab),
            Action::NextTab => self.show((self.tab + 1) % tabs),
            Action::PreviousTab => self.show((self.tab + tabs - 1) % tabs),
            Action::ToggleHelp if self.is_on_help() => self.back(),
            Action::ToggleHelp => self.show(tabs - 1),
            Action::Back => self.back(),
            Action::Move(motion) => self.step(motion),
            Action::ChooseSort => {
                let order = self.top().order();
                let choices = self.choices();
                let place =
                    order.and_then(|order| choices.iter().position(|at| *at == order.column));
                self.menu = order.map(|_| place.unwrap_or(0));
            }
            Action::Reverse => {
                if let Some(Order { column, descending }) = self.top().order() {
                    self.set_order(Order { column, descending: !descending });
                }
            }
            Action::TogglePause => {
                self.context.toggle_pause();
                self.arrange();
            }
            Action::Slower => self.context.slow_down(),
            Action::Faster => self.context.speed_up(),
            Action::Travel(travel) => self.travel(travel),
            Action::EditMoment => self.prompt = Some(Prompt::new(Wanted::Moment)),
            Action::EditMark => self.prompt = Some(Prompt::new(Wanted::Mark)),
            Action::EditFilter | Action::Recall { .. } | Action::Complete { .. } => {
                self.type_filter(action);
            }
            Action::Edit(edit) if self.prompt.is_some() => {
                let Some(prompt) = &mut self.prompt else { return Effect::None };
                prompt.line.edit(edit);
                prompt.error = None;
            }
            Action::Edit(edit) => {
                self.context.filter.edit(edit);
                self.arrange();
            }
            Action::Accept if self.prompt.is_some() => self.accept_prompt(),
            Action::Cancel if self.prompt.is_some() => self.prompt = None,
            Action::Accept => match self.menu.take() {
                Some(entry) => {
                    if let Some(column) = self.choices().get(entry) {
                        self.sort_by(*column);
                    }
                }
                None => {
                    self.context.filter.accept();
                    self.arrange();
                }
            },
            Action::Cancel => {
                if self.menu.take().is_none() {
                    self.context.filter.cancel();
                    self.arrange();
                }
            }
        }
        Effect::None
    }

    fn fulfil(&mut self, intent: Intent) -> Effect {
        match intent {
            Intent::Nothing => {}
            Intent::Open(page) => {
                self.above.push(page);
                self.arrange();
            }
            Intent::Back => self.back(),
            Intent::ClearFilter => self.clear_filter(),
            Intent::SortBy(column) => self.sort_by(column),
            Intent::Acknowledge => self.context.acknowledge(),
            Intent::Copy(text) => return Effect::Copy(text),
            Intent::Quit => return Effect::Quit,
        }
        Effect::None
    }

    fn show(&mut self, tab: usize) {
        let here = self.top().title();
        let (before, above) = (self.tab, mem::take(&mut self.above));
        let is_help = tab + 1 == self.tabs.len();
        if is_help {
            self.tabs[tab].come_from(here);
        }
        if is_help && !self.is_on_help() {
            self.before_help = Some((before, above));
        } else if !is_help {
            self.before_help = None;
        }
        self.tabs[tab].enter();
        self.go(tab, Vec::new());
    }

    fn back(&mut self) {
        if self.above.pop().is_some() {
            self.arrange();
        } else if let Some((tab, above)) = self.before_help.take() {
            self.go(tab, above);
        }
    }

    fn go(&mut self, tab: usize, above: Vec<Box<dyn Page>>) {
        (self.tab, self.above) = (tab, above);
        self.menu = None;
        self.arrange();
    }

    fn is_on_help(&self) -> bool {
        self.tab + 1 == self.tabs.len()
    }

    fn step(&mut self, motion: Motion) {
        if let Some(entry) = self.menu {
            let last = self.choices().len().saturating_sub(1);
            self.menu = Some(match motion {
                Motion::Up => entry.saturating_sub(1),
                Motion::Down => (entry + 1).min(last),
                Motion::First | Motion::PageUp => 0,
                Motion::Last | Motion::PageDown => last,
            });
            return;
        }
        let Self { context, tabs, tab, above, .. } = self;
        match above.last_mut() {
            Some(page) => page.step(motion, context),
            None => tabs[*tab].step(motion, context),
        }
    }

    fn turn(&mut self, motion: Motion) -> Option<Effect> {
        if matches!(self.mode(), Mode::Line | Mode::Prompt) {
            return None;
        }
        (0..WHEEL_ROWS).for_each(|_| self.step(motion));
        Some(Effect::None)
    }

    /// What a click means depends on what is under it.
    fn click(&mut self, at: Position) -> Effect {
        let Some(areas) = self.areas(self.screen) else { return Effect::None };
        if self.menu.take().is_some() {
            return Effect::None;
        }
        if at.y == areas.tabs.y {
            if let Some(tab) = chrome::tab_at(&self.place(), areas.tabs, at.x) {
                self.show(tab);
            }
        } else if areas.body.contains(at) {
            let Self { context, tabs, tab, above, .. } = self;
            let intent = match above.last_mut() {
                Some(page) => page.click(at, context),
                None => tabs[*tab].click(at, context),
            };
            return self.fulfil(intent);
        }
        Effect::None
    }

    fn clear_filter(&mut self) {
        self.context.filter.clear();
        self.arrange();
    }

    /// Sorts the page on top by this column; by the same one again: the other way round.
    fn sort_by(&mut self, column: usize) {
        let Some(order) = self.top().order() else { return };
        let columns = self.top().columns();
        let Some(heading) = columns.get(column) else { return };
        self.set_order(if order.column == column {
            Order { column, descending: !order.descending }
        } else {
            // Users look for the largest numbers, and for names from A.
            Order { column, descending: heading.numeric }
        });
    }

    /// The columns that the sort menu lists, by their places among all.
    fn choices(&self) -> Vec<usize> {
        let columns = self.top().columns();
        (0..columns.len()).filter(|at| columns[*at].is_choice).collect()
    }

    fn set_order(&mut self, order: Order) {
        let Self { context, tabs, tab, above, .. } = self;
        match above.last_mut() {
            Some(page) => page.set_order(order, context),
            None => tabs[*tab].set_order(order, context),
        }
    }

    /// What is shown, the filter or the size has changed.
    fn arrange(&mut self) {
        let body = self.areas(self.screen).map_or(Rect::ZERO, |areas| areas.body);
        self.context.set_body(body);
        let hidden = self.before_help.iter_mut().flat_map(|(_, above)| above);
        for page in self.above.iter_mut().chain(hidden) {
            page.arrange(&self.context);
        }
        for page in &mut self.tabs {
            page.arrange(&self.context);
        }
        match self.above.last_mut() {
            Some(page) => page.attend(&self.context),
            None => self.tabs[self.tab].attend(&self.context),
        }
    }

    /// The tab whose chrome is on the screen: the help has that of the page it was opened from.
    fn host(&self) -> usize {
        self.before_help.as_ref().map_or(self.tab, |(tab, _)| *tab)
    }

    fn chrome(&self) -> &dyn Chrome {
        self.tabs[self.host()].chrome()
    }
}
