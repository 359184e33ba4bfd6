//! Names in wide characters, and hostile ones, at every size: no half of a character, nothing drawn over another.

use std::{sync::Arc, time::Duration};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::{buffer::Buffer, layout::Rect};
use zc_common::path::CopyPath;
use zc_model::{
    column::Processes,
    filter::Filter,
    snapshot::{PathId, PathSample, Provenance, Snapshot},
    sort::Direction,
};
use zc_render::theme::Theme;
use zc_test_support::{
    cells::{Numbers, is_whole},
    machine::{Machine, counters, process},
};
use zc_tui::{
    shell::{Shell, dashboard},
    state::checks::Checks,
};

/// At most 15 bytes, as the kernel has them; the longer ones are command lines of other sources.
const NAMES: [&str; 8] = [
    "数据库服务器",
    "备份a程序",
    "a中b文c名",
    "évil\u{1b}[2J名",
    "名\u{202e}称\u{200b}",
    "か\u{3099}か\u{3099}か\u{3099}",
    "全角ＡＢＣ",
    "\u{1f980}\u{1f980}\u{1f980}",
];

/// Processes of all these names, after so many seconds.
fn machine(seconds: u64) -> Snapshot {
    let mut snapshot = Machine::default().after(seconds);
    for (name, pid) in NAMES.iter().zip(5000..) {
        let bytes = ((u64::from(pid) - 4990) * seconds) << 20;
        let path = PathSample {
            path: PathId::Known(CopyPath::FileRead),
            socket: None,
            ops: bytes / 65_536,
            errors: 0,
            moved_bytes: bytes,
            copied_bytes: bytes,
            assumed_bytes: 0,
            provenance: Provenance::Measured,
        };
        snapshot.processes.push(Arc::new(process(pid, name, counters(1, &[]), &[path])));
    }
    snapshot
}

fn shell() -> Shell<'static> {
    let sort = (Processes::COPIED_BYTES_PER_SEC, Direction::Descending);
    let theme = Theme::new(false, true);
    let mut shell = dashboard(
        theme,
        Duration::from_secs(1),
        Filter::default(),
        sort,
        None,
        Checks::default(),
        None,
    );
    for seconds in 0..4 {
        shell.receive(Ok(Some(machine(seconds))));
    }
    shell
}

fn press(shell: &mut Shell<'_>, code: KeyCode) {
    shell.handle(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}

/// The screen of this size.
fn drawn(shell: &mut Shell<'_>, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    shell.resize(area);
    let mut buf = Buffer::empty(area);
    shell.draw(area, &mut buf);
    buf
}

#[test]
fn who_is_whole_at_any_size() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for keys in ["", "g", "gg", "ggg", "gggg", "s", "/名", "e"] {
        let mut shell = shell();
        for key in keys.chars() {
            press(&mut shell, KeyCode::Char(key));
        }
        for _ in 0..25 {
            let mut below = |bound| u16::try_from(numbers.below(bound)).unwrap();
            let (width, height) = (20 + below(181), 5 + below(56));
            press(&mut shell, if below(4) == 0 { KeyCode::Up } else { KeyCode::Down });
            let screen = drawn(&mut shell, width, height);
            is_whole(&screen, &format!("{keys:?} at {width}x{height}"));
        }
    }
}

#[test]
fn a_process_is_whole_at_any_width() {
    let mut shell = shell();
    for row in 0..12 {
        press(&mut shell, KeyCode::Home);
        for _ in 0..row {
            press(&mut shell, KeyCode::Down);
        }
        press(&mut shell, KeyCode::Enter);
        for width in (20..=200).step_by(7) {
            let screen = drawn(&mut shell, width, 30);
            is_whole(&screen, &format!("row {row} at {width}"));
        }
        press(&mut shell, KeyCode::Esc);
    }
}
