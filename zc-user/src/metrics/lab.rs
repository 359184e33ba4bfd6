//! The lab's section of the page.

use std::fmt::{self, Write as _};

use zc_lab::{catalog::SCENARIOS, metric::Findings, scenario::Scenario};

/// Writes the lab's figures and scenarios.
pub(super) fn write(page: &mut String) -> fmt::Result {
    page.push_str(LAB);
    for metric in Findings::figures() {
        let (id, title, unit, help) = (metric.id, metric.title, metric.unit.id(), metric.help);
        writeln!(page, "| `{id}` | {title} | {unit} | {help} |")?;
    }
    page.push_str(SCENARIO_TABLE);
    for scenario in SCENARIOS {
        let Scenario { id, title, theory, sinks, .. } = scenario;
        let none = || "-".to_owned();
        let copies = theory.cpu_copies.map_or_else(none, |copies| copies.to_string());
        let switches = theory.mode_switches.map_or_else(none, |switches| switches.to_string());
        let sinks: Vec<_> = sinks.iter().map(|sink| sink.id()).collect();
        writeln!(
            page,
            "| `{id}` | {title} | {copies} | {} + {} | {switches} | {} | {} |",
            theory.storage_dma,
            theory.network_dma,
            sinks.join(", "),
            theory.claim,
        )?;
    }
    Ok(())
}

const LAB: &str = "
## The lab

`zc lab run` measures these (schema `zc-lab/1`) and compares them with the textbook figure, if there is one.

| id | heading | unit | meaning |
| --- | --- | --- | --- |
";

const SCENARIO_TABLE: &str = "
Its scenarios, with the theory: how often the CPU copies each byte, how often a device moves it
(between storage and memory + between memory and the network), and mode switches per transfer.

| id | mechanism | CPU copies | DMA | mode switches | sinks | textbook |
| --- | --- | --- | --- | --- | --- | --- |
";
