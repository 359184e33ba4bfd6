//! The first page: who copies, in groups.

use std::sync::Arc;

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ratatui::style::Modifier;
use zc_common::{loss::Loss, path::CopyPath};
use zc_model::{
    column::Processes,
    counter::CounterId,
    snapshot::{PathSample, ProcessSample, Snapshot},
};
use zc_render::theme::Theme;
use zc_test_support::{
    machine::{Machine, counters, process},
    session::Session,
};

use crate::world::{MIB, copied};

/// A reader of files that has copied so much.
fn reader(pid: u32, comm: &str, bytes: u64) -> ProcessSample {
    process(pid, comm, counters(1, &[]), &[copied(CopyPath::FileRead, bytes)])
}

/// The machine after so many seconds, with these processes instead of its own.
fn only(seconds: u64, processes: Vec<ProcessSample>) -> Snapshot {
    let mut snapshot = Machine { empty: true, ..Machine::default() }.after(seconds);
    snapshot.processes = processes.into_iter().map(Arc::new).collect();
    snapshot
}

/// The machine with two more workers of nginx, and a dd that ends after three seconds.
fn busy(seconds: u64) -> Snapshot {
    let mut snapshot = Machine::default().after(seconds);
    for (pid, part) in [(812, 2), (813, 4)] {
        let served = MIB * 100 / part * seconds;
        let paths = [copied(CopyPath::FileRead, served), copied(CopyPath::SocketSend, served)];
        let mut worker = process(pid, "nginx", counters(seconds, &[]), &paths);
        worker.counters[CounterId::RelayedFileSocketBytes] = served;
        worker.counters[CounterId::Syscalls] = 7 * seconds;
        snapshot.processes.insert(1, Arc::new(worker));
    }
    snapshot.processes.sort_by_key(|process| (process.is_merged(), process.id));
    if seconds <= 3 {
        let bytes = 64 * MIB * seconds;
        let paths = [copied(CopyPath::FileRead, bytes), copied(CopyPath::FileWrite, bytes)];
        snapshot.processes.push(Arc::new(process(40_000, "dd", counters(seconds, &[]), &paths)));
    }
    snapshot
}

fn session(ticks: usize) -> Session {
    Session::playing((0..30).map(busy).collect()).ticks(ticks)
}

/// The line of the tabs.
fn tabs(text: &str) -> &str {
    text.lines().nth(3).unwrap()
}

