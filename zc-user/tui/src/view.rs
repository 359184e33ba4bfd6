//! Drawing: a pure function of the state.

use ratatui::{buffer::Buffer, layout::Rect};

use super::state::{Page, State};

pub mod canvas;
pub mod detail;
pub mod devices;
pub mod footer;
pub mod header;
pub mod help;
pub mod layout;
pub mod menu;
pub mod paths;
pub mod processes;
pub mod tabular;
pub mod tiny;
mod zerocopy;

/// Draws everything.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    let Some(areas) = layout::areas(area) else {
        tiny::draw(state, area, buf);
        return;
    };
    header::draw(state, areas.header, buf);
    header::draw_tabs(state, areas.tabs, buf);
    match state.page() {
        Page::Processes => processes::draw(state, areas.body, buf),
        Page::Detail(id) => {
            let canvas = detail::canvas(state, id, areas.body.width);
            canvas::scroll(state, &canvas, areas.body, buf);
        }
        Page::Paths => paths::TABLE.draw(state, areas.body, buf),
        Page::Devices => devices::TABLE.draw(state, areas.body, buf),
        Page::Help => {
            let canvas = help::canvas(state, areas.body.width);
            canvas::scroll(state, &canvas, areas.body, buf);
        }
    }
    footer::draw(state, areas.footer, buf);
    menu::draw(state, areas.body, buf);
}
