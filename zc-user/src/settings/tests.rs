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
        ("[filters]\n'a b' = 'x'", "2:1: 'a b' cannot be written behind @"),
        ("group = 'usr'", "1:9: 'group' cannot be 'usr'; did you mean 'user'?"),
        ("columns = 1", "1:1: 'columns' is a table: write [columns]"),
        ("[columns]\nwho = ['comm', 'copyd']", "2:16: 'who' has no column 'copyd'"),
        ("[columns]\nwho = ['shar']", "2:8: 'who' has no column 'shar'; did you mean 'share'?"),
        ("[columns]\nwho = ['comm', 'comm']", "2:16: column 'comm' is named twice"),
        ("[columns]\nwho = []", "2:7: 'who' needs a column"),
        ("[columns]\nwho = 'comm'", "2:7: 'who' is a list of columns"),
        ("[columns]\nwho = [1]", "2:8: the name of a column is a text"),
        ("[columns]\npath = ['path']", "2:1: there is no table 'path'; did you mean 'paths'?"),
        ("busy = 101", "1:8: 'busy' is a number of percent"),
        ("theme = ", "1:9: "),
        ("theme = 'dark'\ntheme = 'light'", "2:1: "),
    ] {
        let found = problems(text);
        assert!(found.len() == 1 && found[0].starts_with(said), "{text}: {found:?}");
    }
    assert_eq!(problems("[keys]\nquit = 's'\nsort = 'q'"), Vec::<String>::new());
}

#[test]
fn a_filter_names_no_other_one() {
    let found = problems("[filters]\nweb = 'nginx'\nbusy = '@web and copied > 1MiB'");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("filter 'busy' names another one"), "{found:?}");
    let quoted = "[filters]\nodd = \"comm = '@web'\"";
    assert_eq!(problems(quoted), Vec::<String>::new());
}

#[test]
fn columns_groups_and_limits_are_set() {
    let text = "group = 'process'\nbusy = 5\nbad = 12.5\n[columns]\nwho = ['share', 'comm']\npaths = ['path']\n";
    let (settings, problems) = read(text);
    assert_eq!(problems, []);
    assert_eq!((settings.limits.busy, settings.limits.bad), (0.05, 0.125));
    let chosen = &settings.preferences.chosen;
    assert_eq!(chosen.group, Some(None));
    let columns = |table: &str| {
        let found = chosen.columns.iter().find(|(name, _)| name == table);
        found.map(|(_, columns)| columns.join(" "))
    };
    assert_eq!(columns("who").as_deref(), Some("share comm"));
    assert_eq!(columns("paths").as_deref(), Some("path"));
    assert_eq!(columns("files"), None);
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
