use std::time::Duration;

use super::{table, *};

fn problems(text: &str) -> Vec<String> {
    let (_, problems) = read(text);
    let said = problems.iter().map(|it| format!("{}:{}: {}", it.line, it.column, it.message));
    said.collect()
}

#[test]
fn what_is_right_is_set() {
    let text = "theme = \"light\"\ngraph = 'braille'\ninterval = 2\n[keys]\nquit = [\"x\", \"F10\"]\n\
                [filters]\nweb = \"nginx or redis\"\n";
    let (settings, problems) = read(text);
    assert_eq!(problems, []);
    assert_eq!((settings.theme, settings.graph), (Look::Light, Graph::Braille));
    assert_eq!(settings.interval, Some(Duration::from_secs(2)));
    let quit = zc_tui::keymap::parse("q").unwrap();
    let chosen = zc_tui::keymap::parse("F10").unwrap();
    assert_eq!(settings.preferences.keys.translate(chosen), Some(quit));
    assert_eq!(settings.preferences.filters, [("web".to_owned(), "nginx or redis".to_owned())]);
}

#[test]
fn each_problem_has_its_place() {
    for (text, said) in [
        ("thme = 'dark'", "1:1: there is no setting 'thme'; did you mean 'theme'?"),
        (
            "\ntheme = 'darkk'",
            "2:9: 'theme' cannot be 'darkk'; did you mean 'dark'? It is one of auto,",
        ),
        ("theme = 1", "1:9: 'theme' is one of \"auto\""),
        ("# é\n  interval = 0", "2:14: 'interval' is a number of seconds"),
        ("interval = 'x'", "1:12: 'interval' is a number of seconds"),
        ("keys = 1", "1:1: 'keys' is a table"),
        ("[keys]\nqit = 'x'", "2:1: there is no action 'qit'; did you mean 'quit'?"),
        ("[keys]\nquit = ['x', 'xx']", "2:14: write a key like"),
        ("[keys]\nquit = 'Ctrl-C'", "2:8: Ctrl-C, Ctrl-L and Ctrl-Z stay"),
        ("[keys]\nquit = []", "2:1: 'quit' needs a key"),
        ("[keys]\nquit = 5", "2:8: a key is a text"),
        ("[keys]\nquit = 'x'\nsort = 'x'", "3:8: 'quit' has this key already"),
        ("[keys]\nquit = 's'", "2:1: s is the key of 'sort'"),
        ("[filters]\na = \"copied > big\"", "2:15: filter 'a': 'big' is not a number"),
        ("[filters]\na = 1", "2:5: filter 'a' is a text"),
        ("theme = ", "1:9: "),
        ("theme = 'dark'\ntheme = 'light'", "2:1: "),
    ] {
        let found = problems(text);
        assert!(found.len() == 1 && found[0].starts_with(said), "{text}: {found:?}");
    }
    assert_eq!(problems("[keys]\nquit = 's'\nsort = 'q'"), Vec::<String>::new());
}

#[test]
fn one_problem_leaves_the_rest_as_it_is_set() {
    let (settings, problems) = read("a = 1\ntheme = 'mono'\nb = 2");
    assert_eq!((settings.theme, problems.len()), (Look::Mono, 2));
}

#[test]
fn the_default_is_what_is_so_anyway() {
    let text = table::default_text();
    assert_eq!(problems(&text), Vec::<String>::new());
    // With each line that sets something.
    let set: Vec<&str> = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .collect();
    let (settings, problems) = read(&set.join("\n"));
    assert_eq!(problems, []);
    assert_eq!((settings.theme, settings.graph), (Look::default(), Graph::default()));
    assert_eq!(settings.interval, Some(Duration::from_secs(1)));
    for (_, own, _) in zc_tui::keymap::ACTIONS {
        assert_eq!(settings.preferences.keys.translate(*own), Some(*own));
    }
    assert_eq!(settings.preferences.filters.len(), 2);
}

#[test]
fn docs_schema_is_that_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/config.schema.json");
    let wanted = serde_json::to_string_pretty(&table::schema()).unwrap() + "\n";
    if env::var_os("ZC_BLESS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == wanted, "docs/config.schema.json is out of date: cargo xtask docs");
}
