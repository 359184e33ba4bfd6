//! The keys of the shell, which mean the same on every page that has none of its own for them.

use crossterm::event::KeyCode;

use crate::{
    action::{Edit, Motion},
    keymap::{Binding, bind, chr, ctrl, key},
};

/// What keys ask of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Leave the program.
    Quit,
    /// Leave, as any program on Ctrl-C.
    Interrupt,
    /// Stop like Ctrl-Z stops any program.
    Suspend,
    /// Redraw the whole screen.
    Redraw,
    /// Go to the page of this tab, from 0.
    Show(usize),
    /// Go to the next tab.
    NextTab,
    /// Go to the previous tab.
    PreviousTab,
    /// Show the help, or leave it.
    ToggleHelp,
    /// Back to the page from which this one was opened.
    Back,
    /// Move the selection or scroll.
    Move(Motion),
    /// Open the menu of sort columns.
    ChooseSort,
    /// Reverse the sort order.
    Reverse,
    /// Pause or resume the display; counting goes on.
    TogglePause,
    /// Longer interval.
    Slower,
    /// Shorter interval.
    Faster,
    /// Go elsewhere in a recording, or in the last minutes.
    Travel(Travel),
    /// Start typing where to go there.
    EditMoment,
    /// Start typing a name for the moment that is shown.
    EditMark,
    /// Compare with what is usual now, from now on.
    SetBaseline,
    /// Compare no more.
    ClearBaseline,
    /// Keep what is on the screen, to hand it on.
    Save,
    /// Give the selected line to the clipboard of the terminal.
    Copy,
    /// Start typing a filter.
    EditFilter,
    /// Change the line being typed.
    Edit(Edit),
    /// Put the filter before this one into the line, or the one after it.
    Recall {
        /// The one before.
        older: bool,
    },
    /// Complete the word before the cursor.
    Complete {
        /// With the way before, of several.
        backwards: bool,
    },
    /// Apply what was typed or chosen.
    Accept,
    /// Cancel what was typed or chosen.
    Cancel,
}

/// Where in a recording, or in the last minutes, to go, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// One snapshot on.
    On,
    /// One snapshot back.
    Back,
    /// A minute on.
    MinuteOn,
    /// A minute back.
    MinuteBack,
    /// To the next mark.
    NextMark,
    /// To the mark before.
    PreviousMark,
    /// To what happens now.
    Now,
    /// Play faster.
    Faster,
    /// Play slower.
    Slower,
}

/// Keys in a recording, and in the last minutes of what goes on.
#[rustfmt::skip]
pub static TIME: &[Binding<Action>] = &[
    bind(&[chr(',')], ",", Action::Travel(Travel::Back), "one snapshot back").hint(36, ",/.", "Time"),
    bind(&[chr('.')], ".", Action::Travel(Travel::On), "one snapshot on"),
    bind(&[chr(';')], ";", Action::Travel(Travel::MinuteBack), "a minute back"),
    bind(&[chr(':')], ":", Action::Travel(Travel::MinuteOn), "a minute on"),
    bind(&[chr('[')], "[", Action::Travel(Travel::PreviousMark), "to the mark before"),
    bind(&[chr(']')], "]", Action::Travel(Travel::NextMark), "to the next mark"),
    bind(&[chr('@')], "@", Action::EditMoment, "go to a time or a mark").hint(37, "@", "Go to"),
];

/// Keys in a recording, before [`TIME`].
#[rustfmt::skip]
pub static PLAYING: &[Binding<Action>] = &[
    bind(&[chr(' ')], "Space", Action::TogglePause, "stop, or go on from there").hint(19, "Space", "Stop"),
    bind(&[chr(',')], ",", Action::Travel(Travel::Back), "one snapshot back").hint(20, ",/.", "Step"),
    bind(&[chr('+'), chr('=')], "+", Action::Travel(Travel::Faster), "play faster").hint(22, "+/-", "Speed"),
    bind(&[chr('-')], "-", Action::Travel(Travel::Slower), "play slower"),
];

