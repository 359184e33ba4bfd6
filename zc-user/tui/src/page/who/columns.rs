//! What the cells of a row show.

use std::sync::LazyLock;

use crate::{page::Heading, page::tabular, widget::grid::Spec};
use zc_model::{
    column::{Column, Processes as Columns},
    group::GroupBy,
};

/// What a cell shows of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The value.
    Value,
    /// A sign if there is a value.
    Sign,
    /// The value as a share of all.
    Share,
    /// The value over the last intervals.
    Curve,
    /// How the value has changed since the baseline.
    Change,
}

/// A column of the page.
pub(super) struct Shown {
    pub(super) column: &'static Column,
    pub(super) content: Content,
}

/// The columns in their order: those that answer who copies first, then what else the dashboard has.
pub(super) static SHOWN: LazyLock<Vec<Shown>> = LazyLock::new(|| {
    let show = |column, content| Shown { column, content };
    let mut shown = vec![
        show(Columns::ADVICE, Content::Sign),
        show(Columns::PID, Content::Value),
        show(Columns::COMM, Content::Value),
        show(Columns::MEMBERS, Content::Value),
        show(Columns::COPIED_BYTES_PER_SEC, Content::Value),
        show(Columns::COPIED_BYTES_PER_SEC, Content::Share),
        show(Columns::AMPLIFICATION, Content::Value),
        show(Columns::COPIED_BYTES_PER_SEC, Content::Change),
        show(Columns::COPIED_BYTES_PER_SEC, Content::Curve),
        show(Columns::HOW, Content::Value),
        show(Columns::ZERO_COPIED_BYTES_PER_SEC, Content::Value),
        show(Columns::MOVED_BYTES_PER_SEC, Content::Value),
    ];
    for column in tabular::shown::<Columns>() {
        if !shown.iter().any(|it| it.content == Content::Value && it.column == column) {
            shown.push(show(column, Content::Value));
        }
    }
    shown
});

impl Shown {
    pub(super) fn is(&self, column: &Column) -> bool {
        self.column == column && self.content == Content::Value
    }

    /// What it is called where columns are chosen.
    pub(super) fn name(&self) -> &'static str {
        match self.content {
            Content::Value => self.column.id,
            Content::Sign => "!",
            Content::Share => "share",
            Content::Curve => "curve",
            Content::Change => "change",
        }
    }

    /// How it lies on the screen; `None` where it has nothing to say.
    fn spec(&self, by: Option<GroupBy>, compares: bool) -> Option<Spec> {
        let is_grouped = by.is_some();
        let text = |title, width, stretch, priority| Spec {
            title,
            width,
            right: false,
            marks: false,
            stretch,
            priority,
        };
        let number =
            |title, width, priority| Spec { right: true, ..text(title, width, width, priority) };
        Some(match self.content {
            Content::Sign => text("", 1, 1, 4),
            Content::Share => text("OF ALL", 11, 16, 3),
            Content::Change if !compares => return None,
            Content::Change => number("SINCE b", 8, 7),
            Content::Curve => text("LAST", 10, 20, 9),
            Content::Value if self.is(Columns::PID) => {
                if is_grouped {
                    return None;
                }
                number("PID", 7, 2)
            }
            Content::Value if self.is(Columns::COMM) => text(
                name(by),
                if is_grouped { 16 } else { 14 },
                if is_grouped { 40 } else { 20 },
                0,
            ),
            Content::Value if self.is(Columns::MEMBERS) => {
                if !is_grouped {
                    return None;
                }
                number("N", 5, 5)
            }
            Content::Value if self.is(Columns::COPIED_BYTES_PER_SEC) => {
                Spec { marks: true, ..number("COPIED/s", 10, 1) }
            }
            Content::Value if self.is(Columns::AMPLIFICATION) => number("PER BYTE", 9, 6),
            Content::Value if self.is(Columns::HOW) => {
                // A path says it itself, and its name is long.
                if by == Some(GroupBy::Path) {
                    return None;
                }
                text("HOW", 11, 13, 8)
            }
            Content::Value => {
                let spec = Spec::of(self.column)?;
                Spec { priority: spec.priority.saturating_add(10), ..spec }
            }
        })
    }
}

/// The heading of the names.
const fn name(by: Option<GroupBy>) -> &'static str {
    match by {
        None | Some(GroupBy::Command) => "COMMAND",
        Some(GroupBy::Container) => "CONTAINER, UNIT",
        Some(GroupBy::Cgroup) => "CONTROL GROUP",
        Some(GroupBy::User) => "USER",
        Some(GroupBy::Parent) => "PARENT",
        Some(GroupBy::Tree) => "TREE",
        Some(GroupBy::Thread) => "THREAD",
        Some(GroupBy::Path) => "PATH",
    }
}

