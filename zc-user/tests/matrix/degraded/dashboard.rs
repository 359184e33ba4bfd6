//! The dashboard, on a terminal of its own.

use crate::{pty::Pty, requirement::Skip};

pub(super) fn says_modelled() -> Result<(), Skip> {
    super::unless_measured()?;
    let mut pty = Pty::open(100, 30);
    let mut zc = pty.spawn(&["top", "--without", "functions"]);
    // The mark is in the heading of every page, and what it means next to the keys.
    pty.wait_for("modelled ~");
    pty.wait_for("~ modelled");
    pty.press("q");
    assert!(zc.wait().unwrap().success());
    Ok(())
}
