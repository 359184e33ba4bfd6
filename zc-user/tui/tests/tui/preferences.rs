//! The filter line, and what the user has set.

use crossterm::event::{KeyCode, KeyModifiers};
use zc_model::filter::Filter;
use zc_test_support::{machine::Machine, session::Session};
use zc_tui::{
    keymap::{self, ACTIONS},
    page::{Chosen, TABLES, groups},
};

fn machine() -> Session {
    Session::of(Machine::default())
}

#[test]
fn the_place_of_an_error_is_below_it() {
    let text = machine().ticks(3).keys("/nginx and usr = root").play().text();
    let lines: Vec<&str> = text.lines().collect();
    let [.., line, error] = lines[..] else { panic!("{text}") };
    assert!(line.starts_with("filter: nginx and usr = root"), "{text}");
    assert_eq!(
        error, "                  ^^^ there is no column 'usr'; did you mean 'user'?",
        "{text}"
    );
    assert_eq!(machine().ticks(3).keys("/nginx and usr").play().listed(), Vec::<String>::new());
    assert_eq!(machine().ticks(3).keys("/nginx and usr =").play().listed(), ["nginx"]);
    let far = "/(nginx or java or postgres or burst) and copied > 10MiB and usr = root";
    let text = machine().ticks(3).keys(far).play().text();
    let error = "  there is no column 'usr'; did you mean 'user'? ^^^";
    assert!(
        text.lines().last().is_some_and(|last| last.trim_start() == error.trim_start()),
        "{text}"
    );
}

#[test]
fn matches_are_counted_while_typing() {
    let last = |session: Session| session.play().text().lines().last().unwrap().to_owned();
    let typed = last(machine().ticks(3).keys("/nginx or java"));
    assert!(typed.starts_with("2 of 7 match  Enter Apply  Esc Cancel  Tab Complete"), "{typed}");
    assert!(last(machine().ticks(3).keys("/")).starts_with("a name, or: copied > 1 MiB/s"));
}

#[test]
fn tab_completes_names_and_what_is_on_the_screen() {
    let line = |session: Session| {
        let text = session.play().text();
        let line = text.lines().find(|line| line.starts_with("filter: "));
        line.unwrap_or_else(|| panic!("{text}"))["filter: ".len()..]
            .replace(['«', '»'], "")
            .trim_end()
            .to_owned()
    };
    let tab = |session: Session| session.key(KeyCode::Tab);
    assert_eq!(line(tab(machine().ticks(3).keys("/per b"))), "per byte");
    assert_eq!(line(tab(machine().ticks(3).keys("/comm = po"))), "comm = postgres");
    assert_eq!(line(tab(machine().ticks(3).keys("/nginx "))), "nginx and");
    let ways = tab(machine().ticks(3).keys("/copied"));
    let text = ways.play().text();
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines[lines.len() - 3];
    assert!(shown.starts_with("«copied/s»  copied_bytes  copied_bytes_per_sec"), "{text}");
    let twice = tab(tab(machine().ticks(3).keys("/copied")));
    assert_eq!(line(twice.press(KeyCode::BackTab, KeyModifiers::SHIFT)), "copied/s");
    assert_eq!(line(tab(machine().ticks(3).keys("/'open"))), "'open");
}

#[test]
fn filters_that_were_applied_come_back_with_up() {
    let applied = |text: &str, session: Session| {
        session
            .keys("/")
            .press(KeyCode::Char('u'), KeyModifiers::CONTROL)
            .keys(text)
            .key(KeyCode::Enter)
    };
    let session = || applied("java", applied("nginx", machine().ticks(3)));
    let up = |session: Session| session.key(KeyCode::Up);
    assert_eq!(up(session().keys("/")).key(KeyCode::Enter).play().listed(), ["nginx"]);
    assert_eq!(
        up(session().keys("/")).key(KeyCode::Down).key(KeyCode::Enter).play().listed(),
        ["java"]
    );
    assert_eq!(up(session().keys("/")).key(KeyCode::Esc).play().listed(), ["java"]);
    let cleared = session().key(KeyCode::Esc).keys("/");
    assert_eq!(up(cleared).play().listed(), ["java"], "a filter that was cleared comes back, too");
}

#[test]
fn filters_of_the_command_line_can_be_edited_and_cleared() {
    let session = || {
        let mut session = machine().ticks(3);
        session.filter = Filter { comms: vec!["ngi*".into(), "java".into()], ..Filter::default() };
        session
    };
    assert_eq!(session().play().listed(), ["nginx", "java"]);
    let text = session().size(120, 30).play().text();
    assert!(text.contains("by command (g) 2, filter: comm = ngi*,java"), "{text}");
    let cleared = session().key(KeyCode::Esc).play().listed();
    assert!(cleared.len() > 2 && cleared.contains(&"burst".to_owned()), "{cleared:?}");
    let line = session().keys("/").play().text();
    assert!(line.contains("filter: comm = ngi*,java"), "{line}");
    let mut word = session().keys("/");
    for _ in "java".chars() {
        word = word.key(KeyCode::Backspace);
    }
    let word = word.keys("postgres");
    let played = word.key(KeyCode::Enter).play();
    assert_eq!(played.listed(), ["nginx", "postgres"], "{}", played.text());
}

/// A session with other keys: for each action, by its name.
fn with_keys(chosen: &[(&str, &[&str])]) -> Session {
    let mut session = machine().ticks(3);
    for (name, keys) in chosen {
        let (_, own, _) = ACTIONS.iter().find(|(action, ..)| action == name).unwrap();
        let chords = keys.iter().map(|key| keymap::parse(key).unwrap()).collect();
        session.preferences.keys.set(*own, chords);
    }
    session
}

