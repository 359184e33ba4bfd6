//! Advice in words.

use zc_common::path::{CopyPath, Flow};

use super::human;
use zc_model::{
    advice::{self, Advice, Evidence, PathTotal, Rule, Saving},
    zerocopy::Reason,
};

/// What was seen, with its figures.
#[must_use]
pub fn evidence(advice: &Advice) -> String {
    match advice.evidence {
        Evidence::Passed { from, to, bytes } => {
            let (bytes, from, to) = (human::bytes(bytes), from.path, to.path.id());
            if from.is_mapped() {
                format!("{bytes} of {} were first touched by {to}", from.id())
            } else {
                format!("{bytes} of {} went to {to} from the same buffers", from.id())
            }
        }
        Evidence::Copied { sends, reason } => format!(
            "{} of {} requested as zero-copy were copied{}",
            human::bytes(sends.copied_bytes),
            human::bytes(sends.moved_bytes),
            reason.map_or_else(String::new, |reason| format!(" ({})", reason.id())),
        ),
        Evidence::Calls(calls) => format!(
            "{} {} times, {} each on average",
            calls.path.id(),
            human::count(calls.ops),
            human::bytes(calls.bytes_per_op()),
        ),
    }
}

/// What would be saved per second; `None` where it is not in bytes or switches.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn saving(saving: Saving, seconds: f64) -> Option<String> {
    let Saving { copied_bytes, mode_switches, cpu: _ } = saving;
    if seconds <= 0.0 {
        None
    } else if copied_bytes > 0 {
        Some(format!("{} less copied", human::bytes_per_sec(copied_bytes as f64 / seconds)))
    } else if mode_switches > 0 {
        Some(format!("{} fewer mode switches", human::per_sec(mode_switches as f64 / seconds)))
    } else {
        None
    }
}

/// What the copies that would go took of a CPU: `these copies took about 0.12 of a CPU (+-0.03)`. `None` where it is
/// not known. It is an estimate of what is spent, not a promise of what will be left.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub fn spent(saving: Saving, seconds: f64) -> Option<String> {
    let cpu = saving.cpu.filter(|_| seconds > 0.0)?;
    let of_cpu = |ns: u64| two_digits(ns as f64 / 1e9 / seconds);
    let (share, margin) = (of_cpu(cpu.ns), of_cpu(cpu.margin_ns));
    Some(format!("these copies took about {share} of a CPU (+-{margin})"))
}

/// `0.12`, `0.0034`, `3.4`: at least two digits that count.
fn two_digits(value: f64) -> String {
    let decimals = match value {
        ..0.001 => 4,
        ..0.01 => 3,
        ..10.0 => 2,
        _ => 1,
    };
    format!("{value:.decimals$}")
}

/// What the program does, after its name: `reads files and sends them`.
#[must_use]
pub fn what(advice: &Advice) -> String {
    match advice.evidence {
        Evidence::Passed { from, .. } if from.path.is_mapped() => match advice.rule {
            Rule::FileToSocket => "maps files and sends them".to_owned(),
            _ => "maps files and writes them to pipes".to_owned(),
        },
        Evidence::Passed { from, to, .. } => match advice.rule {
            Rule::FileToSocket => "reads files and sends them".to_owned(),
            Rule::FileToFile => "reads files and writes them to files".to_owned(),
            _ => format!("passes on from {} to {}", end(from.path), end(to.path)),
        },
        Evidence::Calls(calls) if advice.rule == Rule::SmallZerocopySends => {
            format!("requests zero-copy for sends of {}", human::bytes(calls.bytes_per_op()))
        }
        Evidence::Calls(calls) => format!(
            "{} {} in pieces of {}",
            if calls.path.flow() == Flow::In { "reads" } else { "writes" },
            end(calls.path),
            human::bytes(calls.bytes_per_op()),
        ),
        Evidence::Copied { .. } => "requests zero-copy, and the kernel copies".to_owned(),
    }
}

