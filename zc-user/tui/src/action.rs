//! What the user wants, whatever key or click said so.

/// A screen that Tab and the digits reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The table of processes.
    Processes,
    /// Paths, summed over the system.
    Paths,
    /// Disks and network interfaces.
    Devices,
    /// Keys, columns and signs explained.
    Help,
}

impl View {
    /// Every view, in the order of Tab and of the digits.
    pub const ALL: &'static [Self] = &[Self::Processes, Self::Paths, Self::Devices, Self::Help];

    /// The name on its tab.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Processes => "Processes",
            Self::Paths => "Paths",
            Self::Devices => "Devices",
            Self::Help => "Help",
        }
    }
}

/// A step of the selection or of the scrolled text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One screen up.
    PageUp,
    /// One screen down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// A change to the line being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Insert at the cursor.
    Insert(char),
    /// Delete the character before the cursor.
    DeleteBefore,
    /// Delete the character under the cursor.
    DeleteUnder,
    /// Delete the word before the cursor.
    DeleteWord,
    /// Delete everything before the cursor.
    DeleteToStart,
    /// Cursor one character to the left.
    Left,
    /// Cursor one character to the right.
    Right,
    /// Cursor to the start.
    Start,
    /// Cursor to the end.
    End,
}

/// Everything that can change the state on the user's behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Leave the dashboard.
    Quit,
    /// Stop like Ctrl-Z stops any program.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Go to a view.
    Show(View),
    /// Go to the next view.
    NextView,
    /// Go to the previous view.
    PreviousView,
    /// Show the help, or leave it.
    ToggleHelp,
    /// Drill down into the selected row.
    Open,
    /// One step back: out of the detail, the help, or the filter.
    Back,
    /// Move the selection or scroll.
    Move(Motion),
    /// Open the menu of sort columns.
    ChooseSort,
    /// Turn the sort order around.
    Reverse,
    /// Freeze or thaw the display; collection goes on.
    TogglePause,
    /// Longer interval.
    Slower,
    /// Shorter interval.
    Faster,
    /// Start typing a filter.
    EditFilter,
    /// Change the line being typed.
    Edit(Edit),
    /// Take what was typed or chosen.
    Accept,
    /// Drop what was typed or chosen.
    Cancel,
    /// A click of the left button, in screen coordinates.
    Click {
        /// Column, from 0.
        x: u16,
        /// Row, from 0.
        y: u16,
    },
}
