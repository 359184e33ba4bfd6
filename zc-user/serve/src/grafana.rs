//! `contrib/grafana/zc.json`: a dashboard of what `zc serve` exposes, from the table of its families.

use crate::{
    by::By,
    families::{self, Family, Measure, Part},
};
use serde_json::{Value, json};

/// The dashboard, as Grafana imports it.
#[must_use]
pub fn dashboard() -> Value {
    let mut panels = Vec::new();
    let mut y = 0;
    for (number, row) in rows().into_iter().enumerate() {
        panels.push(json!({
            "id": 100 * (number + 1), "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y},
        }));
        y += 1;
        let width = WIDTH / row.panels.len().max(1);
        for (at, panel) in row.panels.iter().enumerate() {
            let place = json!({"h": row.height, "w": width, "x": at * width, "y": y});
            panels.push(panel.json(100 * (number + 1) + at + 1, &place));
        }
        y += row.height;
    }
    json!({
        "title": "zc: where the CPU copies data",
        "uid": "zc-copies",
        "description": "Made from the table of metrics of zc serve; see docs/serving.md.",
        "tags": ["zc", "copies"],
        "editable": true,
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
            variable("job", "Job", &format!("label_values({}, job)", families::BUILD.name)),
            variable("instance", "Machine", &format!("label_values({}{{job=~\"$job\"}}, instance)", families::BUILD.name)),
        ]},
        "panels": panels,
    })
}

/// Columns of Grafana's grid.
const WIDTH: usize = 24;

fn variable(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name, "label": label, "type": "query", "query": {"query": query, "refId": name},
        "datasource": source(), "refresh": 2, "multi": true, "includeAll": true, "allValue": ".*", "sort": 1,
    })
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Panels next to each other.
struct Line {
    title: &'static str,
    height: usize,
    panels: Vec<Panel>,
}

/// What a panel is drawn as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// One figure.
    Figure,
    /// Curves.
    Curves,
    /// Areas on top of each other, which are parts of a sum.
    Areas,
}