/// What is at the end of a path that is not the program.
const fn end(path: CopyPath) -> &'static str {
    match path {
        CopyPath::FileRead | CopyPath::FileWrite | CopyPath::DirectRead | CopyPath::DirectWrite => {
            "files"
        }
        CopyPath::PipeRead | CopyPath::PipeWrite => "pipes",
        _ => "sockets",
    }
}

/// How much of that there is, and how often the CPU copies it: `72 MiB/s, each byte copied twice`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn amount(advice: &Advice, seconds: f64) -> Option<String> {
    if seconds <= 0.0 {
        return None;
    }
    let rate = |bytes: u64| human::bytes_per_sec(bytes as f64 / seconds);
    Some(match advice.evidence {
        Evidence::Passed { from, to, bytes } => {
            let share =
                |total: PathTotal| total.copied_bytes as f64 / total.moved_bytes.max(1) as f64;
            // Pages that are mapped are not copied.
            let copies = share(to) + if from.path.is_mapped() { 0.0 } else { share(from) };
            let times = match copies {
                ..0.75 => "partly copied".to_owned(),
                ..1.25 => "each byte copied once".to_owned(),
                1.75..2.25 => "each byte copied twice".to_owned(),
                _ => format!("{copies:.1} copies of each byte"),
            };
            format!("{}, {times}", rate(bytes))
        }
        Evidence::Calls(calls) => format!("{} calls", human::per_sec(calls.ops as f64 / seconds)),
        Evidence::Copied { sends, .. } => {
            format!("{} of {}", rate(sends.copied_bytes), rate(sends.moved_bytes))
        }
    })
}

/// What to do about it, in a few words: a setting of the program where one is known, else the call.
#[must_use]
pub fn change(advice: &Advice, command: &str) -> &'static str {
    if let Some(setting) = advice::setting(command, advice) {
        return setting.change;
    }
    match (advice.rule, advice.evidence) {
        (Rule::FileToSocket, _) => "send them with sendfile",
        (Rule::FileToFile, _) => "copy with copy_file_range, or sendfile",
        (Rule::Relay, _) => "splice from one to the other",
        (Rule::SmallCalls, _) => "use a buffer of 64 KiB",
        (Rule::SmallZerocopySends, _) => "send without it below 10 KiB",
        (_, Evidence::Copied { reason: Some(Reason::SoZerocopyNotSet), .. }) => {
            "set SO_ZEROCOPY before the first send"
        }
        (_, Evidence::Copied { reason: Some(Reason::LocalReceiver), .. }) => {
            "send without it to this host"
        }
        (_, Evidence::Copied { reason: Some(Reason::NoGather), .. }) => "ethtool -K DEVICE sg on",
        (Rule::ZerocopyNotAchieved, _) => "drop MSG_ZEROCOPY",
    }
}

/// What that saves: `saves 144 MiB/s, 5.00k switches/s`, and what the copies took of a CPU where that is known. `None`
/// where it is neither in bytes nor in switches.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn saves(saving: Saving, seconds: f64, unicode: bool) -> Option<String> {
    let Saving { copied_bytes, mode_switches, cpu } = saving;
    if seconds <= 0.0 || (copied_bytes == 0 && mode_switches == 0) {
        return None;
    }
    let mut parts = Vec::new();
    if copied_bytes > 0 {
        parts.push(human::bytes_per_sec(copied_bytes as f64 / seconds));
    }
    if mode_switches > 0 {
        parts.push(format!(
            "{} switches/s",
            human::count_short((mode_switches as f64 / seconds).round() as u64)
        ));
    }
    let took = cpu.map_or_else(String::new, |cpu| {
        let percent = |ns: u64| ns as f64 / 1e9 / seconds * 100.0;
        let sign = if unicode { "±" } else { "+-" };
        format!(": {:.0}% {sign}{:.0} of a CPU now", percent(cpu.ns), percent(cpu.margin_ns))
    });
    Some(format!("saves {}{took}", parts.join(", ")))
}