/// Keys while older moments of what goes on are looked at, before [`TIME`].
#[rustfmt::skip]
pub static PAST: &[Binding<Action>] = &[
    bind(&[chr(' ')], "Space", Action::Travel(Travel::Now), "back to what happens now").hint(19, "Space", "Now"),
    bind(&[chr(',')], ",", Action::Travel(Travel::Back), "one snapshot back").hint(20, ",/.", "Step"),
];

/// Keys where what goes on is kept, after [`TIME`].
#[rustfmt::skip]
pub static NOW: &[Binding<Action>] = &[
    bind(&[chr('m')], "m", Action::EditMark, "give this moment a name").hint(38, "m", "Mark"),
];

/// Keys of pages. What a page has no use for, [`super::Shell`] leaves out.
#[rustfmt::skip]
pub static PAGE: &[Binding<Action>] = &[
    bind(&[chr('q')], "q", Action::Quit, "quit").hint(10, "q", "Quit"),
    bind(&[key(KeyCode::Esc)], "Esc", Action::Back, "go back").hint(11, "Esc", "Back"),
    bind(&[key(KeyCode::Left), key(KeyCode::Backspace)], "Left Backspace", Action::Back, "go back"),
    bind(&[chr('?')], "?", Action::ToggleHelp, "show this help").hint(12, "?", "Help"),
    bind(&[chr('h'), key(KeyCode::F(1))], "h F1", Action::ToggleHelp, "show or close this help"),
    bind(&[chr('/'), key(KeyCode::F(4))], "/ F4", Action::EditFilter, "type a filter").hint(30, "/", "Filter"),
    bind(&[chr('s'), key(KeyCode::F(6))], "s F6", Action::ChooseSort, "choose the column to sort by").hint(31, "s", "Sort"),
    bind(&[chr('b')], "b", Action::SetBaseline, "baseline: compare with now").hint(40, "b", "Baseline"),
    bind(&[chr('B')], "B", Action::ClearBaseline, "compare no more"),
    bind(&[chr('w')], "w", Action::Save, "save it as text, JSON and web page").hint(39, "w", "Save"),
    bind(&[chr('y')], "y", Action::Copy, "copy the selected line (clipboard)").hint(41, "y", "Copy"),
    bind(&[chr('r')], "r", Action::Reverse, "reverse the order").hint(32, "r", "Reverse"),
    bind(&[chr(' ')], "Space", Action::TogglePause, "pause (counting goes on)").hint(33, "Space", "Pause"),
    bind(&[key(KeyCode::Tab)], "Tab", Action::NextTab, "next page").hint(34, "Tab", "Page"),
    bind(&[key(KeyCode::BackTab)], "Shift-Tab", Action::PreviousTab, "previous page"),
    bind(&[chr('1')], "1", Action::Show(0), ""),
    bind(&[chr('2')], "2", Action::Show(1), ""),
    bind(&[chr('3')], "3", Action::Show(2), ""),
    bind(&[chr('4')], "4", Action::Show(3), ""),
    bind(&[chr('5')], "5", Action::Show(4), ""),
    bind(&[chr('6')], "6", Action::Show(5), ""),
    bind(&[chr('7')], "7", Action::Show(6), ""),
    bind(&[chr('8')], "8", Action::Show(7), ""),
    bind(&[chr('9')], "9", Action::Show(8), ""),
    bind(&[chr('+'), chr('=')], "+", Action::Slower, "longer interval").hint(35, "+/-", "Interval"),
    bind(&[chr('-')], "-", Action::Faster, "shorter interval"),
];

