//! The path picture: five places, what travels between them, and by which means.

use zc_model::{
    picture::{Hop, Means, Picture, Place, road},
    snapshot::Provenance,
};
use zc_render::cell;

use super::markup::{Page, Step};
use crate::wording::Wording;

/// Size of a place.
const WIDE_BOX: (f64, f64) = (128.0, 104.0);
const NARROW_BOX: (f64, f64) = (150.0, 46.0);
const WIDTH: f64 = 1_000.0;
const NARROW: f64 = 340.0;
/// Between places, from top to bottom.
const NARROW_GAP: f64 = 62.0;
/// Between ways around, from top to bottom.
const LEVEL: f64 = 40.0;
/// Between lines on what stays where it is.
const LINE: f64 = 24.0;

/// Writes it twice, for wide and for narrow windows; the style shows one.
pub(super) fn write(picture: &Picture, answer: Answer, wording: &Wording, page: &mut Page) {
    let (description, empty) = match answer {
        Answer::Whole => (describe(picture, wording), None),
        Answer::None => (
            wording.asked.to_owned(),
            Some(Picture { names: picture.names.clone(), ..Picture::default() }),
        ),
    };
    let picture = empty.as_ref().unwrap_or(picture);
    page.raw("<figure class=\"picture\">\n");
    wide(picture, answer, (wording, &description), page);
    narrow(picture, answer, (wording, &description), page);
    page.raw("<figcaption class=\"legend\">");
    for (class, words) in
        [("copied", wording.copied), ("reference", wording.reference), ("device", wording.device)]
    {
        page.raw("<span><svg viewBox=\"0 0 44 12\" aria-hidden=\"true\">");
        let means = match class {
            "copied" => Means::Copy,
            "reference" => Means::Reference,
            _ => Means::Dma,
        };
        arrow(means, (0.0, 6.0), (44.0, 6.0), page);
        page.raw("</svg> ");
        page.text(words);
        page.raw("</span>");
    }
    page.raw("</figcaption>\n</figure>\n");
}

/// How much of a picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All of it.
    Whole,
    /// Only the places, with room to write on each arrow.
    None,
}

/// Room for an answer.
const ROOM: &str = "______";

/// The picture in words.
fn describe(picture: &Picture, wording: &Wording) -> String {
    let hops = picture.travelled();
    if hops.is_empty() {
        return wording.nothing.to_owned();
    }
    let words = hops.iter().map(|hop| {
        let (from, to) = (picture.name(hop.from), picture.name(hop.to));
        let words = format!("{} {}", figure(hop), wording.labels.name(hop));
        match hop.from == hop.to {
            true => format!("{words} {} {from}", wording.labels.within),
            false => format!("{words} {} {from} {} {to}", wording.from, wording.to),
        }
    });
    format!("{}.", words.collect::<Vec<_>>().join("; "))
}

fn figure(hop: &Hop) -> String {
    cell::short_bytes(hop.bytes, hop.provenance, true)
}

const fn class(means: Means) -> &'static str {
    match means {
        Means::Copy => "copied",
        Means::Reference => "reference",
        Means::Dma => "device",
    }
}

const fn label_class(means: Means, is_idle: bool) -> &'static str {
    match (means, is_idle) {
        (_, true) => "idle middle",
        (Means::Copy, _) => "copied middle strong",
        (Means::Reference, _) => "reference middle strong",
        (Means::Dma, _) => "device middle strong",
    }
}

