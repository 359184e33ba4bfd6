use super::*;
use crate::tour::parse::parse;

const LONG: Duration = Duration::from_secs(100);

fn tour(text: &str, wait: bool) -> Tour {
    let script = parse(text).map_err(|error| error.to_string()).expect("a script");
    Tour::new(script, Pace { speed: 2.0, wait, animate: false, again: false })
}

#[test]
fn it_walks_through_by_itself_as_fast_as_one_reads() {
    let mut tour = tour("title T\nsay One two.\nstep sendfile\nwait 3\nstep read_write", false);
    assert!(tour.due().is_none());
    // Two words and a moment, at twice the speed.
    assert_eq!(tour.goes_on_in(), Some(Duration::from_millis(800)));
    tour.pass(Duration::from_millis(799));
    assert!(tour.due().is_none());
    tour.pass(Duration::from_millis(1));
    assert!(matches!(tour.due(), Some(Act::Step(scenario, _)) if scenario.id == "sendfile"));
    tour.pass(LONG);
    assert_eq!(tour.ran_for(), LONG, "a workload takes as long as it takes");
    tour.receive(Exhibit::default());
    assert_eq!(tour.goes_on_in(), Some(Duration::from_millis(1500)));
    tour.pass(LONG);
    // Nothing is said before the second: it runs at once.
    assert!(matches!(tour.due(), Some(Act::Step(scenario, _)) if scenario.id == "read_write"));
    tour.receive(Exhibit::default());
    tour.pass(LONG);
    assert_eq!((tour.phase(), tour.is_over()), (Phase::Summary, false));
    tour.pass(LONG);
    assert_eq!((tour.waits_for_key(), tour.is_over()), (true, false), "the summary stays");
    tour.pause_or_go_on();
    assert!(tour.is_over());
}

#[test]
fn a_key_is_waited_for_where_one_is_asked_for() {
    for (text, wait) in [("title T\nwait key", false), ("title T\nsay A.\nwait 1", true)] {
        let mut tour = tour(text, wait);
        tour.pass(LONG);
        assert!(tour.waits_for_key() && tour.phase() == Phase::Before, "{text}");
        tour.pause_or_go_on();
        assert_eq!(tour.phase(), Phase::Summary);
        tour.pass(LONG);
        assert!(!tour.is_over());
    }
}

#[test]
fn while_it_is_paused_or_looked_back_at_it_stands_still() {
    let mut tour = tour("title A\nsay A.\ntitle B\nsay B.", false);
    tour.pause_or_go_on();
    tour.pass(LONG);
    assert_eq!(tour.at(), 0);
    tour.next();
    assert_eq!((tour.at(), tour.is_paused()), (1, false));
    tour.previous();
    tour.previous();
    tour.pass(LONG);
    assert_eq!((tour.at(), tour.looking(), tour.goes_on_in()), (1, 0, None));
    assert_eq!(tour.shown().map(|(scene, ..)| &*scene.title), Some("A"));
    tour.next();
    assert_eq!((tour.at(), tour.looking()), (1, 1));
    tour.pass(LONG);
    assert_eq!(tour.phase(), Phase::Summary);
}

#[test]
fn keys_change_the_speed_within_limits() {
    let mut tour = tour("title A", false);
    for _ in 0..20 {
        tour.faster();
    }
    assert!((tour.speed() - 64.0).abs() < f64::EPSILON);
    for _ in 0..20 {
        tour.slower();
    }
    assert!((tour.speed() - 0.125).abs() < f64::EPSILON);
}

#[test]
fn at_a_stand_it_begins_again_by_itself() {
    let script = parse("title A\nsay A.").map_err(|error| error.to_string()).expect("a script");
    let mut tour = Tour::new(script, Pace { speed: 1.0, wait: false, animate: false, again: true });
    tour.pass(LONG);
    assert_eq!((tour.phase(), tour.results().count()), (Phase::Summary, 1));
    tour.pass(LONG);
    assert_eq!((tour.at(), tour.phase(), tour.results().count()), (0, Phase::Before, 0));
}

#[test]
fn a_jump_waits_for_the_workload() {
    let mut tour = tour("title A\nsay A.\nstep sendfile\ntitle B\nsay B.\ntitle C\nsay C.", true);
    tour.next();
    tour.go_to(2);
    assert_eq!((tour.at(), tour.phase()), (0, Phase::Running));
    tour.receive(Exhibit::default());
    assert_eq!((tour.at(), tour.phase()), (2, Phase::Before));
    // Scenes that were left out are none of those that have run.
    assert_eq!((tour.results().count(), tour.result(1).is_none()), (1, true));
    tour.previous();
    assert_eq!((tour.at(), tour.looking()), (2, 0));
}
