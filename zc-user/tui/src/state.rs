//! What the dashboard knows, and how actions and snapshots change it.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use ratatui::layout::Rect;

use super::{
    action::{Action, Edit, Motion, View},
    run::Options,
    view::{detail, devices, help, layout, paths, processes},
};
use zc_model::{filter::Filter, frame::Frame, snapshot::Snapshot};
use zc_render::theme::Theme;

pub mod filter;
pub mod key;
pub mod listing;
mod mouse;
pub mod order;
mod read;
pub mod shot;

use self::{
    filter::FilterState,
    key::{DeviceKey, PathKey, ProcessKey},
    listing::Listing,
    order::Order,
    shot::Shot,
};

/// The intervals that `+` and `-` step through, milliseconds.
const INTERVALS_MS: &[u64] = &[100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/// What is on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The table of processes.
    Processes,
    /// One process.
    Detail(ProcessKey),
    /// Paths of the system.
    Paths,
    /// Devices.
    Devices,
    /// The help.
    Help,
}

impl Page {
    /// The tab it belongs to.
    #[must_use]
    pub fn view(&self) -> View {
        match self {
            Self::Processes | Self::Detail(_) => View::Processes,
            Self::Paths => View::Paths,
            Self::Devices => View::Devices,
            Self::Help => View::Help,
        }
    }
}

/// What an action asks of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing but a new screen.
    None,
    /// Leave.
    Quit,
    /// Stop like Ctrl-Z does.
    Suspend,
    /// Draw every character anew.
    Redraw,
}

/// Everything between two inputs.
pub struct State {
    theme: Theme,
    screen: Rect,
    interval: Duration,
    page: Page,
    before_help: Page,
    scrolled: u16,

    previous: Option<Snapshot>,
    live: Shot,
    /// What a paused display shows.
    frozen: Option<Shot>,
    /// The last frame that has the process looked into: short-lived ones end meanwhile.
    looked_into: Option<Arc<Frame>>,
    ended: bool,
    complaint: Option<String>,

    narrowed: Filter,
    filter: FilterState,
    /// The order stays as the user left it.
    orders: [Order; 3],
    /// The entry of the sort menu that is selected, while it is open.
    menu: Option<usize>,
    processes: Listing<ProcessKey>,
    paths: Listing<PathKey>,
    devices: Listing<DeviceKey>,
}

impl State {
    /// Nothing received yet.
    #[must_use]
    pub fn new(options: Options, screen: Rect) -> Self {
        let Options { interval, theme, filter, sort: (column, direction) } = options;
        Self {
            theme,
            screen,
            interval,
            page: Page::Processes,
            before_help: Page::Processes,
            scrolled: 0,
            previous: None,
            live: Shot::default(),
            frozen: None,
            looked_into: None,
            ended: false,
            complaint: None,
            narrowed: filter,
            filter: FilterState::default(),
            orders: [processes::order_by(column, direction), paths::ORDER, devices::ORDER],
            menu: None,
            processes: Listing::default(),
            paths: Listing::default(),
            devices: Listing::default(),
        }
    }

    /// The next snapshot has been asked for.
    pub fn receive(&mut self, next: Result<Option<Snapshot>>) {
        match next {
            Ok(Some(next)) => {
                self.complaint = None;
                if let Some(previous) = &self.previous {
                    self.live.push(Frame::between(previous, &next));
                }
                self.live.losses.clone_from(&next.losses);
                self.previous = Some(next);
            }
            Ok(None) => {
                self.ended = true;
                // A recording of one snapshot has no interval but the one since it began.
                if self.live.frame.is_none()
                    && let Some(only) = self.previous.take()
                {
                    self.live.push(Frame::cumulative(only));
                }
            }
            Err(error) => self.complain(&error),
        }
        if self.frozen.is_none() {
            self.arrange();
        }
    }

    /// Something failed that does not end the session.
    pub fn complain(&mut self, error: &anyhow::Error) {
        self.complaint = Some(format!("{error:#}"));
    }

    /// The screen has a new size.
    pub fn resize(&mut self, screen: Rect) {
        self.screen = screen;
        self.arrange();
    }

    /// Applies an action.
    pub fn update(&mut self, action: Action) -> Effect {
        match action {
            Action::Quit => return Effect::Quit,
            Action::Suspend => return Effect::Suspend,
            Action::Redraw => return Effect::Redraw,
            Action::Show(view) => self.show(view),
            Action::NextView => self.show(self.neighbour(1)),
            Action::PreviousView => self.show(self.neighbour(View::ALL.len() - 1)),
            Action::ToggleHelp if self.page == Page::Help => self.back(),
            Action::ToggleHelp => self.show(View::Help),
            Action::Open => {
                if let Some(key) = self.processes.selected() {
                    self.go(Page::Detail(key.clone()));
                }
            }
            Action::Back => self.back(),
            Action::Move(motion) => self.step(motion),
            Action::ChooseSort => self.menu = self.order().map(|order| order.column),
            Action::Reverse => {
                if let Some(order) = self.order_mut() {
                    order.descending = !order.descending;
                }
                self.arrange();
            }
            Action::TogglePause => {
                self.frozen = if self.frozen.is_some() { None } else { Some(self.live.clone()) };
                self.arrange();
            }
            Action::Slower => self.pace(|now, step| step > now, false),
            Action::Faster => self.pace(|now, step| step < now, true),
            Action::EditFilter => self.filter.start(),
            Action::Edit(edit) => self.edit(edit),
            Action::Accept => self.accept(),
            Action::Cancel => self.cancel(),
            Action::Click { x, y } => self.click(x, y),
        }
        Effect::None
    }

