//! The tour in Chinese: wide characters break no frame, no column and no picture.

use insta::assert_snapshot;
use ratatui::{buffer::Buffer, layout::Rect};

use super::*;
use zc_lab::{screen::page::TourPage, tour::script::Act};
use zc_model::filter::Filter;
use zc_test_support::cells::{Numbers, is_whole};
use zc_tui::{keymap::chr, shell::Shell, state::Context};

/// Whole screens of the built-in tour.
fn chinese(luck: Luck) -> Given {
    Given { script: CHINESE.script, words: &CHINESE, animate: true, wait: true, ..given(luck) }
}

impl Given {
    /// Goes to a scene, from 1. A digit that may be the first of two needs Enter.
    fn scene(self, scene: usize) -> Self {
        let tour = self.keys(&format!("g{scene}"));
        if scene <= 2 { tour.key(KeyCode::Enter, KeyModifiers::NONE) } else { tour }
    }

    /// The last screen, drawn on nothing at these sizes: what a terminal shows has no cells behind wide characters. More
    /// keys are pressed on it.
    fn frames(self, keys: &str, sizes: impl IntoIterator<Item = (u16, u16)>) -> Vec<Buffer> {
        let (theme, luck, is_big) = (self.theme, self.luck, self.is_big);
        let (mut ended, _) = self.play();
        let context = Context::new(theme, std::time::Duration::ZERO, Filter::default());
        let page = TourPage::new(&mut ended.tour, || Ok(Fake::new(luck))).enlarged(is_big);
        let mut shell = Shell::new(context, vec![Box::new(page)]);
        shell.start().unwrap();
        for key in keys.chars() {
            shell.press(chr(key));
        }
        let frame = |(width, height)| {
            let area = Rect::new(0, 0, width, height);
            shell.resize(area);
            let mut buf = Buffer::empty(area);
            shell.draw(area, &mut buf);
            buf
        };
        sizes.into_iter().map(frame).collect()
    }

    /// The same at its own size.
    fn frame(self, keys: &str) -> Buffer {
        let size = self.size;
        self.frames(keys, [size]).pop().unwrap()
    }
}

/// Screens as the snapshots have them.
fn as_text(screens: impl IntoIterator<Item = Buffer>) -> String {
    let (_, mut played) = given(Luck::AsExpected).play();
    let mut text = String::new();
    for screen in screens {
        let width = usize::from(screen.area.width);
        is_whole(&screen, "a snapshot");
        played.screen = screen;
        text += &played.text();
        text += &"=".repeat(width);
        text.push('\n');
    }
    text
}

#[test]
fn no_half_of_a_character_at_any_size() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let scenes = parse_in(CHINESE.script, &CHINESE).unwrap().scenes.len();
    let lucks = [
        Luck::AsExpected,
        Luck::Modelled,
        Luck::NotMeasured,
        Luck::Unexplained,
        Luck::Skipped,
        Luck::Failed,
        Luck::Endless,
    ];
    for round in 0..40 {
        let mut below = |bound: u64| usize::try_from(numbers.below(bound)).unwrap();
        let scene = 1 + below(scenes as u64 + 1);
        let (keys, last) = [
            ("", ""),
            ("n", ""),
            ("n ", ""),
            ("n  ", ""),
            ("n    ", ""),
            ("", "g"),
            ("", "?"),
            ("2n    ", ""),
        ][below(8)];
        let tour = chinese(lucks[below(7)]).scene(scene).keys(keys);
        let mut size =
            || [20 + below(181), 3 + below(58)].map(|it| u16::try_from(it).unwrap()).into();
        let sizes: Vec<_> = std::iter::repeat_with(&mut size).take(20).collect();
        for screen in tour.frames(last, sizes) {
            let size = screen.area.as_size();
            is_whole(&screen, &format!("{round}: {size}, scene {scene}, {keys:?}"));
        }
    }
}

#[test]
fn no_half_of_a_character_at_any_width() {
    // The picture and the table of one scene, at each width that there is.
    for keys in ["n", "n  ", "n     "] {
        let tour = chinese(Luck::AsExpected).keys("n").keys(keys);
        for screen in tour.frames("", (20..=200).map(|width| (width, 40))) {
            is_whole(&screen, &format!("{} columns, {keys:?}", screen.area.width));
        }
    }
}

