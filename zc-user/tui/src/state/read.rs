//! What drawing may ask the state.

use std::{sync::Arc, time::Duration};

use ratatui::layout::Rect;

use super::{
    Page, State,
    key::{DeviceKey, PathKey, ProcessKey},
    listing::Listing,
    order::Order,
};
use crate::{
    keymap::Context,
    line::Line,
    view::{devices, layout, paths, processes},
};
use zc_model::{
    frame::Frame,
    history::Point,
    snapshot::{Losses, ProcessId, ProcessSample, Provenance},
};
use zc_render::theme::Theme;

impl State {
    /// Rows of a table that fit on the screen.
    #[must_use]
    pub fn rows_visible(&self) -> usize {
        let Some(areas) = layout::areas(self.screen) else { return 0 };
        let pinned = u16::from(self.page == Page::Processes && self.shows_unattributed());
        usize::from(areas.body.height.saturating_sub(1 + pinned))
    }

    /// Whether the row of what belongs to no process is on the screen. A filter hides it, since
    /// nobody can tell whether the filter would select it.
    #[must_use]
    pub fn shows_unattributed(&self) -> bool {
        !self.is_filtered()
    }

    /// The titles of the sort menu.
    #[must_use]
    pub fn menu_titles(&self) -> Vec<(&'static str, &'static str)> {
        match self.page {
            Page::Paths => paths::TABLE.titles(),
            Page::Devices => devices::TABLE.titles(),
            _ => processes::titles(),
        }
    }

    /// Whether this process passes what was typed and what the command line said.
    #[must_use]
    pub fn selects(&self, process: &ProcessSample, frame: &Frame) -> bool {
        self.narrowed.selects(process, frame) && self.filter.selects(process, frame)
    }

    /// Whether processes may be hidden.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !self.narrowed.is_everything() || self.filter.is_active()
    }

    /// The table's order; `None` where there is no table.
    #[must_use]
    pub fn order(&self) -> Option<Order> {
        match self.page {
            Page::Processes => Some(self.orders[0]),
            Page::Paths => Some(self.orders[1]),
            Page::Devices => Some(self.orders[2]),
            Page::Detail(_) | Page::Help => None,
        }
    }

    /// Where keys go.
    #[must_use]
    pub fn context(&self) -> Context {
        match self.page {
            _ if self.menu.is_some() => Context::SortMenu,
            _ if self.filter.line().is_some() => Context::FilterLine,
            Page::Processes => Context::Processes,
            Page::Detail(_) => Context::Detail,
            Page::Paths | Page::Devices => Context::Table,
            Page::Help => Context::Help,
        }
    }

    /// The frame on the screen, once there is one.
    #[must_use]
    pub fn frame(&self) -> Option<&Arc<Frame>> {
        self.shot().frame.as_ref()
    }

    /// The last frame that has the process looked into.
    #[must_use]
    pub fn looked_into(&self) -> Option<&Arc<Frame>> {
        self.looked_into.as_ref()
    }

    /// The rates of a process over the last intervals, oldest first.
    #[must_use]
    pub fn points(&self, id: ProcessId) -> Vec<Point> {
        self.shot().history.process(id).map_or_else(Vec::new, |track| track.points().collect())
    }

    /// Everything lost since the source began.
    #[must_use]
    pub fn losses(&self) -> &Losses {
        &self.shot().losses
    }

    /// The size of the screen.
    #[must_use]
    pub fn screen(&self) -> Rect {
        self.screen
    }

    /// What is on the screen.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Lines scrolled out at the top of a long page.
    #[must_use]
    pub fn scrolled(&self) -> u16 {
        self.scrolled
    }

    /// The selected entry of the sort menu, while it is open.
    #[must_use]
    pub fn menu(&self) -> Option<usize> {
        self.menu
    }

    /// The processes in order.
    #[must_use]
    pub fn processes(&self) -> &Listing<ProcessKey> {
        &self.processes
    }

    /// The paths in order.
    #[must_use]
    pub fn paths(&self) -> &Listing<PathKey> {
        &self.paths
    }

    /// The devices in order.
    #[must_use]
    pub fn devices(&self) -> &Listing<DeviceKey> {
        &self.devices
    }

    /// Colours and signs.
    #[must_use]
    pub fn theme(&self) -> Theme {
        self.theme
    }

    /// Time between snapshots.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether the display is frozen.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.frozen.is_some()
    }

    /// Whether the source has no more snapshots.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// What last went wrong, until it goes well again.
    #[must_use]
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    /// The line being typed.
    #[must_use]
    pub fn editing(&self) -> Option<&Line> {
        self.filter.line()
    }

    /// The filter's text, typed or kept.
    #[must_use]
    pub fn filter_text(&self) -> &str {
        self.filter.text()
    }

    /// Why what is being typed is not a filter.
    #[must_use]
    pub fn filter_error(&self) -> Option<&str> {
        self.filter.error()
    }

    /// Whether numbers on the screen carry the mark of a model.
    #[must_use]
    pub fn is_modelled(&self) -> bool {
        self.frame().is_some_and(|frame| {
            frame.host.copies == Provenance::Modelled
                || frame.totals.paths.iter().any(|path| path.provenance == Provenance::Modelled)
        })
    }
}
