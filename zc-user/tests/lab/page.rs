//! The page of the dashboard on which a mechanism runs: it is counted by the dashboard's own probes, and nothing of it
//! stays, however the dashboard ends.

use std::{fs, path::Path, process::Child};

use rustix::process::Signal;

use crate::{
    Test,
    pty::Pty,
    requirement::{self, Skip},
    zc::{attached, signal, until},
};

/// The tests.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("page::a_mechanism_is_counted_until_it_is_stopped", counted),
    ("page::nothing_is_left_of_it_at_any_signal", signals),
];

/// Draws every character: otherwise those that another page has at the same place are left out.
const REDRAW: &str = "\u{c}";

/// The dashboard, with a mechanism that runs.
struct Dashboard {
    pty: Pty,
    zc: Child,
}

impl Dashboard {
    fn start() -> Self {
        let mut pty = Pty::open(160, 50);
        let zc = pty.spawn(&["top", "--interval", "0.2"]);
        attached(zc.id());
        pty.wait_for("COMMAND");
        pty.press("6");
        pty.press(REDRAW);
        pty.wait_for("MECHANISM");
        pty.press("\r");
        let dashboard = Self { pty, zc };
        until("the worker has its name", || {
            dashboard.children().iter().any(|pid| name(pid) == "read_write")
        });
        dashboard
    }

    fn children(&self) -> Vec<String> {
        let id = self.zc.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        children.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    }

    fn ends(mut self) {
        until("zc has ended", || self.zc.try_wait().unwrap().is_some());
    }
}

fn name(pid: &str) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim().to_owned()
}

/// Whether there is such a process, other than one that has ended and was not collected.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
}

fn counted() -> Result<(), Skip> {
    requirement::ebpf()?;
    let mut dashboard = Dashboard::start();
    until("each byte has been read and sent", || {
        dashboard.pty.press(REDRAW);
        // The rest of the screen before.
        dashboard.pty.wait_for("MECHANISM").contains("2.00x")
    });
    let workers = dashboard.children();
    assert!(workers.len() >= 2, "a worker and a receiver: {workers:?}");
    dashboard.pty.press("x");
    until("it has been stopped", || dashboard.children().is_empty());
    dashboard.pty.press("q");
    dashboard.ends();
    Ok(())
}

fn signals() -> Result<(), Skip> {
    requirement::ebpf()?;
    for end in [Signal::KILL, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let dashboard = Dashboard::start();
        let children = dashboard.children();
        assert!(children.iter().all(|pid| is_alive(pid)), "{end:?}");
        signal(dashboard.zc.id(), end);
        dashboard.ends();
        for pid in children {
            until(&format!("{pid} has gone with zc at {end:?}"), || !is_alive(&pid));
        }
    }
    Ok(())
}
