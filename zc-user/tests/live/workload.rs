//! The workloads: what this program does when it is started as `live workload NAME`.
//!
//! They run single-threaded from `main`, before any test, so they may fork.

pub(crate) mod burst;
mod code;
pub(crate) mod crowd;
pub(crate) mod crowded;
pub(crate) mod family;
mod iperf;
mod launch;
mod life;
pub(crate) mod objects;
mod passed;
pub(crate) mod refusal;
pub(crate) mod renamed;
pub(crate) mod sites;
pub(crate) mod tax;
mod traffic;
pub(crate) mod users;
pub(crate) mod workers;
pub(crate) mod writeback;

use std::{ffi::OsString, path::Path, process::ExitCode};
use zc_test_support::{child, gate};

pub(crate) use child::{Child, fork};
pub(crate) use gate::Gate;
pub(crate) use iperf::Talk;
pub(crate) use launch::{Launch, Launched};

/// Runs the workload that the command line names.
pub(crate) fn main(words: &[OsString]) -> ExitCode {
    let text = |n: usize| words.get(n).and_then(|word| word.to_str()).unwrap_or_default();
    let count = |n: usize| text(n).parse().expect("a number");
    match text(0) {
        "scenarios" => crate::scenarios::run_all(Path::new(text(1))),
        "launch" => launch::launch(Path::new(text(1))),
        "swarm" => life::swarm(count(1), count(2), Path::new(text(3))),
        "nested" => life::nested(count(1), count(2), Path::new(text(3))),
        "reuse" => life::reuse(Path::new(text(1))),
        "thread-exec" => life::thread_exec(count(1), Path::new(text(2))),
        "write" => life::write(count(1), Path::new(text(2))),
        "names" => life::names(Path::new(text(1))),
        "descent" => family::descent(),
        "members" => family::members(Path::new(text(1)), Path::new(text(2))),
        "threaded" => family::threaded(Path::new(text(1)), Path::new(text(2))),
        "parted" => family::parted(Path::new(text(1))),
        "homes" => family::homes(Path::new(text(1))),
        "dirty" => family::dirty(Path::new(text(1)), count(2)),
        "users" => users::users(),
        "workers" => workers::workers(),
        "sites" => sites::sites(Path::new(text(1))),
        "sites_unread" => sites::unread(Path::new(text(1))),
        "sites_without_first_thread" => sites::without_first_thread(Path::new(text(1))),
        "crowd" => crowd::crowd(count(1)),
        "tax" => {
            tax::burn_all(text(1), count(2) as u64, Path::new(text(3)));
        }
        "code" => code::burn(text(1), count(2) as u64, Path::new(text(3))),
        "traffic" => traffic::traffic(),
        "burst" => burst::burst(),
        "crowded" => crowded::crowded(),
        "passed" => passed::passed(text(1), Path::new(text(2)), Path::new(text(3))),
        "objects" => objects::objects(Path::new(text(1))),
        "flows" => objects::flows(Path::new(text(1))),
        "many-files" => objects::many(count(1), Path::new(text(2))),
        "files-in-turn" => objects::in_turn(Path::new(text(1))),
        "renamed" => renamed::renamed(),
        "ever-renamed" => renamed::ever_renamed(),
        "unseen" => crate::scenarios::rings::reap_in_memory(),
        "ambiguous" => crate::scenarios::rings::reuse(Path::new(text(1))),
        #[cfg(target_arch = "x86_64")]
        "overwritten" => crate::scenarios::foreign::overwritten(),
        "dropped" => refusal::dropped(),
        "requeued" => refusal::requeued(),
        "iperf" => iperf::iperf(Path::new(text(1)), Path::new(text(2))),
        "writeback" => writeback::writeback(Path::new(text(1)), text(2), Path::new(text(3))),
        other => panic!("there is no workload '{other}'"),
    }
    ExitCode::SUCCESS
}
