//! The session of a tour: the shell of the dashboard with one page.

use std::time::Duration;

use anyhow::Result;

use super::page::TourPage;
use crate::tour::walk::{Laboratory, Tour};
use zc_model::filter::Filter;
use zc_render::theme::Theme;
use zc_tui::{
    run::{Exit, drive},
    shell::Shell,
    state::Context,
    world::World,
};

/// How a tour ended.
pub struct Ended {
    /// The tour, as far as it came.
    pub tour: Tour,
    /// Why it ended: [`Exit::Left`] at the end of the tour, too.
    pub exit: Exit,
}

/// Gives the tour in `world`.
///
/// The laboratory is opened behind the first screen: attaching takes a moment.
///
/// # Errors
/// When the terminal fails, or `open`.
pub async fn session<L: Laboratory>(
    mut tour: Tour,
    open: impl FnOnce() -> Result<L>,
    theme: Theme,
    world: &mut impl World,
) -> Result<Ended> {
    // No frames come: a laboratory has its own source of snapshots.
    let context = Context::new(theme, Duration::ZERO, Filter::default());
    let page = TourPage::new(&mut tour, open);
    let mut shell = Shell::new(context, vec![Box::new(page)]);
    let exit = drive(&mut shell, || Ok(None), world).await;
    // The workload in progress ends with the page.
    drop(shell);
    Ok(Ended { exit: exit?, tour })
}
