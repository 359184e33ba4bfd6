//! The diagram by itself: pictures of every kind, in every width.

use ratatui::{buffer::Buffer, layout::Rect};
use zc_model::{
    picture::{Hop, Means, Picture, Place},
    snapshot::Provenance,
};
use zc_render::{
    diagram::{Diagram, Unit},
    plain,
    theme::Theme,
};

const MIB: u64 = 1 << 20;

fn hop(from: Place, to: Place, means: Means, bytes: u64, provenance: Provenance) -> Hop {
    Hop { from, to, means, bytes, provenance }
}

fn picture(hops: &[Hop]) -> Picture {
    Picture { hops: hops.to_vec(), names: Vec::new() }
}

/// From a cold disk through the program to a socket, over a network card.
fn textbook() -> Picture {
    use Provenance::{Measured, Modelled};
    let names = vec![(Place::Buffer, "socket buffer"), (Place::Network, "NIC")];
    let hops = [
        hop(Place::Storage, Place::PageCache, Means::Dma, 64 * MIB, Measured),
        hop(Place::PageCache, Place::User, Means::Copy, 64 * MIB, Modelled),
        hop(Place::User, Place::Buffer, Means::Copy, 64 * MIB, Modelled),
        hop(Place::Buffer, Place::Network, Means::Dma, 64 * MIB, Measured),
    ];
    Picture { names, ..picture(&hops) }
}

/// Both ways, around the main road, and within a place.
fn crowded() -> Picture {
    use Provenance::{Assumed, Measured, Unavailable};
    picture(&[
        hop(Place::Storage, Place::User, Means::Dma, 5 * MIB, Measured),
        hop(Place::User, Place::PageCache, Means::Copy, 3 * MIB, Assumed),
        hop(Place::PageCache, Place::Buffer, Means::Copy, MIB, Measured),
        hop(Place::PageCache, Place::Buffer, Means::Reference, 900 * MIB, Measured),
        hop(Place::PageCache, Place::PageCache, Means::Copy, 17, Measured),
        hop(Place::User, Place::Buffer, Means::Reference, 8 * MIB, Unavailable),
        hop(Place::Buffer, Place::Network, Means::Reference, 909 * MIB, Measured),
    ])
}

fn drawn(picture: &Picture, unit: Unit, width: u16, unicode: bool) -> String {
    let text = Diagram::new(picture, Theme::new(false, unicode), unit).to_text(width, false);
    assert!(text.lines().all(|line| line.chars().count() <= usize::from(width)), "{text}");
    text
}

#[test]
fn totals_in_every_width() {
    for (name, picture) in [("textbook", textbook()), ("crowded", crowded())] {
        for width in [60, 74, 80, 120, 200] {
            let text = drawn(&picture, Unit::Total, width, true);
            insta::assert_snapshot!(format!("diagram_{name}_{width}"), text);
        }
    }
    insta::assert_snapshot!("diagram_ascii", drawn(&crowded(), Unit::Total, 80, false));
}

#[test]
fn rates_keep_every_road() {
    insta::assert_snapshot!("diagram_rates", drawn(&textbook(), Unit::PerSecond(2.0), 80, true));
    let idle = drawn(&picture(&[]), Unit::PerSecond(1.0), 80, true);
    assert_eq!(idle.matches("0").count(), 8, "{idle}");
}

#[test]
fn what_a_device_did_not_tell_is_no_zero() {
    let unknown = hop(Place::Storage, Place::PageCache, Means::Dma, 0, Provenance::Unavailable);
    let text = drawn(&picture(&[unknown]), Unit::Total, 80, false);
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("+-------+   -    +"), "{text}");
}

#[test]
fn kinds_of_arrows_differ_without_colour() {
    for unicode in [true, false] {
        let arrow = |means| {
            let hop = hop(Place::User, Place::Buffer, means, MIB, Provenance::Measured);
            drawn(&picture(&[hop]), Unit::Total, 80, unicode).lines().nth(1).unwrap().to_owned()
        };
        let arrows = [Means::Copy, Means::Reference, Means::Dma].map(arrow);
        assert!(arrows[0] != arrows[1] && arrows[1] != arrows[2] && arrows[0] != arrows[2]);
    }
}

#[test]
fn it_draws_as_many_lines_as_it_says_and_none_beyond() {
    for picture in [textbook(), crowded(), picture(&[])] {
        for unit in [Unit::Total, Unit::PerSecond(1.0)] {
            for width in [1, 20, 73, 74, 90, 120] {
                let diagram = Diagram::new(&picture, Theme::new(false, true), unit);
                let height = diagram.height(width);
                for height in [height, height / 2, 1] {
                    let mut buf = Buffer::empty(Rect::new(0, 0, width, height + 3));
                    diagram.draw(Rect::new(0, 0, width, height), &mut buf);
                    let text = plain::text(&buf, false);
                    let below = text.lines().skip(usize::from(height)).collect::<String>();
                    assert_eq!(below, "", "{text}");
                }
            }
        }
    }
}