/// The screens of every scene, one below the other: before its workload, and its result.
fn all_scenes(width: u16, height: u16) -> String {
    let scenes = parse_in(CHINESE.script, &CHINESE).unwrap().scenes;
    let screens = scenes.iter().enumerate().flat_map(|(index, scene)| {
        let is_page = matches!(scene.act, Act::Page);
        let keys = if is_page { &[""][..] } else { &["", "n"] };
        keys.iter().map(move |keys| {
            let tour = Given { animate: false, ..chinese(Luck::AsExpected) };
            tour.size(width, height).scene(index + 1).keys(keys).frame("")
        })
    });
    as_text(screens)
}

#[test]
fn every_scene_80x24() {
    assert_snapshot!(all_scenes(80, 24));
}

#[test]
fn every_scene_160x50() {
    assert_snapshot!(all_scenes(160, 50));
}

#[test]
fn every_scene_40x16() {
    assert_snapshot!(all_scenes(40, 16));
}

#[test]
fn a_summary_a_list_and_help_80x24() {
    let summary = chinese(Luck::AsExpected).scene(2).keys("n   g22").frame("");
    let others = ["g", "?"].map(|key| chinese(Luck::AsExpected).frame(key));
    assert_snapshot!(as_text([summary].into_iter().chain(others)));
}

#[test]
fn as_text_no_line_is_wider_than_the_text() {
    let script = parse_in(CHINESE.script, &CHINESE).unwrap();
    let pace = Pace { speed: 1.0, wait: false, animate: false, again: false };
    let mut tour = Tour::new(script, pace);
    let mut fake = Fake::new(Luck::AsExpected);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let style = TextForm { theme: Theme::new(false, true), color: false };
    let mut text = style.opening(&tour, fake.conditions());
    while tour.shown().is_some() {
        if let Some(act) = tour.due().cloned() {
            let (scene, ..) = tour.shown().unwrap();
            text += &style.before(tour.at() + 1, scene);
            let exhibit = runtime.block_on(fake.run(&act));
            tour.receive(exhibit);
            let (scene, _, findings) = tour.shown().unwrap();
            text += &style.after(&tour, scene, findings);
        }
        tour.next();
    }
    text += &style.closing(&tour);
    for line in text.lines() {
        assert!(zc_render::sanitize::width(line) <= 80, "{line}");
    }
    // Chinese in two cells each, without blanks between them.
    assert!(text.contains("每个字节拷贝两次，每次传输切换四次。"), "{text}");
    assert!(text.contains("│页缓存│"), "{text}");
    assert_snapshot!(text);
}

#[test]
fn all_that_is_said_fits_a_small_screen() {
    let scenes = parse_in(CHINESE.script, &CHINESE).unwrap().scenes.len();
    for scene in 1..=scenes {
        let (_, played) = chinese(Luck::AsExpected).scene(scene).play();
        assert!(!played.text().contains("more lines"), "{}", played.text());
    }
}

#[test]
fn the_keys_are_the_same_in_each_language() {
    let (ended, played) = chinese(Luck::AsExpected).keys("n2n   y").play();
    assert_eq!(ended.tour.score().guessed, 1);
    assert!(played.text().contains("猜了 1 次，对了 1 次"), "{}", played.text());
    assert_eq!(played.copied.len(), 1);
}

#[test]
fn reading_takes_time_without_blanks_too() {
    let script = parse_in("title T\nsay 拷贝两次\nstep tee", &CHINESE).unwrap();
    // Four characters, and a moment.
    let time = script.scenes[0].before.reading_time();
    assert_eq!(time, std::time::Duration::from_millis(1000 + 4 * 200));
}

#[test]
fn big_figures_80x24() {
    let big = |scene: usize| Given {
        is_big: true,
        animate: false,
        ..chinese(Luck::Modelled).scene(scene)
    };
    let screens = [big(2).frame(""), big(2).keys("1n").frame(""), big(19).keys("n").frame("")];
    assert_snapshot!(as_text(screens));
}

#[test]
fn what_is_around_a_scene_is_chinese_too() {
    // Names of keys, ids, calls and units stay.
    for (keys, last) in [("", ""), ("2n", ""), ("2n    ", ""), ("", "g"), ("", "?"), ("", "g?")] {
        for size in [(80, 24), (160, 50)] {
            let tour = chinese(Luck::AsExpected).scene(2).keys(keys).size(size.0, size.1);
            let screen = as_text([tour.frame(last)]);
            for english in ["Help", "Back", "Keys", "Next", "more", "Scenes", "Quit"] {
                assert!(!screen.contains(english), "{english} in {keys:?} {last:?}:\n{screen}");
            }
        }
    }
}
