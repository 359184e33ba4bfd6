//! The theory of a scenario in JSON.

use serde::Serialize;

use crate::scenario::Theory;

/// What the textbook says; `null` where it says nothing.
#[derive(Serialize)]
pub(super) struct TheoryFigures {
    claim: &'static str,
    cpu_copies: Option<f64>,
    storage_dma: u32,
    network_dma: u32,
    mode_switches: Option<u32>,
}

impl TheoryFigures {
    pub(super) fn new(theory: &Theory) -> Self {
        let Theory { claim, cpu_copies, storage_dma, network_dma, mode_switches } = *theory;
        Self { claim, cpu_copies, storage_dma, network_dma, mode_switches }
    }
}
