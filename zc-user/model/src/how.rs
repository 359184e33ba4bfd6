//! How a row moves its bytes, in a word: `file>tcp`.

use zc_common::path::{CopyPath, Flow, SocketKind};

use crate::snapshot::{PathSample, Provenance, SocketId};

/// Where bytes came from and went to on the busiest ways, and what is between: `>` copied by the CPU, `~` by
/// reference or by a device, `?` not known. What comes in at less than a quarter of what goes out, or the other way
/// round, is not said. `None` for rows that moved nothing.
#[must_use]
pub fn how(paths: &[PathSample]) -> Option<String> {
    let mut best = Way::default();
    let (mut came, mut went) = (Ends::default(), Ends::default());
    let mut mapped = Way::default();
    for sample in paths {
        let Some(path) = sample.path.known() else { continue };
        let bytes = sample.moved_bytes.max(sample.copied_bytes);
        if bytes == 0 || path.is_pseudo() {
            continue;
        }
        let (from, to) = names(path, sample.socket);
        let way = Way { bytes, from, to, sign: sign(sample) };
        match path.flow() {
            Flow::In => came.add(way),
            Flow::Out => went.add(way),
            Flow::Through => best.keep(way),
            Flow::None if path.is_mapped() && path != CopyPath::CowCopy => mapped.keep(way),
            Flow::None => best.keep(way),
        }
    }
    let (came, went) = (came.best, went.best);
    let is_part = |of: &Way, all: &Way| of.bytes > 0 && of.bytes >= all.bytes / 4;
    if is_part(&came, &went) && is_part(&went, &came) {
        let sign = came.sign.max(went.sign);
        best.keep(Way { bytes: came.bytes.max(went.bytes), from: came.from, to: went.to, sign });
    } else if went.bytes > came.bytes && came.bytes == 0 && is_part(&mapped, &went) {
        // Nothing was read, and as much was mapped as was sent.
        best.keep(Way { bytes: went.bytes, from: "mmap", ..went });
    } else if went.bytes > came.bytes {
        best.keep(went);
    } else {
        best.keep(came);
    }
    if best.bytes == 0 {
        best.keep(mapped);
    }
    (best.bytes > 0).then(|| best.to_string())
}

/// The busiest of some ways into a process, or out of it.
#[derive(Default)]
struct Ends {
    best: Way,
    all: Vec<Way>,
}

impl Ends {
    /// The same end by other calls is the same way.
    fn add(&mut self, way: Way) {
        let sum = match self.all.iter_mut().find(|it| (it.from, it.to) == (way.from, way.to)) {
            Some(it) => {
                if way.bytes > it.bytes {
                    it.sign = way.sign;
                }
                it.bytes = it.bytes.saturating_add(way.bytes);
                *it
            }
            None => {
                self.all.push(way);
                way
            }
        };
        self.best.keep(sum);
    }
}

#[derive(Clone, Copy, Default)]
struct Way {
    bytes: u64,
    from: &'static str,
    /// `None`: they stay in one place.
    to: Option<&'static str>,
    sign: Sign,
}

impl Way {
    const fn keep(&mut self, other: Self) {
        if other.bytes > self.bytes {
            *self = other;
        }
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = match self.sign {
            Sign::Reference => "~",
            Sign::Copied => ">",
            Sign::Unknown => "?",
        };
        let Self { from, to, .. } = self;
        match to {
            Some(to) => write!(f, "{from}{sign}{to}"),
            None => write!(f, "{from}"),
        }
    }
}

/// How the bytes got across; of two ways one after the other, the greater one says what matters.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    #[default]
    Reference,
    Unknown,
    Copied,
}

fn sign(sample: &PathSample) -> Sign {
    if sample.provenance == Provenance::Unavailable {
        Sign::Unknown
    } else if sample.copied_bytes >= sample.moved_bytes.div_ceil(2) {
        Sign::Copied
    } else {
        Sign::Reference
    }
}