    fn go(&mut self, page: Page) {
        self.page = page;
        self.scrolled = 0;
        self.menu = None;
        self.arrange();
    }

    fn show(&mut self, view: View) {
        let page = match view {
            View::Processes => Page::Processes,
            View::Paths => Page::Paths,
            View::Devices => Page::Devices,
            View::Help => Page::Help,
        };
        if page == Page::Help && self.page != Page::Help {
            self.before_help = self.page.clone();
        }
        self.go(page);
    }

    fn neighbour(&self, steps: usize) -> View {
        let here = View::ALL.iter().position(|view| *view == self.page.view()).unwrap_or(0);
        View::ALL[(here + steps) % View::ALL.len()]
    }

    fn back(&mut self) {
        match &self.page {
            Page::Help => self.go(self.before_help.clone()),
            Page::Detail(_) => self.go(Page::Processes),
            Page::Processes => {
                self.filter.clear();
                self.arrange();
            }
            Page::Paths | Page::Devices => {}
        }
    }

    fn step(&mut self, motion: Motion) {
        let height = self.rows_visible();
        if let Some(entry) = self.menu {
            let last = self.menu_titles().len().saturating_sub(1);
            self.menu = Some(match motion {
                Motion::Up => entry.saturating_sub(1),
                Motion::Down => (entry + 1).min(last),
                Motion::First | Motion::PageUp => 0,
                Motion::Last | Motion::PageDown => last,
            });
            return;
        }
        match &self.page {
            Page::Processes => self.processes.step(motion, height),
            Page::Paths => self.paths.step(motion, height),
            Page::Devices => self.devices.step(motion, height),
            Page::Detail(_) | Page::Help => self.scroll(motion),
        }
    }

    fn scroll(&mut self, motion: Motion) {
        let Some(areas) = layout::areas(self.screen) else { return };
        let canvas = match &self.page {
            Page::Detail(key) => detail::canvas(self, key, areas.body.width),
            _ => help::canvas(self, areas.body.width),
        };
        let last = canvas.height().saturating_sub(areas.body.height);
        let page = areas.body.height.saturating_sub(2).max(1);
        let now = self.scrolled.min(last);
        self.scrolled = match motion {
            Motion::Up => now.saturating_sub(1),
            Motion::Down => now.saturating_add(1),
            Motion::PageUp => now.saturating_sub(page),
            Motion::PageDown => now.saturating_add(page),
            Motion::First => 0,
            Motion::Last => last,
        }
        .min(last);
    }

    fn pace(&mut self, wanted: impl Fn(Duration, Duration) -> bool, faster: bool) {
        let mut steps = INTERVALS_MS.iter().copied().map(Duration::from_millis);
        let fits = |step: &Duration| wanted(self.interval, *step);
        let step = if faster { steps.rfind(fits) } else { steps.find(fits) };
        self.interval = step.unwrap_or(self.interval);
    }

    fn edit(&mut self, edit: Edit) {
        self.filter.edit(edit);
        self.arrange();
    }

    fn accept(&mut self) {
        if let Some(column) = self.menu.take() {
            self.sort_by(column);
        } else {
            self.filter.accept();
        }
        self.arrange();
    }

    fn cancel(&mut self) {
        if self.menu.take().is_none() {
            self.filter.clear();
            self.arrange();
        }
    }

    /// Sorts by a column of the table on screen; by the same one again: the other way round.
    fn sort_by(&mut self, column: usize) {
        let numeric = match self.page {
            Page::Processes | Page::Detail(_) | Page::Help => processes::is_numeric(column),
            Page::Paths => paths::TABLE.is_numeric(column),
            Page::Devices => devices::TABLE.is_numeric(column),
        };
        let Some(order) = self.order_mut() else { return };
        *order = if order.column == column {
            Order { column, descending: !order.descending }
        } else {
            // The big numbers are what one looks for; names are looked up from A.
            Order { column, descending: numeric }
        };
        self.arrange();
    }

    /// Rebuilds the lists: what is shown, the filter, an order or the size has changed.
    fn arrange(&mut self) {
        let height = self.rows_visible();
        let Some(frame) = self.shot().frame.clone() else { return };
        if let Page::Detail(key) = &self.page
            && frame.processes.iter().any(|process| key.is(process))
        {
            self.looked_into = Some(Arc::clone(&frame));
        }
        let keys = processes::keys(&frame, self, self.orders[0]);
        self.processes.replace(keys, height);
        self.paths.replace(paths::TABLE.keys(&frame, self.orders[1]), height);
        self.devices.replace(devices::TABLE.keys(&frame, self.orders[2]), height);
    }

    fn order_mut(&mut self) -> Option<&mut Order> {
        match self.page {
            Page::Processes => Some(&mut self.orders[0]),
            Page::Paths => Some(&mut self.orders[1]),
            Page::Devices => Some(&mut self.orders[2]),
            Page::Detail(_) | Page::Help => None,
        }
    }

    fn shot(&self) -> &Shot {
        self.frozen.as_ref().unwrap_or(&self.live)
    }
}
