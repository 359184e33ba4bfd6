//! Whether a snapshot can be one of a machine: sums of what is counted must not overflow where it is shown.

use zc_model::{
    counter::Counters,
    snapshot::{DeviceSample, Mapped, Objects, PathSample, Snapshot, Stacks},
};

/// All counts of a snapshot together stay below this. A machine that copies ten gigabytes a second needs years for
/// it, though each byte is in several counts.
const MOST: u128 = 1 << 62;

/// Why no machine can have counted this, in words.
pub(crate) fn refusal(snapshot: &Snapshot) -> Option<String> {
    let mut sum = Sum::default();
    sum.snapshot(snapshot);
    (sum.0 >= MOST).then(|| {
        "its counts are together 2^62 or more, which no machine can have counted".to_owned()
    })
}

/// Counts, together. Times and identities are none.
#[derive(Default)]
struct Sum(u128);

impl Sum {
    fn add(&mut self, count: u64) {
        self.0 = self.0.saturating_add(count.into());
    }

    /// An estimate: what is no number, or below 0, is none of a machine either.
    fn estimate(&mut self, count: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        let whole = if count >= 0.0 { count as u128 } else { MOST };
        self.0 = self.0.saturating_add(whole);
    }

    fn snapshot(&mut self, snapshot: &Snapshot) {
        let Snapshot {
            schema: _,
            host: _,
            taken_at_ns: _,
            elapsed_ns: _,
            processes,
            threads,
            copiers,
            objects,
            stacks,
            unattributed,
            devices,
            losses,
            self_cost,
        } = snapshot;
        for process in processes {
            self.add(process.merged);
            self.counters(&process.counters);
            self.paths(&process.paths);
        }
        for thread in threads {
            self.add(thread.ended);
            self.counters(&thread.counters);
            self.paths(&thread.paths);
        }
        for copier in copiers {
            self.add(copier.samples);
            self.add(copier.fault_samples);
        }
        if let Some(objects) = objects {
            self.objects(objects);
        }
        if let Some(stacks) = stacks {
            self.stacks(stacks);
        }
        self.counters(&unattributed.counters);
        self.paths(&unattributed.paths);
        devices.iter().for_each(|device| self.device(device));
        losses.iter().for_each(|(_, count)| self.add(count));
        self.add(self_cost.rss_bytes);
        self.add(self_cost.map_bytes);
        self.add(self_cost.program_runs.unwrap_or_default());
    }

    fn counters(&mut self, counters: &Counters) {
        counters.values().for_each(|count| self.add(count));
    }

    fn paths(&mut self, paths: &[PathSample]) {
        for path in paths {
            let PathSample {
                path: _,
                socket: _,
                ops,
                errors,
                moved_bytes,
                copied_bytes,
                assumed_bytes,
                provenance: _,
            } = path;
            for count in [ops, errors, moved_bytes, copied_bytes, assumed_bytes] {
                self.add(*count);
            }
        }
    }

    fn device(&mut self, device: &DeviceSample) {
        for count in [
            device.read_bytes,
            device.write_bytes,
            device.read_requests,
            device.write_requests,
            device.errors,
            device.linear_bytes,
            device.gather_bytes,
        ] {
            self.add(count);
        }
        let Mapped {
            from_device_bytes,
            to_device_bytes,
            bidirectional_bytes,
            unmapped_bytes,
            bounced_bytes,
        } = device.mapped.unwrap_or_default();
        for count in
            [from_device_bytes, to_device_bytes, bidirectional_bytes, unmapped_bytes, bounced_bytes]
        {
            self.add(count.unwrap_or_default());
        }
    }

    fn objects(&mut self, objects: &Objects) {
        let Objects { rows, outside, flows, .. } = objects;
        for row in rows {
            self.paths(&row.from);
            self.paths(&row.to);
        }
        for outside in outside {
            self.paths(&outside.from);
            self.paths(&outside.to);
        }
        for flow in flows {
            self.add(flow.ops);
            self.add(flow.bytes);
        }
    }

    fn stacks(&mut self, stacks: &Stacks) {
        for row in &stacks.rows {
            self.add(row.samples);
            self.add(row.time_samples);
            self.estimate(row.bytes);
            self.estimate(row.calls);
            // The square of a count has more room than a count.
            self.estimate(row.variance.max(0.0).sqrt());
        }
        self.add(stacks.lost_bytes);
        self.estimate(stacks.lost_variance.unwrap_or(0.0).max(0.0).sqrt());
        self.add(stacks.lost_time);
        self.add(stacks.frequency.into());
        self.add(stacks.mean_bytes);
    }
}
