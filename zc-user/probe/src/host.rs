//! The machine, and what `zc` can see of it.

use anyhow::Result;
use rustix::system::uname;

use crate::{
    attach::{Attached, COPYING},
    catalog::Group,
    module::Module,
};
use zc_model::{
    counter::CounterId,
    snapshot::{Host, Limitation, Provenance},
};

/// Describes the machine and the limits that follow from what is attached.
///
/// # Errors
/// None today; the signature leaves room for `/proc` being unreadable.
pub fn describe(attached: &Attached) -> Result<Host> {
    let names = uname();
    Ok(Host {
        name: names.nodename().to_string_lossy().into_owned(),
        kernel: names.release().to_string_lossy().into_owned(),
        arch: names.machine().to_string_lossy().into_owned(),
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        page_bytes: rustix::param::page_size() as u64,
        clock_ticks: rustix::param::clock_ticks_per_second(),
        copies: if attached.measures_copies() {
            Provenance::Measured
        } else {
            Provenance::Modelled
        },
        limitations: limitations(attached),
    })
}

fn limitations(attached: &Attached) -> Vec<Limitation> {
    let mut limits = Vec::new();
    if let Some(reason) = COPYING.iter().find_map(|group| attached.refusal(*group)) {
        limits.push(Limitation {
            counter: CounterId::CopiedBytes.into(),
            provenance: Provenance::Modelled,
            reason: format!(
                "{reason}; instead: moved bytes (measured) times the copies that each path is known to make"
            ),
        });
    }
    if let (true, Some(reason)) = (attached.has(Group::CopyFiles), &attached.modules) {
        limits.push(Limitation {
            counter: CounterId::CopiedBytes.into(),
            provenance: Provenance::Assumed,
            reason: format!(
                "what modules copy (btrfs, network file systems) is not hooked: {reason}"
            ),
        });
    }
    limits.extend(unhooked_modules(attached));
    let late = [Group::CopySockets, Group::CopyLate];
    if let Some(reason) = late.iter().find_map(|group| attached.refusal(*group)) {
        limits.push(Limitation {
            counter: CounterId::ZerocopyAchievedBytes.into(),
            provenance: Provenance::Unavailable,
            reason: format!("whether the kernel fell back to a copy is not visible: {reason}"),
        });
        limits.extend(
            [
                CounterId::ZerocopyCopiedLaterBytes,
                CounterId::ZerocopyLinearizedBytes,
                CounterId::ReferencedLinearizedBytes,
                CounterId::ZerocopyPulledBytes,
                CounterId::ReferencedPulledBytes,
                CounterId::TransformedBytes,
            ]
            .map(|counter| Limitation {
                counter: counter.into(),
                provenance: Provenance::Unavailable,
                reason: reason.to_owned(),
            }),
        );
    }
    if let (true, Some(reason)) = (attached.has(Group::CopySockets), &attached.modules)
        && !limits.iter().any(|limit| limit.counter == CounterId::TransformedBytes)
    {
        limits.push(Limitation {
            counter: CounterId::TransformedBytes.into(),
            provenance: Provenance::Unavailable,
            reason: reason.clone(),
        });
    }
    let mut without = |group: Group, counters: &[CounterId], provenance: Provenance| {
        if let Some(reason) = attached.refusal(group) {
            limits.extend(counters.iter().map(|counter| Limitation {
                counter: (*counter).into(),
                provenance,
                reason: reason.to_owned(),
            }));
        }
    };
    if !attached.has(Group::CopyFaults) {
        without(Group::Faults, &[CounterId::CowCopiedBytes], Provenance::Unavailable);
    }
    without(Group::Faults, &[CounterId::ModeSwitches], Provenance::Modelled);
    without(
        Group::PageCache,
        &[CounterId::PageCacheHits, CounterId::PageCacheMisses],
        Provenance::Unavailable,
    );
    without(
        Group::Block,
        &[CounterId::BlockReadBytes, CounterId::BlockWriteBytes, CounterId::BlockDirtiedBytes],
        Provenance::Unavailable,
    );
    if attached.has(Group::Block) {
        without(Group::Writeback, &[CounterId::BlockDirtiedBytes], Provenance::Unavailable);
    }
    without(Group::Tax, &[CounterId::CpuSamples, CounterId::CopySamples], Provenance::Unavailable);
    without(
        Group::Uring,
        &[CounterId::UringOps, CounterId::UringPuntedOps],
        Provenance::Unavailable,
    );
    if attached.has(Group::Faults) && !attached.has(Group::CopyFaults) {
        limits.push(Limitation {
            counter: CounterId::CowCopiedBytes.into(),
            provenance: Provenance::Modelled,
            reason:
                "upper bound: a write fault on a shared page either copies or, when nobody else \
                     maps the page any more, reuses it; which one is not visible without copy hooks"
                    .to_owned(),
        });
    }
    limits
}

/// What is not known of modules whose functions are not hooked.
fn unhooked_modules(attached: &Attached) -> impl Iterator<Item = Limitation> {
    attached.unhooked.here().iter().map(|Module { name, is_late }| {
        let (counter, provenance, what) = if *name == "tls" {
            let what = "what it encrypts is not counted";
            (CounterId::TransformedBytes, Provenance::Unavailable, what)
        } else {
            (CounterId::CopiedBytes, Provenance::Assumed, "what it copies is assumed")
        };
        let reason = if *is_late {
            format!(
                "the module {name} was loaded after zc had begun: {what}; start zc again to have it \
                 measured"
            )
        } else {
            format!("the module {name} has no function that can be hooked: {what}")
        };
        Limitation { counter: counter.into(), provenance, reason }
    })
}
