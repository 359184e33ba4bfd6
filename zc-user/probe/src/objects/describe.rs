//! What an object is called.

use std::{
    collections::{HashMap, HashSet},
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::MetadataExt as _,
};

use zc_common::object::{DETAIL_DELETED, DETAIL_OF_PEER, DETAIL_WHOLE, ObjectDetail, ObjectKey};
use zc_model::snapshot::{Ends, Object, ObjectId, ObjectKind};

/// Bits of a minor number (`MINORBITS`, `include/linux/kdev_t.h`).
const MINOR_BITS: u32 = 20;

/// `PIPEFS_MAGIC` and `ANON_INODE_FS_MAGIC`, `include/uapi/linux/magic.h`.
const PIPEFS: u32 = 0x5049_5045;
const ANONYMOUS: u32 = 0x0904_1934;

/// Describes objects.
pub(super) struct Describer {
    /// The mount namespace that `zc` runs in (inode number).
    mounts: Option<u32>,
    /// The same for the network namespace.
    network: Option<u32>,
    /// Numbers of unix sockets by their address in the kernel, which is shown to no one.
    links: HashMap<u64, u64>,
    /// The last of these numbers.
    last_link: u64,
}

impl Default for Describer {
    fn default() -> Self {
        let own = |kind| {
            let own = fs::metadata(format!("/proc/self/ns/{kind}"));
            own.ok().and_then(|own| u32::try_from(own.ino()).ok())
        };
        Self { mounts: own("mnt"), network: own("net"), links: HashMap::new(), last_link: 0 }
    }
}

impl Describer {
    /// What is known of the object.
    pub(super) fn object(&mut self, key: ObjectKey, detail: Option<&ObjectDetail>) -> Object {
        let id = ObjectId {
            inode: key.inode,
            major: key.device >> MINOR_BITS,
            minor: key.device & ((1 << MINOR_BITS) - 1),
            generation: key.generation,
        };
        let Some(detail) = detail else {
            return Object {
                id,
                kind: ObjectKind::Other,
                name: None,
                is_whole: false,
                is_deleted: false,
                mount_namespace: None,
                ends: None,
            };
        };
        let kind = kind(detail.mode);
        let foreign = Some(detail.namespace).filter(|it| *it != 0 && Some(*it) != self.mounts);
        Object {
            id,
            kind,
            name: name(kind, id, detail),
            is_whole: detail.flags & DETAIL_WHOLE != 0,
            is_deleted: detail.flags & (DETAIL_DELETED | DETAIL_WHOLE)
                == DETAIL_DELETED | DETAIL_WHOLE,
            mount_namespace: if kind == ObjectKind::Socket { None } else { foreign },
            ends: (kind == ObjectKind::Socket).then(|| self.ends(detail)),
        }
    }
}

impl Describer {
    /// Forgets the numbers of unix sockets that none of these objects has.
    pub(super) fn forget_all_but<'a>(&mut self, objects: impl Iterator<Item = &'a Object>) {
        let ends = objects.filter_map(|object| object.ends.as_ref());
        let used: HashSet<_> = ends.filter_map(|ends| ends.links).flatten().collect();
        self.links.retain(|_, number| used.contains(number));
    }

    /// Both ends of a socket.
    fn ends(&mut self, detail: &ObjectDetail) -> Ends {
        let is_linked = detail.links.iter().all(|link| *link != 0);
        let links = is_linked.then(|| {
            detail.links.map(|address| {
                *self.links.entry(address).or_insert_with(|| {
                    self.last_link += 1;
                    self.last_link
                })
            })
        });
        Ends { links, ..ends(detail, self.network) }
    }
}

/// By the type of the file, `S_IFMT` of `include/uapi/linux/stat.h`.
fn kind(mode: u32) -> ObjectKind {
    match mode & 0o170_000 {
        0o140_000 => ObjectKind::Socket,
        0o100_000 => ObjectKind::File,
        0o060_000 => ObjectKind::BlockDevice,
        0o020_000 => ObjectKind::CharacterDevice,
        0o010_000 => ObjectKind::Pipe,
        _ => ObjectKind::Other,
    }
}

