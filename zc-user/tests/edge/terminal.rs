//! The dashboard on a real terminal: however it ends, the terminal is as it was.

use std::process::{Child, ExitStatus};

use rustix::{process::Signal, termios::LocalModes};

use super::{
    kernel::Held,
    pty::Pty,
    zc::{attached, signal, until},
};

const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";
/// Part of every screen that is large enough.
const LIVE: &str = "COMMAND";

fn end(mut child: Child) -> ExitStatus {
    let mut status = None;
    until("zc has ended", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

/// The terminal is restored, and the output contains no panic and no error message.
#[track_caller]
fn is_restored(pty: Pty, how: &str) {
    let settings = pty.settings();
    let cooked = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
    assert!(settings.local_modes.contains(cooked), "{how}: {:?}", settings.local_modes);
    let rest = pty.rest();
    let (_, after) = rest.rsplit_once(LEAVE).unwrap_or_else(|| panic!("{how}: {rest:?}"));
    assert!(!after.contains(ENTER), "{how}: {after:?}");
    assert!(rest.contains(SHOW_CURSOR), "{how}: {rest:?}");
    assert!(
        !rest.contains("\u{1b}[?1000h") || rest.contains("\u{1b}[?1000l"),
        "{how}: the mouse is still captured"
    );
    assert!(!rest.contains("panicked") && !after.contains("zc:"), "{how}: {after:?}");
}

#[test]
fn the_terminal_is_given_back_and_the_kernel_left_clean() {
    enum End {
        Key(&'static str),
        Signal(Signal),
    }
    for (how, ending) in [
        ("q", End::Key("q")),
        ("Ctrl-C", End::Key("\u{3}")),
        ("SIGTERM", End::Signal(Signal::TERM)),
        ("SIGHUP", End::Signal(Signal::HUP)),
        ("SIGINT", End::Signal(Signal::INT)),
    ] {
        let mut pty = Pty::open(100, 30);
        let before = pty.settings();
        let zc = pty.spawn(&["top", "--interval", "0.2"]);
        pty.wait_for(ENTER);
        attached(zc.id());
        let held = Held::by(zc.id());
        match ending {
            End::Key(key) => pty.press(key),
            End::Signal(kind) => signal(zc.id(), kind),
        }
        assert_eq!(end(zc).code(), Some(0), "{how}");
        assert_eq!(pty.settings().local_modes, before.local_modes, "{how}");
        assert_eq!(pty.settings().input_modes, before.input_modes, "{how}");
        is_restored(pty, how);
        held.is_gone();
    }
}

#[test]
fn of_a_terminal_that_is_too_large_a_part_is_drawn_on() {
    for (columns, rows) in [(9_000, 9_000), (u16::MAX, u16::MAX)] {
        let mut pty = Pty::open(columns, rows);
        let zc = pty.spawn(&["top", "--interval", "0.2"]);
        pty.wait_for(LIVE);
        pty.resize(100, 30);
        pty.wait_for(LIVE);
        pty.resize(columns, rows);
        pty.wait_for(LIVE);
        signal(zc.id(), Signal::TERM);
        assert_eq!(end(zc).code(), Some(0), "{columns}x{rows}");
        is_restored(pty, &format!("{columns}x{rows}"));
    }
}

/// Signals that no session takes note of, and crashes.
#[test]
fn signals_that_kill_give_the_terminal_back_first() {
    use std::os::unix::process::ExitStatusExt as _;

    for kind in [Signal::QUIT, Signal::ABORT, Signal::SEGV, Signal::USR1, Signal::SYS] {
        let mut pty = Pty::open(100, 30);
        let before = pty.settings();
        let zc = pty.spawn(&["top", "--interval", "0.2"]);
        pty.wait_for(ENTER);
        attached(zc.id());
        pty.wait_for(LIVE);
        signal(zc.id(), kind);
        let status = end(zc);
        assert_eq!(status.signal(), Some(kind.as_raw()), "{kind:?}");
        assert_eq!(pty.settings().local_modes, before.local_modes, "{kind:?}");
        assert_eq!(pty.settings().input_modes, before.input_modes, "{kind:?}");
        is_restored(pty, &format!("{kind:?}"));
    }
}

/// More than a reader of keys takes at once: the rest waited for the next key.
#[test]
fn a_key_is_seen_after_a_long_paste() {
    for paste in ["x".repeat(3000), "\u{1b}[<64;10;10M".repeat(300)] {
        let mut pty = Pty::open(100, 30);
        let zc = pty.spawn(&["top", "--interval", "0.2"]);
        attached(zc.id());
        pty.wait_for(LIVE);
        pty.press("/");
        pty.press(&paste);
        pty.press("\u{3}");
        assert_eq!(end(zc).code(), Some(0));
        is_restored(pty, "paste");
    }
}

#[test]
fn the_tour_gives_the_terminal_back_too() {
    for (how, key, kind, code) in [
        ("q", Some("q"), None, 0),
        ("Ctrl-C", Some("\u{3}"), None, 130),
        ("SIGTERM", None, Some(Signal::TERM), 143),
        ("SIGHUP", None, Some(Signal::HUP), 129),
    ] {
        let mut pty = Pty::open(80, 24);
        let before = pty.settings();
        // While a workload runs: it has a thousand rounds.
        let zc = pty.spawn(&["demo", "--speed", "1000", "--repeat", "1000"]);
        pty.wait_for(ENTER);
        pty.wait_for("round");
        if let Some(key) = key {
            pty.press(key);
        }
        if let Some(kind) = kind {
            signal(zc.id(), kind);
        }
        assert_eq!(end(zc).code(), Some(code), "{how}");
        assert_eq!(pty.settings().local_modes, before.local_modes, "{how}");
        is_restored(pty, how);
    }
}

#[test]
fn when_killed_the_kernel_is_left_clean_at_least() {
    let pty = Pty::open(100, 30);
    let zc = pty.spawn(&["top"]);
    attached(zc.id());
    let held = Held::by(zc.id());
    signal(zc.id(), Signal::KILL);
    assert!(!end(zc).success());
    held.is_gone();
}

#[test]
fn tiny_terminals_and_sizes_that_change_do_no_harm() {
    let mut pty = Pty::open(20, 5);
    let mut zc = pty.spawn(&["top", "--interval", "0.1"]);
    pty.wait_for(ENTER);
    // Every view of it, in every size; a panic would end it before the last key.
    for (columns, rows) in [(20, 5), (1, 1), (3, 2), (20, 1), (1, 40), (300, 100), (20, 5)] {
        pty.resize(columns, rows);
        signal(zc.id(), Signal::WINCH);
        pty.press("j\r?\u{1b}\u{1b}/x\u{1b}s\u{1b}  ");
    }
    let mut status = None;
    until("zc has ended", || {
        // An escape just before would make it another key.
        pty.press("\u{3}");
        status = zc.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
    is_restored(pty, "20x5");
}

#[test]
fn no_color_means_none() {
    let coloured = |words: &[&str], variables: &[(&str, &str)]| {
        let mut pty = Pty::open(100, 30);
        let zc = pty.spawn_with(words, variables);
        let mut drawn = pty.wait_for(LIVE);
        pty.press("q");
        end(zc);
        drawn.push_str(&pty.rest());
        // Foreground and background colours: 30-49, 90-107, by number or by value.
        drawn.split("\u{1b}[").skip(1).any(|sequence| {
            sequence.split_once('m').is_some_and(|(codes, _)| {
                codes
                    .split(';')
                    .filter_map(|code| code.parse::<u8>().ok())
                    .any(|code| matches!(code, 30..=38 | 40..=48 | 90..=97 | 100..=107))
            })
        })
    };
    assert!(coloured(&["top"], &[]), "this test cannot see colours");
    assert!(!coloured(&["top"], &[("NO_COLOR", "1")]));
    assert!(!coloured(&["top", "--no-color"], &[]));
}
