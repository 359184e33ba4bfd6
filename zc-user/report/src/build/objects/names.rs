//! What files, sockets and pipes are called in a report. Connections that a server accepted, or that a client made to
//! one address, differ in a port that says nothing: they have one name.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use zc_model::{
    object::Peers,
    snapshot::{Ends, Object, ObjectId, Objects, ProcessId},
};
use zc_render::{
    human,
    sanitize::sanitize,
    table::{object_name, shortened},
};

/// An end of connections: of which command, the protocol, whether it is the far end, the address.
type End<'a> = (&'a str, &'a str, bool, &'a str);

/// Peers of connections that are named.
const PEERS: usize = 3;

/// The names.
pub(super) struct Names<'a> {
    peers: Peers<'a>,
    /// Connections of each end that more than one has.
    ends: HashMap<End<'a>, Shared>,
    /// The end by which a socket is known.
    by_object: HashMap<ObjectId, End<'a>>,
}

/// Connections that share an end.
#[derive(Default)]
struct Shared {
    sockets: BTreeSet<ObjectId>,
    peers: BTreeSet<String>,
}

impl<'a> Names<'a> {
    pub(super) fn of(objects: &'a Objects) -> Self {
        let peers = objects.peers();
        let mut ends: HashMap<End<'a>, Shared> = HashMap::new();
        let mut sockets: Vec<(ObjectId, [Option<End<'a>>; 2])> = Vec::new();
        for row in &objects.rows {
            let Some(found) = &row.object.ends else { continue };
            let both = both(&row.comm, found);
            for end in both.into_iter().flatten() {
                let shared = ends.entry(end).or_default();
                shared.sockets.insert(row.object.id);
                let others = peers.of(&row.object, &[row.process]);
                shared.peers.extend(others.into_iter().map(|(_, comm)| comm.to_owned()));
            }
            sockets.push((row.object.id, both));
        }
        let count = |end: &End<'a>| ends.get(end).map_or(0, |shared| shared.sockets.len());
        let mut by_object = HashMap::new();
        for (socket, both) in sockets {
            let busiest = both.into_iter().flatten().max_by_key(count);
            if let Some(end) = busiest.filter(|end| count(end) > 1) {
                by_object.entry(socket).or_insert(end);
            }
        }
        Self { peers, ends, by_object }
    }

    /// What an object is called that these processes use. Safe for a terminal.
    pub(super) fn name(&self, object: &Object, users: &[(ProcessId, Arc<str>)]) -> String {
        let shared =
            self.by_object.get(&object.id).and_then(|end| Some((end, self.ends.get(end)?)));
        let Some(((_, protocol, is_far, address), shared)) = shared else {
            return object_name(object, users, &self.peers);
        };
        let address = sanitize(address);
        let which = if *is_far { format!("{address}") } else { format!("on {address}") };
        let mut name = format!(
            "{} {which}, {} connections",
            sanitize(protocol),
            human::count(shared.sockets.len() as u64)
        );
        let peers: Vec<_> = shared.peers.iter().take(PEERS).map(|peer| sanitize(peer)).collect();
        if !peers.is_empty() {
            let more = if shared.peers.len() > PEERS { ", ..." } else { "" };
            name.push_str(&format!(" = {}{more}", peers.join(", ")));
        }
        shortened(&name, super::NAME).into_owned()
    }
}

/// Both ends of a connection. Datagrams and unix sockets have none that tells them apart.
fn both<'a>(comm: &'a str, ends: &'a Ends) -> [Option<End<'a>>; 2] {
    match (&ends.local, &ends.remote) {
        (Some(local), Some(remote)) if ends.protocol != "unix" => [
            Some((comm, &*ends.protocol, false, &**local)),
            Some((comm, &*ends.protocol, true, &**remote)),
        ],
        _ => [None, None],
    }
}
