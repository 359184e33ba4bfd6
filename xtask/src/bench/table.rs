//! The figures as tables in Markdown.

use std::fmt::Write as _;

use super::figures::{Cost, Figures, Operation, Sites, Spread};

/// How much `zc`'s program may cost, in multiples of an empty one.
const LIMIT: f64 = 2.0;

/// Operations that differ by a smaller share count as equal.
const CLOSE: f64 = 0.01;

/// The generated part of the document.
pub(super) fn markdown(figures: &Figures, spread: &Spread) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line("| function | by | empty | zc | more | zc / empty | measured by |");
    line("| --- | --- | --- | --- | --- | --- | --- |");
    for (operation, sites, cost) in figures.costs() {
        line(&site(operation, sites, cost));
    }
    line("");
    line(&within_limit(figures));
    line("");
    line("| operation | calls | bare | + empty | + zc at `sys_exit` | + zc everywhere |");
    line("| --- | --- | --- | --- | --- | --- |");
    for operation in &figures.operations {
        line(&whole(operation));
    }
    line("");
    line(&format!("Linux {}, indirect calls: {}.", figures.kernel, figures.indirect_calls()));
    line(&exactness(spread));
    let absent = absent(figures);
    if !absent.is_empty() {
        line("");
        line("Not measured:");
        line("");
        absent.iter().for_each(|it| line(it));
    }
    text.trim_end().to_owned()
}

fn site(operation: &Operation, sites: &Sites, cost: Cost) -> String {
    format!(
        "| `{}` | {} | {:.0} | {:.0} | {:.0} | {:.1} | {} |",
        sites.function,
        sites.hooks.join(", "),
        cost.empty,
        cost.zc,
        cost.more(),
        cost.ratio(),
        operation.id
    )
}

fn within_limit(figures: &Figures) -> String {
    let all: Vec<_> = figures.costs().collect();
    let beyond: Vec<_> = all
        .iter()
        .filter(|(_, _, cost)| cost.ratio() > LIMIT)
        .map(|(_, sites, _)| format!("`{}`", sites.function))
        .collect();
    let within = all.len() - beyond.len();
    let all = all.len();
    if beyond.is_empty() {
        return format!("All {all} cost at most one empty program more than an empty program.");
    }
    format!(
        "{within} of {all} cost at most one empty program more than an empty program; not so {}.",
        beyond.join(", ")
    )
}

fn whole(operation: &Operation) -> String {
    let Operation { id, what, bare, floor, zc, .. } = operation;
    format!(
        "| {id}: {what} | {:.0} | {bare:.0} | {:.0} | {:.0} | {:.0} |",
        operation.calls(),
        floor - bare,
        operation.sys_exit(),
        zc - bare
    )
}

/// How far repeated measurements differ.
fn exactness(spread: &Spread) -> String {
    let Spread { sites, operations } = spread;
    let same = sites.iter().filter(|(_, range)| *range < 1.0).count();
    let mut text = format!("Two guests: {same} of {} sites agree to the instruction", sites.len());
    if let Some((_, range)) = sites.first().filter(|(_, range)| *range >= 1.0) {
        let _ = write!(text, ", the others to {:.0}", range.ceil());
    }
    let same = operations.iter().filter(|(_, share)| *share < CLOSE).count();
    let _ = write!(
        text,
        "; {same} of {} operations agree to {:.0} % in every setting",
        operations.len(),
        100.0 * CLOSE
    );
    if let Some((id, share)) = operations.first().filter(|(_, share)| *share >= CLOSE) {
        let _ = write!(text, ", the others to {:.0} % ({id})", (100.0 * share).ceil());
    }
    text + "."
}

/// Sites and operations without a row, and the reason.
fn absent(figures: &Figures) -> Vec<String> {
    let refused = figures.refused.iter().map(|refused| {
        let sites: Vec<_> = refused.sites.iter().map(|site| format!("`{site}`")).collect();
        let sites = if sites.is_empty() { "no site".to_owned() } else { sites.join(", ") };
        format!("- {sites}: {} cannot be carried out: {}", refused.id, refused.why)
    });
    let passed_by = figures.operations.iter().flat_map(|operation| {
        let idle = operation.sites.iter().filter(|sites| sites.runs == 0.0);
        idle.map(|sites| {
            format!(
                "- `{}`: {} does not pass it on this kernel",
                sites.sites.join("`, `"),
                operation.id
            )
        })
    });
    let told =
        figures.not_driven.iter().map(|absent| format!("- `{}`: {}", absent.site, absent.why));
    passed_by.chain(refused).chain(told).collect()
}

