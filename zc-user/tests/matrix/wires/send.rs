//! Ways to send a payload.

use std::{
    fs::File,
    io::{self, Read as _},
    net::{Shutdown, TcpStream, UdpSocket},
    os::fd::{AsRawFd, FromRawFd as _, OwnedFd, RawFd},
    path::Path,
    ptr::null_mut,
};

use io_uring::{IoUring, Probe, cqueue, opcode, types::Fd};
use serde::{Deserialize, Serialize};

use super::{SIZE, device::Device, ground::PORT};

/// Bytes of one call. A prime, as is [`SIZE`].
pub(super) const CHUNK: usize = 32_749;
/// Datagrams, and bytes of each: it fits into one packet.
const DATAGRAMS: usize = 31;
pub(super) const DATAGRAM: usize = 1009;

/// How a payload is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// write.
    Write,
    /// sendfile, from the page cache.
    Sendfile,
    /// splice, from the page cache over a pipe.
    Splice,
    /// `MSG_ZEROCOPY`.
    Zerocopy,
    /// The same, while a packet socket captures the traffic.
    ZerocopyTapped,
    /// `SEND_ZC` of io_uring.
    Uring,
    /// The same, from a registered buffer.
    UringRegistered,
    /// `MSG_ZEROCOPY`, in datagrams.
    Datagrams,
    /// `SEND_ZC` of io_uring, in datagrams.
    UringDatagrams,
}

impl Way {
    /// The paths of the payload, and how many times it is copied on each.
    pub(super) const fn paths(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Write => &[("socket_send:tcp", 1)],
            Self::Sendfile => &[("sendfile_to_socket", 0)],
            Self::Splice => &[("splice_file_pipe", 0), ("splice_pipe_socket", 0)],
            _ => &[("socket_send_zerocopy", 0)],
        }
    }

    /// The mechanism by which a copy is avoided.
    pub(super) const fn mechanism(self) -> Option<&'static str> {
        match self {
            Self::Write => None,
            Self::Sendfile => Some("sendfile"),
            Self::Splice => Some("splice"),
            Self::Zerocopy | Self::ZerocopyTapped | Self::Datagrams => Some("msg_zerocopy"),
            Self::Uring | Self::UringRegistered | Self::UringDatagrams => Some("uring_send_zc"),
        }
    }

    /// Whether the pages of the program itself are sent.
    pub(super) const fn pins(self) -> bool {
        !matches!(self, Self::Write | Self::Sendfile | Self::Splice)
    }

    /// Whether the payload is [`DATAGRAMS`] datagrams.
    pub(super) const fn is_datagrams(self) -> bool {
        matches!(self, Self::Datagrams | Self::UringDatagrams)
    }
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Bytes that the far end has received.
    pub(super) bytes: u64,
    /// Bytes that TCP has sent once more.
    pub(super) again: u64,
    /// Packets that the device segmented, as the device counts them.
    pub(super) segments: Option<u64>,
}

/// Sends the payload, and waits until all of it has arrived.
pub(super) fn send(way: Way, home: &Path, device: &Device, to: &str) -> Result<Sent, String> {
    if way.is_datagrams() {
        return datagrams(way, to);
    }
    let stream = TcpStream::connect((to, PORT)).unwrap();
    let input = || File::open(home.join("input")).unwrap();
    let _tap;
    match way {
        Way::Write => {
            let payload = vec![b'z'; SIZE];
            in_pieces(|at, length| {
                // SAFETY: a part of the payload.
                unsafe { libc::write(fd(&stream), payload[at..].as_ptr().cast(), length) }
            });
        }
        Way::Sendfile => {
            let input = input();
            in_pieces(|_, length| {
                // SAFETY: descriptors, and no offset.
                unsafe { libc::sendfile(fd(&stream), fd(&input), null_mut(), length) }
            });
        }
        Way::Splice => splice(&input(), &stream),
        Way::Zerocopy | Way::ZerocopyTapped => {
            if way == Way::ZerocopyTapped {
                _tap = tap(device)?;
            }
            enable_zerocopy(&stream);
            zerocopy(&stream, &vec![b'z'; SIZE]);
        }
        Way::Uring | Way::UringRegistered => {
            let payload = vec![b'z'; SIZE];
            let mut ring = Ring::new((way == Way::UringRegistered).then_some(&payload[..]))?;
            in_pieces(|at, length| ring.send(&stream, &payload[at..][..length]));
        }
        Way::Datagrams | Way::UringDatagrams => {}
    }
    arrived(stream)
}

/// Calls that may do less than they are asked for.
fn in_pieces(mut call: impl FnMut(usize, usize) -> isize) {
    let mut at = 0;
    while at < SIZE {
        at += ok(call(at, CHUNK.min(SIZE - at)));
    }
}

fn splice(input: &File, stream: &TcpStream) {
    let (out, into) = io::pipe().unwrap();
    in_pieces(|_, length| {
        // SAFETY: descriptors, and no offsets.
        unsafe {
            let hop =
                |from, to, length| ok(libc::splice(from, null_mut(), to, null_mut(), length, 0));
            let filled = hop(fd(input), fd(&into), length);
            let mut left = filled;
            while left > 0 {
                left -= hop(fd(&out), fd(stream), left);
            }
            filled as isize
        }
    });
}

pub(super) fn enable_zerocopy(socket: &impl AsRawFd) {
    let on = 1_i32;
    // SAFETY: an integer and its size.
    let set = unsafe {
        let (value, size) = ((&raw const on).cast(), size_of::<i32>() as u32);
        libc::setsockopt(fd(socket), libc::SOL_SOCKET, libc::SO_ZEROCOPY, value, size)
    };
    assert_eq!(set, 0, "SO_ZEROCOPY: {}", io::Error::last_os_error());
}

