//! What a scene is compared with: an earlier scene of the same payload, which ran the mechanism that this one replaces.

use super::script::{Act, How, Script};
use crate::{sink::Sink, workload::scenario::Scenario};

/// Which mechanism makes clear what another one does. Where none is named, it is the scene before, to the same sink.
const RIVALS: &[(&str, &str)] = &[
    ("mmap_write", "read_write"),
    ("sendfile", "read_write"),
    ("sendfile_linear", "sendfile"),
    ("splice", "sendfile"),
    ("copy_range_copied", "read_write"),
    ("copy_range_reflink", "copy_range_copied"),
    ("cache_warm", "cache_cold"),
    ("direct_read", "cache_cold"),
    ("zerocopy", "read_write"),
    ("uring_read_write", "read_write"),
];

/// A scene that another one is compared with.
#[derive(Clone, Copy)]
pub struct Rival {
    /// Its number, from 0.
    pub scene: usize,
    /// What it runs.
    pub scenario: &'static Scenario,
    /// Whether its payload goes to the same sink, so that times can be compared.
    pub has_same_sink: bool,
}

impl Rival {
    /// What the scene with this number, from 0, is compared with.
    #[must_use]
    pub fn of(script: &Script, scene: usize) -> Option<Self> {
        let Step { scenario, sink, how } = Step::of(&script.scenes.get(scene)?.act)?;
        let rival = |index: usize| {
            let other = Step::of(&script.scenes.get(index)?.act)?;
            let is_same_payload = other.how.size == how.size && other.how.chunk == how.chunk;
            is_same_payload.then_some(Self {
                scene: index,
                scenario: other.scenario,
                has_same_sink: other.sink == sink,
            })
        };
        let before = scene.checked_sub(1).and_then(rival);
        // The same mechanism elsewhere: the sink makes the difference.
        if let Some(before) = before.filter(|before| before.scenario.id == scenario.id) {
            return Some(before);
        }
        let named = RIVALS.iter().find(|(id, _)| *id == scenario.id).map(|(_, rival)| *rival);
        let Some(named) = named else { return before.filter(|before| before.has_same_sink) };
        let all = || (0..scene).rev().filter_map(rival).filter(|it| it.scenario.id == named);
        all().find(|it| it.has_same_sink).or_else(|| all().next())
    }
}

/// A scene with one scenario.
struct Step<'a> {
    scenario: &'static Scenario,
    sink: Sink,
    how: &'a How,
}

impl<'a> Step<'a> {
    fn of(act: &'a Act) -> Option<Self> {
        let Act::Step(scenario, how) = act else { return None };
        let sink = how.sink.unwrap_or(scenario.sinks[0]);
        Some(Self { scenario, sink, how })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        tour::{parse::parse, script::BUILT_IN},
        workload::catalog,
    };

    fn rivals(text: &str) -> Vec<(&'static str, &'static str, bool)> {
        let script = parse(text).map_err(|error| error.to_string()).expect("a script");
        let pairs = script.scenes.iter().enumerate().filter_map(|(index, scene)| {
            let rival = Rival::of(&script, index)?;
            assert!(rival.scene < index);
            Some((scene.act.scenarios()[0].id, rival.scenario.id, rival.has_same_sink))
        });
        pairs.collect()
    }

    #[test]
    fn the_scenes_of_the_tour_are_compared_with_what_they_replace() {
        assert_eq!(
            rivals(BUILT_IN),
            [
                ("mmap_write", "read_write", true),
                ("sendfile", "read_write", true),
                ("sendfile", "sendfile", false),
                ("sendfile_linear", "sendfile", false),
                ("splice", "sendfile", true),
                ("tee", "vmsplice", true),
                ("copy_range_copied", "read_write", false),
                ("copy_range_reflink", "copy_range_copied", true),
                ("cache_warm", "cache_cold", true),
                ("direct_read", "cache_cold", true),
                ("zerocopy", "read_write", true),
                ("uring_read_write", "read_write", true),
                ("shared_ring", "cow", true),
            ]
        );
        let known = |id| catalog::find(id).is_some();
        assert!(RIVALS.iter().all(|(id, rival)| known(id) && known(rival) && id != rival));
    }

    #[test]
    fn another_payload_is_not_compared() {
        let text = "step read_write sink=tcp size=1MiB\nstep sendfile sink=tcp\n";
        assert_eq!(rivals(text), []);
        let text = "step read_write sink=tcp size=1MiB\nstep sendfile sink=tcp size=1MiB\n";
        assert_eq!(rivals(text), [("sendfile", "read_write", true)]);
        // Without a name in the table: the scene before, to the same sink only.
        assert_eq!(rivals("step splice sink=tcp\nstep vmsplice\n"), []);
        assert_eq!(
            rivals("step splice sink=pipe\nstep vmsplice\n"),
            [("vmsplice", "splice", true)]
        );
    }
}
