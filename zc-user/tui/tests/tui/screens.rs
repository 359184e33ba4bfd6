//! Whole screens.

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use zc_model::snapshot::Provenance;
use zc_render::theme::Theme;

use zc_test_support::{machine::Machine, session::Session};

fn machine() -> Session {
    Session::of(Machine::default())
}

#[test]
fn processes_80x24() {
    assert_snapshot!(machine().ticks(4).play().text());
}

#[test]
fn processes_160x50() {
    assert_snapshot!(machine().size(160, 50).ticks(4).play().text());
}

#[test]
fn processes_40x12() {
    assert_snapshot!(machine().size(40, 12).ticks(4).play().text());
}

#[test]
fn too_small_20x5() {
    assert_snapshot!(machine().size(20, 5).ticks(4).play().text());
}

#[test]
fn before_the_first_frame() {
    assert_snapshot!(machine().ticks(1).play().text());
}

#[test]
fn empty() {
    let machine = Machine { empty: true, ..Machine::default() };
    assert_snapshot!(Session::of(machine).ticks(3).play().text());
}

#[test]
fn paused() {
    assert_snapshot!(machine().ticks(3).keys(" ").ticks(2).play().text());
}

#[test]
fn lossy() {
    let machine = Machine { lost: 17, ..Machine::default() };
    assert_snapshot!(Session::of(machine).ticks(3).play().text());
}

#[test]
fn modelled() {
    let machine = Machine { copies: Provenance::Modelled, ..Machine::default() };
    assert_snapshot!(Session::of(machine).ticks(3).play().text());
}

#[test]
fn filtered() {
    assert_snapshot!(machine().ticks(3).keys("/copied_bytes > 1MiB").play().text());
}

#[test]
fn filter_that_makes_no_sense() {
    assert_snapshot!(machine().ticks(3).keys("/copied_bytes >").play().text());
}

#[test]
fn sort_menu() {
    assert_snapshot!(machine().ticks(3).keys("sjj").play().text());
}

#[test]
fn help_80x24() {
    assert_snapshot!(machine().ticks(3).keys("?").play().text());
}

#[test]
fn help_160x50() {
    assert_snapshot!(machine().size(160, 50).ticks(3).keys("?").play().text());
}

#[test]
fn detail_of_a_copying_server_80x24() {
    assert_snapshot!(
        machine().ticks(3).keys("/nginx").key(KeyCode::Enter).key(KeyCode::Enter).play().text()
    );
}

#[test]
fn detail_of_a_zero_copy_broker_160x50() {
    let session = machine().size(160, 50).ticks(3).keys("/java");
    assert_snapshot!(session.key(KeyCode::Enter).key(KeyCode::Enter).play().text());
}

#[test]
fn detail_of_a_database_with_direct_io() {
    let session = machine().ticks(3).keys("/postgres");
    assert_snapshot!(session.key(KeyCode::Enter).key(KeyCode::Enter).play().text());
}

#[test]
fn detail_40x12() {
    let session = machine().size(40, 12).ticks(3).keys("/java");
    assert_snapshot!(session.key(KeyCode::Enter).key(KeyCode::Enter).play().text());
}

#[test]
fn detail_without_unicode() {
    let session = machine().theme(Theme::new(false, false)).ticks(3).keys("/java");
    let played = session.key(KeyCode::Enter).key(KeyCode::Enter).play();
    assert!(played.screen.content.iter().all(|cell| cell.symbol().is_ascii()));
    assert_snapshot!(played.text());
}

#[test]
fn processes_without_unicode() {
    let played = machine().theme(Theme::new(false, false)).ticks(4).play();
    assert!(played.screen.content.iter().all(|cell| cell.symbol().is_ascii()));
    assert_snapshot!(played.text());
}

#[test]
fn paths() {
    assert_snapshot!(machine().ticks(3).keys("2").play().text());
}

#[test]
fn paths_160x50() {
    assert_snapshot!(machine().size(160, 50).ticks(3).keys("2").play().text());
}

#[test]
fn devices() {
    assert_snapshot!(machine().ticks(3).keys("4").play().text());
}

#[test]
fn devices_160x50() {
    assert_snapshot!(machine().size(160, 50).ticks(3).keys("4").play().text());
}