#[test]
fn other_keys_do_the_same_and_are_named_in_footer_and_help() {
    let chosen: &[(&str, &[&str])] =
        &[("quit", &["x", "F10"]), ("filter", &["q"]), ("reverse", &["Ctrl-R"])];
    let session = || with_keys(chosen);
    assert_eq!(session().keys("xj").play().left, 1);
    assert_eq!(session().key(KeyCode::F(10)).keys("j").play().left, 1);
    assert_eq!(session().keys("qjava").key(KeyCode::Enter).play().listed(), ["java"]);
    assert_eq!(
        session().keys("/r").play().text(),
        session().play().text(),
        "keys that were given away"
    );
    let reversed = session().press(KeyCode::Char('r'), KeyModifiers::CONTROL).play().listed();
    assert_eq!(reversed.last().unwrap(), "nginx");
    let typed = session().keys("qxr").play().text();
    assert!(typed.contains("filter: xr"), "a line takes all characters: {typed}");
    let text = session().size(120, 30).play().text();
    let footer = text.lines().last().unwrap();
    assert!(footer.contains("x F10 Quit") && footer.contains("q Filter"), "{footer}");
    let help = session().size(120, 150).keys("?").play().text();
    assert!(help.contains("x F10           quit") && help.contains("Ctrl-R"), "{help}");
}

#[test]
fn the_first_page_and_named_filters_are_as_the_user_has_set_them() {
    let mut session = machine().ticks(3);
    session.preferences.page = "devices".to_owned();
    assert!(session.play().text().contains("nvme0n1"));
    let session = || {
        let mut session = machine().ticks(3);
        let named = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        session.preferences.filters = vec![named("web", "nginx or java"), named("db", "postgres")];
        session
    };
    let typed = session().keys("/@we").key(KeyCode::Tab).key(KeyCode::Enter).play();
    assert_eq!(typed.listed(), ["nginx", "java"]);
    assert!(typed.text().contains("filter: (nginx or "), "{}", typed.text());
    let up = session().keys("/").key(KeyCode::Up).key(KeyCode::Up);
    assert_eq!(up.key(KeyCode::Enter).play().listed(), ["postgres"]);
    let named = session().keys("/@web and not java").key(KeyCode::Enter).play();
    assert_eq!(named.listed(), ["nginx"]);
    assert!(named.text().contains("filter: @web and not java"), "{}", named.text());
    let unknown = session().keys("/@wbe").play().text();
    assert!(unknown.contains("'wbe'; did you mean 'web'?"), "{unknown}");
}

#[test]
fn groups_and_columns_are_as_the_user_has_set_them() {
    let text = |chosen: Chosen, keys: &str| {
        let mut session = machine().ticks(3).size(120, 30);
        session.preferences.chosen = chosen;
        session.keys(keys).play().text()
    };
    let of = |table: &str, columns: &[&str]| {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Chosen { columns: vec![(table.to_owned(), columns)], ..Chosen::default() }
    };
    let headings = |text: &str| -> Vec<String> {
        text.lines().nth(4).unwrap().split_whitespace().map(str::to_owned).collect()
    };
    for (name, by) in groups() {
        let group = text(Chosen { group: Some(by), ..Chosen::default() }, "");
        let said = match by {
            Some(_) => format!("by {name} (g)"),
            None => " processes".to_owned(),
        };
        assert!(group.lines().nth(3).unwrap().contains(&said), "{name}: {group}");
    }
    let who = text(of("who", &["copied_bytes_per_sec", "share", "comm"]), "");
    assert_eq!(headings(&who), ["COPIED/s▼", "OF", "ALL", "COMMAND"]);
    assert!(who.contains("200 MiB"), "{who}");
    // What sorts is said where it has no column, and a click on a heading sorts by that one.
    let who = text(of("who", &["comm", "moved_bytes_per_sec"]), "");
    assert!(who.contains("sorted by COPIED/s"), "{who}");
    let mut session = machine().ticks(3).size(120, 30);
    session.preferences.chosen = of("who", &["moved_bytes_per_sec", "comm"]);
    let clicked = session.click(4, 4).play().text();
    assert_eq!(headings(&clicked), ["MOVED/s▼", "COMMAND"]);
    let paths = text(of("paths", &["copied_bytes_per_sec", "path"]), "2");
    assert_eq!(headings(&paths), ["COPIED/s▼", "PATH"]);
    assert_eq!(headings(&text(of("paths", &["path"]), "1"))[0], "COMMAND");
    for (table, _, columns) in TABLES {
        let columns = columns();
        assert!(columns.len() > 2 && columns.iter().all(|it| !it.contains(' ')), "{table}");
    }
}

#[test]
fn a_line_of_wide_characters_and_its_completion_fit_every_size() {
    for (width, height) in [(20, 5), (32, 8), (33, 9), (40, 12), (80, 24), (120, 40), (160, 50)] {
        for typed in [
            "",
            "nginx or 名前名前名前名前名前名前名前名前名前",
            "名前名前名前名前名前名前名前名前名前 名前",
            "co",
            "名 and co",
        ] {
            for tabs in 0..3 {
                let mut session = machine().ticks(3).size(width, height).keys("/").keys(typed);
                for _ in 0..tabs {
                    session = session.key(KeyCode::Tab);
                }
                let played = session.key(KeyCode::Left).key(KeyCode::End).play();
                let text = played.text();
                // Each line has as many cells as the screen, whatever is in them.
                assert!(text.lines().count() == usize::from(height), "{text}");
                let is_shown = width < 32 || text.contains("filter: ");
                assert!(is_shown, "{width}x{height}: {text}");
            }
        }
    }
}