/// Keys of pages and of the sort menu.
#[rustfmt::skip]
pub static MOVING: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Up), chr('k')], "Up k", Action::Move(Motion::Up), "one row up"),
    bind(&[key(KeyCode::Down), chr('j')], "Down j", Action::Move(Motion::Down), "one row down"),
    bind(&[key(KeyCode::PageUp), ctrl('b')], "PgUp Ctrl-B", Action::Move(Motion::PageUp), "one screen up"),
    bind(&[key(KeyCode::PageDown), ctrl('f')], "PgDn Ctrl-F", Action::Move(Motion::PageDown), "one screen down"),
    bind(&[key(KeyCode::Home)], "Home", Action::Move(Motion::First), "go to the first row"),
    bind(&[key(KeyCode::End), chr('G')], "End G", Action::Move(Motion::Last), "go to the last row"),
];

/// Keys that work everywhere, even while a filter is typed.
#[rustfmt::skip]
pub static ALWAYS: &[Binding<Action>] = &[
    bind(&[ctrl('c')], "Ctrl-C", Action::Interrupt, "quit"),
    bind(&[ctrl('l')], "Ctrl-L", Action::Redraw, "redraw the screen"),
    bind(&[ctrl('z')], "Ctrl-Z", Action::Suspend, "suspend (fg resumes)"),
];

/// Keys while a filter is typed.
#[rustfmt::skip]
pub static LINE: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Enter)], "Enter", Action::Accept, "apply the filter").hint(0, "Enter", "Apply"),
    bind(&[key(KeyCode::Esc)], "Esc", Action::Cancel, "keep the filter as it was").hint(1, "Esc", "Cancel"),
    bind(&[key(KeyCode::Tab)], "Tab", Action::Complete { backwards: false }, "complete the word; again: another way").hint(2, "Tab", "Complete"),
    bind(&[key(KeyCode::BackTab)], "Shift-Tab", Action::Complete { backwards: true }, "complete it the way before"),
    bind(&[key(KeyCode::Up), ctrl('p')], "Up Ctrl-P", Action::Recall { older: true }, "the filter before this one").hint(3, "Up", "Before"),
    bind(&[key(KeyCode::Down), ctrl('n')], "Down Ctrl-N", Action::Recall { older: false }, "the filter after this one"),
];

/// Keys while a moment or a name is typed.
#[rustfmt::skip]
pub static PROMPT: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Enter)], "Enter", Action::Accept, "go there, or take the name").hint(0, "Enter", "Apply"),
    bind(&[key(KeyCode::Esc)], "Esc", Action::Cancel, "leave it").hint(1, "Esc", "Cancel"),
];

/// Keys while a line is typed; all other characters are text.
#[rustfmt::skip]
pub static EDITING: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Backspace), ctrl('h')], "Backspace", Action::Edit(Edit::DeleteBefore), "delete the character before the cursor"),
    bind(&[key(KeyCode::Delete), ctrl('d')], "Del", Action::Edit(Edit::DeleteUnder), "delete the character under the cursor"),
    bind(&[ctrl('w')], "Ctrl-W", Action::Edit(Edit::DeleteWord), "delete the word before the cursor"),
    bind(&[ctrl('u')], "Ctrl-U", Action::Edit(Edit::DeleteToStart), "delete all before the cursor"),
    bind(&[key(KeyCode::Left)], "Left", Action::Edit(Edit::Left), "move the cursor left"),
    bind(&[key(KeyCode::Right)], "Right", Action::Edit(Edit::Right), "move the cursor right"),
    bind(&[key(KeyCode::Home), ctrl('a')], "Home Ctrl-A", Action::Edit(Edit::Start), "move the cursor to the start"),
    bind(&[key(KeyCode::End), ctrl('e')], "End Ctrl-E", Action::Edit(Edit::End), "move the cursor to the end"),
];

/// Keys while the sort menu is open.
#[rustfmt::skip]
pub static MENU: &[Binding<Action>] = &[
    bind(&[key(KeyCode::Enter)], "Enter", Action::Accept, "sort by this column").hint(0, "Enter", "Choose"),
    bind(&[key(KeyCode::Esc), chr('s'), chr('q')], "Esc s q", Action::Cancel, "close the menu").hint(1, "Esc", "Close"),
];
