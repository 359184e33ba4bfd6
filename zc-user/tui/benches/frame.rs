//! CPU time of the dashboard for an update: from the snapshot to the drawn screen, and what the past in memory takes.
//! `cargo bench -p zc-tui`; no root is needed.
//!
//! Timings of a shared machine are noisy and no test: the figures are printed next to the aim.

use std::{sync::Arc, time::Duration};

use ratatui::{Terminal, backend::TestBackend, layout::Rect};
use zc_common::path::CopyPath;
use zc_model::{
    column::Processes,
    counter::CounterId,
    filter::Filter,
    fixture::Fixture,
    snapshot::{PathId, PathSample, ProcessSample, Provenance, Snapshot},
    sort::Direction,
    source::SnapshotSource,
};
use zc_recording::{Memory, Meta, Past};
use zc_render::theme::Theme;
use zc_test_support::machine::{Machine, counters, process};
use zc_tui::{
    keymap::chr,
    shell::{Shell, dashboard},
    state::checks::Checks,
};

/// Updates after which all histories are full, and those that are measured.
const BEFORE: u64 = 62;
const MEASURED: u64 = 40;

/// What an update may take with [`MANY`] processes, on a screen of this size.
const AIM: Duration = Duration::from_millis(16);
const MANY: u32 = 10_000;
const SIZE: (u16, u16) = (160, 50);

/// Processes that have one name.
const NAMESAKES: u32 = 17;

fn main() {
    // What is measured can be chosen by a part of its name.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let is_wanted = |what: &str| wanted.is_empty() || wanted.iter().any(|it| what.contains(it));
    println!("CPU time of an update, median and most of {MEASURED}, at {} x {}:", SIZE.0, SIZE.1);
    for (what, keys) in [
        ("Who by command", ""),
        ("Who by process", "g"),
        ("Who by command, filtered", "/copied > 1 MiB"),
        ("Paths", "2"),
    ] {
        if !is_wanted(what) {
            continue;
        }
        for (count, busy) in [(150, 1), (MANY, 10), (MANY, 1)] {
            let [receive, draw, both] = frames(keys, count, busy);
            let aim = if count == MANY { format!(", aim {}", ms(AIM)) } else { String::new() };
            println!(
                "{what}, {count} processes, 1 in {busy} busy: {} most {}{aim} (of it {} to take it, {} to draw)",
                ms(both.0),
                ms(both.1),
                ms(receive.0),
                ms(draw.0),
            );
        }
    }
    if !is_wanted("past") {
        return;
    }
    println!("CPU time of keeping a snapshot of the past, mean of {}:", BEFORE + MEASURED);
    for (count, busy) in [(150, 10), (150, 1), (MANY, 10), (MANY, 1)] {
        println!("{count} processes, 1 in {busy} busy: {}", ms(past(count, busy)));
    }
}

/// Median and most of what it took to take a snapshot, to draw it, and both.
fn frames(keys: &str, count: u32, busy: u32) -> [(Duration, Duration); 3] {
    let sort = (Processes::COPIED_BYTES_PER_SEC, Direction::Descending);
    let filter = Filter::default();
    let theme = Theme::new(true, true);
    let mut shell =
        dashboard(theme, Duration::from_secs(1), filter, sort, None, Checks::default(), None);
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("it is in memory");
    shell.resize(Rect::new(0, 0, SIZE.0, SIZE.1));
    let mut shared = Shared::default();
    let mut all = [Vec::new(), Vec::new(), Vec::new()];
    for second in 0..BEFORE + MEASURED {
        if second == 2 {
            press(&mut shell, keys);
        }
        let snapshot = shared.after(second, count, busy);
        let began = cpu();
        shell.receive(Ok(Some(snapshot)));
        let taken = cpu();
        let drawn = terminal.draw(|frame| shell.draw(frame.area(), frame.buffer_mut()));
        drawn.expect("it is in memory");
        let drawn = cpu();
        if second >= BEFORE {
            for (all, time) in all.iter_mut().zip([taken - began, drawn - taken, drawn - began]) {
                all.push(time);
            }
        }
    }
    all.map(|mut all| {
        all.sort();
        (all[all.len() / 2], all[all.len() - 1])
    })
}

fn press(shell: &mut Shell<'_>, keys: &str) {
    for key in keys.chars() {
        shell.press(chr(key));
    }
}

/// What the past takes for a snapshot, on average: some are kept whole, others as differences.
fn past(count: u32, busy: u32) -> Duration {
    let mut shared = Shared::default();
    let snapshots: Vec<_> =
        (0..BEFORE + MEASURED).map(|second| shared.after(second, count, busy)).collect();
    let memory = Memory::new(Meta::default(), Duration::from_secs(600));
    let mut past = Past::new(Box::new(Fixture::new(snapshots)), memory);
    let began = cpu();
    while let Ok(Some(_)) = past.next() {}
    (cpu() - began) / u32::try_from(BEFORE + MEASURED).expect("it is not so many")
}

/// Processes that did nothing are shared with the snapshot before, as those of the probes are.
#[derive(Default)]
struct Shared(Vec<Arc<ProcessSample>>);

impl Shared {
    /// So many processes after so many seconds. The busy ones are other ones each second.
    fn after(&mut self, second: u64, count: u32, busy: u32) -> Snapshot {
        let mut snapshot = Machine { empty: true, ..Machine::default() }.after(second);
        let elapsed = second + 1;
        if self.0.is_empty() {
            self.0 = (0..count).map(|at| Arc::new(sample(at, elapsed))).collect();
        }
        let turn = u32::try_from(second % u64::from(busy)).unwrap_or_default();
        for at in (0..count).filter(|at| at % busy == turn) {
            self.0[at as usize] = Arc::new(sample(at, elapsed));
        }
        snapshot.processes.clone_from(&self.0);
        snapshot
    }
}

fn sample(at: u32, elapsed: u64) -> ProcessSample {
    let rate = u64::from(at % 911) * 4_099 + 1_031;
    let path = |path, part| PathSample {
        path: PathId::Known(path),
        socket: None,
        ops: elapsed * (1 + rate / part / 65_536),
        errors: 0,
        moved_bytes: elapsed * rate / part,
        copied_bytes: elapsed * rate / part,
        assumed_bytes: 0,
        provenance: Provenance::Measured,
    };
    let paths =
        [path(CopyPath::FileRead, 1), path(CopyPath::FileWrite, 2), path(CopyPath::PipeWrite, 5)];
    let counters = counters(
        elapsed,
        &[(CounterId::Syscalls, 40), (CounterId::ModeSwitches, 80), (CounterId::CpuSamples, 3)],
    );
    process(100 + at, &format!("worker-{:03}", at / NAMESAKES), counters, &paths)
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes the time there, and each thread has such a clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}
