//! One process: its sample, and what that is made from.

use std::sync::Arc;

use zc_common::record::{FLAG_GROUP_DEAD, FLAG_KTHREAD, STATE_EXITED};

use super::slots::{Place, Slots};
use crate::{record_sum::RecordSum, records::Header};
use zc_model::{
    counter::{CounterId, Counters},
    snapshot::{PathSample, ProcessId, ProcessSample},
};

/// A process with at least one record, or one that has exited.
pub(super) struct Process {
    /// As of the last [`Processes::refresh`]. Shared with the snapshots, which tell by the pointer
    /// that nothing has changed.
    pub(super) sample: Arc<ProcessSample>,
    /// A reference to `sample` for the next snapshot: counting it while the sample is being written
    /// costs nothing, later it would have to be fetched from memory again.
    next: Option<Arc<ProcessSample>>,
    /// The sample before. The next one takes over its memory, when no snapshot holds it any more.
    spare: Option<Arc<ProcessSample>>,
    /// The [`Processes::round`] in which `sample` was made.
    pub(super) round: u64,
    /// The name is a leader's, and not that of just any thread.
    named: bool,
    /// The leader is known and lives, and says where the process is; the other threads do otherwise.
    is_led: bool,
    /// The leader's name was asked for.
    is_asked: bool,
    pub(super) cgroup_id: u64,
    /// The sample has the name of its cgroup.
    pub(super) has_cgroup: bool,
    /// The last thread has passed its exit hook.
    pub(super) group_dead: bool,
    /// Sum of the threads whose slots were recycled.
    pub(super) retired: Option<Box<RecordSum>>,
    /// Slots of the other threads.
    pub(super) slots: Slots,
    /// It is among those that have no record, and may live.
    pub(super) is_bare: bool,
    /// Something may have changed since `sample` was made.
    pub(super) is_changed: bool,
    /// What `sample` has of the records alone, without calls that are pending.
    recorded: Calls,
}

/// Counts to which the calls of a running thread are added before they are in its record.
#[derive(Clone, Copy, Default)]
struct Calls {
    syscalls: u64,
    mode_switches: u64,
}

/// The process that a record belongs to.
pub(super) fn id_of(header: &Header) -> ProcessId {
    ProcessId { pid: header.tgid, start_ns: header.process_start_ns }
}

/// A name in the kernel's form.
pub(super) fn comm_of(header: &Header) -> Arc<str> {
    String::from_utf8_lossy(trimmed(&header.comm)).into()
}

impl Process {
    pub(super) fn new(header: &Header) -> Self {
        Self {
            sample: Arc::new(ProcessSample {
                id: id_of(header),
                parent: parent_of(header),
                comm: comm_of(header),
                cgroup: None,
                user: Some(header.user),
                ancestry: None,
                kernel: header.flags & FLAG_KTHREAD != 0,
                exited: false,
                merged: 1,
                counters: Counters::default(),
                paths: Vec::new(),
            }),
            next: None,
            spare: None,
            round: 0,
            named: false,
            is_led: false,
            is_asked: false,
            cgroup_id: header.cgroup_id,
            has_cgroup: false,
            group_dead: false,
            retired: None,
            slots: Slots::default(),
            is_bare: false,
            is_changed: false,
            recorded: Calls::default(),
        }
    }

    /// Lists it, once, among those that may have changed.
    pub(super) fn mark(&mut self, place: Place, changed: &mut Vec<Place>) {
        if !std::mem::replace(&mut self.is_changed, true) {
            changed.push(place);
        }
    }

    /// Takes over what the record of a thread says of the process.
    pub(super) fn note(&mut self, header: &Header) {
        let is_group_dead = header.flags & FLAG_GROUP_DEAD != 0;
        if header.pid == header.tgid {
            // Another thread may have replaced this leader by `execve` since it died.
            let current = header.state < STATE_EXITED || is_group_dead;
            if current {
                self.group_dead = false;
            }
            if (current || !self.named) && self.sample.comm.as_bytes() != trimmed(&header.comm) {
                self.sample_mut().comm = comm_of(header);
            }
            self.named = true;
            self.is_led = current;
        }
        if self.is_led == (header.pid == header.tgid) {
            if self.cgroup_id != header.cgroup_id {
                self.cgroup_id = header.cgroup_id;
                self.has_cgroup = false;
                self.sample_mut().cgroup = None;
            }
            if self.sample.user != Some(header.user) {
                self.sample_mut().user = Some(header.user);
            }
        }
        if is_group_dead && header.state >= STATE_EXITED {
            self.group_dead = true;
        }
    }

