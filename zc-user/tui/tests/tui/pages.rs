//! The pages of paths, files, devices and code: whole screens of any size with any number of rows, and their keys.

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use zc_model::snapshot::{Provenance, Snapshot};
use zc_tui::state::checks::Check;

use zc_test_support::{listed::with_many, machine::Machine, session::Session};

/// The sizes that screens are looked at in.
const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (160, 50), (20, 5)];

fn snapshots(count: u64) -> Vec<Snapshot> {
    (0..4).map(|seconds| with_many(Machine::default().after(seconds), count)).collect()
}

fn listed() -> Session {
    Session::playing(snapshots(5))
}

fn screen(session: Session, (width, height): (u16, u16), keys: &str) -> String {
    session.size(width, height).ticks(4).keys(keys).play().text()
}

macro_rules! screens {
    ($($name:ident: $keys:expr;)*) => { $(
        #[test]
        fn $name() {
            for (width, height) in SIZES {
                let text = screen(listed(), (width, height), $keys);
                assert_snapshot!(format!("{}_{width}x{height}", stringify!($name)), text);
            }
        }
    )* };
}

screens! {
    files: "3";
    peers_alone: "3pp";
    flows: "3ppp";
    devices_listed: "4";
    code: "5";
    stack: "5l";
    users_of_a_path: "2l";
    users_of_disks: "4l";
    doctor: "6";
    help_of_files: "3?";
}

fn lossy() -> Session {
    Session::of(Machine { lost: 17, copies: Provenance::Modelled, ..Machine::default() })
}

#[test]
fn the_doctor_on_a_machine_that_models_and_loses() {
    for size in SIZES {
        let text = screen(lossy(), size, "6");
        assert_snapshot!(format!("doctor_lossy_{}x{}", size.0, size.1), text);
    }
}

#[test]
fn what_was_lost_can_be_acknowledged_until_it_is_more() {
    let header = |session: Session| {
        session.size(120, 40).play().text().lines().take(4).collect::<Vec<_>>().join("\n")
    };
    // Losses end after the third snapshot.
    let all = || {
        let mut all: Vec<Snapshot> =
            (0..8).map(|at| Machine { lost: 17, ..Machine::default() }.after(at)).collect();
        let (third, rest) = all[2..].split_at_mut(1);
        rest[..3].iter_mut().for_each(|later| later.losses.clone_from(&third[0].losses));
        Session::playing(all)
    };
    assert!(header(all().ticks(3).keys("6")).contains("lost 34"));
    let calm = header(all().ticks(3).keys("6a"));
    assert!(calm.contains("lost 0"), "{calm}");
    let later = header(all().ticks(3).keys("6a").ticks(3));
    assert!(later.contains("lost 0"), "nothing more was lost: {later}");
    let more = header(all().ticks(3).keys("6a").ticks(4));
    assert!(more.contains("lost 68"), "102 less what was seen: {more}");
    let page = all().size(120, 40).ticks(3).keys("6a").play().text();
    assert!(page.contains("What was lost has been seen.") && page.contains(" 34 "), "{page}");
}

#[test]
fn an_interval_in_which_zc_stood_still_is_explained() {
    let stopped = |at: &[u64]| {
        let all = at.iter().map(|seconds| Machine::default().after(*seconds)).collect();
        Session::playing(all).ticks(at.len()).keys("6").play().text()
    };
    let text = stopped(&[0, 1, 2, 9]);
    assert!(text.contains("zc itself was stopped, or had no CPU, for 6.0 s until"), "{text}");
    assert!(!stopped(&[0, 1, 2, 3]).contains("stopped"));
    assert!(!stopped(&[0, 1, 2, 4]).contains("stopped"), "late by a second is nothing");
}

