//! What the help says: collected from the shell and its pages, so that each fact is in one place.

use super::Shell;
use super::keys::{
    ALWAYS, Action, EDITING, LINE, MENU, MOVING, NOW, PAGE, PAST, PLAYING, PROMPT, TIME,
};
use crate::{
    keymap::{Binding, Key, Remap},
    page::{
        Guide, Page,
        help::{Help, KeySection},
    },
    state::Context,
};

const MOUSE: &str = "the wheel scrolls; a click selects a row, opens the selected row, sorts by a \
                     heading (click again to reverse), or shows a page. With Shift, most \
                     terminals select text as usual.";

impl Shell<'_> {
    /// All keys, as the help has them: those of each page, those of all pages, and others. A title, and the keys with what
    /// they do.
    #[must_use]
    pub fn all_keys(&self) -> Vec<KeySection> {
        let tabs = &self.tabs[..self.tabs.len() - 1];
        let Sections { own, shared, others } = sections(tabs, self.context.keys());
        let own = own.into_iter().map(|(_, section)| section);
        own.chain(shared).chain(others).collect()
    }
}

/// Keys of a page by its title, of all pages, and what is elsewhere.
struct Sections {
    own: Vec<(&'static str, KeySection)>,
    shared: Vec<KeySection>,
    others: Vec<KeySection>,
}

/// The help on these pages.
pub(super) fn help(tabs: &[Box<dyn Page + '_>], context: &Context) -> Help {
    let (theme, remap) = (context.theme(), context.keys());
    let has_tabs = tabs.iter().any(|page| page.chrome().has_tabs());
    let has_filter = tabs.iter().any(|page| page.is_filterable());
    let guides: Vec<_> = tabs.iter().flat_map(|page| page.guides()).collect();
    let Sections { own, shared, others } = sections(tabs, remap);
    let signs = tabs.iter().map(|page| (page.title(), page.signs(theme)));
    let signs = signs.filter(|(_, signs)| !signs.is_empty()).collect();
    let mouse = if has_tabs { MOUSE } else { "" };
    Help::new(own, shared, others, mouse, signs, guides, has_filter)
}

fn sections(tabs: &[Box<dyn Page + '_>], remap: &Remap) -> Sections {
    let has_tabs = tabs.iter().any(|page| page.chrome().has_tabs());
    let has_filter = tabs.iter().any(|page| page.is_filterable());
    let guides: Vec<_> = tabs.iter().flat_map(|page| page.guides()).collect();
    let page = |guide: &Guide| KeySection {
        title: format!("Keys: {}", guide.title),
        rows: guide.keys.iter().map(|key| row(key, remap)).collect(),
    };
    let own = guides.iter().filter(|guide| !guide.keys.is_empty());
    let own = own.map(|guide| (guide.title, page(guide))).collect();
    let shared = [("Keys: All pages", &[PAGE][..]), ("Keys: Moving", &[MOVING, ALWAYS])];
    let shared = shared.into_iter().map(|(title, tables)| KeySection {
        title: title.to_owned(),
        rows: shell(tables, tabs, has_tabs, remap),
    });
    let shared = shared.collect();
    let mut others = Vec::new();
    if tabs.iter().any(|page| page.chrome().has_frames()) {
        others.push(section("Keys: Time", &[TIME, NOW]));
        others.push(section("Keys: Back in time", &[PAST]));
        others.push(section("Keys: In a recording", &[PLAYING]));
        others.push(section("Keys: A time or a name", &[PROMPT]));
    }
    others.push(page(&Help::guide()));
    if has_filter {
        others.push(section("Keys: Filter", &[LINE, EDITING]));
    }
    if tabs.iter().any(|page| page.order().is_some()) {
        others.push(section("Keys: Sort menu", &[MENU]));
    }
    Sections { own, shared, others }
}

/// The keys of the shell that mean something on one of these pages.
fn shell(
    tables: &[&'static [Binding<Action>]],
    tabs: &[Box<dyn Page + '_>],
    has_tabs: bool,
    remap: &Remap,
) -> Vec<(&'static str, &'static str)> {
    let is_useful = |binding: &&Binding<Action>| match binding.action {
        Action::NextTab | Action::PreviousTab => has_tabs,
        Action::ChooseSort | Action::Reverse => tabs.iter().any(|page| page.order().is_some()),
        Action::EditFilter => tabs.iter().any(|page| page.is_filterable()),
        Action::TogglePause | Action::Slower | Action::Faster => {
            tabs.iter().any(|page| page.chrome().has_frames())
        }
        // Unless each page has keys of its own for it.
        _ => tabs.iter().any(|page| {
            let own: Vec<_> = page.keys().iter().flat_map(|key| key.chords).collect();
            !binding.key.chords.iter().all(|chord| own.contains(&chord))
        }),
    };
    tables
        .iter()
        .copied()
        .flatten()
        .filter(is_useful)
        .filter_map(|binding| match binding.action {
            Action::Show(tab) if !has_tabs || tab > tabs.len() => None,
            Action::Show(tab) => {
                let about = tabs.get(tab).map_or("this help", |page| page.about());
                Some((remap.shown(&binding.key, binding.key.shown), about))
            }
            _ => Some(row(&binding.key, remap)),
        })
        .collect()
}

fn section(title: &str, tables: &[&'static [Binding<Action>]]) -> KeySection {
    let rows = tables
        .iter()
        .copied()
        .flatten()
        .map(|binding| (binding.key.shown, binding.key.help))
        .collect();
    KeySection { title: title.to_owned(), rows }
}

fn row(key: &Key, remap: &Remap) -> (&'static str, &'static str) {
    (remap.shown(key, key.shown), key.help)
}