/// The columns of one way to group, with a baseline or without: their places in [`SHOWN`], and how they lie. Of those that
/// were chosen, what was named last gives way first.
pub(super) fn specs(
    by: Option<GroupBy>,
    compares: bool,
    chosen: Option<&[usize]>,
) -> (Vec<usize>, Vec<Spec>) {
    let spec = |at: usize| Some((at, SHOWN.get(at)?.spec(by, compares)?));
    let Some(chosen) = chosen else { return (0..SHOWN.len()).filter_map(spec).unzip() };
    let (places, specs): (Vec<usize>, Vec<Spec>) = chosen.iter().copied().filter_map(spec).unzip();
    let all: Vec<usize> = (0..specs.len()).collect();
    (places, tabular::chosen(&specs, &all))
}

/// The column of this page that says the same as `column`: of a count its rate.
pub(super) fn on_page(column: &'static Column) -> &'static Column {
    if place(column).is_some() {
        return column;
    }
    let rate = Column::<Columns>::from_id(&format!("{}_per_sec", column.id));
    rate.filter(|rate| place(rate).is_some()).unwrap_or(column)
}

/// The place of a column among those that can be sorted by.
pub(super) fn place(column: &Column) -> Option<usize> {
    SHOWN.iter().position(|shown| shown.is(column))
}

/// The place of the change since the baseline.
pub(super) fn place_of_change() -> Option<usize> {
    SHOWN.iter().position(|shown| shown.content == Content::Change)
}

/// All columns for the sort menu, with one more that is not on the page.
pub(super) fn headings(
    by: Option<GroupBy>,
    compares: bool,
    more: Option<&'static Column>,
) -> Vec<Heading> {
    let own = SHOWN.iter().map(|shown| {
        let heading = Heading::of(shown.column);
        let choice = |title, help, is_choice| Heading { title, help, is_choice, ..heading };
        match shown.content {
            Content::Value if shown.is(Columns::MEMBERS) => {
                choice("N", shown.column.help, by.is_some())
            }
            // Sorted by what it saves.
            Content::Value if shown.is(Columns::ADVICE) => Heading { numeric: true, ..heading },
            // A group has no number, and a process no members.
            Content::Value => Heading { is_choice: shown.spec(by, false).is_some(), ..heading },
            Content::Sign => {
                choice("!", "There is advice: what it is follows the selection.", false)
            }
            Content::Share => choice("OF ALL", "Share of all bytes that the CPU copied.", false),
            Content::Change => {
                let help = "How that has changed since the baseline: means of 10 intervals then, and of 3 now. Sorted by how many \
                            bytes per second that is, more or fewer.";
                choice("SINCE b", help, compares)
            }
            Content::Curve => choice(
                "LAST",
                "Bytes copied by the CPU in the last 60 intervals, all rows on one scale.",
                false,
            ),
        }
    });
    let more = more.map(|column| Heading { is_choice: false, ..Heading::of(column) });
    own.chain(more).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::page::who::GROUPINGS;

    #[test]
    fn every_column_gives_way_at_its_own_time() {
        for by in GROUPINGS {
            let (_, specs) = specs(*by, true, None);
            let priorities: HashSet<u8> = specs.iter().map(|spec| spec.priority).collect();
            assert_eq!(priorities.len(), specs.len());
        }
    }

    #[test]
    fn headings_fit_with_the_mark_of_the_sort_order() {
        for spec in GROUPINGS.iter().flat_map(|by| specs(*by, true, None).1) {
            let is_sortable = !spec.title.is_empty();
            assert!(spec.title.len() < usize::from(spec.width) || !is_sortable, "{spec:?}");
        }
    }

    #[test]
    fn what_answers_who_copies_fits_80_columns() {
        for by in GROUPINGS {
            let (_, specs) = specs(*by, false, None);
            let titles: Vec<_> = crate::widget::grid::fit(&specs, 80)
                .into_iter()
                .map(|slot| specs[slot.column].title)
                .collect();
            let how: &[&str] = if *by == Some(GroupBy::Path) { &[] } else { &["HOW"] };
            let last = [&["COPIED/s", "OF ALL", "PER BYTE", "LAST"], how].concat();
            assert!(titles.ends_with(&last), "{titles:?}");
        }
    }
}