/// What a row does on its busiest path, in words: `reads files into memory`.
#[must_use]
pub const fn doing(path: CopyPath) -> &'static str {
    match path {
        CopyPath::FileRead => "reads files into memory",
        CopyPath::FileWrite => "writes files",
        CopyPath::DirectRead => "reads disks past the page cache (O_DIRECT)",
        CopyPath::DirectWrite => "writes disks past the page cache (O_DIRECT)",
        CopyPath::PseudoRead => "reads devices or the kernel's files",
        CopyPath::PseudoWrite => "writes to devices or the kernel's files",
        CopyPath::SocketRecv => "receives from sockets",
        CopyPath::SocketSend => "sends to sockets",
        CopyPath::SocketSendZerocopy => "sends to sockets, zero-copy requested",
        CopyPath::SocketRecvZerocopy => "receives from sockets into mapped pages",
        CopyPath::PipeRead => "reads from pipes",
        CopyPath::PipeWrite => "writes to pipes",
        CopyPath::Vmsplice => "hands its pages to pipes (vmsplice)",
        CopyPath::Tee => "duplicates pipes by reference (tee)",
        CopyPath::SendfileToSocket => "sends files by reference (sendfile)",
        CopyPath::SendfileToFile => "copies files in the kernel (sendfile)",
        CopyPath::SendfileToPipe => "passes files to pipes by reference (sendfile)",
        CopyPath::SendfileToPseudo => "passes files to devices (sendfile)",
        CopyPath::SpliceFilePipe => "passes files to pipes by reference (splice)",
        CopyPath::SplicePipeSocket => "passes pipes to sockets by reference (splice)",
        CopyPath::SplicePipeFile => "passes pipes to files (splice)",
        CopyPath::SpliceSocketPipe => "passes sockets to pipes by reference (splice)",
        CopyPath::SplicePipePipe => "passes pipes to pipes by reference (splice)",
        CopyPath::SplicePipePseudo => "passes pipes to or from devices (splice)",
        CopyPath::CopyRangeReflink => "copies files by sharing their extents",
        CopyPath::CopyRangeCopied => "copies files in the kernel (copy_file_range)",
        CopyPath::MmapRead => "reads files that it has mapped",
        CopyPath::MmapWrite => "writes files that it has mapped",
        CopyPath::CowCopy => "copies pages at the first write after a fork",
        CopyPath::ProcessVm => "copies from process to process",
        CopyPath::SwiotlbBounce => "copies through bounce buffers for a device",
        CopyPath::SkbLinearize => "makes socket buffers linear for a device",
        CopyPath::KernelCopy => "copies in the kernel for no call of its own",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zc_model::{advice::Certainty, tax::CopyTime};

    fn passed(rule: Rule, from: CopyPath, to: CopyPath) -> Advice {
        let total =
            |path, copied_bytes| PathTotal { path, ops: 1009, moved_bytes: 72 << 20, copied_bytes };
        let evidence = Evidence::Passed {
            from: total(from, 72 << 20),
            to: total(to, 72 << 20),
            bytes: 72 << 20,
        };
        let cpu = Some(CopyTime { ns: 40_000_000, margin_ns: 21_000_000 });
        let saving = Saving { copied_bytes: 144 << 20, mode_switches: 4_998, cpu };
        Advice { rule, certainty: Certainty::Likely, saving, evidence }
    }

    #[test]
    fn an_advice_is_a_sentence_a_change_and_a_saving() {
        let served = passed(Rule::FileToSocket, CopyPath::FileRead, CopyPath::SocketSend);
        assert_eq!(what(&served), "reads files and sends them");
        assert_eq!(amount(&served, 1.0).as_deref(), Some("72.0 MiB/s, each byte copied twice"));
        assert_eq!(change(&served, "nginx"), "nginx.conf: sendfile on;");
        assert_eq!(change(&served, "server"), "send them with sendfile");
        let saved = "saves 144 MiB/s, 5.00k switches/s: 4% ±2 of a CPU now";
        assert_eq!(saves(served.saving, 1.0, true).as_deref(), Some(saved));
        assert_eq!(saves(Saving::default(), 1.0, true), None);
        assert_eq!((amount(&served, 0.0), saves(served.saving, 0.0, true)), (None, None));
        let relayed = passed(Rule::Relay, CopyPath::PipeRead, CopyPath::SocketSend);
        assert_eq!(what(&relayed), "passes on from pipes to sockets");
    }
}
