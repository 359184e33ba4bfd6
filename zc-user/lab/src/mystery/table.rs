//! What changed, as `zc diff` says it, in Chinese: the figures that matter most, and paths and counters that changed. In
//! English, the exercise shows the text of `zc diff` itself.

use std::io;

use zc_model::{
    diff::{Comparison, Estimate, Figure, Section, Series, Verdict},
    value::Quality,
};
use zc_render::{
    diff::{change, name, value},
    human,
    table::grid::{Cell, Grid},
};

/// Names of figures, in English and in Chinese; those of paths and other ids stay.
const NAMES: &[(&str, &str)] = &[
    ("payload", "负载数据"),
    ("copied", "拷贝"),
    ("by reference", "传递引用"),
    ("moved", "搬运"),
    ("CPU time", "CPU 时间"),
    ("copy tax", "拷贝占用的 CPU"),
    ("copies of the program", "程序自己的拷贝"),
    ("context switches", "上下文切换"),
    ("mode switches", "模式切换"),
    ("syscalls", "系统调用"),
    ("elapsed", "用时"),
    ("DMA read", "DMA 读"),
    ("DMA written", "DMA 写"),
    ("page cache hits", "页缓存命中"),
    ("page cache misses", "页缓存未命中"),
    ("page faults minor", "次缺页异常"),
    ("page faults major", "主缺页异常"),
];
/// What is behind the id of a path.
const OF_PATHS: &[(&str, &str)] = &[(" moved", " 搬运"), (" copied", " 拷贝"), (" calls", " 调用")];
/// Changes that are words.
const CHANGES: &[(&str, &str)] = &[("new", "新出现"), ("-100% (gone)", "-100% (消失)")];

/// Writes it.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(
    comparison: &Comparison,
    sides: [&Series; 2],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out, "每字节负载数据的数值；次数和时间按每 MiB 负载数据。")?;
    for (section, title) in
        [(Section::Head, "数值"), (Section::Paths, "路径"), (Section::Counters, "计数器")]
    {
        let is_shown =
            |figure: &&Figure| section == Section::Head || figure.verdict == Verdict::Changed;
        let figures: Vec<_> = comparison.section(section).filter(is_shown).collect();
        if figures.is_empty() {
            continue;
        }
        let columns = [("之前", true), ("之后", true), ("变化", true), ("结论", false)];
        let [a, b, change, verdict] = columns;
        let mut grid = Grid::new([(title, false), a, b, change, verdict]);
        for figure in figures {
            grid.push(row(figure));
        }
        writeln!(out)?;
        grid.write(out)?;
    }
    if sides.iter().any(|side| side.losses.occurred().next().is_some()) {
        writeln!(
            out,
            "\n并非全部都计了数：实际数值可能更大。zc diff 说明丢失了什么 (--keep 保存记录)。"
        )?;
    }
    let is_modelled = |side: &Option<Estimate>| {
        side.is_some_and(|it| human::mark(Quality::of(it.provenance)) == "~")
    };
    if comparison.figures.iter().any(|it| is_modelled(&it.a) || is_modelled(&it.b)) {
        writeln!(out, "\n~ 模型：这个内核不允许 zc 跟踪执行拷贝的函数。")?;
    }
    Ok(())
}

fn row(figure: &Figure) -> Vec<Cell> {
    vec![
        Cell::text(translated(&name(figure))),
        Cell::text(value(figure, figure.a.as_ref())),
        Cell::text(value(figure, figure.b.as_ref())),
        Cell::text(changed(figure)),
        Cell::text(match figure.verdict {
            Verdict::Changed => "有变化",
            Verdict::Unchanged => "无变化",
            Verdict::Negligible => "可忽略",
            Verdict::Untold(_) => "无法确定",
        }),
    ]
}

/// How a figure changed.
#[must_use]
pub fn changed(figure: &Figure) -> String {
    among(CHANGES, &change(figure))
}

/// The name of a figure, with what it is per.
fn translated(name: &str) -> String {
    let (bare, per) = name.strip_suffix(" /MiB").map_or((name, ""), |bare| (bare, " /MiB"));
    let of_path = OF_PATHS.iter().find_map(|(english, here)| {
        let id = bare.strip_suffix(english)?;
        Some(format!("{id}{here}"))
    });
    of_path.unwrap_or_else(|| among(NAMES, bare)) + per
}

fn among(table: &[(&str, &str)], text: &str) -> String {
    let found = table.iter().find(|(english, _)| *english == text);
    found.map_or_else(|| text.to_owned(), |(_, here)| (*here).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mystery::grade;
    use zc_common::path::CopyPath;
    use zc_model::{
        counter::CounterId,
        diff::{Basis, Kind},
        fixture::sketch::{path, process, snapshot},
        frame::Frame,
        snapshot::{PathSample, Provenance},
    };

    fn series(copies: bool) -> Series {
        let mut series = Series::new(Kind::Intervals);
        for _ in 0..8 {
            let read = path(CopyPath::FileRead, 100, 1_000_003);
            let spliced = PathSample {
                copied_bytes: 0,
                provenance: Provenance::Modelled,
                ..path(CopyPath::SpliceFilePipe, 16, 1_000_003)
            };
            let mut sample = process(7, "beta", &[if copies { read } else { spliced }]);
            sample.counters[CounterId::ModeSwitches] = if copies { 400 } else { 20 };
            series.add(&Frame::cumulative(snapshot(1, &[sample])));
        }
        series
    }

    #[test]
    fn what_changed_is_said_in_chinese_and_lines_up() {
        let [a, b] = [true, false].map(series);
        let comparison = grade::compare(&a, &b, Basis::Byte);
        let mut text = Vec::new();
        write(&comparison, [&a, &b], &mut text).expect("written");
        let text = String::from_utf8(text).expect("text");
        insta::assert_snapshot!(text);
        for english in ["copied", "switches", "changed", "gone", "new", "calls"] {
            assert!(!text.contains(english), "{english}:\n{text}");
        }
    }
}