#[cfg(test)]
mod tests {
    use super::super::figures::{Figures, spread};
    use super::*;

    const GUEST: &str = r#"{
        "schema": "zc-bench-sites/1", "kernel": "6.12.1", "mitigations": "Mitigation: Retpolines; STIBP: disabled",
        "operations": [
            {"id": "read", "what": "read of a file", "bare": 1700, "bare_again": 1703.5, "floor": 1835,
             "zc": 3700, "without_sys_exit": 2200, "runs": {"zc_sys_exit": 1},
             "sites": [
                {"sites": ["zc_filemap_read"], "function": "filemap_read", "hooks": ["fexit"],
                 "runs": 1, "with": 2200, "without": 1850, "empty": 1900, "bare": 1705}]},
            {"id": "ring", "what": "io_uring", "bare": 4000, "bare_again": 4100, "floor": 4135,
             "zc": 9000, "without_sys_exit": 8800, "runs": {},
             "sites": [
                {"sites": ["zc_begin", "zc_end"], "function": "io_issue_sqe",
                 "hooks": ["fentry", "fexit"], "runs": 2,
                 "with": 8800, "without": 7000, "empty": 4600, "bare": 4000},
                {"sites": ["zc_old"], "function": "old", "hooks": ["fexit"], "runs": 0,
                 "with": 0, "without": 0, "empty": 0, "bare": 0}]}],
        "refused": [{"id": "tls", "sites": ["zc_tls_send"], "why": "no kTLS"}],
        "not_driven": [{"site": "zc_netfs_write", "why": "no server"}]}"#;

    #[test]
    fn costs_are_what_one_run_adds() {
        let guest = Figures::parse(GUEST).expect("it is valid");
        let costs: Vec<_> = guest.costs().map(|(_, sites, cost)| (sites.runs, cost)).collect();
        assert_eq!(
            costs,
            [(1.0, Cost { empty: 195.0, zc: 350.0 }), (2.0, Cost { empty: 300.0, zc: 900.0 })]
        );
    }

    #[test]
    fn figures_of_another_kind_are_refused() {
        let other = GUEST.replace("zc-bench-sites/1", "zc-bench-sites/2");
        let error = Figures::parse(&other).expect_err("another kind");
        assert_eq!(error.to_string(), "figures of another kind: zc-bench-sites/2");
    }

    #[test]
    fn guests_are_compared() {
        let guests = [
            Figures::parse(GUEST).expect("it is valid"),
            Figures::parse(
                &GUEST
                    .replace("8800, \"without\": 7000", "8790, \"without\": 7000")
                    .replace("\"bare_again\": 4100", "\"bare_again\": 4141"),
            )
            .expect("it is valid"),
        ];
        let spread = spread(&guests);
        assert_eq!(
            spread.sites,
            [("zc_begin".to_owned(), 5.0), ("zc_filemap_read".to_owned(), 0.0)]
        );
        assert_eq!(
            spread.operations,
            [("ring".to_owned(), 41.0 / 4100.0), ("read".to_owned(), 0.0)]
        );
        assert_eq!(
            exactness(&spread),
            "Two guests: 1 of 2 sites agree to the instruction, the others to 5; 1 of 2 operations agree to 1 % \
             in every setting, the others to 1 % (ring)."
        );
    }

    #[test]
    fn the_tables_say_what_was_measured_and_what_was_not() {
        let guest = Figures::parse(GUEST).expect("it is valid");
        let text = markdown(&guest, &spread(std::slice::from_ref(&guest)));
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("| ---")).collect();
        assert_eq!(
            lines,
            [
                "| function | by | empty | zc | more | zc / empty | measured by |",
                "| `filemap_read` | fexit | 195 | 350 | 155 | 1.8 | read |",
                "| `io_issue_sqe` | fentry, fexit | 300 | 900 | 600 | 3.0 | ring |",
                "",
                "1 of 2 cost at most one empty program more than an empty program; not so `io_issue_sqe`.",
                "",
                "| operation | calls | bare | + empty | + zc at `sys_exit` | + zc everywhere |",
                "| read: read of a file | 1 | 1700 | 135 | 1500 | 2000 |",
                "| ring: io_uring | 0 | 4000 | 135 | 200 | 5000 |",
                "",
                "Linux 6.12.1, indirect calls: retpolines.",
                "Two guests: 2 of 2 sites agree to the instruction; 2 of 2 operations agree to 1 % in every \
                 setting.",
                "",
                "Not measured:",
                "",
                "- `zc_old`: ring does not pass it on this kernel",
                "- `zc_tls_send`: tls cannot be carried out: no kTLS",
                "- `zc_netfs_write`: no server",
            ]
        );
    }
}
