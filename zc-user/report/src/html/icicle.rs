//! Call stacks of copies: the callers above, the copy paths below, as wide as what was copied through them.

use zc_render::{human, sanitize::truncate};

use super::markup::Page;
use crate::content::{Node, Tree};

/// Height of a function.
const ROW: f64 = 21.0;
/// Width of a character.
const CHARACTER: f64 = 6.7;
/// Functions above each other that are drawn.
const MOST_DEPTH: usize = 48;
/// What is narrower than that is not drawn.
const LEAST: f64 = 0.8;
/// Functions that are drawn: the widest ones.
const MOST: usize = 1_500;

/// Writes it twice, for wide and for narrow windows; the style shows one.
pub(super) fn write(tree: &Tree, page: &mut Page) {
    let root = &tree.root;
    if root.bytes <= 0.0 {
        return;
    }
    let depth = root.depth().min(MOST_DEPTH);
    let words = describe(root);
    page.raw("<figure class=\"icicle\">\n");
    for (class, id, width) in
        [("wide", "stacks-drawn", 1_000.0), ("narrow", "stacks-narrow", 340.0)]
    {
        let height = ROW * f64::from(u16::try_from(depth).unwrap_or(u16::MAX));
        page.drawing(class, id, (width, height), "Copied bytes by call stack", &words);
        draw(root, width, page);
        page.raw("</svg>\n");
    }
    page.raw(
        "<figcaption>Callers are above what they call, the copy path is at the bottom; the wider, the more bytes were \
         copied.</figcaption>\n</figure>\n",
    );
}

fn describe(root: &Node) -> String {
    let parts = root.children.iter().take(5);
    let words = parts.map(|node| format!("{} {}", node.name, share(node.bytes, root.bytes)));
    format!("Copied for {}.", words.collect::<Vec<_>>().join("; "))
}

fn share(part: f64, whole: f64) -> String {
    human::percent(part / whole)
}

/// A function, and where it is drawn.
struct Placed<'a> {
    node: &'a Node,
    left: f64,
    width: f64,
    depth: usize,
}

/// All that is wide enough to be seen.
fn place<'a>(node: &'a Node, (left, width): (f64, f64), depth: usize, all: &mut Vec<Placed<'a>>) {
    if depth >= MOST_DEPTH || width < LEAST {
        return;
    }
    all.push(Placed { node, left, width, depth });
    let mut x = left;
    for child in &node.children {
        let of_child = width * child.bytes / node.bytes.max(f64::MIN_POSITIVE);
        place(child, (x, of_child), depth + 1, all);
        x += of_child;
    }
}

fn draw(root: &Node, width: f64, page: &mut Page) {
    let mut placed = Vec::new();
    place(root, (0.0, width), 0, &mut placed);
    // None is wider than what is above it: the widest are connected.
    placed.sort_by(|a, b| b.width.total_cmp(&a.width));
    placed.truncate(MOST);
    placed.sort_by(|a, b| a.depth.cmp(&b.depth).then(a.left.total_cmp(&b.left)));
    placed.iter().for_each(|it| draw_one(it, root.bytes, page));
}

fn draw_one(placed: &Placed<'_>, all: f64, page: &mut Page) {
    let Placed { node, left, width, depth } = *placed;
    let y = ROW * f64::from(u16::try_from(depth).unwrap_or(u16::MAX));
    let is_path = node.children.is_empty() && node.name.starts_with('[');
    let class = match depth {
        _ if is_path => "frame path",
        0 | 1 => "frame who",
        _ if node.name.starts_with('[') => "frame gap",
        _ if parity(&node.name) => "frame even",
        _ => "frame odd",
    };
    page.raw("<g class=\"");
    page.raw(class);
    page.raw("\"><title>");
    page.text(&format!("{}: {}, {}", node.name, bytes(node.bytes), share(node.bytes, all)));
    page.raw("</title>");
    let inner = (width - 1.0).max(0.4);
    page.begin("rect", &[("x", left), ("y", y), ("width", inner), ("height", ROW - 1.0)]);
    page.raw("/>");
    let room = room(inner - 8.0);
    if room >= 3 {
        let text = truncate(&node.name, room, "..");
        page.begin("text", &[("x", left + 4.0), ("y", y + 14.0)]);
        page.raw(">");
        page.text(&text);
        page.raw("</text>");
    }
    page.raw("</g>\n");
}

/// Characters that fit.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than a thousand")]
fn room(width: f64) -> usize {
    (width / CHARACTER).max(0.0) as usize
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn bytes(estimate: f64) -> String {
    human::bytes(estimate.round() as u64)
}

/// So that neighbours of different names differ, and a function has the same look wherever it is.
fn parity(name: &str) -> bool {
    name.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)).count_ones() % 2
        == 0
}
