//! What a click means: it depends on what is under it.

use super::{Page, State};
use crate::{
    action::Action,
    view::{devices, header, layout, paths, processes},
};

impl State {
    pub(super) fn click(&mut self, x: u16, y: u16) {
        let Some(areas) = layout::areas(self.screen) else { return };
        if self.menu.take().is_some() {
            return;
        }
        if y == areas.tabs.y {
            if let Some(view) = header::tab_at(self.page.view(), areas.tabs, x) {
                self.show(view);
            }
            return;
        }
        if y < areas.body.y || y >= areas.body.bottom() || self.order().is_none() {
            return;
        }
        if y == areas.body.y {
            let column = match self.page {
                Page::Paths => paths::TABLE.column_at(self, areas.body, x),
                Page::Devices => devices::TABLE.column_at(self, areas.body, x),
                _ => processes::column_at(self, areas.body, x),
            };
            if let Some(column) = column {
                self.sort_by(column);
            }
            return;
        }
        let row = usize::from(y - areas.body.y - 1);
        if row >= self.rows_visible() {
            return;
        }
        match self.page {
            Page::Processes => {
                let before = self.processes.selected().cloned();
                // A second click on the selected row opens it.
                if self.processes.select_visible(row)
                    && before.as_ref() == self.processes.selected()
                {
                    self.update(Action::Open);
                }
            }
            Page::Paths => {
                self.paths.select_visible(row);
            }
            Page::Devices => {
                self.devices.select_visible(row);
            }
            Page::Detail(_) | Page::Help => {}
        }
    }
}