/// Where the bytes of a path come from and go to, the memory of the program left blank; of those that stay within a
/// place, what they are.
fn names(path: CopyPath, socket: Option<SocketId>) -> (&'static str, Option<&'static str>) {
    let socket = match socket.and_then(SocketId::known) {
        Some(SocketKind::Tcp) => "tcp",
        Some(SocketKind::Udp) => "udp",
        Some(SocketKind::Unix) => "unix",
        _ => "socket",
    };
    match path {
        CopyPath::FileRead => ("file", Some("")),
        CopyPath::FileWrite => ("", Some("file")),
        CopyPath::DirectRead => ("disk", Some("")),
        CopyPath::DirectWrite => ("", Some("disk")),
        CopyPath::SocketRecv | CopyPath::SocketRecvZerocopy => (socket, Some("")),
        CopyPath::SocketSend | CopyPath::SocketSendZerocopy => ("", Some(socket)),
        CopyPath::PipeRead => ("pipe", Some("")),
        CopyPath::PipeWrite | CopyPath::Vmsplice => ("", Some("pipe")),
        CopyPath::Tee | CopyPath::SplicePipePipe => ("pipe", Some("pipe")),
        CopyPath::SendfileToSocket => ("file", Some(socket)),
        CopyPath::SendfileToFile | CopyPath::CopyRangeReflink | CopyPath::CopyRangeCopied => {
            ("file", Some("file"))
        }
        CopyPath::SendfileToPipe | CopyPath::SpliceFilePipe => ("file", Some("pipe")),
        CopyPath::SplicePipeSocket => ("pipe", Some(socket)),
        CopyPath::SplicePipeFile => ("pipe", Some("file")),
        CopyPath::SpliceSocketPipe => (socket, Some("pipe")),
        CopyPath::MmapRead | CopyPath::MmapWrite => ("mmap", None),
        CopyPath::CowCopy => ("fork", None),
        CopyPath::ProcessVm => ("process", None),
        CopyPath::SwiotlbBounce => ("bounce", None),
        CopyPath::SkbLinearize => ("linearise", None),
        CopyPath::KernelCopy => ("kernel", None),
        CopyPath::PseudoRead
        | CopyPath::PseudoWrite
        | CopyPath::SendfileToPseudo
        | CopyPath::SplicePipePseudo => ("device", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::sketch::{path, socket};

    /// A path that copied nothing.
    fn by_reference(on: CopyPath, bytes: u64) -> PathSample {
        PathSample { copied_bytes: 0, ..path(on, 1, bytes) }
    }

    fn said(paths: &[PathSample]) -> String {
        how(paths).unwrap_or_default()
    }

    #[test]
    fn both_ends_are_said_where_as_much_goes_out_as_comes_in() {
        let read = path(CopyPath::FileRead, 1, 1009);
        let tcp = |bytes| socket(CopyPath::SocketSend, SocketKind::Tcp, 1, bytes);
        assert_eq!(said(&[read, tcp(997)]), "file>tcp");
        assert_eq!(said(&[read, tcp(97)]), "file>", "less than a quarter is not said");
        assert_eq!(said(&[tcp(997)]), ">tcp");
        assert_eq!(
            said(&[path(CopyPath::FileRead, 1, 11), path(CopyPath::FileWrite, 1, 13)]),
            "file>file"
        );
    }

    #[test]
    fn references_differ_from_copies() {
        let tcp = Some(SocketId::Known(SocketKind::Tcp));
        let sent = PathSample { socket: tcp, ..by_reference(CopyPath::SendfileToSocket, 1009) };
        assert_eq!(said(&[sent]), "file~tcp");
        assert_eq!(
            said(&[PathSample { copied_bytes: 1009, ..sent }]),
            "file>tcp",
            "the outcome counts"
        );
        let spliced = PathSample { socket: tcp, ..by_reference(CopyPath::SplicePipeSocket, 997) };
        assert_eq!(said(&[by_reference(CopyPath::SpliceFilePipe, 997), spliced]), "file~tcp");
        assert_eq!(said(&[by_reference(CopyPath::DirectRead, 997)]), "disk~");
        let unknown = Provenance::Unavailable;
        let requested =
            PathSample { provenance: unknown, ..by_reference(CopyPath::SocketSendZerocopy, 7) };
        assert_eq!(said(&[requested]), "?socket");
    }

    #[test]
    fn mapped_pages_are_said_where_nothing_else_is_read() {
        let mapped = by_reference(CopyPath::MmapRead, 1009);
        let tcp = socket(CopyPath::SocketSend, SocketKind::Tcp, 1, 997);
        assert_eq!(said(&[mapped, tcp]), "mmap>tcp");
        assert_eq!(said(&[mapped, path(CopyPath::FileRead, 1, 13)]), "file>");
        assert_eq!(said(&[mapped]), "mmap");
        assert_eq!(said(&[path(CopyPath::CowCopy, 1, 4096)]), "fork");
        assert_eq!(said(&[by_reference(CopyPath::PseudoRead, 13)]), "");
        assert_eq!(said(&[]), "");
    }
}
