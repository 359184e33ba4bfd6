//! The workshop tour: whole screens as snapshots, and tours with scripted keys.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::VecDeque;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;
use ratatui::{Terminal, backend::TestBackend};
use zc_lab::{
    finding::Finding,
    screen::{
        run::{Ended, TourLook, session},
        text::TextForm,
    },
    tour::{
        parse::{parse, parse_in},
        script::BUILT_IN,
        walk::{Laboratory as _, Pace, Phase, Tour},
        words::{CHINESE, ENGLISH, Words},
    },
};
use zc_render::theme::Theme;
use zc_test_support::session::{Played, Script};
use zc_tui::{
    run::Exit,
    world::{Happening, Input},
};

#[path = "tour/big.rs"]
mod big;
#[path = "tour/chinese.rs"]
mod chinese;
#[path = "tour/laboratory.rs"]
mod laboratory;
#[path = "tour/pictures.rs"]
mod pictures;
#[path = "tour/questions.rs"]
mod questions;
#[path = "tour/versus.rs"]
mod versus;

use laboratory::{BLIND, Fake, Luck};

const SCRIPT: &str = "\
    tour Copies, counted\n\
    title Welcome\n\
    say This is what the tour is about.\n\
    title The traditional way: read, then write\n\
    say Guess how often the CPU touches each byte.\n\
    step read_write sink=tcp\n\
    say Two copies per byte, four switches per transfer: the textbook is right.\n\
    title Side by side\n\
    compare read_write sendfile sink=pipe\n\
    say The pages go by reference.\n";

const HAZARD: &str = "\
    hazard sigbus\n\
    say What a copy protects from.\n";

/// A tour to be given.
struct Given {
    script: &'static str,
    words: &'static Words,
    luck: Luck,
    size: (u16, u16),
    theme: Theme,
    wait: bool,
    animate: bool,
    again: bool,
    is_big: bool,
    inputs: Vec<Input>,
}

fn given(luck: Luck) -> Given {
    let theme = Theme::new(false, true);
    Given {
        script: SCRIPT,
        words: &ENGLISH,
        luck,
        size: (80, 24),
        theme,
        wait: false,
        animate: false,
        again: false,
        is_big: false,
        inputs: Vec::new(),
    }
}