fn wide(
    picture: &Picture,
    answer: Answer,
    (wording, description): (&Wording, &str),
    page: &mut Page,
) {
    let detours = by_length(picture.detours());
    let arcs = detours.iter().filter(|hop| hop.from != hop.to).count();
    let height = WIDE_BOX.1 + 14.0 + LEVEL * count(arcs) + LINE * count(detours.len() - arcs);
    page.drawing("wide", "picture", (WIDTH, height), wording.picture, description);
    let gap = (WIDTH - 5.0 * WIDE_BOX.0) / 4.0;
    let left = |place: Place| count(place as usize) * (WIDE_BOX.0 + gap);
    for place in Place::ALL {
        let is_idle = answer == Answer::Whole
            && !picture.travelled().iter().any(|hop| hop.from == *place || hop.to == *place);
        draw_place(picture.name(*place), (left(*place), 2.0), WIDE_BOX, is_idle, page);
    }
    for pair in Place::ALL.windows(2) {
        let (from, to) = (left(pair[0]) + WIDE_BOX.0 + 5.0, left(pair[1]) - 5.0);
        let middle = f64::midpoint(from, to);
        draw_road(
            (picture, answer),
            (pair[0], pair[1]),
            ((from, 40.0), (to, 40.0)),
            (middle, 28.0),
            page,
        );
        if answer == Answer::None {
            continue;
        }
        draw_road(
            (picture, answer),
            (pair[1], pair[0]),
            ((to, 74.0), (from, 74.0)),
            (middle, 96.0),
            page,
        );
    }
    // Where several ways begin or end at one place, they do so next to each other.
    let mut used = [0_usize; 5];
    let mut place_of = |place: Place| {
        let at = &mut used[place as usize];
        *at += 1;
        let shift = count(at.div_ceil(2)) * 18.0 * if at.is_multiple_of(2) { 1.0 } else { -1.0 };
        left(place) + WIDE_BOX.0 / 2.0 + shift + 9.0
    };
    for (hop, level) in detours.iter().zip(1_usize..) {
        let top = WIDE_BOX.1 + 2.0;
        let bottom = top + LEVEL * count(level.min(arcs)) - 6.0;
        let words = format!("{} {}", figure(hop), wording.labels.name(hop));
        if hop.from == hop.to {
            let x = left(hop.from) + WIDE_BOX.0 / 2.0;
            let words = format!("{words} {} {}", wording.labels.within, picture.name(hop.from));
            let at = (x.clamp(170.0, WIDTH - 170.0), bottom + LINE * count(level - arcs));
            page.label(label_class(hop.means, false), at, &words);
            continue;
        }
        let (from, to) = (place_of(hop.from), place_of(hop.to));
        around(hop.means, (from, to), (top, bottom), page);
        let middle = f64::midpoint(from, to);
        page.label(label_class(hop.means, false), (middle, bottom - 8.0), &words);
    }
    page.raw("</svg>\n");
}

fn narrow(
    picture: &Picture,
    answer: Answer,
    (wording, description): (&Wording, &str),
    page: &mut Page,
) {
    let detours = by_length(picture.detours());
    let boxes = 5.0 * NARROW_BOX.1 + 4.0 * NARROW_GAP;
    let height =
        boxes + 4.0 + 24.0 * count(detours.len()) + if detours.is_empty() { 0.0 } else { 12.0 };
    let size = (NARROW, height);
    page.drawing("narrow", "picture-narrow", size, wording.picture, description);
    let left = (NARROW - NARROW_BOX.0) / 2.0;
    let top = |place: Place| 2.0 + count(place as usize) * (NARROW_BOX.1 + NARROW_GAP);
    for place in Place::ALL {
        let is_idle = answer == Answer::Whole
            && !picture.travelled().iter().any(|hop| hop.from == *place || hop.to == *place);
        draw_place(picture.name(*place), (left, top(*place)), NARROW_BOX, is_idle, page);
    }
    for pair in Place::ALL.windows(2) {
        let (from, to) = (top(pair[0]) + NARROW_BOX.1 + 5.0, top(pair[1]) - 5.0);
        let middle = f64::midpoint(from, to) + 5.0;
        let (down, up) = (left + 50.0, left + NARROW_BOX.0 - 50.0);
        draw_road(
            (picture, answer),
            (pair[0], pair[1]),
            ((down, from), (down, to)),
            (down - 60.0, middle),
            page,
        );
        if answer == Answer::None {
            continue;
        }
        draw_road(
            (picture, answer),
            (pair[1], pair[0]),
            ((up, to), (up, from)),
            (up + 60.0, middle),
            page,
        );
    }
    for (hop, line) in detours.iter().zip(1_usize..) {
        let y = boxes + 4.0 + 24.0 * count(line);
        arrow(hop.means, (2.0, y - 5.0), (34.0, y - 5.0), page);
        let way = match hop.from == hop.to {
            true => format!("{} {}", wording.labels.within, picture.name(hop.from)),
            false => format!("{} {} {}", picture.name(hop.from), wording.to, picture.name(hop.to)),
        };
        page.label("small", (42.0, y), &format!("{} {}", figure(hop), way));
    }
    page.raw("</svg>\n");
}

fn count(count: usize) -> f64 {
    f64::from(u16::try_from(count).unwrap_or(u16::MAX))
}

/// Short ways first: they lie within the longer ones. Below all of them, what stays where it is.
fn by_length(mut detours: Vec<&Hop>) -> Vec<&Hop> {
    let length = |hop: &Hop| (hop.from as usize).abs_diff(hop.to as usize);
    detours.sort_by_key(|hop| (length(hop) == 0, length(hop)));
    detours
}