#[test]
fn the_doctor_says_what_was_checked_when_zc_began() {
    let check = |name: &str, is_ok, what: &str, fix: Option<&str>| Check {
        name: name.to_owned(),
        is_ok,
        what: what.to_owned(),
        fix: fix.map(str::to_owned),
    };
    let session = listed().size(100, 40).ticks(3).keys("6");
    session.checks.set(vec![
        check("probes", true, "BTF tracepoints", None),
        check(
            "process ids",
            false,
            "a \u{1b}[31mcontainer has its own",
            Some("run zc on the host"),
        ),
    ]);
    let text = session.play().text();
    assert!(text.contains("fix: run zc on the host"), "{text}");
    assert!(text.contains("BTF tracepoints") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn the_help_begins_with_the_page_one_comes_from() {
    for (keys, here) in
        [("2?", "Paths"), ("2l?", "Path users"), ("3?", "Files"), ("5?", "Code"), ("6?", "Doctor")]
    {
        let text = screen(listed(), (160, 50), keys);
        assert!(text.contains(&format!("Keys here: {here}")), "{text}");
    }
}

#[test]
fn the_help_is_one_screen_where_there_is_room() {
    for page in ["", "2", "3", "4", "5", "6"] {
        let text = screen(listed(), (160, 50), &format!("{page}?"));
        assert!(!text.contains("more lines"), "{text}");
    }
}

#[test]
fn what_is_not_counted_is_said_with_what_to_do() {
    for (keys, command) in
        [("3", "zc top --objects"), ("5", "zc top --stacks"), ("5p", "zc top --user-copies")]
    {
        let text = screen(Session::of(Machine::default()), (80, 24), keys);
        assert!(text.contains(command), "{text}");
        assert_snapshot!(format!("not_counted_{keys}"), text);
    }
}

#[test]
fn the_first_and_the_last_of_many_can_be_reached() {
    let many = || Session::playing(snapshots(10_000)[2..].to_vec());
    for (page, first, last) in
        [("3p", "/srv/www/big.bin", "(other files)"), ("5", "ngx_writev_chain", "serve_09999")]
    {
        let text = screen(many(), (120, 40), page);
        assert!(text.contains(first) && text.contains("1-"), "{text}");
        let text = screen(many(), (120, 40), &format!("{page}G"));
        assert!(text.contains(last) && !text.contains(first), "{text}");
    }
}

#[test]
fn a_path_leads_to_its_processes_and_these_to_the_picture() {
    let path = listed().ticks(4).keys("2j").key(KeyCode::Enter);
    let text = path.play().text();
    assert!(text.contains("Processes on file_read"), "{text}");
    assert!(text.contains("nginx") && text.contains("100 MiB"), "{text}");
    let process = listed().ticks(4).keys("2j").key(KeyCode::Enter).key(KeyCode::Enter);
    let text = process.play().text();
    assert!(text.contains("pid 811") && text.contains("page cache"), "{text}");
    let back = listed().ticks(4).keys("2j").key(KeyCode::Enter).key(KeyCode::Enter);
    let back = back.key(KeyCode::Esc).key(KeyCode::Esc).play().text();
    assert_eq!(back, listed().ticks(4).keys("2j").play().text());
}

#[test]
fn a_device_leads_to_those_it_is_known_to_work_for() {
    let disks = screen(listed(), (80, 24), "4l");
    assert!(disks.contains("postgres") && disks.contains("48.0 MiB"), "{disks}");
    assert!(!disks.contains("nginx"), "it reads no disk: {disks}");
    assert!(disks.contains("sums of all disks"), "two disks: {disks}");
    let network = screen(listed(), (80, 24), "4Gl");
    assert!(network.contains("java") && network.contains("900 MiB"), "{network}");
    assert!(network.contains("Nothing says for whom a packet is"), "{network}");
}

#[test]
fn the_filter_finds_files_by_name_and_by_process() {
    let text = |filter: &str| {
        let typed = listed().size(120, 40).ticks(4).keys("3").keys(&format!("/{filter}"));
        typed.key(KeyCode::Enter).play().text()
    };
    let by_name = text("big.bin");
    assert!(by_name.contains("1 file or peer, filter: big.bin"), "{by_name}");
    assert!(
        by_name.contains("/srv/www/big.bin") && !by_name.contains("(other files)"),
        "{by_name}"
    );
    assert!(text("nginx").contains("10 files and peers"), "{}", text("nginx"));
    assert!(text("java").contains("nothing that matches the filter"), "{}", text("java"));
    let cleared =
        listed().size(120, 40).ticks(4).keys("3/java").key(KeyCode::Enter).key(KeyCode::Esc);
    assert!(cleared.play().text().contains("10 files and peers"));
}

#[test]
fn what_is_opened_says_that_it_is_filtered_too() {
    let filtered = || listed().size(120, 40).ticks(4).keys("/nginx").key(KeyCode::Enter);
    for (keys, said) in [
        ("2", "8 paths"),
        ("2jl", "1 process, filter: nginx"),
        ("4Gl", "1 process, filter: nginx"),
        ("5", "5 stacks, of the last 3 s, filter: nginx"),
    ] {
        let text = filtered().keys(keys).play().text();
        let tabs = text.lines().find(|line| line.contains("6 Doctor")).unwrap();
        assert!(tabs.ends_with(&format!("  {said}")), "{keys}: {text}");
    }
}

#[test]
fn names_of_files_cannot_do_anything_to_the_terminal() {
    for keys in ["3", "3j", "3ppp", "3pppj"] {
        let played = listed().size(160, 50).ticks(4).keys(keys).play();
        for cell in &played.screen.content {
            let hostile = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!cell.symbol().contains(hostile), "{:?}", cell.symbol());
        }
        assert!(played.text().contains("\\u{1b}[2J"), "{}", played.text());
    }
}

#[test]
fn a_stack_that_rests_stays_on_the_screen() {
    let mut all = snapshots(5);
    // From here on nothing is sampled.
    let rest = all[3].stacks.clone();
    all.extend((4..30).map(|seconds| {
        let mut snapshot = Machine::default().after(seconds);
        snapshot.stacks.clone_from(&rest);
        snapshot
    }));
    let text = Session::playing(all).ticks(4).keys("5").key(KeyCode::Enter).ticks(20).play().text();
    assert!(text.contains("ngx_writev_chain") && text.contains("_copy_from_iter"), "{text}");
}

#[test]
fn clicks_select_and_open_and_sort_on_every_page() {
    for (page, line, expected) in [("3", 7, "pid 811"), ("5", 6, "a stack that copies")] {
        let clicked = listed().ticks(4).keys(page).click(10, line).click(10, line);
        let text = clicked.play().text();
        assert!(text.contains(expected), "{page}: {text}");
    }
    let sorted = listed().ticks(4).keys("4").click(37, 4).play().text();
    assert!(sorted.contains("WRITTEN/s▼") && sorted.contains("SENT/s▼"), "{sorted}");
    let opened = listed().ticks(4).keys("4").click(3, 6).click(3, 6).play().text();
    assert!(opened.contains("Processes that use disks"), "{opened}");
}
