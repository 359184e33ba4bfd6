//! The picture of the tour in the documents. `cargo xtask pictures` writes it.

use zc_test_support::picture::is_current;

use super::{Given, Luck, given};

/// Scenes with a question each.
const SCENES: &str = "\
    tour Copies, counted\n\
    title The traditional way: read, then write\n\
    say How often does the CPU copy each byte on its way from the file to the socket?\n\
    step read_write sink=tcp\n\
    say Two copies per byte, four switches per transfer: the textbook is right.\n\
    title sendfile\n\
    say And now?\n\
    step sendfile sink=tcp\n\
    say None.\n";

#[test]
fn docs_picture_of_an_answer() {
    is_current(
        "tour",
        "The tour: a guess, the answer of the textbook, and what was measured",
        |theme| {
            let tour = Given {
                script: SCENES,
                wait: true,
                animate: true,
                theme,
                ..given(Luck::AsExpected)
            };
            tour.size(100, 28).keys("2    ").play().1.screen
        },
    );
}
