//! The whole screen: what is around the page, the page, and what lies over it.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Mode, Shell};
use crate::{
    keymap::{Hint, Key},
    view::{chrome::Place, footer, menu, notice, tiny},
};

impl Shell<'_> {
    /// Draws everything.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        let (context, chrome) = (&self.context, self.chrome());
        let Some(areas) = self.areas(area) else {
            tiny::draw(context, chrome, area, buf);
            return;
        };
        chrome.draw(context, &self.place(), &areas, buf);
        self.top().draw(context, areas.body, buf);
        let typed = match self.prompt() {
            Some(prompt) => Some(footer::Typed::prompt(prompt)),
            None => footer::Typed::filter(context),
        };
        footer::draw(context, typed, &self.hints(), (areas.body, areas.footer), buf);
        if let Mode::Menu(entry) = self.mode() {
            let columns = self.top().columns();
            let choices = columns.iter().filter(|column| column.is_choice);
            let titles: Vec<_> = choices.map(|column| (column.title, column.help)).collect();
            menu::draw(&titles, entry, context.theme(), areas.body, buf);
        }
    }

    /// What the footer says, most important first.
    #[must_use]
    pub fn hints(&self) -> Vec<Hint> {
        let remap = self.context.keys();
        // While a line is typed, keys are those of the line.
        let is_page = matches!(self.mode(), Mode::Page | Mode::Menu(_));
        let hint = |key: &Key| {
            let hint = key.hint?;
            Some(Hint { key: if is_page { remap.shown(key, hint.key) } else { hint.key }, ..hint })
        };
        let mut hints: Vec<Hint> = self.keys().into_iter().filter_map(hint).collect();
        hints.sort_by_key(|hint| hint.priority);
        hints
    }

    pub(super) fn place(&self) -> Place {
        let host = self.host();
        let tabs = if self.chrome().has_tabs() {
            self.tabs.iter().map(|page| page.title()).collect()
        } else {
            Vec::new()
        };
        let scope = self.top().scope(&self.context);
        let notice = notice::forms(&self.context);
        let is_narrowed = self.context.is_filtered() && self.top().is_narrowed();
        let scope = match is_narrowed {
            true => {
                let filters: Vec<_> = notice::filters(&self.context).collect();
                let filters = filters.join(", ");
                let parts = [scope, filters.clone()];
                let parts = parts.into_iter().filter(|part| !part.is_empty());
                vec![parts.collect::<Vec<_>>().join(", "), filters]
            }
            // What is not narrowed need not be said then.
            false if !notice.is_empty() => Vec::new(),
            false => vec![scope],
        };
        let is_over = self.tab != host || !self.above.is_empty();
        Place {
            tabs,
            tab: self.tab,
            scope,
            notice,
            is_narrowed,
            width: self.screen.width,
            over: is_over.then(|| self.top().title()),
        }
    }
}