/// The names of the rows, top to bottom.
fn names(text: &str) -> Vec<String> {
    text.lines()
        .skip(5)
        .take_while(|line| !line.starts_with('─'))
        .map(|line| line.trim_start_matches(['«', '!', ' ']).split("  ").next().unwrap().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn groups_80x24() {
    assert_snapshot!(session(6).play().text());
}

#[test]
fn groups_120x40() {
    assert_snapshot!(session(6).size(120, 40).keys("j").play().text());
}

#[test]
fn groups_160x50_unfolded() {
    assert_snapshot!(session(6).size(160, 50).keys("je").play().text());
}

#[test]
fn groups_60x16() {
    assert_snapshot!(session(6).size(60, 16).play().text());
}

#[test]
fn groups_without_unicode() {
    let played = session(6).theme(Theme::new(false, false)).play();
    assert!(played.screen.content.iter().all(|cell| cell.symbol().is_ascii()));
    assert_snapshot!(played.text());
}

#[test]
fn many_groups_160x50() {
    assert_snapshot!(
        Session::playing((0..4).map(crowd).collect()).size(160, 50).ticks(4).play().text()
    );
}

#[test]
fn a_key_goes_through_the_ways_to_group() {
    let words = ["command", "7 processes", "container", "user", "parent", "path", "command"];
    let machine = || Session::of(Machine::default()).ticks(3);
    for (presses, word) in words.into_iter().enumerate() {
        let text = machine().keys(&"g".repeat(presses)).play().text();
        assert!(tabs(&text).contains(word), "{word}: {text}");
    }
    let users = machine().keys("ggg").play().text();
    assert!(users.contains("www-data"), "{users}");
    let units = machine().keys("gg").play().text();
    assert!(units.contains("nginx.service"), "{units}");
    let paths = machine().keys("ggggg").play().text();
    assert!(paths.contains("sendfile_to_socket") && paths.contains("file_read"), "{paths}");
}

#[test]
fn enter_opens_a_group_and_a_process_and_escape_leads_back() {
    let inside = session(6).keys("j").key(KeyCode::Enter);
    let text = inside.play().text();
    assert!(tabs(&text).contains("in nginx: 3"), "{text}");
    assert_eq!(names(&text)[..3], ["811 nginx", "812 nginx", "813 nginx"]);
    let detail =
        session(6).keys("j").key(KeyCode::Enter).keys("j").key(KeyCode::Enter).play().text();
    assert!(detail.contains("pid 812"), "{detail}");
    let back =
        session(6).keys("j").key(KeyCode::Enter).keys("j").key(KeyCode::Enter).key(KeyCode::Esc);
    assert!(tabs(&back.play().text()).contains("in nginx: 3"));
    let out = session(6).keys("j").key(KeyCode::Enter).key(KeyCode::Esc);
    assert_eq!(out.play().text(), session(6).keys("j").play().text());
    // A group of one has nothing to choose from.
    let one = session(6).keys("/java").key(KeyCode::Enter).key(KeyCode::Enter).play().text();
    assert!(one.contains("pid 1204"), "{one}");
}

#[test]
fn a_group_is_unfolded_and_folded() {
    let unfolded = session(6).keys("je").play().text();
    assert_eq!(names(&unfolded)[1..5], ["nginx", "811 nginx", "812 nginx", "813 nginx"]);
    // From a member, too.
    let folded = session(6).keys("jejje").play();
    assert_eq!(folded.text(), session(6).keys("j").play().text());
}

#[test]
fn a_row_that_has_ended_stays_grey_for_ten_seconds() {
    let row = |ticks| {
        let text = session(ticks).play().text();
        text.lines().find(|line| line.contains(" dd ")).map(str::to_owned)
    };
    assert!(row(4).is_some_and(|row| row.contains("file>file")), "{:?}", row(4));
    for ticks in [5, 14] {
        assert!(
            row(ticks).is_some_and(|row| row.trim_end().ends_with("ended")),
            "{:?}",
            row(ticks)
        );
    }
    assert_eq!(row(15), None);
    // Until then it can be opened.
    let opened = session(8).keys("/dd").key(KeyCode::Enter).key(KeyCode::Enter).play().text();
    assert!(opened.contains("pid 40000") && opened.contains("has ended"), "{opened}");
}

#[test]
fn rows_that_take_turns_keep_their_order() {
    // a copies in even seconds, b in odd ones; c copies a third of that in all.
    let turns = |seconds: u64| {
        let (a, b) = (seconds.div_ceil(2), seconds / 2);
        only(
            seconds,
            vec![
                reader(1, "a", 90 * MIB * a),
                reader(2, "b", 90 * MIB * b),
                reader(3, "c", 10 * MIB * seconds),
            ],
        )
    };
    let order =
        |ticks| names(&Session::playing((0..12).map(turns).collect()).ticks(ticks).play().text());
    for ticks in 4..12 {
        assert_eq!(order(ticks)[2], "c", "after {ticks}");
    }
    // Counted one by one, c would be before the one that pauses.
}

#[test]
fn the_list_stays_at_the_top_when_the_selected_row_falls_to_the_end() {
    let falling = |seconds: u64| {
        let mut processes: Vec<_> = (1..40)
            .map(|pid| reader(pid, &format!("p{pid:02}"), MIB * u64::from(100 - pid) * seconds))
            .collect();
        processes[1] = reader(2, "p02", MIB * 98 * seconds.min(3));
        only(seconds, processes)
    };
    let played =
        Session::playing((0..12).map(falling).collect()).ticks(4).keys("j").ticks(7).play();
    let text = played.text();
    assert_eq!(names(&text)[0], "p01", "{text}");
    assert!(played.selected().contains("p02"), "it is pinned to the edge: {text}");
    assert!(tabs(&text).contains(" of 39"), "{text}");
}

#[test]
fn another_order_begins_at_the_top() {
    let steady = |seconds: u64| {
        let one = |pid| reader(pid, &format!("p{pid:02}"), MIB * u64::from(100 - pid) * seconds);
        only(seconds, (1..40).map(one).collect())
    };
    let begun = || Session::playing((0..6).map(steady).collect()).ticks(4);
    // The first one has been selected by hand, and is the last one in the other order.
    for played in [begun().keys("jkr").ticks(2).play(), begun().keys("jk").click(30, 4).play()] {
        let text = played.text();
        assert_eq!(names(&text)[0], "p39", "{text}");
        assert!(tabs(&text).contains(" 1-") && tabs(&text).contains(" of 39"), "{text}");
    }
}

#[test]
fn a_loss_hides_neither_the_filter_nor_how_much_is_listed() {
    let lossy = Machine { lost: 17, ..Machine::default() };
    let text = Session::of(lossy).ticks(3).keys("/nginx").key(KeyCode::Enter).play().text();
    assert!(text.lines().next().unwrap().contains("lost 34 ("), "{text}");
    assert!(tabs(&text).contains("by command (g) 1, filter: nginx"), "{text}");
    // Nor does what goes wrong.
    let mut snapshots: Vec<Snapshot> = (0..3).map(|s| Machine::default().after(s)).collect();
    snapshots[2].losses[Loss::ProbeRecursions] = 350;
    let text = Session::playing(snapshots).ticks(3).play().text();
    assert!(text.lines().next().unwrap().contains("lost 350"), "{text}");
    // Nor does what is said next to it.
    let marked = session(4).with_past().size(120, 30).keys("mslow").key(KeyCode::Enter);
    let text = marked.ticks(2).keys("/nginx").key(KeyCode::Enter).keys(",,").play().text();
    assert!(tabs(&text).contains("mark: slow  by command (g) 1, filter: nginx"), "{text}");
}

#[test]
fn the_selected_row_is_filled_to_its_edges() {
    let theme = Theme::new(false, true);
    for (width, table) in [(80, 80), (120, 120), (160, 83)] {
        let played = session(6).size(width, 24).play();
        let y =
            (5..20).find(|y| played.screen[(0, *y)].modifier.contains(Modifier::REVERSED)).unwrap();
        for x in 0..table {
            let cell = &played.screen[(x, y)];
            assert!(theme.is_in_selected_row(cell.style()), "cell {x} of {width}");
        }
    }
}

#[test]
fn what_is_unattributed_is_selected_and_explained() {
    let played = session(6).keys("Gj").play();
    assert!(played.selected().contains("(unattributed)"), "{}", played.text());
    assert!(played.text().contains("what the kernel copies for no process"), "{}", played.text());
    let back = session(6).keys("Gjk").play();
    assert_eq!(back.text(), session(6).keys("G").play().text());
}

#[test]
fn the_advice_names_the_program_where_the_group_does_not() {
    let bottom = |keys: &str| {
        let text = session(6).keys(keys).play().text();
        text.lines()
            .find(|line| line.starts_with("! ") && line.contains("reads"))
            .map(str::to_owned)
    };
    let command = bottom("j").unwrap();
    assert!(command.starts_with("! nginx reads files and sends them: "), "{command}");
    assert!(command.ends_with(" likely"), "{command}");
    let user = bottom("gggj").unwrap();
    assert!(user.starts_with("! www-data: nginx reads files"), "{user}");
    let text = session(6).keys("j").play().text();
    assert!(text.contains("  nginx.conf: sendfile on;   saves 200 MiB/s"), "{text}");
    // Of the other two it is less certain.
    assert!(text.contains("+1 more (i)"), "{text}");
}

/// Ten thousand processes of a thousand names.
fn crowd(seconds: u64) -> Snapshot {
    let one = |pid: u32| {
        let bytes = u64::from(pid) * 997 * seconds;
        let paths = [copied(CopyPath::FileRead, bytes), copied(CopyPath::SocketSend, bytes)];
        let mut one =
            process(pid, &format!("verylong{}", pid % 1000), counters(seconds, &[]), &paths);
        one.counters[CounterId::Syscalls] = 7 * seconds;
        one
    };
    only(seconds, (1..=10_000).map(one).collect())
}

#[test]
fn a_count_sorts_by_its_rate() {
    let mut session = session(3);
    session.sort.0 = Processes::SYSCALLS;
    let text = session.play().text();
    assert!(tabs(&text).contains("sorted by SYSCALLS/s▼"), "{text}");
    // It makes 14 more than the others.
    assert_eq!(names(&text)[0], "nginx");
}

#[test]
fn rows_with_advice_are_first_when_sorted_by_it() {
    let wide = || session(6).size(300, 30);
    let menu = wide().keys("s").play().text();
    assert!(!menu.contains("│LAST") && !menu.contains("│!"), "{menu}");
    let place = |title: &str| {
        let heads = session(3).stage().shell.top().columns();
        heads.iter().filter(|it| it.is_choice).position(|it| it.title == title).unwrap()
    };
    let downs = "j".repeat(place("ADVICE"));
    let sorted = wide().keys("s").key(KeyCode::Home).keys(&downs).key(KeyCode::Enter).play().text();
    assert!(sorted.contains("ADVICE▼"), "{sorted}");
    let first = sorted.lines().nth(6).unwrap();
    assert!(first.starts_with("«! nginx "), "{sorted}");
}

#[test]
fn the_header_says_what_is_avoidable_and_never_more_than_is_copied() {
    let line = |ticks| {
        let text = session(ticks).play().text();
        text.lines().find(|line| line.starts_with("copied")).unwrap().to_owned()
    };
    // Two workers send 100 and 50 MiB that they have read; the third one 25, which is too little to tell,
    let first = line(2);
    assert!(first.contains("avoidable  300 MiB/s") && first.trim_end().ends_with("!1"), "{first}");
    // until some seconds have gone by.
    let later = line(6);
    assert!(later.contains("avoidable  350 MiB/s"), "{later}");
    assert!(later.contains("peak "), "{later}");
}

#[test]
fn what_a_row_does_is_what_it_copies_for() {
    let machine = |seconds: u64| {
        let read = copied(CopyPath::FileRead, 90 * MIB * seconds);
        let mapped = PathSample { copied_bytes: 0, ..read };
        let paths = [mapped, copied(CopyPath::PipeWrite, 30 * MIB * seconds)];
        only(seconds, vec![process(9, "busy", counters(seconds, &[]), &paths)])
    };
    let text = Session::playing((0..4).map(machine).collect()).ticks(4).play().text();
    assert!(text.contains("busy writes to pipes: 30.0 MiB/s"), "{text}");
    assert!(text.contains("no advice on it"), "{text}");
}

#[test]
fn a_process_in_the_group_of_a_path_has_no_past_of_its_other_paths() {
    let machine = |seconds: u64| {
        let bytes = 30 * MIB * seconds;
        let paths = [copied(CopyPath::FileRead, bytes), copied(CopyPath::PipeWrite, bytes)];
        only(seconds, vec![process(9, "busy", counters(seconds, &[]), &paths)])
    };
    let change = |group: &str| {
        let session = Session::playing((0..9).map(machine).collect()).size(120, 30).ticks(5);
        let text = session.keys(group).keys("eb").ticks(3).play().text();
        let row = text.lines().find(|line| line.contains("  9 busy")).unwrap().to_owned();
        let words: Vec<_> = row.split_whitespace().collect();
        let ratio = words.iter().position(|word| word.ends_with(".0x")).unwrap();
        words[ratio + 1].to_owned()
    };
    assert_eq!(change(""), "=", "of a command");
    assert_eq!(change("ggggg"), "-", "of a path");
}

#[test]
fn the_last_minutes_are_below_the_table_with_the_moments_that_have_a_name() {
    // Three minutes of nginx; for one of them dd copies as much, and python3 ends early.
    let machine = |second: u64| {
        let sum = |from: u64, to: u64| second.clamp(from, to) - from;
        let read = |bytes: u64| [copied(CopyPath::FileRead, bytes)];
        let programs =
            [("nginx", 90, sum(0, 999)), ("dd", 90, sum(60, 120)), ("python3", 30, sum(0, 30))];
        let one = |(pid, (name, mib, seconds)): (u32, (&str, u64, u64))| {
            process(pid, name, counters(second, &[]), &read(mib * MIB * seconds))
        };
        only(second, (1..).zip(programs).map(one).collect())
    };
    let played = |theme| {
        Session::playing((0..=180).map(machine).collect())
            .with_past()
            .size(120, 40)
            .theme(theme)
            .ticks(61)
            .keys("b")
            .ticks(60)
            .keys("mdd is over")
            .key(KeyCode::Enter)
            .ticks(60)
            .keys(";,,,,,,")
            .play()
            .text()
    };
    let text = played(Theme::new(false, true));
    insta::assert_snapshot!("minutes_120x40", text);
    insta::assert_snapshot!("minutes_120x40_ascii", played(Theme::new(false, false)));
    let axis = text.lines().find(|line| line.trim_start().starts_with("0└")).unwrap();
    // 110 cells are five minutes: a minute is 22 of them.
    let at = |sign: char| axis.chars().position(|it| it == sign).unwrap();
    assert_eq!((at('●'), at('◆'), at('▲')), (119 - 44, 119 - 22, 119 - 24), "{text}");
}

/// So many processes with names of their own, each of which reads less than the one before, until the last one leads.
fn ladder(count: u32) -> Session {
    let snapshots = (0..6).map(|seconds| {
        let one = |at: u32| {
            let leap = if at + 1 == count { seconds / 5 * 1_000_000_007 } else { 0 };
            let bytes = seconds * u64::from(count - at) * 1_000_003 + leap;
            reader(100 + at, &format!("step-{at:02}"), bytes)
        };
        only(seconds, (0..count).map(one).collect())
    });
    Session::playing(snapshots.collect()).ticks(4)
}

#[test]
fn the_line_of_more_groups_is_selected_and_leads_to_them() {
    let down = |session: Session, times| session.keys(&"j".repeat(times));
    let text = down(ladder(40), 40).play().text();
    let line = |text: &str| {
        text.lines().skip(4).find(|line| line.contains('«')).unwrap_or_default().to_owned()
    };
    assert!(line(&text).contains("more groups") && text.contains("Enter goes there"), "{text}");
    assert!(line(&down(ladder(40), 41).play().text()).contains("(unattributed)"));
    assert!(line(&down(ladder(40), 41).keys("k").play().text()).contains("more groups"));
    assert!(line(&down(ladder(40), 40).keys("k").play().text()).contains("step-39"));
    // All that is left is above.
    let first = down(ladder(40), 40).key(KeyCode::Enter).play();
    assert!(first.text().contains("1-") && line(&first.text()).contains("step-00"));

    // The row that was the last one is the first one now.
    let leapt = down(ladder(40), 40).ticks(2).key(KeyCode::Enter).play().text();
    assert!(leapt.contains("(g) 1-") && line(&leapt).contains("step-39"), "{leapt}");

    // With the mouse, from the first screen: the second click goes there.
    let y = ladder(40).play().text().lines().position(|line| line.contains("more groups"));
    let y = u16::try_from(y.unwrap()).unwrap();
    let clicked = ladder(40).click(10, y).play().text();
    assert!(line(&clicked).contains("more groups") && clicked.contains(" step-00 "), "{clicked}");
    let there = ladder(40).click(10, y).click(10, y).play().text();
    assert!(!there.contains(" step-00 ") && !line(&there).contains("more"), "{there}");

    // Where all rows are on the screen there is no such line.
    assert!(line(&down(ladder(3), 3).play().text()).contains("(unattributed)"));
}

#[test]
fn what_top_leaves_out_is_listed_when_asked_for() {
    let few = || {
        let mut session = ladder(40);
        session.top = Some(20);
        session.keys(&"j".repeat(20))
    };
    let text = few().play().text();
    assert!(text.contains("--top 20") && text.contains("more groups"), "{text}");
    assert!(text.contains("also what --top leaves out") && !text.contains("step-20"), "{text}");
    let all = few().key(KeyCode::Enter).play().text();
    assert!(all.contains("step-20") && !all.contains("--top") && all.contains("of 40"), "{all}");
}

#[test]
fn a_name_of_blanks_is_seen() {
    let snapshots = (0..5).map(|seconds| {
        let one = |pid, comm| reader(pid, comm, seconds * u64::from(pid) * 1_000_003);
        only(seconds, vec![one(41, "   "), one(43, "")])
    });
    let snapshots: Vec<_> = snapshots.collect();
    for (keys, blanks, empty) in
        [("", "\"   \"", "\"\""), ("g", "\"   \"", "\"\""), ("2", "\"   \"", "\"\"")]
    {
        let text = Session::playing(snapshots.clone()).ticks(4).keys(keys);
        let text = if keys == "2" { text.key(KeyCode::Enter) } else { text }.play().text();
        assert!(text.contains(blanks) && text.contains(empty), "{keys}: {text}");
    }
    let text = Session::playing(snapshots).size(160, 50).ticks(4).keys("gj").play().text();
    assert!(text.contains("\" \" reads files"), "{text}");
}
