//! The dashboard's page of the lab, in a `zc` that has one.

use zc_tui::page::Page;

#[cfg(feature = "lab")]
use zc_lab::{
    run::{again::Here, default_directory},
    screen::lab::{LabPage, OF_A_RECORDING, OF_ANOTHER_MACHINE},
};

/// Whose figures the dashboard shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shows {
    /// Those of this machine: mechanisms can run.
    ThisMachine,
    /// Those of another one.
    AnotherMachine,
    /// Those of a recording.
    Recording,
}

/// The page; `None` in a `zc` without the lab.
#[cfg(feature = "lab")]
#[expect(clippy::unnecessary_wraps, reason = "a zc without the lab has none")]
pub(crate) fn page(shows: Shows) -> Option<Box<dyn Page>> {
    Some(Box::new(LabPage::new(match shows {
        Shows::ThisMachine => Ok(Box::new(Here::new(default_directory()))),
        Shows::AnotherMachine => Err(OF_ANOTHER_MACHINE),
        Shows::Recording => Err(OF_A_RECORDING),
    })))
}

#[cfg(not(feature = "lab"))]
pub(crate) fn page(_shows: Shows) -> Option<Box<dyn Page>> {
    None
}