impl Given {
    fn size(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    fn keys(mut self, keys: &str) -> Self {
        for c in keys.chars() {
            self = self.key(KeyCode::Char(c), KeyModifiers::NONE);
        }
        self
    }

    fn key(self, code: KeyCode, modifiers: KeyModifiers) -> Self {
        self.input(Input::Event(Happening::Terminal(Event::Key(KeyEvent::new(code, modifiers)))))
    }

    fn input(mut self, input: Input) -> Self {
        self.inputs.push(input);
        self
    }

    fn ticks(mut self, count: usize) -> Self {
        self.inputs.extend(std::iter::repeat_n(Input::Tick, count));
        self
    }

    fn play(self) -> (Ended, Played) {
        let script = parse_in(self.script, self.words).unwrap();
        let pace = Pace { speed: 1.0, wait: self.wait, animate: self.animate, again: self.again };
        let tour = Tour::new(script, pace);
        let terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        let mut world = Script::new(terminal, VecDeque::from(self.inputs));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let luck = self.luck;
        let open = || Ok(Fake::new(luck));
        let look = TourLook { theme: self.theme, is_big: self.is_big };
        let ended = runtime.block_on(session(tour, open, look, &mut world)).unwrap();
        (ended, Played::of(world))
    }

    fn screen(self) -> String {
        self.play().1.text()
    }
}

#[test]
fn before_a_workload() {
    assert_snapshot!(given(Luck::AsExpected).keys("n").screen());
}

#[test]
fn while_it_runs() {
    assert_snapshot!(given(Luck::Endless).keys("nn").ticks(9).screen());
}

#[test]
fn a_result_80x24() {
    assert_snapshot!(given(Luck::AsExpected).keys("nn").screen());
}

#[test]
fn a_result_160x50() {
    assert_snapshot!(given(Luck::AsExpected).size(160, 50).keys("nn").screen());
}

#[test]
fn a_result_40x12() {
    assert_snapshot!(given(Luck::AsExpected).size(40, 12).keys("nn").screen());
}

#[test]
fn a_comparison_80x24() {
    assert_snapshot!(given(Luck::AsExpected).keys("nnn").screen());
}

#[test]
fn a_comparison_160x50() {
    assert_snapshot!(given(Luck::AsExpected).size(160, 50).keys("nnn").screen());
}

#[test]
fn a_hazard() {
    let mut tour = given(Luck::AsExpected);
    tour.script = HAZARD;
    assert_snapshot!(tour.screen());
}

#[test]
fn a_hazard_counts_like_a_workload() {
    for (luck, word) in [
        (Luck::AsExpected, "1 workload: 1 hazard reproduced"),
        (Luck::Unexplained, "1 workload: 1 with an unexpected hazard"),
        (Luck::Skipped, "1 workload: 1 skipped"),
        (Luck::Failed, "1 workload: 1 failed"),
    ] {
        let mut tour = given(luck).keys("n");
        tour.script = HAZARD;
        let screen = tour.screen();
        assert!(screen.contains(word), "{screen}");
    }
}

#[test]
fn the_summary_80x24() {
    assert_snapshot!(given(Luck::AsExpected).keys("nnnn").screen());
}

#[test]
fn the_summary_160x50() {
    assert_snapshot!(given(Luck::AsExpected).size(160, 50).keys("nnnn").screen());
}

#[test]
fn skipped() {
    assert_snapshot!(given(Luck::Skipped).keys("nn").screen());
}

#[test]
fn failed() {
    assert_snapshot!(given(Luck::Failed).keys("nn").screen());
}

#[test]
fn not_measured() {
    assert_snapshot!(given(Luck::NotMeasured).keys("nn").screen());
}

#[test]
fn not_measured_is_said_at_the_beginning() {
    assert!(given(Luck::NotMeasured).screen().contains(BLIND));
}

#[test]
fn unexplained_160x50() {
    assert_snapshot!(given(Luck::Unexplained).size(160, 50).keys("nn").screen());
}

#[test]
fn help() {
    assert_snapshot!(given(Luck::AsExpected).keys("?").screen());
}

#[test]
fn without_unicode() {
    let mut tour = given(Luck::AsExpected).keys("nn");
    tour.theme = Theme::new(false, false);
    let (_, played) = tour.play();
    assert!(played.screen.content.iter().all(|cell| cell.symbol().is_ascii()));
}

#[test]
fn nothing_fails_however_small_the_screen() {
    for size in [(1, 1), (10, 3), (32, 8), (33, 9), (300, 100)] {
        for keys in ["", "n", "nn", "nnn", "nnnn", "?"] {
            given(Luck::AsExpected).size(size.0, size.1).keys(keys).screen();
        }
    }
}

#[test]
fn by_itself_it_comes_to_its_end() {
    // Seven, eight and thirteen words to read, and two pictures: two minutes are enough. The summary stays.
    let (ended, played) = given(Luck::AsExpected).ticks(480).play();
    assert_eq!((ended.exit, ended.tour.is_over()), (Exit::Stopped(None), false));
    assert_eq!((ended.tour.phase(), played.left), (Phase::Summary, 0));
    assert_eq!(ended.tour.results().map(|it| it.findings.len()).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(played.text().contains("3 workloads: 3 as the textbook says"), "{}", played.text());
}

#[test]
fn with_wait_it_needs_a_key_for_everything() {
    let mut tour = given(Luck::AsExpected).ticks(1000);
    tour.wait = true;
    let (ended, played) = tour.play();
    assert_eq!((ended.exit, ended.tour.at()), (Exit::Stopped(None), 0));
    assert!(played.text().contains("Space: continue"), "{}", played.text());
    let mut tour = given(Luck::AsExpected).keys("     ");
    tour.wait = true;
    let (ended, played) = tour.play();
    assert_eq!((ended.exit, ended.tour.is_over()), (Exit::Left, true));
    assert_eq!(played.left, 0);
}

#[test]
fn paused_it_stands_still_until_a_key_continues_it() {
    let (ended, played) = given(Luck::AsExpected).keys(" ").ticks(1000).play();
    assert_eq!(ended.tour.at(), 0);
    assert!(played.text().contains("PAUSED"), "{}", played.text());
    let (ended, _) = given(Luck::AsExpected).keys("  ").ticks(30).play();
    assert_eq!(ended.tour.at(), 1);
}

#[test]
fn earlier_results_can_be_looked_at_again() {
    let (ended, played) = given(Luck::AsExpected).keys("nnnpp").ticks(1000).play();
    assert_eq!((ended.tour.at(), ended.tour.looking()), (2, 0));
    assert!(played.text().contains("LOOKING BACK"), "{}", played.text());
    assert!(played.text().contains("This is what the tour is about."), "{}", played.text());
    let (ended, played) = given(Luck::AsExpected).keys("nnnppnn").play();
    assert_eq!((ended.tour.at(), ended.tour.looking()), (2, 2));
    assert!(played.text().contains("Side by side"), "{}", played.text());
}

#[test]
fn keys_make_it_faster_and_slower() {
    assert!(given(Luck::AsExpected).keys("++").screen().contains(" 4x"));
    assert!(given(Luck::AsExpected).keys("--").screen().contains(" 0.25x"));
}

#[test]
fn it_can_be_left_at_any_time() {
    let leave = |tour: Given, exit| {
        let (ended, played) = tour.ticks(3).play();
        assert_eq!(ended.exit, exit);
        assert_eq!(played.left, 3);
    };
    for (luck, keys) in [(Luck::AsExpected, "nnn"), (Luck::Endless, "nn")] {
        let at = || given(luck).keys(keys);
        leave(at().keys("q"), Exit::Left);
        leave(at().key(KeyCode::Char('c'), KeyModifiers::CONTROL), Exit::Interrupted);
        leave(at().input(Input::Event(Happening::Closed)), Exit::Stopped(None));
        let (ended, played) = at().key(KeyCode::Char('z'), KeyModifiers::CONTROL).play();
        assert_eq!((ended.exit, played.suspended), (Exit::Stopped(None), 1));
    }
}

#[test]
fn the_tour_goes_on_behind_the_help() {
    let (ended, played) = given(Luck::AsExpected).keys("nn?").ticks(100).play();
    assert_eq!((ended.tour.at(), ended.tour.results().count()), (3, 3));
    assert!(played.text().contains("Keys here: Tour"), "{}", played.text());
}

#[test]
fn the_help_is_closed_by_what_would_leave() {
    let (ended, _) = given(Luck::AsExpected).keys("?q").play();
    assert_eq!(ended.exit, Exit::Stopped(None));
}

#[test]
fn as_text() {
    let script = parse(SCRIPT).unwrap();
    let mut tour =
        Tour::new(script, Pace { speed: 1.0, wait: false, animate: false, again: false });
    let mut fake = Fake::new(Luck::AsExpected);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let style = TextForm { theme: Theme::new(false, true), color: false };
    let mut text = style.opening(&tour, fake.conditions());
    let mut announced = None;
    while let Some((scene, ..)) = tour.shown() {
        if announced != Some(tour.at()) {
            announced = Some(tour.at());
            text += &style.before(tour.at() + 1, scene);
        }
        if let Some(act) = tour.due().cloned() {
            let exhibit = runtime.block_on(fake.run(&act));
            tour.receive(exhibit);
            let (scene, _, findings) = tour.shown().unwrap();
            text += &style.after(&tour, scene, findings);
        }
        tour.next();
    }
    text += &style.closing(&tour);
    assert_snapshot!(text);
}

#[test]
fn the_built_in_tour_fits_a_small_screen() {
    for steps in 0.. {
        let mut tour = given(Luck::AsExpected).keys(&"n".repeat(steps));
        tour.script = BUILT_IN;
        let (ended, played) = tour.play();
        let screen = played.text();
        match ended.tour.phase() {
            // All that is said, and the verdict; what follows may be scrolled to.
            Phase::Before => assert!(!screen.contains("more lines"), "{screen}"),
            Phase::After => {
                let (_, _, findings) = ended.tour.shown().unwrap();
                for ran in findings.iter().filter_map(Finding::ran) {
                    let sentence = ran.verdict.judgement.sentence();
                    let begins = sentence.split(' ').take(3).collect::<Vec<_>>().join(" ");
                    assert!(screen.contains(&begins), "{sentence} is not in:\n{screen}");
                }
            }
            Phase::Running => panic!("nothing runs for long here"),
            Phase::Summary => return,
        }
    }
}
