//! Questions, guesses and their answers; going from scene to scene.

use insta::assert_snapshot;

use super::*;

/// Scenes with a question each.
const QUESTIONS: &str = "\
    tour Copies, guessed\n\
    title The traditional way\n\
    say Guess.\n\
    step read_write sink=tcp\n\
    say Two copies.\n\
    title sendfile\n\
    say Guess again.\n\
    step sendfile sink=tcp\n\
    say None.\n\
    title Side by side\n\
    say And now?\n\
    compare read_write sendfile sink=pipe\n";

fn questions(luck: Luck) -> Given {
    Given { script: QUESTIONS, wait: true, animate: true, ..given(luck) }
}

#[test]
fn a_question_80x24() {
    assert_snapshot!(questions(Luck::AsExpected).keys("2").screen());
}

#[test]
fn a_question_160x50() {
    assert_snapshot!(questions(Luck::AsExpected).size(160, 50).keys("2").screen());
}

#[test]
fn no_screen_is_too_small_or_too_large() {
    for size in [(1, 1), (20, 5), (33, 9), (80, 24), (120, 40), (160, 50), (300, 100)] {
        for luck in [Luck::AsExpected, Luck::Failed, Luck::Skipped, Luck::NotMeasured] {
            for keys in ["", "2", "2n", "n ", "g", "g3", "g3n", "g3n   ", "g4", "?"] {
                let (_, played) = questions(luck).size(size.0, size.1).keys(keys).play();
                assert_eq!(played.screen.area.as_size(), size.into());
            }
        }
    }
}

#[test]
fn bytes_move_while_it_runs() {
    let at = |ticks| questions(Luck::Endless).keys(" ").ticks(ticks).screen();
    assert_snapshot!(at(2));
    assert_ne!(at(2).replace("0 s", ""), at(3).replace("0 s", ""));
    let mut still = questions(Luck::Endless).keys(" ").ticks(3);
    still.animate = false;
    assert!(!still.screen().contains("·o·"));
}

#[test]
fn the_answer_is_drawn_arrow_by_arrow_80x24() {
    assert_snapshot!(questions(Luck::AsExpected).keys(" ").ticks(1).screen());
}

#[test]
fn space_draws_the_next_arrow_and_then_the_figures() {
    let after = |keys: &str| questions(Luck::AsExpected).keys(keys).screen();
    // Page cache to user, user to socket; then the rest of the picture with the verdict.
    let theory = "CPU copies/byte";
    for (keys, asked, has_figures) in
        [("2 ", 3, false), ("2  ", 2, false), ("2   ", 1, false), ("2    ", 0, true)]
    {
        let screen = after(keys).replace("? Help", "");
        assert_eq!(screen.matches(" ? ").count(), asked, "{keys:?}: {screen}");
        assert_eq!(screen.contains(theory), has_figures, "{keys:?}: {screen}");
    }
    assert!(after("2     ").contains("Guess again."));
}

#[test]
fn the_animation_ends_by_itself() {
    // Three arrows with the one to the network; without a key, and with --wait.
    let (ended, played) = questions(Luck::AsExpected).keys(" ").ticks(40).play();
    assert!(ended.tour.reveal().is_none() && ended.tour.waits_for_key());
    assert!(played.text().contains("as the textbook says"), "{}", played.text());
}

#[test]
fn a_guess_is_shown_next_to_theory_and_measurement_160x50() {
    assert_snapshot!(questions(Luck::AsExpected).size(160, 50).keys("1    ").screen());
}

#[test]
fn guesses_are_tallied() {
    let (ended, played) = questions(Luck::AsExpected).keys("2n").keys("n1nn").keys("nn").play();
    assert_eq!(ended.tour.phase(), Phase::Summary);
    assert_eq!(ended.tour.score().sentence(&ENGLISH), "1 of 2 guesses right");
    assert!(played.text().contains("1 of 2 guesses right"), "{}", played.text());
    // The last of them counts, and none where none was made.
    let (ended, _) = questions(Luck::AsExpected).keys("31").keys("2n").play();
    assert_eq!(ended.tour.score().sentence(&ENGLISH), "1 of 1 guesses right");
    let (ended, _) = questions(Luck::Skipped).keys("2n").play();
    assert_eq!(ended.tour.score().guessed, 0, "what did not run is neither right nor wrong");
}

#[test]
fn digits_go_to_a_scene_where_no_guess_is_asked_for() {
    let (ended, played) = questions(Luck::AsExpected).keys("n   3").play();
    assert_eq!((ended.tour.at(), ended.tour.phase()), (2, Phase::Before), "{}", played.text());
    // At a question, 4 cannot be a guess, and g makes any digit a number.
    let (ended, _) = questions(Luck::AsExpected).keys("g3").play();
    assert_eq!(ended.tour.at(), 2);
    let (ended, _) = questions(Luck::AsExpected).keys("4").play();
    assert_eq!(ended.tour.phase(), Phase::Summary);
    // What was left out is not in the summary; what has run is looked at again.
    let (ended, played) = questions(Luck::AsExpected).keys("ng3n").keys("1").play();
    assert_eq!((ended.tour.at(), ended.tour.looking()), (2, 0));
    assert!(played.text().contains("Two copies."), "{}", played.text());
}

#[test]
fn scenes_are_chosen_from_a_list_80x24() {
    let mut tour = given(Luck::AsExpected).keys("g");
    tour.script = BUILT_IN;
    let tour = tour.key(KeyCode::Down, KeyModifiers::NONE).keys("1");
    assert_snapshot!(tour.screen());
}

