//! Names in wide characters, and hostile ones, at every size: no half of a character, nothing drawn over another.

use std::sync::Arc;

use crossterm::event::KeyCode;
use zc_common::path::CopyPath;
use zc_model::snapshot::Snapshot;
use zc_test_support::{
    cells::{Numbers, is_whole},
    machine::{Machine, counters, process},
    session::Session,
    stage::Stage,
};
use zc_tui::keymap::key;

use crate::world::copied;

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
        let path = copied(CopyPath::FileRead, bytes);
        snapshot.processes.push(Arc::new(process(pid, name, counters(1, &[]), &[path])));
    }
    snapshot
}

fn stage() -> Stage {
    Session::playing((0..4).map(machine).collect()).ticks(4).stage()
}

#[test]
fn who_is_whole_at_any_size() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for keys in ["", "g", "gg", "ggg", "gggg", "s", "/名", "e"] {
        let mut stage = stage();
        stage.keys(keys);
        for _ in 0..25 {
            let mut below = |bound| u16::try_from(numbers.below(bound)).unwrap();
            let (width, height) = (20 + below(181), 5 + below(56));
            stage.press(key(if below(4) == 0 { KeyCode::Up } else { KeyCode::Down }));
            stage.resize(width, height);
            is_whole(&stage.drawn(), &format!("{keys:?} at {width}x{height}"));
        }
    }
}

#[test]
fn a_process_is_whole_at_any_width() {
    let mut stage = stage();
    for row in 0..12 {
        stage.press(key(KeyCode::Home));
        stage.keys(&"j".repeat(row));
        stage.press(key(KeyCode::Enter));
        for width in (20..=200).step_by(7) {
            stage.resize(width, 30);
            is_whole(&stage.drawn(), &format!("row {row} at {width}"));
        }
        stage.press(key(KeyCode::Esc));
    }
}
