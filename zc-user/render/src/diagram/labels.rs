//! The words on a picture, in one table: another language is another table. Names of places are in the picture.

use zc_model::{
    picture::{Hop, Means},
    snapshot::Provenance,
};

/// The words of one language.
#[derive(Debug)]
pub struct Labels {
    /// What the arrow of a copy means.
    pub copied_by_the_cpu: &'static str,
    /// That of a reference.
    pub by_reference: &'static str,
    /// That of a device.
    pub by_the_device: &'static str,
    /// How a copy travels.
    pub copied: &'static str,
    /// How it does where it is not known whether it was copied.
    pub copied_or_by_reference: &'static str,
    /// How a transfer of a device travels.
    pub dma: &'static str,
    /// Before the place where something is moved around.
    pub within: &'static str,
    /// In an interval without any transfer.
    pub nothing_in_this_interval: &'static str,
    /// Without any transfer.
    pub nothing: &'static str,
}

/// English.
pub static ENGLISH: Labels = Labels {
    copied_by_the_cpu: "copied by the CPU",
    by_reference: "by reference",
    by_the_device: "left to the device",
    copied: "copied",
    copied_or_by_reference: "copied or by reference",
    dma: "DMA",
    within: "within",
    nothing_in_this_interval: "nothing moved in this interval",
    nothing: "nothing moved",
};

impl Labels {
    /// How the bytes of a hop travel.
    #[must_use]
    pub const fn name(&self, hop: &Hop) -> &'static str {
        match (hop.means, hop.provenance) {
            (Means::Reference, Provenance::Unavailable) => self.copied_or_by_reference,
            (Means::Copy, _) => self.copied,
            (Means::Reference, _) => self.by_reference,
            (Means::Dma, _) => self.dma,
        }
    }
}