/// The path; of what has none, how the kernel calls it in `/proc/PID/fd`.
fn name(kind: ObjectKind, id: ObjectId, detail: &ObjectDetail) -> Option<String> {
    if kind == ObjectKind::Socket {
        return Some(format!("socket:[{}]", id.inode));
    }
    if kind == ObjectKind::Pipe && detail.magic == PIPEFS {
        return Some(format!("pipe:[{}]", id.inode));
    }
    let text = used(detail);
    let mut components: Vec<&[u8]> = text.split(|byte| *byte == 0).collect();
    // Each has a NUL behind it.
    components.pop();
    if components.is_empty() {
        return None;
    }
    components.reverse();
    let path = components.join(&b'/');
    let path = String::from_utf8_lossy(&path);
    if detail.magic == ANONYMOUS {
        return Some(format!("anon_inode:{path}"));
    }
    Some(if detail.flags & DETAIL_WHOLE != 0 { format!("/{path}") } else { path.into_owned() })
}

fn used(detail: &ObjectDetail) -> &[u8] {
    detail.text.get(..usize::from(detail.text_len)).unwrap_or_default()
}

/// Both ends of a socket.
fn ends(detail: &ObjectDetail, own: Option<u32>) -> Ends {
    const AF_UNIX: u16 = 1;
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;

    let (local, remote) = match detail.family {
        AF_INET => {
            let of = |address: [u64; 2], port| {
                let [a, b, c, d, ..] = address[0].to_ne_bytes();
                endpoint(Ipv4Addr::new(a, b, c, d).into(), port)
            };
            (of(detail.local, detail.local_port), of(detail.remote, detail.remote_port))
        }
        AF_INET6 => {
            let of = |address: [u64; 2], port| {
                let [high, low] = address.map(u64::to_be);
                let bits = u128::from(high) << 64 | u128::from(low);
                endpoint(Ipv6Addr::from(bits).into(), port)
            };
            (of(detail.local, detail.local_port), of(detail.remote, detail.remote_port))
        }
        AF_UNIX => {
            let name = unix_name(used(detail));
            if detail.flags & DETAIL_OF_PEER != 0 { (None, name) } else { (name, None) }
        }
        _ => (None, None),
    };
    Ends {
        protocol: protocol(detail),
        local,
        remote,
        peer_inode: Some(detail.peer).filter(|inode| *inode != 0),
        links: None,
        namespace: detail.namespace,
        is_foreign: own.is_some_and(|own| own != detail.namespace),
    }
}

/// `None` of an end that is not bound, or not connected.
fn endpoint(address: IpAddr, port: u16) -> Option<String> {
    let is_none = address.is_unspecified() && port == 0;
    (!is_none).then(|| SocketAddr::new(address, port).to_string())
}

/// A path may have a NUL behind it; an abstract name begins with one, and may have more.
fn unix_name(text: &[u8]) -> Option<String> {
    match text {
        [] => None,
        [0, name @ ..] => Some(format!("@{}", String::from_utf8_lossy(name).replace('\0', "@"))),
        path => {
            let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
            Some(String::from_utf8_lossy(&path[..end]).into_owned())
        }
    }
}

/// What the socket speaks.
fn protocol(detail: &ObjectDetail) -> String {
    // `include/linux/socket.h`.
    let family = match detail.family {
        1 => "unix",
        2 | 10 => {
            return match (detail.socket, detail.protocol) {
                (1, 6) => "tcp",
                (2, 17) => "udp",
                (1, 262) => "mptcp",
                (_, 132) => "sctp",
                (_, 1 | 58) => "icmp",
                (3, _) => "raw",
                (_, number) => return format!("ip-protocol-{number}"),
            }
            .to_owned();
        }
        16 => "netlink",
        17 => "packet",
        38 => "alg",
        40 => "vsock",
        44 => "xdp",
        family => return format!("family-{family}"),
    };
    family.to_owned()
}

