//! The session of a tour: the shell of the dashboard with one page.

use std::time::Duration;

use anyhow::Result;

use super::page::TourPage;
use crate::tour::walk::{Conditions, Laboratory, Tour};
use zc_model::filter::Filter;
use zc_render::theme::Theme;
use zc_tui::{
    run::{Exit, drive},
    shell::Shell,
    state::Context,
    world::World,
};

/// How a tour looks.
#[derive(Clone, Copy, Debug)]
pub struct TourLook {
    /// Colours and signs.
    pub theme: Theme,
    /// Whether it begins with big figures.
    pub is_big: bool,
}

/// How a tour ended.
pub struct Ended {
    /// The tour, as far as it came.
    pub tour: Tour,
    /// Why it ended: [`Exit::Left`] at the end of the tour, too.
    pub exit: Exit,
    /// Where it was played; `None` if it ended before that was known.
    pub conditions: Option<Conditions>,
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
    TourLook { theme, is_big }: TourLook,
    world: &mut impl World,
) -> Result<Ended> {
    // No frames come: a laboratory has its own source of snapshots.
    let context = Context::new(theme, Duration::ZERO, Filter::default());
    let mut conditions = None;
    let known = &mut conditions;
    let page = TourPage::new(&mut tour, || {
        let laboratory = open()?;
        *known = Some(laboratory.conditions().clone());
        Ok(laboratory)
    })
    .enlarged(is_big);
    let mut shell = Shell::new(context, vec![Box::new(page)]);
    let exit = drive(&mut shell, || Ok(None), world).await;
    // The workload in progress ends with the page.
    drop(shell);
    Ok(Ended { exit: exit?, tour, conditions })
}
