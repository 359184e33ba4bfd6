//! Two network namespaces with wires between them; a server in the far one receives everything.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, UdpSocket},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    TRIPS, Trip,
    device::{Device, ip, own_namespace},
    send::{Sent, send},
};
use crate::{child::fork, gate::Gate, is_guest};

/// Where everything is sent to.
pub(super) const PORT: u16 = 4711;

/// What two devices are called, the near one and the far one, and their addresses.
const VETH: [&str; 2] = ["zc-near", "zc-far"];
const VETH_ADDRESSES: [&str; 2] = ["10.98.1.1", "10.98.1.2"];
const CABLE_ADDRESSES: [&str; 2] = ["10.98.2.1", "10.98.2.2"];

/// Exit status of a trip that this machine cannot make.
const EXCUSED: i32 = 77;

/// Seconds that an emulated machine may take for everything.
const DEADLINE: u32 = 120;

/// A connection to the far namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// A pair of veth devices.
    Veth,
    /// From the e1000e of a guest to its virtio-net device. Outside guests
    /// such devices are in use.
    E1000e,
}

/// What the near end of the wires is.
pub(super) struct Near<'a> {
    pub(super) directory: &'a Path,
    /// The name of the e1000e.
    card: Option<String>,
}

impl Near<'_> {
    /// The near device of a wire, and the address at its far end.
    pub(super) fn device(&self, wire: Wire) -> Result<(Device, &'static str), String> {
        match (wire, &self.card) {
            (Wire::Veth, _) => Ok((Device(VETH[0].to_owned()), VETH_ADDRESSES[1])),
            (Wire::E1000e, Some(name)) => Ok((Device(name.clone()), CABLE_ADDRESSES[1])),
            (Wire::E1000e, None) => {
                Err("no e1000e is wired to a virtio-net device: it takes `cargo xtask vm`"
                    .to_owned())
            }
        }
    }
}

/// What became of a trip.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) pid: u64,
    pub(super) status: i32,
    /// Why it could not be made.
    pub(super) excuse: Option<String>,
    pub(super) sent: Option<Sent>,
}

/// Makes every trip, each in a process of its own, and writes what became of them.
pub(super) fn make_trips(directory: &Path) {
    let cable = [Device::of_driver("e1000e"), Device::of_driver("virtio_net")];
    let cable = match cable {
        [Some(near), Some(far)] if is_guest() => Some([near.0, far.0]),
        _ => None,
    };
    let ends = |end: usize| cable.as_ref().map(|names| names[end].clone());

    // Ends the program when a gate or a trip hangs.
    // SAFETY: an integer; nothing here handles the signal.
    unsafe { libc::alarm(DEADLINE) };
    let (mut near_there, mut far_there, mut ready) =
        (Gate::closed(), Gate::closed(), Gate::closed());
    let far = fork(|| {
        die_with_parent();
        own_namespace();
        far_there.wait();
        start(VETH[1], VETH_ADDRESSES[1]);
        if let Some(name) = ends(1) {
            start(&name, CABLE_ADDRESSES[1]);
        }
        serve(&mut ready)
    });
    let near = fork(|| {
        die_with_parent();
        own_namespace();
        near_there.wait();
        start(VETH[0], VETH_ADDRESSES[0]);
        if let Some(name) = ends(0) {
            start(&name, CABLE_ADDRESSES[0]);
        }
        make_all(&Near { directory, card: ends(0) });
        0
    });
    near_there.await_arrivals(1);
    far_there.await_arrivals(1);
    let [near_name, far_name] = VETH;
    let peer = format!("peer name {far_name} netns {}", far.pid);
    ip(&format!("link add {near_name} netns {} type veth {peer}", near.pid));
    for (name, child) in [(ends(0), &near), (ends(1), &far)] {
        if let Some(name) = name {
            ip(&format!("link set {name} netns {}", child.pid));
        }
    }
    far_there.open();
    ready.await_arrivals(1);
    near_there.open();
    near.succeed();
    // SAFETY: a child that has not been waited for.
    unsafe { libc::kill(far.pid, libc::SIGKILL) };
    far.reap();
}

fn start(name: &str, address: &str) {
    Device(name.to_owned()).start(address);
}

fn make_all(near: &Near<'_>) {
    let mut outcomes = serde_json::Map::new();
    for trip in TRIPS {
        let notes = near.directory.join(trip.name);
        let child = fork(|| match make(trip, near) {
            Ok(sent) => {
                fs::write(&notes, serde_json::to_string(&sent).unwrap()).unwrap();
                0
            }
            Err(why) => {
                fs::write(&notes, why).unwrap();
                EXCUSED
            }
        });
        let status = child.reap().code;
        let text = fs::read_to_string(&notes).unwrap_or_default();
        let outcome = Outcome {
            pid: child.pid.cast_unsigned().into(),
            status,
            sent: serde_json::from_str(&text).ok(),
            excuse: (status == EXCUSED).then_some(text),
        };
        outcomes.insert(trip.name.to_owned(), serde_json::to_value(outcome).unwrap());
    }
    let text = serde_json::to_string(&outcomes).unwrap();
    fs::write(near.directory.join("outcomes"), text).unwrap();
}

fn make(trip: &Trip, near: &Near<'_>) -> Result<Sent, String> {
    let (device, to) = near.device(trip.wire)?;
    device.await_carrier();
    device.choose(trip.features)?;
    let segments = || device.statistic("tx_tcp_seg_good");
    let before = segments();
    let mut sent = send(trip.way, near.directory, &device, to)?;
    sent.segments = before.zip(segments()).map(|(before, after)| after - before);
    Ok(sent)
}

/// Takes what is sent over TCP and says at the end of each connection how many bytes that was; answers
/// every datagram with its first byte.
fn serve(ready: &mut Gate) -> ! {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).unwrap();
    let datagrams = UdpSocket::bind(("0.0.0.0", PORT)).unwrap();
    let _answers = fork(|| {
        die_with_parent();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let (_, from) = datagrams.recv_from(&mut buffer).unwrap();
            datagrams.send_to(&buffer[..1], from).unwrap();
        }
    });
    let mut buffer = vec![0; 1 << 16];
    ready.arrive();
    loop {
        let (mut connection, _) = listener.accept().unwrap();
        let mut count = 0_u64;
        loop {
            match connection.read(&mut buffer).unwrap() {
                0 => break,
                more => count += more as u64,
            }
        }
        connection.write_all(&count.to_ne_bytes()).unwrap();
    }
}

fn die_with_parent() {
    // SAFETY: integers.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    assert_eq!(result, 0, "prctl: {}", std::io::Error::last_os_error());
}
