//! The rights of `zc`: which it works with, and when it gives them up.
//!
//! The user's own rights are those of the user id that started `zc`. What a `setcap`ed or setuid binary brings
//! beyond them is for loading eBPF, and must not open a file for a user who may not open it. So [`begin`] puts
//! these rights away, [`raised`] takes them out for one piece of work, and [`keep_only`] throws away what
//! nothing needs any more.

pub mod caller;
pub mod files;
pub mod limits;

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    process::{getegid, geteuid, getgid, getuid},
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
        remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities,
        set_no_new_privs, set_thread_res_gid, set_thread_res_uid,
    },
};

/// What stays effective: none of these opens a file, a process or a device for a user who may not.
const HARMLESS: CapabilitySet =
    CapabilitySet::BPF.union(CapabilitySet::PERFMON).union(CapabilitySet::IPC_LOCK);

/// Puts away what this process may do beyond the user who started it. To be called first of all, while there is
/// one thread.
///
/// # Errors
/// When the kernel refuses; the process must not go on then.
pub fn begin() -> Result<()> {
    if getuid().is_root() {
        return Ok(());
    }
    let (uid, gid) = (getuid(), getgid());
    if getegid() != gid {
        set_thread_res_gid(gid, gid, gid).context("cannot take the group of the user")?;
    }
    if geteuid() != uid {
        // The capabilities are kept in the permitted set, from which `raised` takes them.
        set_keep_capabilities(true).context("cannot keep capabilities")?;
        set_thread_res_uid(uid, uid, uid).context("cannot become the user")?;
        set_keep_capabilities(false).context("cannot keep capabilities")?;
    }
    let sets = held()?;
    if sets.permitted.is_empty() {
        return Ok(());
    }
    make_effective(sets, sets.permitted & HARMLESS)
}

/// Does `work` with everything that this process may do. For what the user has not named: the kernel's own files
/// and system calls.
pub fn raised<T>(work: impl FnOnce() -> T) -> T {
    with_effective(|sets| sets.permitted, work)
}

/// Does `work` with the user's own rights, within [`raised`], too. For what the user has named.
pub fn as_user<T>(work: impl FnOnce() -> T) -> T {
    with_effective(|sets| sets.permitted & HARMLESS, work)
}

/// Whether `sees` becomes false without `capability`, where it is true with all that this process has.
#[must_use]
pub fn takes(capability: CapabilitySet, sees: impl Fn() -> bool) -> bool {
    let Ok(before) = held() else { return false };
    let with = |wanted| make_effective(before, wanted).is_ok() && sees();
    let takes = with(before.permitted) && !with(before.permitted.difference(capability));
    // Only what is permitted was ever effective, so the kernel allows it.
    let _ = make_effective(before, before.effective);
    takes
}

/// Does `look` with `wanted`, as far as this process has that, and nothing else. `None` when the kernel refuses.
pub fn with_only<T>(wanted: CapabilitySet, look: impl FnOnce() -> T) -> Option<T> {
    let before = held().ok()?;
    make_effective(before, before.permitted & wanted).ok()?;
    let seen = look();
    // Only what is permitted was ever effective, so the kernel allows it.
    let _ = make_effective(before, before.effective);
    Some(seen)
}

/// Drops every capability but `kept`, and the way to new ones, for good.
///
/// # Errors
/// When the kernel refuses, or when another thread would keep what this one drops: capabilities belong to
/// threads, so this comes before others are started.
pub fn keep_only(kept: CapabilitySet) -> Result<()> {
    let sets = held()?;
    let kept = sets.permitted & kept;
    if sets.permitted.contains(CapabilitySet::SETPCAP) {
        make_effective(sets, sets.permitted)?;
        for capability in CapabilitySet::all().difference(kept).iter() {
            // Those that this kernel does not know are in no set.
            if capability_is_in_bounding_set(capability).unwrap_or(false) {
                remove_capability_from_bounding_set(capability)
                    .context("cannot drop capabilities from the bounding set")?;
            }
        }
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: none })
        .context("cannot drop capabilities")?;
    // Last: it can be seen from outside, and says that all of this is done.
    set_no_new_privs(true).context("cannot set no_new_privs")?;
    every_thread_is_within(kept)
}

/// Drops every capability of this thread but `kept`, for good.
///
/// # Errors
/// When the kernel refuses.
pub fn keep_in_this_thread(kept: CapabilitySet) -> Result<()> {
    let sets = held()?;
    let (permitted, inheritable) = (sets.permitted & kept, CapabilitySet::empty());
    let effective = sets.effective & permitted;
    set_capabilities(None, CapabilitySets { effective, permitted, inheritable })
        .context("cannot drop capabilities of a thread")
}

/// # Errors
/// When a thread of this process has capabilities beyond `kept`, and goes on to have them.
fn every_thread_is_within(kept: CapabilitySet) -> Result<()> {
    let deadline = Instant::now() + ENDING;
    while has_thread_beyond(kept)? {
        if Instant::now() > deadline {
            bail!("cannot drop capabilities: another thread keeps them");
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// A thread that has been joined may still be on its way out of the kernel: on a busy machine for a while.
const ENDING: Duration = Duration::from_secs(10);

fn has_thread_beyond(kept: CapabilitySet) -> Result<bool> {
    for thread in fs::read_dir("/proc/self/task").context("cannot list the own threads")? {
        let status = thread.context("cannot list the own threads")?.path().join("status");
        // A thread that has just ended has none.
        let Ok(status) = fs::read_to_string(status) else { continue };
        let permitted = status
            .lines()
            .find_map(|line| line.strip_prefix("CapPrm:"))
            .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
            .context("cannot read the capabilities of a thread")?;
        if permitted & !kept.bits() != 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn held() -> Result<CapabilitySets> {
    capabilities(None).context("cannot read the capabilities of this process")
}

fn make_effective(sets: CapabilitySets, effective: CapabilitySet) -> Result<()> {
    set_capabilities(None, CapabilitySets { effective, ..sets })
        .context("cannot change the capabilities in effect")
}

/// Of root nothing changes: its rights are the user's own.
fn with_effective<T>(
    wanted: impl FnOnce(&CapabilitySets) -> CapabilitySet,
    work: impl FnOnce() -> T,
) -> T {
    /// Also when the work panics.
    struct Restore(CapabilitySets);
    impl Drop for Restore {
        fn drop(&mut self) {
            // Within what is permitted, the kernel allows it.
            let _ = make_effective(self.0, self.0.effective);
        }
    }

    let sets = if getuid().is_root() { None } else { held().ok() };
    let restore = sets.filter(|sets| !sets.permitted.is_empty()).map(|sets| {
        // As above.
        let _ = make_effective(sets, wanted(&sets));
        Restore(sets)
    });
    let done = work();
    drop(restore);
    done
}