#[cfg(test)]
mod tests {
    use zc_common::object::TEXT_LEN;

    use super::*;

    fn detail(mode: u32, flags: u32, text: &[u8]) -> ObjectDetail {
        let mut detail = ObjectDetail { mode, flags, ..ObjectDetail::ZERO };
        detail.text[..text.len()].copy_from_slice(text);
        detail.text_len = text.len() as u16;
        detail
    }

    fn object(detail: &ObjectDetail) -> Object {
        let key = ObjectKey { inode: 42, device: 8 << 20 | 1, generation: 3 };
        Describer { mounts: Some(7), network: Some(8), ..Describer::default() }
            .object(key, Some(detail))
    }

    #[test]
    fn the_components_of_a_path_are_put_in_order() {
        let file = detail(0o100_644, DETAIL_WHOLE, b"a.html\0www\0var\0");
        assert_eq!(object(&file).name.as_deref(), Some("/var/www/a.html"));
        let part = ObjectDetail { flags: 0, ..file };
        let part = object(&part);
        assert_eq!((part.name.as_deref(), part.is_whole), (Some("var/www/a.html"), false));
        assert_eq!((part.id.major, part.id.minor), (8, 1));
        assert_eq!(object(&detail(0o100_644, 0, b"")).name, None);
        let root = detail(0o100_644, DETAIL_WHOLE, b"\xff\x1b\0");
        assert_eq!(object(&root).name.as_deref(), Some("/\u{fffd}\x1b"));
    }

    #[test]
    fn a_file_without_a_name_and_one_of_another_root_differ() {
        let file = detail(0o100_644, DETAIL_WHOLE | DETAIL_DELETED, b"x\0");
        let file = ObjectDetail { namespace: 9, ..file };
        let found = object(&file);
        assert!(found.is_deleted && found.mount_namespace == Some(9));
        assert_eq!(object(&ObjectDetail { namespace: 7, ..file }).mount_namespace, None);
    }

    #[test]
    fn sockets_have_two_ends() {
        let inet = ObjectDetail {
            family: 2,
            socket: 1,
            protocol: 6,
            local: [u64::from(u32::from_ne_bytes([127, 0, 0, 1])), 0],
            local_port: 80,
            ..detail(0o140_777, 0, b"")
        };
        let found = object(&inet).ends.unwrap();
        assert_eq!((found.local.as_deref(), found.remote), (Some("127.0.0.1:80"), None));
        let six = Ipv6Addr::LOCALHOST.octets();
        let (high, low) = six.split_at(8);
        let word = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().unwrap());
        let inet =
            ObjectDetail { family: 10, remote: [word(high), word(low)], remote_port: 443, ..inet };
        assert_eq!(object(&inet).ends.unwrap().remote.as_deref(), Some("[::1]:443"));
    }

    #[test]
    fn names_of_unix_sockets_are_paths_abstract_or_none() {
        let unix = |flags, text: &[u8]| {
            let unix = ObjectDetail { family: 1, socket: 1, ..detail(0o140_777, flags, text) };
            let ends = object(&unix).ends.unwrap();
            (ends.local, ends.remote)
        };
        assert_eq!(unix(0, b"/run/x\0"), (Some("/run/x".to_owned()), None));
        assert_eq!(unix(DETAIL_OF_PEER, b"\0a\0b"), (None, Some("@a@b".to_owned())));
        assert_eq!(unix(0, b""), (None, None));
    }

    #[test]
    fn the_length_of_a_text_is_not_believed() {
        let long = ObjectDetail { text_len: TEXT_LEN as u16 + 1, ..detail(0o100_644, 0, b"a\0") };
        assert_eq!(object(&long).name, None);
    }
}
