//! Text for people: what `zc stat` prints at the end, and `zc top --once`.
//!
//! 80 columns are enough, no colour is needed, and names are safe wherever the text ends up.

mod copiers;
mod flows;
pub mod grid;
mod notes;
mod objects;
mod once;
mod runs;
mod stacks;
mod stat;
mod zerocopy;

pub use self::{
    flows::{how, unknown as unknown_flows},
    notes::{losses, notes},
    objects::{name as object_name, processes as users, shortened, write_objects},
    once::{UNATTRIBUTED, write_notes, write_once, write_update},
    runs::write_runs,
    stacks::write_stacks,
    stat::write_stat,
};