#[test]
fn a_number_of_two_digits_is_typed() {
    let go = |keys: &str| {
        let mut tour = given(Luck::AsExpected).keys(keys);
        tour.script = BUILT_IN;
        tour.key(KeyCode::Enter, KeyModifiers::NONE).play().0.tour.at()
    };
    assert_eq!(go("12"), 11);
    assert_eq!(go("2"), 1, "one digit may be the first of two: Enter says that it is all");
    assert_eq!(go("g1"), 0);
}

#[test]
fn a_list_can_be_left() {
    let tour = questions(Luck::AsExpected).keys("g").key(KeyCode::Esc, KeyModifiers::NONE);
    let (ended, played) = tour.play();
    assert_eq!((ended.exit, ended.tour.at()), (Exit::Stopped(None), 0));
    assert!(!played.text().contains("Type a number"), "{}", played.text());
}

#[test]
fn a_failure_is_tried_again_once_by_itself() {
    // B15: another process may have been the reason.
    let (ended, played) = questions(Luck::FailsOnce).keys("n   ").play();
    assert_eq!(ended.tour.result(0).map(|it| it.has_failed()), Some(false), "{}", played.text());
    let (ended, played) = questions(Luck::Failed).keys("n").play();
    assert_eq!(ended.tour.result(0).map(|it| it.has_failed()), Some(true));
    assert!(played.text().contains("It failed twice. r tries again."), "{}", played.text());
    assert!(played.text().contains("failed: cannot connect"), "{}", played.text());
}

#[test]
fn a_scene_runs_again() {
    let (ended, played) = questions(Luck::FailsTwice).keys("n").play();
    assert_eq!(ended.tour.result(0).map(|it| it.has_failed()), Some(true));
    assert!(played.text().contains("r tries again"), "{}", played.text());
    let (ended, played) = questions(Luck::FailsTwice).keys("nr").play();
    assert_eq!(ended.tour.result(0).map(|it| it.has_failed()), Some(false), "{}", played.text());
}

#[test]
fn the_summary_stays_until_a_key() {
    // B16
    let mut tour = questions(Luck::AsExpected);
    tour.wait = false;
    let (ended, played) = tour.ticks(2000).play();
    assert_eq!((ended.exit, ended.tour.phase()), (Exit::Stopped(None), Phase::Summary));
    assert!(played.text().contains("Space leaves the tour"), "{}", played.text());
    let mut tour = questions(Luck::AsExpected);
    tour.wait = false;
    let (ended, _) = tour.ticks(2000).keys(" ").play();
    assert_eq!((ended.exit, ended.tour.is_over()), (Exit::Left, true));
}

#[test]
fn at_a_stand_it_begins_again() {
    let mut tour = questions(Luck::AsExpected);
    (tour.wait, tour.again) = (false, true);
    let (ended, played) = tour.ticks(2000).play();
    assert_eq!((ended.exit, played.left), (Exit::Stopped(None), 0));
    let mut tour = questions(Luck::AsExpected);
    (tour.wait, tour.again) = (true, true);
    let (ended, _) = tour.keys("4 ").play();
    assert_eq!((ended.tour.at(), ended.tour.phase()), (0, Phase::Before));
}

#[test]
fn a_command_is_copied() {
    let (_, played) = questions(Luck::AsExpected).keys("ny").play();
    let expected = "zc lab run read_write --sink tcp\n\
                    # while ((n = read(file, buf, 65536)) > 0)\n#     write(sock, buf, n);\n";
    assert_eq!(played.copied, [expected]);
    let (_, played) = given(Luck::AsExpected).keys("y").play();
    assert!(played.copied.is_empty(), "there is nothing to run in the first scene");
}

#[test]
fn where_nothing_is_measured_theory_is_said_to_be_theory_once() {
    let screens: Vec<_> = ["n", "nnn"]
        .into_iter()
        .map(|keys| questions(Luck::NotMeasured).size(160, 50).keys(keys).screen())
        .collect();
    let told = |screen: &String| screen.contains("Theory, not checked here: ");
    assert_eq!(screens.iter().map(told).collect::<Vec<_>>(), [true, false], "{screens:#?}");
}

#[test]
fn a_model_that_agrees_with_theory_proves_nothing_which_is_said_once() {
    let screens: Vec<_> = ["n   ", "n   n   "]
        .into_iter()
        .map(|keys| questions(Luck::Modelled).size(160, 50).keys(keys).screen())
        .collect();
    let told = |screen: &String| screen.contains("theory, not checked here");
    assert_eq!(screens.iter().map(told).collect::<Vec<_>>(), [true, false], "{screens:#?}");
    assert!(screens.iter().all(|screen| !screen.contains("\nas the textbook says")));
    assert!(screens[1].contains("as the textbook says (~)"), "{}", screens[1]);
}

#[test]
fn wide_characters_keep_columns() {
    const CHINESE: &str = "tour 不必要的拷贝\ntitle 传统方式\nsay 先猜一猜。\nstep read_write sink=tcp\nsay 两次拷贝。\n";
    for size in [(80, 24), (120, 40), (160, 50), (33, 9)] {
        for keys in ["", "n", "nn", "g"] {
            let tour = Given { script: CHINESE, ..given(Luck::AsExpected) };
            tour.size(size.0, size.1).keys(keys).screen();
        }
    }
}

#[test]
fn bytes_move_only_where_there_is_an_arrow() {
    // sendfile has two arrows, one of them around the program: on none of the others is there a byte.
    let at = |keys: &str| questions(Luck::AsExpected).size(160, 50).keys(keys).screen();
    let comparison = at("g3  ");
    assert!(comparison.contains("Side by side") && comparison.contains("━o━"), "{comparison}");
    assert!(!comparison.contains("·o·"), "{comparison}");
    assert!(!at("g3   ").contains("·o·"));
    assert_snapshot!(comparison);
}