fn draw_place(
    name: &'static str,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
    is_idle: bool,
    page: &mut Page,
) {
    let numbers =
        [("x", x + 1.0), ("y", y), ("width", width - 2.0), ("height", height), ("rx", 9.0)];
    page.shape("rect", if is_idle { "place idle" } else { "place" }, &numbers);
    // Tall ones have a line for each word.
    let words: Vec<&str> = if height > 60.0 { name.split(' ').collect() } else { vec![name] };
    let first = y + height / 2.0 + 6.0 - 10.0 * (count(words.len()) - 1.0);
    for (word, line) in words.into_iter().zip(0_usize..) {
        let at = (x + width / 2.0, first + 20.0 * count(line));
        page.label(if is_idle { "name idle middle" } else { "name middle" }, at, word);
    }
}

/// One direction between two neighbours.
fn draw_road(
    (picture, answer): (&Picture, Answer),
    (from, to): (Place, Place),
    (begin, end): ((f64, f64), (f64, f64)),
    label: (f64, f64),
    page: &mut Page,
) {
    let hop = picture.on_road(from, to);
    let means = hop.map_or(road(from, to), |hop| hop.means);
    let is_known = hop.is_none_or(|hop| hop.provenance != Provenance::Unavailable);
    let is_idle = hop.is_none_or(|hop| hop.bytes == 0);
    if is_idle && is_known {
        // Backwards, nothing is what the eye expects.
        page.path("idle", &[Step::Move(begin.0, begin.1), Step::Line(end.0, end.1)]);
        if from < to {
            let words = if answer == Answer::None { ROOM } else { "0" };
            page.label(label_class(means, true), label, words);
        }
        return;
    }
    arrow(means, begin, end, page);
    let words = hop.map_or_else(String::new, figure);
    page.label(label_class(means, is_idle), label, &words);
}

/// An arrow along an axis. Its shape tells how the bytes travel: solid and full, dashed and hollow, double and hollow.
fn arrow(means: Means, (x1, y1): (f64, f64), (x2, y2): (f64, f64), page: &mut Page) {
    let length = (x2 - x1).hypot(y2 - y1).max(1.0);
    let (dx, dy) = ((x2 - x1) / length, (y2 - y1) / length);
    let neck = (dx.mul_add(-11.0, x2), dy.mul_add(-11.0, y2));
    let line = |shift: f64| {
        let (sx, sy) = (-dy * shift, dx * shift);
        [Step::Move(x1 + sx, y1 + sy), Step::Line(neck.0 + sx, neck.1 + sy)]
    };
    page.raw("<g class=\"arrow ");
    page.raw(class(means));
    page.raw("\">");
    if means == Means::Dma {
        page.path("shaft", &line(-2.5));
        page.path("shaft", &line(2.5));
    } else {
        page.path("shaft", &line(0.0));
    }
    head(means, (x2, y2), (dx, dy), page);
    page.raw("</g>");
}

fn head(means: Means, (x, y): (f64, f64), (dx, dy): (f64, f64), page: &mut Page) {
    let back = (dx.mul_add(-12.0, x), dy.mul_add(-12.0, y));
    let side = |sign: f64| Step::Line(back.0 - dy * 6.5 * sign, back.1 + dx * 6.5 * sign);
    let class = if means == Means::Copy { "head" } else { "head hollow" };
    page.path(class, &[Step::Move(x, y), side(1.0), side(-1.0), Step::Close]);
}

/// An arrow around the places between two others, below them.
fn around(means: Means, (from, to): (f64, f64), (top, bottom): (f64, f64), page: &mut Page) {
    const BEND: f64 = 9.0;
    let sign = if to > from { 1.0 } else { -1.0 };
    page.raw("<g class=\"arrow ");
    page.raw(class(means));
    page.raw("\">");
    let line = |shift: f64| {
        let bottom = bottom + shift;
        let (from, to) = (from - sign * shift, to + sign * shift);
        [
            Step::Move(from, top),
            Step::Down(bottom - BEND),
            Step::Curve(from, bottom, from + sign * BEND, bottom),
            Step::Across(to - sign * BEND),
            Step::Curve(to, bottom, to, bottom - BEND),
            Step::Down(top + 11.0),
        ]
    };
    if means == Means::Dma {
        page.path("shaft", &line(-2.5));
        page.path("shaft", &line(2.5));
    } else {
        page.path("shaft", &line(0.0));
    }
    head(means, (to, top), (0.0, -1.0), page);
    page.raw("</g>");
}
