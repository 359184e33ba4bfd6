//! What the help says: collected from the shell and its pages, so that each fact is in one place.

use super::keys::{ALWAYS, Action, EDITING, LINE, MENU, MOVING, PAGE, TIME};
use crate::{
    keymap::{Binding, Key, Remap},
    page::{
        Guide, Page,
        help::{Help, KeySection},
    },
    state::{Context, scroll::Scroll},
};

const MOUSE: &str = "the wheel scrolls; a click selects a row, opens the selected row, sorts by a \
                     heading (click again to reverse), or shows a page. With Shift, most \
                     terminals select text as usual.";

/// The help on these pages.
pub(super) fn help(tabs: &[Box<dyn Page + '_>], context: &Context) -> Help {
    let (theme, remap) = (context.theme(), context.keys());
    let has_tabs = tabs.iter().any(|page| page.chrome().has_tabs());
    let guides: Vec<_> = tabs.iter().flat_map(|page| page.guides()).collect();
    let page = |guide: &Guide| KeySection {
        title: format!("Keys: {}", guide.title),
        rows: guide.keys.iter().map(|key| row(key, remap)).collect(),
    };
    let mut keys: Vec<_> = guides.iter().filter(|guide| !guide.keys.is_empty()).map(page).collect();
    keys.push(KeySection {
        title: "Keys: All pages".to_owned(),
        rows: shell(tabs, has_tabs, remap),
    });
    if tabs.iter().any(|page| page.chrome().has_frames()) {
        keys.push(section("Keys: In a recording", &[TIME]));
    }
    keys.push(page(&Help::guide()));
    if tabs.iter().any(|page| page.is_filterable()) {
        keys.push(section("Keys: Filter", &[LINE, EDITING]));
    }
    if tabs.iter().any(|page| page.order().is_some()) {
        keys.push(section("Keys: Sort menu", &[MENU]));
    }
    let signs = tabs.iter().map(|page| (page.title(), page.signs(theme)));
    Help {
        keys,
        mouse: if has_tabs { MOUSE } else { "" },
        signs: signs.filter(|(_, signs)| !signs.is_empty()).collect(),
        guides,
        scroll: Scroll::START,
    }
}

/// The keys of the shell that mean something on one of these pages.
fn shell(
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
    PAGE.iter()
        .chain(MOVING)
        .chain(ALWAYS)
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