struct Panel {
    title: &'static str,
    /// What is shown, for who points at the panel.
    about: String,
    shape: Shape,
    unit: &'static str,
    /// Expressions, and what their series are called.
    targets: Vec<(String, &'static str)>,
}

impl Panel {
    fn json(&self, id: usize, place: &Value) -> Value {
        let targets: Vec<_> = self
            .targets
            .iter()
            .zip('A'..)
            .map(|((expr, legend), letter)| {
                json!({
                    "refId": letter.to_string(), "expr": expr, "legendFormat": legend, "datasource": source(),
                    "instant": self.shape == Shape::Figure, "range": self.shape != Shape::Figure,
                })
            })
            .collect();
        let custom = match self.shape {
            Shape::Areas => {
                json!({"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}})
            }
            _ => json!({"fillOpacity": 0}),
        };
        json!({
            "id": id,
            "type": if self.shape == Shape::Figure { "stat" } else { "timeseries" },
            "title": self.title,
            "description": self.about,
            "datasource": source(),
            "gridPos": place,
            "targets": targets,
            "fieldConfig": {"defaults": {"unit": self.unit, "min": 0, "custom": custom}, "overrides": []},
        })
    }
}

/// What is selected at the top of the dashboard.
const CHOSEN: &str = "job=~\"$job\", instance=~\"$instance\"";

/// The sum of a family per second, by these labels.
fn rate(family: &Family, by: &str) -> String {
    debug_assert!(
        by.split(", ").all(|label| label == "instance" || family.labels.contains(&label)),
        "{} has no label {by}",
        family.name
    );
    format!("sum by ({by}) (rate({}{{{CHOSEN}}}[$__rate_interval]))", family.name)
}

fn now(family: &Family) -> String {
    format!("{}{{{CHOSEN}}}", family.name)
}

fn top(expr: &str) -> String {
    format!("topk(10, {expr})")
}

fn share(part: &str, whole: &str) -> String {
    format!("{part} / ({whole} > 0)")
}

fn rows() -> Vec<Line> {
    vec![summary(), paths(), groups(), zero_copy(), devices(), itself()]
}

fn panel(
    title: &'static str,
    about: impl Into<String>,
    shape: Shape,
    unit: &'static str,
    targets: Vec<(String, &'static str)>,
) -> Panel {
    Panel { title, about: about.into(), shape, unit, targets }
}

/// The counter's family; of counters that have families of their own there is none.
fn counted(counter: zc_model::counter::CounterId) -> &'static Family {
    families::of_counter(counter).unwrap_or(&families::MOVED_BYTES)
}

fn samples() -> (String, String) {
    use zc_model::counter::CounterId;
    let of = |counter| rate(counted(counter), "instance");
    (of(CounterId::CopySamples), of(CounterId::CpuSamples))
}

fn summary() -> Line {
    let (copying, running) = samples();
    let copied = rate(&families::COPIED_BYTES, "instance");
    let moved = rate(&families::MOVED_BYTES, "instance");
    let mut panels = vec![
        panel(
            "Copied by the CPU",
            &*families::COPIED_BYTES.help,
            Shape::Figure,
            "binBps",
            vec![(copied.clone(), "{{instance}}")],
        ),
        panel(
            "Copies per byte moved",
            "Of each byte that calls moved, how often the CPU copied it: 1 for a read or a write, 0 for what goes by reference.",
            Shape::Figure,
            "none",
            vec![(share(&copied, &moved), "{{instance}}")],
        ),
        panel(
            "Copy tax",
            "The share of the CPU time in the kernel's copy routines, from samples.",
            Shape::Figure,
            "percentunit",
            vec![(share(&copying, &running), "{{instance}}")],
        ),
    ];
    if let Some(avoidable) = families::avoidable(By::Cgroup) {
        panels.push(panel(
            "Avoidable",
            &*avoidable.help,
            Shape::Figure,
            "binBps",
            vec![(rate(avoidable, "instance, certainty"), "{{instance}} {{certainty}}")],
        ));
    }
    Line { title: "Summary", height: 5, panels }
}

fn paths() -> Line {
    Line {
        title: "Paths",
        height: 9,
        panels: vec![
            panel(
                "Copied, by path",
                &*families::COPIED_BYTES.help,
                Shape::Areas,
                "binBps",
                vec![(rate(&families::COPIED_BYTES, "path"), "{{path}}")],
            ),
            panel(
                "Moved, by path",
                &*families::MOVED_BYTES.help,
                Shape::Areas,
                "binBps",
                vec![(rate(&families::MOVED_BYTES, "path"), "{{path}}")],
            ),
            panel(
                "Copied, by provenance",
                "Where the figures come from.",
                Shape::Areas,
                "binBps",
                vec![
                    (rate(&families::COPIED_BYTES, "provenance"), "{{provenance}}"),
                    (
                        rate(&families::UNKNOWN_MOVED_BYTES, "instance"),
                        "{{instance}}: moved, not known whether copied",
                    ),
                ],
            ),
        ],
    }
}

fn groups() -> Line {
    let group = |measure| families::of_part(Part::Group(By::Cgroup), measure);
    let copied = rate(group(Measure::Copied), "cgroup");
    let others =
        [Part::Other, Part::Unattributed].map(|part| families::of_part(part, Measure::Copied));
    let tax = share(
        &rate(group(Measure::CopySamples), "cgroup"),
        &rate(group(Measure::CpuSamples), "cgroup"),
    );
    let mut panels = vec![
        panel(
            "Copied, by control group",
            &*group(Measure::Copied).help,
            Shape::Areas,
            "binBps",
            vec![
                (top(&copied), "{{cgroup}}"),
                (rate(others[0], "instance"), "{{instance}}: other groups"),
                (rate(others[1], "instance"), "{{instance}}: no process"),
            ],
        ),
        panel(
            "Copy tax, by control group",
            "The share of a group's CPU time in the kernel's copy routines, from samples: of groups that do little, they are few.",
            Shape::Curves,
            "percentunit",
            vec![(top(&tax), "{{cgroup}}")],
        ),
    ];
    if let Some(avoidable) = families::avoidable(By::Cgroup) {
        panels.push(panel(
            "Avoidable, by control group",
            &*avoidable.help,
            Shape::Curves,
            "binBps",
            vec![(top(&rate(avoidable, "cgroup, rule")), "{{cgroup}}: {{rule}}")],
        ));
    }
    Line { title: "Control groups", height: 9, panels }
}

fn zero_copy() -> Line {
    let requested = rate(&families::ZEROCOPY_REQUESTED_BYTES, "mechanism");
    Line {
        title: "Zero-copy",
        height: 8,
        panels: vec![
            panel(
                "Requested and achieved",
                &*families::ZEROCOPY_REQUESTED_BYTES.help,
                Shape::Curves,
                "binBps",
                vec![
                    (requested, "{{mechanism}} requested"),
                    (
                        rate(&families::ZEROCOPY_ACHIEVED_BYTES, "mechanism"),
                        "{{mechanism}} achieved",
                    ),
                ],
            ),
            panel(
                "Copied all the same, by reason",
                &*families::ZEROCOPY_NOT_ACHIEVED_BYTES.help,
                Shape::Areas,
                "binBps",
                vec![(rate(&families::ZEROCOPY_NOT_ACHIEVED_BYTES, "reason"), "{{reason}}")],
            ),
        ],
    }
}

fn devices() -> Line {
    Line {
        title: "Devices",
        height: 8,
        panels: vec![
            panel(
                "Read or received by devices",
                &*families::DEVICE_DMA_READ_BYTES.help,
                Shape::Curves,
                "binBps",
                vec![(rate(&families::DEVICE_DMA_READ_BYTES, "device"), "{{device}}")],
            ),
            panel(
                "Written or sent by devices",
                &*families::DEVICE_DMA_WRITE_BYTES.help,
                Shape::Curves,
                "binBps",
                vec![(rate(&families::DEVICE_DMA_WRITE_BYTES, "device"), "{{device}}")],
            ),
        ],
    }
}

fn itself() -> Line {
    Line {
        title: "zc itself",
        height: 7,
        panels: vec![
            panel(
                "CPUs",
                &*families::PROCESS_CPU_SECONDS.help,
                Shape::Curves,
                "none",
                vec![
                    (rate(&families::PROCESS_CPU_SECONDS, "instance"), "{{instance}}: user side"),
                    (rate(&families::BPF_RUN_SECONDS, "instance"), "{{instance}}: eBPF programs"),
                ],
            ),
            panel(
                "Memory",
                &*families::PROCESS_RESIDENT_MEMORY_BYTES.help,
                Shape::Curves,
                "bytes",
                vec![
                    (now(&families::PROCESS_RESIDENT_MEMORY_BYTES), "{{instance}}: user side"),
                    (now(&families::BPF_MAP_BYTES), "{{instance}}: eBPF maps"),
                ],
            ),
            panel(
                "Lost",
                &*families::LOSSES.help,
                Shape::Curves,
                "none",
                vec![(rate(&families::LOSSES, "loss"), "{{loss}}")],
            ),
            panel(
                "Series",
                &*families::SERIES.help,
                Shape::Curves,
                "none",
                vec![
                    (now(&families::SERIES), "{{instance}}: series"),
                    (now(&families::GROUPS), "{{instance}}: groups"),
                ],
            ),
        ],
    }
}

/// All expressions of the dashboard, with what Grafana puts in for its variables.
#[must_use]
pub fn expressions() -> Vec<String> {
    let targets = rows().into_iter().flat_map(|row| row.panels).flat_map(|panel| panel.targets);
    targets
        .map(|(expr, _)| {
            expr.replace("$job", ".*").replace("$instance", ".*").replace("$__rate_interval", "1m")
        })
        .collect()
}
