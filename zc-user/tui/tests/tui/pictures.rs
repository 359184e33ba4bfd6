//! The pictures of the dashboard in the documents. `cargo xtask pictures` writes them.

use crossterm::event::KeyCode;
use zc_test_support::{picture::is_current, session::Session, showcase};

/// The dashboard of the showcase after so many seconds.
fn session(seconds: u64) -> Session {
    Session::playing((0..=seconds).map(showcase::after).collect())
        .ticks(usize::try_from(seconds).unwrap() + 1)
}

#[test]
fn docs_picture_of_the_first_screen() {
    is_current("who", "The dashboard: who copies, and what would save it", |theme| {
        session(62).size(120, 30).theme(theme).play().screen
    });
}

#[test]
fn docs_picture_of_a_large_screen() {
    is_current(
        "large",
        "A large screen: who copies, on which path, and the last ten minutes",
        |theme| {
            let mut early = session(340).size(160, 48).theme(theme).keys("b");
            early.source =
                Box::new(zc_model::fixture::Fixture::new((0..=600).map(showcase::after).collect()));
            early
                .with_past()
                .ticks(260)
                .keys("mafter the reload")
                .key(KeyCode::Enter)
                .keys("j")
                .play()
                .screen
        },
    );
}

#[test]
fn docs_picture_of_a_process() {
    is_current("process", "A process of the dashboard: the way of its bytes", |theme| {
        let session = session(62).size(120, 36).theme(theme).keys("/nginx");
        session.key(KeyCode::Enter).key(KeyCode::Enter).key(KeyCode::Enter).play().screen
    });
}

#[test]
fn docs_picture_of_files() {
    is_current("files", "The files and peers that bytes come from and go to", |theme| {
        session(62).size(120, 24).theme(theme).keys("3").play().screen
    });
}

#[test]
fn docs_picture_of_the_past() {
    is_current("past", "Five seconds back, compared with a moment before", |theme| {
        let early = session(30).size(120, 24).theme(theme).keys("b");
        let mut later = early;
        later.source =
            Box::new(zc_model::fixture::Fixture::new((0..=62).map(showcase::after).collect()));
        later.with_past().ticks(32).keys(",,,,,").play().screen
    });
}
