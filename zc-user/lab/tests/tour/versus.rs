//! What a scene is compared with, on a large screen.

use insta::assert_snapshot;

use super::*;

const SCENES: &str = "\
    tour Copies, compared\n\
    title The traditional way\n\
    say Guess.\n\
    step read_write sink=tcp\n\
    say Two copies.\n\
    title sendfile\n\
    say Guess again.\n\
    step sendfile sink=tcp\n\
    say None.\n\
    title copy_file_range\n\
    say To another place.\n\
    step copy_range_copied\n\
    say One.\n";

fn scenes(luck: Luck) -> Given {
    Given { script: SCENES, wait: true, ..given(luck) }.size(160, 50)
}

/// Lines of the bars of a figure: of the other scene, and of this one.
fn bars(screen: &str, figure: &str) -> [String; 2] {
    let mut lines = screen.lines().skip_while(|line| !line.contains("Compared with"));
    let first = lines.find(|line| line.contains(figure)).unwrap_or_default();
    [first, lines.next().unwrap_or_default()].map(str::to_owned)
}

/// Cells of a bar.
fn cells(line: &str) -> usize {
    line.matches('█').count()
}

#[test]
fn the_scene_that_it_is_compared_with_is_below_160x50() {
    assert_snapshot!(scenes(Luck::AsExpected).keys("nnn").screen());
}

#[test]
fn before_the_answer_there_is_a_question_where_its_bar_will_be_160x50() {
    let screen = scenes(Luck::AsExpected).keys("nn").screen();
    assert_snapshot!(screen);
    let [other, own] = bars(&screen, "CPU copies/byte");
    assert!(other.contains("2.00") && own.trim_end().ends_with('?'), "{screen}");
    // While it is drawn arrow by arrow, too.
    let mut drawn = scenes(Luck::AsExpected).keys("n    n ");
    drawn.animate = true;
    let screen = drawn.screen();
    let [other, own] = bars(&screen, "CPU copies/byte");
    assert!(other.contains("2.00") && own.trim_end().ends_with('?'), "{screen}");
}

#[test]
fn bars_are_on_one_scale() {
    let screen = scenes(Luck::AsExpected).keys("nnn").screen();
    let [other, own] = bars(&screen, "Mode sw./transfer");
    assert!(other.contains("4.01") && own.contains("2.01"), "{screen}");
    assert_eq!((cells(&other), cells(&own)), (60, 30), "{screen}");
}

#[test]
fn there_is_no_bar_of_what_was_not_measured() {
    let screen = scenes(Luck::AsExpected).keys("g2n").screen();
    let [other, own] = bars(&screen, "CPU copies/byte");
    assert!(other.contains("not run") && cells(&other) == 0 && own.contains("0.00"), "{screen}");
    assert!(
        bars(&screen, "Throughput   ").concat().is_empty(),
        "a time alone says nothing: {screen}"
    );
    for (luck, word) in
        [(Luck::NotMeasured, "not measured"), (Luck::Skipped, "skipped"), (Luck::Failed, "failed")]
    {
        let screen = scenes(luck).keys("nnn").screen();
        for line in bars(&screen, "CPU copies/byte") {
            assert!(line.contains(word) && cells(&line) == 0, "{screen}");
        }
    }
    let screen = scenes(Luck::Modelled).keys("nnn").screen();
    let [other, own] = bars(&screen, "CPU copies/byte");
    assert!(other.contains("2.00~") && own.contains("0.00~"), "{screen}");
}

#[test]
fn times_to_different_places_are_not_compared() {
    let of = |keys: &str| {
        let screen = scenes(Luck::AsExpected).keys(keys).screen();
        assert!(!bars(&screen, "CPU copies/byte").concat().is_empty(), "{screen}");
        bars(&screen, "Throughput   ")
    };
    assert_eq!(cells(&of("nnn")[0]), 60);
    let mut elsewhere = of("nnnnn");
    elsewhere.sort();
    assert_eq!(elsewhere.map(|line| cells(&line)), [0, 0]);
}

#[test]
fn it_never_makes_a_page_longer_than_the_screen() {
    let is_compared = |(width, height): (u16, u16), keys: &str| {
        let screen = scenes(Luck::AsExpected).size(width, height).keys(keys).screen();
        let is_compared = screen.contains("Compared with");
        assert!(!is_compared || !screen.contains("more lines"), "{screen}");
        (is_compared, screen.contains("█"))
    };
    for height in 24..50 {
        for width in [80, 100, 120, 160] {
            is_compared((width, height), "nn");
            is_compared((width, height), "nnn");
        }
    }
    for (size, expected) in [((80, 24), false), ((120, 40), true), ((160, 50), true)] {
        assert_eq!(is_compared(size, "nnn"), (expected, expected), "{size:?}");
    }
}
