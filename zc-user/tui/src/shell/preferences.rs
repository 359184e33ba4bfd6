//! What the user has set of the dashboard.

use super::{Shell, guide};
use crate::{keymap::Remap, page::Chosen};

/// What the user has set of the dashboard.
#[derive(Clone, Debug, Default)]
pub struct Preferences {
    /// The page that is shown first, by its name; the first one if there is none.
    pub page: String,
    /// Other keys.
    pub keys: Remap,
    /// Filters that have names: name and filter.
    pub filters: Vec<(String, String)>,
    /// Columns, and how processes are grouped at first.
    pub chosen: Chosen,
}

impl Shell<'_> {
    /// The same, as the user has set it.
    #[must_use]
    pub fn with(mut self, Preferences { page, keys, filters, chosen }: Preferences) -> Self {
        self.tabs.iter_mut().for_each(|tab| tab.prefer(&chosen));
        self.context = self.context.with_keys(keys).with_filters(filters);
        // The help is the last page, and has the names of keys.
        self.tabs.pop();
        let help = guide::help(&self.tabs, &self.context);
        self.tabs.push(Box::new(help));
        let is_named = |title: &str| title.eq_ignore_ascii_case(&page);
        let tab = self.tabs.iter().position(|tab| is_named(tab.title()));
        self.tab = tab.unwrap_or(self.tab);
        self
    }

    /// The names of the pages.
    pub fn pages(&self) -> impl Iterator<Item = &'static str> {
        self.tabs.iter().map(|tab| tab.title())
    }
}
