//! `zc serve`: metrics for Prometheus, and snapshots for `zc top --connect`, over HTTP.

use std::{
    cell::RefCell,
    convert::Infallible,
    os::fd::OwnedFd,
    process::{self, ExitCode},
    rc::Rc,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result};
use rustix::thread::CapabilitySet;
use tokio::task::LocalSet;

use super::{
    options, privilege, say, say_ended,
    watch::{Watch, Watched, subject, watched},
};
use crate::cli::{Selection, Serve, Usage};
use zc_model::{snapshot::Snapshot, source::SnapshotSource as _};
use zc_privilege::as_user;
use zc_probe::{attach::Options, live::Live};
use zc_recording::{Meta, Ring, ring::IN_MEMORY};
use zc_serve::{
    account::Account,
    by::By,
    collect::About,
    guard::Limits,
    http::Server,
    listen::{self, Listener},
    notify::Notifier,
    station::Station,
};
use zc_session::{
    drive,
    output::{Flow, Output},
    signals::{Ending, Signals},
    world::{NoEvents, Real},
};

/// Runs `zc serve`. `passed` are the sockets that a service manager has passed.
pub(super) async fn run(arguments: &Serve, passed: Vec<OwnedFd>) -> Result<ExitCode> {
    if arguments.group_by == By::Pid && arguments.pids.is_empty() && arguments.cgroups.is_empty() {
        return Err(Usage(
            "--group-by pid needs -p or --cgroup: each process has series of its own, and a machine starts any number \
             of processes"
                .to_owned(),
        )
        .into());
    }
    let selection = Selection {
        pids: arguments.pids.clone(),
        cgroups: arguments.cgroups.clone(),
        ..Selection::default()
    };
    let watched = watched(&[], &selection)?;
    let ids: Vec<_> = watched.iter().map(|it| it.id).collect();
    let follow = selection.follow(&ids);
    let filter = selection.filter(&follow);
    // A bad address fails before anything is counted; who connects until then waits.
    let listeners = as_user(|| listen::open(&arguments.listen, passed))?;
    let signals = Signals::new()?;
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Those who connect may ask for any groups.
    let options = Options { ancestors: true, users: true, ..options(&arguments.probing, follow)? };
    let mut live = Live::start(&options)?;
    privilege::drop_unneeded(Some(&live), CapabilitySet::empty())?;

    let meta = Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        subject: subject(&[], &filter, &watched),
        interval_ns: nanoseconds(arguments.interval),
        labels: Default::default(),
        threads: false,
        run: super::record::run_id(),
    };
    let coverage = live.attached().coverage();
    let probes = coverage.parts().iter().map(|part| (part.part.id(), part.refusal.is_none()));
    let about = About {
        version: env!("CARGO_PKG_VERSION"),
        started,
        interval: arguments.interval,
        probes: probes.collect(),
    };
    let limits =
        Limits { groups: arguments.max_groups as usize, age_ns: nanoseconds(arguments.min_age) };
    let addresses = listeners.iter().map(|listener| listener.address.to_string()).collect();
    let station = Station::new(about, meta, Account::new(arguments.group_by, limits))
        .with_flight(arguments.flight_recorder.map(|span| Ring::new(span, IN_MEMORY)))
        .at(addresses)
        .called(format!("{}-{}", process::id(), started.as_nanos()));
    let station = Rc::new(RefCell::new(station));
    let first = live.next()?.context("the probes returned no snapshot")?;
    station.borrow_mut().take(first);

    let mut world = Real::with(signals, NoEvents);
    let mut serving = Serving {
        station: Rc::clone(&station),
        watch: Watch::new(watched, None),
        notifier: Notifier::default(),
        interval: arguments.interval,
    };
    LocalSet::new()
        .run_until(serve(listeners, station, &mut live, &mut serving, &mut world))
        .await?;
    let ended: &[Watched] = &serving.watch.watched;
    ended.iter().filter(|it| it.has_ended).for_each(|it| say_ended(it.id.pid, &it.comm));
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    listeners: Vec<Listener>,
    station: Rc<RefCell<Station>>,
    live: &mut Live,
    serving: &mut Serving,
    world: &mut Real<NoEvents>,
) -> Result<()> {
    let mut server = Server::new(station);
    let mut names = Vec::new();
    let mut addresses = Vec::new();
    for listener in listeners {
        let address = listener.address.clone();
        let (socket, name) = listener.into_socket().context("cannot watch a socket")?;
        server.serve(socket);
        names.extend(name);
        if address.is_exposed() {
            say(&format!(
                "every machine that can connect to {address} can read what is served there: names of processes and \
                 control groups, and what they move; there is no password and no encryption"
            ));
        }
        addresses.push(address.to_string());
    }
    let status = format!("serving on {}", addresses.join(", "));
    say(&status);
    serving.notifier.ready(&status);
    let outcome = drive(live, serving, world).await;
    serving.notifier.stopping();
    server.end().await;
    outcome
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Hands each snapshot to the station.
struct Serving {
    station: Rc<RefCell<Station>>,
    watch: Watch,
    notifier: Notifier,
    interval: Duration,
}

impl Output for Serving {
    type Event = Infallible;

    fn wait(&mut self, _pace: Option<Duration>) -> Option<Duration> {
        Some(self.interval)
    }

    fn receive(&mut self, snapshot: Result<Option<Snapshot>>) -> Result<Flow> {
        if let Some(snapshot) = snapshot? {
            self.station.borrow_mut().take(snapshot);
        }
        Ok(Flow::Continue)
    }

    fn tended(&mut self, outcome: Result<()>) -> Result<Flow> {
        self.notifier.tend(self.station.borrow().is_healthy());
        self.watch.tended(outcome)
    }

    fn signal(&mut self, signal: Ending) -> Result<Flow> {
        Ok(self.watch.signal(signal))
    }

    fn event(&mut self, event: Infallible) -> Result<Flow> {
        match event {}
    }
}
