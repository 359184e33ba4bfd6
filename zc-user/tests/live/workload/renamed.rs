//! An interface that is renamed, and another one that gets its numbers, in a network namespace of their own.

use std::{fs, io, os::unix::fs::MetadataExt as _};

use serde_json::json;

use super::{
    crowded::{FRAME, send, socket},
    traffic::{ip, own_namespace},
};

/// The names that an index has one after the other, with the frames that are sent under each. Two of
/// them differ in their end only.
pub(crate) const NAMES: [(&str, usize); 4] =
    [("zca", 53), ("zc-interface-b", 19), ("zc-interface-c", 37), ("zcd", 23)];
/// The other end of each pair.
pub(crate) const PEER: &str = "zcpeer";
/// Bytes sent under each name, per frame.
pub(crate) const BYTES: usize = FRAME;

/// Sends under each name, and prints the number of the namespace, a line of JSON.
pub(super) fn renamed() {
    own_namespace();
    let add = |name| {
        ip(&format!("link add {name} index 17 type veth peer name {PEER} index 18"));
        ip(&format!("link set {PEER} up"));
    };
    let [(first, _), renames @ .., (last, _)] = NAMES;
    let mut now = first;
    add(first);
    transmit(NAMES[0]);
    for (name, frames) in renames {
        ip(&format!("link set {now} down"));
        ip(&format!("link set {now} name {name}"));
        transmit((name, frames));
        now = name;
    }
    ip(&format!("link del {now}"));
    add(last);
    transmit(NAMES[3]);
    let namespace = fs::metadata("/proc/self/ns/net").expect("a namespace").ino();
    println!("{}", json!({ "namespace": namespace }));
}

fn transmit((name, frames): (&str, usize)) {
    ip(&format!("link set {name} up"));
    let socket = socket(name);
    (0..frames).for_each(|_| send(socket));
}

/// Names that an interface has one after the other: more than a table of devices has room for.
pub(crate) const MANY: usize = zc_common::device::DEVICES_ROOM as usize + 907;
/// Frames that are sent under each.
pub(crate) const EACH: usize = 3;

/// Sends under very many names, and prints the number of the namespace, a line of JSON.
pub(super) fn ever_renamed() {
    own_namespace();
    ip(&format!("link add zc0 type veth peer name {PEER}"));
    ip(&format!("link set {PEER} up"));
    ip("link set zc0 up");
    let packets = socket("zc0");
    for number in 0..MANY {
        (0..EACH).for_each(|_| send(packets));
        rename(packets, &format!("zc{number}"), &format!("zc{}", number + 1));
    }
    let namespace = fs::metadata("/proc/self/ns/net").expect("a namespace").ino();
    println!("{}", json!({ "namespace": namespace }));
}

/// Renames an interface, which has to be down for that before 6.2 (`dev_change_name`, `net/core/dev.c`).
fn rename(socket: libc::c_int, from: &str, to: &str) {
    let mut request = request(from);
    request.ifr_ifru.ifru_newname = request_name(to);
    // SAFETY: the request of this call.
    let renamed = unsafe { libc::ioctl(socket, libc::SIOCSIFNAME, &raw const request) };
    if renamed < 0 {
        let error = io::Error::last_os_error();
        assert_eq!(error.raw_os_error(), Some(libc::EBUSY), "{error}");
        set_flags(socket, from, 0);
        // SAFETY: as above.
        let renamed = unsafe { libc::ioctl(socket, libc::SIOCSIFNAME, &raw const request) };
        assert_eq!(renamed, 0, "{}", io::Error::last_os_error());
        set_flags(socket, to, libc::IFF_UP);
    }
}

fn set_flags(socket: libc::c_int, name: &str, flags: libc::c_int) {
    let mut request = request(name);
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: the request of this call.
    let done = unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request) };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
}

fn request(name: &str) -> libc::ifreq {
    // SAFETY: integers and arrays of them.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name = request_name(name);
    request
}

fn request_name(name: &str) -> [libc::c_char; libc::IFNAMSIZ] {
    let mut words = [0; libc::IFNAMSIZ];
    assert!(name.len() < words.len());
    for (word, byte) in words.iter_mut().zip(name.bytes()) {
        *word = byte as libc::c_char;
    }
    words
}