/// The caller keeps the payload until it has arrived.
pub(super) fn zerocopy(socket: &impl AsRawFd, payload: &[u8]) {
    let mut left = payload;
    while !left.is_empty() {
        let length = CHUNK.min(left.len());
        // SAFETY: a part of the payload.
        let sent =
            unsafe { libc::send(fd(socket), left.as_ptr().cast(), length, libc::MSG_ZEROCOPY) };
        left = &left[ok(sent)..];
    }
}

/// Listens to what passes a device.
fn tap(device: &Device) -> Result<Option<OwnedFd>, String> {
    let every = u16::to_be(libc::ETH_P_ALL as u16);
    let name = std::ffi::CString::new(device.0.as_str()).unwrap();
    // SAFETY: integers, a terminated name, and a structure of integers with its size; the descriptor
    // is then owned.
    unsafe {
        let socket = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0);
        if socket < 0 {
            return Err("this kernel has no packet sockets".to_owned());
        }
        let socket = OwnedFd::from_raw_fd(socket);
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = every;
        address.sll_ifindex = libc::if_nametoindex(name.as_ptr()).cast_signed();
        let size = size_of::<libc::sockaddr_ll>() as u32;
        ok(libc::bind(fd(&socket), (&raw const address).cast(), size) as isize);
        Ok(Some(socket))
    }
}

/// A ring for zero-copy sends.
pub(super) struct Ring {
    ring: IoUring,
    registered: bool,
}

impl Ring {
    /// `registered` is a buffer that the kernel is to know beforehand: all that is sent is in it.
    pub(super) fn new(registered: Option<&[u8]>) -> Result<Self, String> {
        let ring =
            IoUring::new(8).map_err(|error| format!("this kernel has no io_uring: {error}"))?;
        let mut probe = Probe::new();
        let known = ring.submitter().register_probe(&mut probe).is_ok();
        if !known || !probe.is_supported(opcode::SendZc::CODE) {
            return Err("this kernel's io_uring has no zero-copy sends (6.0)".to_owned());
        }
        if let Some(buffer) = registered {
            let (base, length) = (buffer.as_ptr().cast_mut().cast(), buffer.len());
            let buffer = libc::iovec { iov_base: base, iov_len: length };
            // SAFETY: the caller's buffer outlives the ring; nothing writes it.
            unsafe { ring.submitter().register_buffers(&[buffer]).unwrap() };
        }
        Ok(Self { ring, registered: registered.is_some() })
    }

    /// Sends `bytes`, and waits until the kernel needs them no longer.
    pub(super) fn send(&mut self, socket: &impl AsRawFd, bytes: &[u8]) -> isize {
        let send = opcode::SendZc::new(Fd(fd(socket)), bytes.as_ptr(), bytes.len() as u32)
            .buf_index(self.registered.then_some(0));
        // SAFETY: the bytes are kept until the second completion.
        unsafe { self.ring.submission().push(&send.build()).unwrap() };
        let (mut sent, mut pending) = (0, 1);
        while pending > 0 {
            self.ring.submit_and_wait(1).unwrap();
            for completion in self.ring.completion() {
                pending -= 1;
                if !cqueue::notif(completion.flags()) {
                    sent = completion.result();
                    pending += usize::from(cqueue::more(completion.flags()));
                }
            }
        }
        sent as isize
    }
}

fn datagrams(way: Way, to: &str) -> Result<Sent, String> {
    let mut ring = if way == Way::UringDatagrams { Some(Ring::new(None)?) } else { None };
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect((to, PORT)).unwrap();
    enable_zerocopy(&socket);
    let payload = [b'z'; DATAGRAM];
    for _ in 0..DATAGRAMS {
        match &mut ring {
            Some(ring) => assert_eq!(ok(ring.send(&socket, &payload)), DATAGRAM),
            None => zerocopy(&socket, &payload),
        }
        assert_eq!(socket.recv(&mut [0; 2]).unwrap(), 1);
    }
    Ok(Sent { bytes: (DATAGRAMS * DATAGRAM) as u64, ..Sent::default() })
}

/// Asks the far end how much has arrived: all of it.
fn arrived(mut stream: TcpStream) -> Result<Sent, String> {
    stream.shutdown(Shutdown::Write).unwrap();
    let mut count = [0; 8];
    stream.read_exact(&mut count).unwrap();
    let bytes = u64::from_ne_bytes(count);
    assert_eq!(bytes, SIZE as u64);
    Ok(Sent { bytes, again: sent_again(&stream)?, segments: None })
}

/// `tcpi_bytes_retrans` of `struct tcp_info`, `include/uapi/linux/tcp.h`; since 4.19.
fn sent_again(stream: &TcpStream) -> Result<u64, String> {
    const PLACE: usize = 208;
    let mut information = [0_u8; 512];
    let mut size = information.len() as u32;
    // SAFETY: room, and its size.
    let got = unsafe {
        let (value, size) = (information.as_mut_ptr().cast(), &raw mut size);
        libc::getsockopt(fd(stream), libc::IPPROTO_TCP, libc::TCP_INFO, value, size)
    };
    assert_eq!(got, 0, "TCP_INFO: {}", io::Error::last_os_error());
    let bytes = information[PLACE..][..8].try_into().unwrap();
    Ok(u64::from_ne_bytes(bytes))
}

fn fd(file: &impl AsRawFd) -> RawFd {
    file.as_raw_fd()
}

/// What a call returned, or a panic that says why it failed.
fn ok(result: isize) -> usize {
    let error = io::Error::last_os_error();
    usize::try_from(result).unwrap_or_else(|_| panic!("a call failed: {error}"))
}