    /// Whether its name is that of just any thread, and the leader's was not asked for: true once.
    pub(super) const fn lacks_name(&mut self) -> bool {
        !self.named && !std::mem::replace(&mut self.is_asked, true)
    }

    /// The sample, to change a part of it.
    pub(super) fn sample_mut(&mut self) -> &mut ProcessSample {
        self.next = None;
        Arc::make_mut(&mut self.sample)
    }

    /// The sample, for a snapshot.
    pub(super) fn share(&mut self) -> Arc<ProcessSample> {
        self.next.take().unwrap_or_else(|| Arc::clone(&self.sample))
    }

    /// Takes over what its records say together. Whether that is something new.
    pub(super) fn update(&mut self, mut counters: Counters, paths: &[PathSample]) -> bool {
        self.recorded = Calls {
            syscalls: counters[CounterId::Syscalls],
            mode_switches: counters[CounterId::ModeSwitches],
        };
        // Pending calls are read apart from the record they go to: for a moment they may be in
        // neither. A cumulative count must not fall.
        let has_grown = counters.raise(&self.sample.counters);
        if !has_grown && self.sample.exited == self.group_dead && self.sample.paths == paths {
            return false;
        }
        self.next = None;
        if Arc::get_mut(&mut self.sample).is_none() {
            let next = self.successor();
            self.spare = Some(std::mem::replace(&mut self.sample, next));
        }
        // No snapshot holds it: nothing is copied but what is new.
        let sample = Arc::make_mut(&mut self.sample);
        (sample.exited, sample.counters) = (self.group_dead, counters);
        sample.paths.clear();
        sample.paths.reserve_exact(paths.len());
        sample.paths.extend_from_slice(paths);
        self.next = Some(Arc::clone(&self.sample));
        true
    }

    /// A sample of the process that no snapshot holds, with counts of whatever time.
    fn successor(&mut self) -> Arc<ProcessSample> {
        let before = &*self.sample;
        if let Some(mut spare) = self.spare.take()
            && let Some(sample) = Arc::get_mut(&mut spare)
        {
            if sample.comm != before.comm {
                sample.comm = Arc::clone(&before.comm);
            }
            if sample.cgroup != before.cgroup {
                sample.cgroup.clone_from(&before.cgroup);
            }
            sample.user = before.user;
            if sample.ancestry.is_none() {
                sample.ancestry.clone_from(&before.ancestry);
            }
            return spare;
        }
        Arc::new(ProcessSample {
            id: before.id,
            parent: before.parent,
            comm: Arc::clone(&before.comm),
            cgroup: before.cgroup.clone(),
            user: before.user,
            ancestry: before.ancestry.clone(),
            kernel: before.kernel,
            exited: before.exited,
            merged: before.merged,
            counters: Counters::default(),
            paths: Vec::new(),
        })
    }

    /// Gives back the memory that is kept for the next sample.
    pub(super) fn drop_spare(&mut self) {
        self.spare = None;
    }

    /// Whether there is such memory.
    #[cfg(test)]
    pub(super) fn has_spare(&self) -> bool {
        self.spare.is_some()
    }

    /// Adds system calls that its threads have made and that are in no record yet.
    pub(super) fn add_pending(&mut self, calls: u64) {
        let wanted = [
            (CounterId::Syscalls, self.recorded.syscalls + calls),
            (CounterId::ModeSwitches, self.recorded.mode_switches + 2 * calls),
        ];
        for (counter, count) in wanted {
            if self.sample.counters[counter] < count {
                self.sample_mut().counters[counter] = count;
            }
        }
    }
}

/// The parent of the process that a record belongs to.
pub(super) fn parent_of(header: &Header) -> ProcessId {
    ProcessId { pid: header.parent_tgid, start_ns: header.parent_start_ns }
}

fn trimmed(comm: &[u8]) -> &[u8] {
    let end = comm.iter().position(|byte| *byte == 0).unwrap_or(comm.len());
    &comm[..end]
}
