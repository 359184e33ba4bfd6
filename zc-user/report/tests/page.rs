//! The page as a document: well-formed, complete, and without anything that would ask for something.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use roxmltree::{Document, Node, ParsingOptions};
use sha2::{Digest as _, Sha256};
use zc_report::html;

#[path = "support/recorded.rs"]
mod recorded;

fn page(recording: &zc_recording::Recording) -> String {
    let mut out = Vec::new();
    html::write(&recorded::report(recording), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("{error}: {page}"))
}

fn elements<'a>(document: &'a Document<'a>, name: &str) -> Vec<Node<'a, 'a>> {
    document.descendants().filter(|node| node.tag_name().name() == name).collect()
}

fn pages() -> [String; 2] {
    [page(&recorded::busy(9)), page(&recorded::hostile(5))]
}

#[test]
fn nothing_in_a_page_asks_for_anything() {
    for page in pages() {
        let document = parsed(&page);
        let ids: BTreeSet<_> =
            document.descendants().filter_map(|node| node.attribute("id")).collect();
        for node in document.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            let refused = [
                "script", "img", "link", "iframe", "object", "embed", "use", "image", "form",
                "base",
            ];
            assert!(!refused.contains(&name), "{name}");
            for attribute in node.attributes() {
                let (key, value) = (attribute.name(), attribute.value());
                assert!(!key.starts_with("on") && key != "src" && key != "style", "{key}={value}");
                if key == "href" {
                    let target = value.strip_prefix('#').unwrap_or_else(|| panic!("{value}"));
                    assert!(ids.contains(target), "{value}");
                }
            }
        }
        assert!(!page.contains("url("), "{page}");
        assert!(!page.contains("@import"), "{page}");
    }
}

#[test]
fn the_page_allows_itself_its_style_and_nothing_else() {
    let page = page(&recorded::busy(2));
    let document = parsed(&page);
    let style = elements(&document, "style")[0].text().unwrap();
    let digest = base64(&Sha256::digest(style.as_bytes()));
    let policies = elements(&document, "meta")
        .into_iter()
        .filter(|meta| meta.attribute("http-equiv") == Some("Content-Security-Policy"));
    let policies: Vec<_> = policies.filter_map(|meta| meta.attribute("content")).collect();
    let expected = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    );
    assert_eq!(policies, [expected], "write the digest of style.css to style.digest");
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let word = part.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - part.len()));
        for at in 0..4 {
            let sign = SIGNS[(word >> (18 - 6 * at) & 63) as usize];
            text.push(if at > part.len() { '=' } else { char::from(sign) });
        }
    }
    text
}

#[test]
fn drawings_and_tables_can_be_read_aloud() {
    for page in pages() {
        let document = parsed(&page);
        let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{ids:?}");
        let mut drawings = 0;
        for svg in elements(&document, "svg") {
            if svg.attribute("aria-hidden") == Some("true") {
                continue;
            }
            drawings += 1;
            assert_eq!(svg.attribute("role"), Some("img"));
            let named = svg.attribute("aria-labelledby").unwrap().split(' ');
            for id in named {
                let text = svg.children().find(|node| node.attribute("id") == Some(id));
                let text = text.and_then(|node| node.text()).unwrap_or_default();
                assert!(text.len() > 5, "{id}: {text}");
            }
        }
        assert!(drawings >= 8, "{drawings}");
        let tables = elements(&document, "table");
        assert!(tables.len() >= 8, "{}", tables.len());
        for table in tables {
            let of = |name: &'static str| {
                table.descendants().filter(move |node| node.tag_name().name() == name)
            };
            assert_eq!(of("caption").count(), 1);
            let columns = of("th").filter(|th| th.attribute("scope") == Some("col")).count();
            for row in of("tr").skip(1) {
                let cells = row.children().filter(Node::is_element);
                assert_eq!(cells.count(), columns, "{row:?}");
            }
            assert_eq!(of("th").filter(|th| th.attribute("scope").is_none()).count(), 0);
        }
        assert_eq!(elements(&document, "h1").len(), 1);
        let labelled = elements(&document, "section").into_iter().filter(|it| {
            it.attribute("aria-label").is_some()
                || it.children().any(|node| node.tag_name().name() == "h2")
        });
        assert_eq!(labelled.count(), elements(&document, "section").len());
    }
}

#[test]
fn names_are_shown_and_are_no_markup() {
    let page = page(&recorded::hostile(5));
    let document = parsed(&page);
    let texts: Vec<_> = document.descendants().filter_map(|node| node.text()).collect();
    for name in recorded::HOSTILE {
        let shown = zc_render::sanitize::sanitize(name);
        assert!(texts.iter().any(|text| text.contains(&*shown)), "{shown}");
    }
    let found = page.chars().find(|c| *c != '\n' && zc_render::sanitize::is_hostile(*c));
    assert_eq!(found, None);
}

/// Relative luminance, as WCAG 2.1 defines it.
fn luminance(colour: &str) -> f64 {
    let digits = colour.trim_start_matches('#');
    let wide: String = match digits.len() {
        3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
        _ => digits.to_owned(),
    };
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&wide[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

#[test]
fn texts_have_contrast_in_both_schemes() {
    let page = page(&recorded::busy(2));
    let document = parsed(&page);
    let style = elements(&document, "style")[0].text().unwrap();
    let (light, dark) = style.split_once("@media (prefers-color-scheme:dark)").unwrap();
    for (scheme, rules) in [("light", light), ("dark", dark)] {
        let colour = |name: &str| {
            let start = rules.find(&format!("--{name}:")).unwrap() + name.len() + 3;
            let end = rules[start..].find([';', '}']).unwrap();
            luminance(&rules[start..start + end])
        };
        let against = |text: &str, ground: &str| {
            let (a, b) = (colour(text), colour(ground));
            let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(contrast >= 4.5, "{scheme}: {text} on {ground}: {contrast:.2}");
        };
        for text in ["ink", "dim", "copied", "reference", "device"] {
            against(text, "bg");
            against(text, "card");
        }
        for ground in ["copied-soft", "copied-softer", "device-soft", "advice-soft"] {
            against("ink", ground);
        }
        against("dim", "device-soft");
        against("bg", "copied");
    }
}

#[test]
fn a_page_is_of_bounded_size_whatever_is_recorded() {
    assert!(page(&recorded::busy(9)).len() < 150_000);
    assert!(page(&recorded::crowded()).len() < 1_500_000);
}
