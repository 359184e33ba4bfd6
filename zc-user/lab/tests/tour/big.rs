//! Big figures, for a projector.

use insta::assert_snapshot;

use super::*;

fn big(luck: Luck) -> Given {
    Given { is_big: true, wait: true, ..given(luck) }
}

/// The first line of a 2 and of a 0, and between them the point.
const TWO: &str = "██████      ██████";

#[test]
fn an_answer_80x24() {
    assert_snapshot!(big(Luck::AsExpected).keys("n1n").screen());
}

#[test]
fn an_answer_160x50() {
    assert_snapshot!(big(Luck::AsExpected).keys("n1n").size(160, 50).screen());
}

#[test]
fn a_question_80x24() {
    assert_snapshot!(big(Luck::AsExpected).keys("n").screen());
}

#[test]
fn a_comparison_80x24() {
    assert_snapshot!(big(Luck::Modelled).keys("nnn").screen());
}

#[test]
fn a_key_shows_them_and_the_ordinary_page() {
    let has = |keys: &str| {
        let screen = given(Luck::AsExpected).keys(keys).screen();
        (screen.contains(TWO), screen.contains("Type this"))
    };
    assert_eq!(has("nn"), (false, true));
    assert_eq!(has("nnb"), (true, false));
    assert_eq!(has("nnbb"), (false, true));
}

#[test]
fn a_figure_has_its_mark_and_what_is_not_known_is_no_figure() {
    let screen = |luck| big(luck).keys("nn").screen();
    let second_line = |screen: &str| {
        let mut lines = screen.lines().skip_while(|line| !line.contains(TWO));
        lines.nth(1).unwrap_or_default().contains("████  ██")
    };
    let modelled = screen(Luck::Modelled);
    assert!(second_line(&modelled) && modelled.contains("\nmodelled"), "{modelled}");
    assert!(!second_line(&screen(Luck::AsExpected)));
    let unknown = screen(Luck::NotMeasured);
    assert!(!unknown.contains("0.0") && unknown.contains("not measured"), "{unknown}");
    for (luck, word) in [(Luck::Skipped, "skipped: "), (Luck::Failed, "failed: ")] {
        let screen = screen(luck);
        assert!(screen.contains(word) && !screen.contains("██████"), "{screen}");
    }
}

#[test]
fn without_unicode() {
    let mut tour = big(Luck::AsExpected).keys("nn");
    tour.theme = Theme::new(false, false);
    let (_, played) = tour.play();
    assert!(played.screen.content.iter().all(|cell| cell.symbol().is_ascii()));
    assert!(played.text().contains("######      ######"), "{}", played.text());
}

#[test]
fn the_built_in_tour_fits_a_small_screen_in_both_languages() {
    for words in [&ENGLISH, &CHINESE] {
        for steps in 0.. {
            let mut tour = big(Luck::AsExpected).keys(&"n".repeat(steps));
            (tour.script, tour.words) = (words.script, words);
            let (ended, played) = tour.play();
            if ended.tour.phase() == Phase::Summary {
                break;
            }
            let screen = played.text();
            assert!(!screen.contains(words.more_lines.trim_start_matches("{lines}")), "{screen}");
            let (scene, phase, findings) = ended.tour.shown().unwrap();
            if phase == Phase::After && !findings.is_empty() {
                assert!(screen.contains("██████"), "{}: {screen}", scene.title);
            }
        }
    }
}

#[test]
fn no_screen_is_too_small_or_too_large() {
    for size in [(1, 1), (20, 5), (33, 9), (80, 24), (120, 40), (160, 50), (300, 100)] {
        for luck in [Luck::AsExpected, Luck::Failed, Luck::Skipped, Luck::NotMeasured] {
            for keys in ["", "n2", "nn", "nnn", "nnnn", "nnnnn", "g", "?"] {
                let (_, played) = big(luck).size(size.0, size.1).keys(keys).play();
                assert_eq!(played.screen.area.as_size(), size.into());
            }
        }
    }
}
