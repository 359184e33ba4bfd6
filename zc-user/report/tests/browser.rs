//! The page in a real browser: it asks for nothing, says nothing on the console, and fits its window.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::PathBuf,
    process::ExitCode,
};

use tempfile::TempDir;
use zc_recording::Recording;
use zc_report::html;
use zc_test_support::{requirement::Skip, runner};

#[path = "support/browser.rs"]
mod browser;
#[path = "support/recorded.rs"]
mod recorded;

use browser::Browser;

type Test = fn() -> Result<(), Skip>;

const TESTS: &[(&str, Test)] = &[
    ("browser::a_page_asks_for_nothing_and_fits", asks_for_nothing),
    ("browser::hostile_names_do_nothing", hostile),
    ("browser::the_scheme_of_the_reader_is_followed", schemes),
    ("browser::a_page_can_be_printed", printed),
    ("browser::what_a_page_must_not_do_would_be_seen", seen),
];

const WIDTHS: [u32; 3] = [360, 800, 1600];

fn main() -> ExitCode {
    runner::run(TESTS.iter().map(|(name, test)| runner::trial((*name).to_owned(), *test)).collect())
}

/// The page of a recording, in a file.
fn page(recording: &Recording) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.html");
    html::write(&recorded::report(recording), &mut File::create(&path).unwrap()).unwrap();
    (directory, path)
}

fn look(recording: &Recording) -> Result<(), Skip> {
    let mut browser = Browser::start()?;
    let (_directory, path) = page(recording);
    for scheme in ["light", "dark"] {
        for width in WIDTHS {
            browser.open(&path, width, scheme);
            assert_eq!(
                browser.requests(),
                [format!("file://{}", path.display())],
                "{width} {scheme}"
            );
            assert_eq!(browser.console(), [""; 0], "{width} {scheme}");
            // Only what scrolls by itself may be wider than the window.
            let wide = browser.value("document.documentElement.scrollWidth");
            assert!(wide.as_u64().unwrap() <= width.into(), "{wide} in {width}");
            let shown = "[...document.querySelectorAll('figure svg[role=img]')].filter(it => it.checkVisibility()).length";
            let all = "document.querySelectorAll('figure svg[role=img]').length";
            let (shown, all) = (browser.value(shown), browser.value(all));
            assert_eq!(
                shown.as_u64().unwrap() * 2,
                all.as_u64().unwrap(),
                "one of two for each width"
            );
        }
    }
    Ok(())
}

fn asks_for_nothing() -> Result<(), Skip> {
    look(&recorded::busy(9))
}

fn hostile() -> Result<(), Skip> {
    look(&recorded::hostile(5))?;
    let mut browser = Browser::start()?;
    let (_directory, path) = page(&recorded::hostile(5));
    browser.open(&path, 800, "light");
    assert_eq!(browser.value("document.title"), "Copies in run.zc");
    assert_eq!(browser.value("document.querySelectorAll('script,img,[onerror]').length"), 0);
    let text = browser.value("document.body.textContent");
    let text = text.as_str().unwrap();
    for name in recorded::HOSTILE {
        let shown = zc_render::sanitize::sanitize(name);
        assert!(text.contains(&*shown), "{shown}");
    }
    Ok(())
}

fn schemes() -> Result<(), Skip> {
    let mut browser = Browser::start()?;
    let (_directory, path) = page(&recorded::busy(3));
    let mut grounds = BTreeSet::new();
    let mut pictures = BTreeSet::new();
    for scheme in ["light", "dark"] {
        browser.open(&path, 800, scheme);
        let ground = browser.value("getComputedStyle(document.body).backgroundColor");
        grounds.insert(ground.as_str().unwrap().to_owned());
        pictures.insert(browser.picture());
    }
    assert_eq!((grounds.len(), pictures.len()), (2, 2), "{grounds:?}");
    Ok(())
}

fn printed() -> Result<(), Skip> {
    let mut browser = Browser::start()?;
    let (_directory, path) = page(&recorded::busy(9));
    browser.open(&path, 800, "dark");
    // "%PDF-" in base64.
    assert!(browser.print().starts_with("JVBERi0"));
    Ok(())
}

/// The checks above fail if there is something to see.
fn seen() -> Result<(), Skip> {
    let mut browser = Browser::start()?;
    let (directory, path) = page(&recorded::busy(2));
    let fine = fs::read_to_string(&path).unwrap();
    let other = directory.path().join("other.html");
    let mut open = |page: String| {
        fs::write(&other, page).unwrap();
        browser.open(&other, 800, "light");
        (browser.requests().len(), browser.console().len())
    };
    assert_eq!(open(fine.clone()), (1, 0));
    // The policy holds: what it forbids is not loaded, and said on the console.
    let with = |what: &str| fine.replace("<main>", &format!("<main>{what}"));
    assert!(open(with("<script>document.title=1</script>")).1 > 0);
    assert!(open(with("<p style=\"color:red\">x</p>")).1 > 0);
    assert!(open(with("<img src=\"x.png\"/>")).1 > 0);
    // Without it the request is seen.
    let lax = |page: String| page.replace("Content-Security-Policy", "x-none");
    assert_eq!(open(lax(with("<img src=\"x.png\"/>"))).0, 2);
    Ok(())
}
