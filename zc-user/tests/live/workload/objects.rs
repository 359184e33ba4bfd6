//! Files, sockets and pipes that are known, and calls of known size on them.

use std::{
    fs::{self, File},
    io::{IoSlice, Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, RawFd},
        unix::{
            fs::FileExt as _,
            net::{UnixListener, UnixStream},
        },
    },
    path::Path,
    ptr::null_mut,
};

use super::fork;

/// Bytes of a call: primes, so that no sum of some is another one.
pub(crate) const WRITE: usize = 10_007;
pub(crate) const READ: usize = 1_009;
pub(crate) const SENDFILE: usize = 4_099;
pub(crate) const SPLICE: usize = 2_003;
pub(crate) const COPY: usize = 3_001;
pub(crate) const SEND: usize = 503;
pub(crate) const DATAGRAM: usize = 211;
pub(crate) const LOCAL: usize = 307;
pub(crate) const PIPE: usize = 401;
pub(crate) const DELETED: usize = 607;

/// How often each call is made.
pub(crate) const TIMES: usize = 3;

/// Uses files below `directory`, and prints the ports of a connection.
pub(super) fn objects(directory: &Path) {
    let [alpha, beta, gone] = ["alpha", "beta", "gone"].map(|name| directory.join(name));
    files(&alpha, &beta);
    let mut file = File::create(&gone).expect("a file");
    fs::remove_file(&gone).expect("it is there");
    file.write_all(&[1; DELETED]).expect("room");
    tcp(&alpha);
    datagrams();
    local(&directory.join("socket"));
    pipe();
}

fn times(mut call: impl FnMut()) {
    (0..TIMES).for_each(|_| call());
}

fn files(alpha: &Path, beta: &Path) {
    let mut file = File::create(alpha).expect("a file");
    times(|| file.write_all(&[1; WRITE]).expect("room"));
    let from = File::open(alpha).expect("a file");
    let to = File::create(beta).expect("a file");
    times(|| assert_eq!((&from).read(&mut [0; READ]).expect("readable"), READ));
    times(|| assert_eq!(from.read_at(&mut [0; READ], 7).expect("readable"), READ));
    times(|| {
        let (mut one, mut two) = ([0; READ / 2], [0; READ - READ / 2]);
        let mut buffers = [&mut one[..], &mut two[..]].map(std::io::IoSliceMut::new);
        assert_eq!((&from).read_vectored(&mut buffers).expect("readable"), READ);
    });
    times(|| {
        let buffers = [IoSlice::new(&[2; WRITE / 2]), IoSlice::new(&[3; WRITE - WRITE / 2])];
        assert_eq!((&to).write_vectored(&buffers).expect("room"), WRITE);
    });
    times(|| {
        let mut at = 0_i64;
        // SAFETY: two descriptors and a number.
        let copied = unsafe {
            libc::copy_file_range(
                from.as_raw_fd(),
                &raw mut at,
                to.as_raw_fd(),
                null_mut(),
                COPY,
                0,
            )
        };
        assert_eq!(copied, COPY as isize);
    });
    let (reader, writer) = pipe_ends();
    times(|| {
        let mut at = 0_i64;
        splice(from.as_raw_fd(), Some(&mut at), writer.as_raw_fd());
        splice(reader.as_raw_fd(), None, to.as_raw_fd());
    });
}

fn splice(from: RawFd, at: Option<&mut i64>, to: RawFd) {
    let at = at.map_or(null_mut(), std::ptr::from_mut);
    // SAFETY: two descriptors and a number.
    let moved = unsafe { libc::splice(from, at, to, null_mut(), SPLICE, 0) };
    assert_eq!(moved, SPLICE as isize);
}

fn tcp(alpha: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let near = TcpStream::connect(listener.local_addr().expect("a port")).expect("a listener");
    let (mut far, client) = listener.accept().expect("a connection");
    println!("{} {}", client.port(), listener.local_addr().expect("a port").port());
    let file = File::open(alpha).expect("a file");
    times(|| {
        (&near).write_all(&[4; SEND]).expect("room");
        far.read_exact(&mut [0; SEND]).expect("what was sent");
        let mut at = 0_i64;
        // SAFETY: two descriptors and a number.
        let sent =
            unsafe { libc::sendfile(near.as_raw_fd(), file.as_raw_fd(), &raw mut at, SENDFILE) };
        assert_eq!(sent, SENDFILE as isize);
        far.read_exact(&mut [0; SENDFILE]).expect("what was sent");
    });
}

/// Moves bytes of files to a connection in several ways, whose ports it prints.
pub(super) fn flows(directory: &Path) {
    let [alpha, beta] = ["alpha", "beta"].map(|name| {
        let path = directory.join(name);
        fs::write(&path, [1; WRITE]).expect("room");
        File::open(path).expect("a file")
    });
    let gamma = File::create(directory.join("gamma")).expect("a file");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let near = TcpStream::connect(listener.local_addr().expect("a port")).expect("a listener");
    let (mut far, client) = listener.accept().expect("a connection");
    println!("{} {}", client.port(), listener.local_addr().expect("a port").port());
    let mut arrive = |bytes| far.read_exact(&mut vec![0; bytes]).expect("what was sent");
    let (reader, writer) = pipe_ends();
    let into_pipe = |from: &File| splice(from.as_raw_fd(), Some(&mut 0), writer.as_raw_fd());
    let out_of_pipe = || splice(reader.as_raw_fd(), None, near.as_raw_fd());
    times(|| {
        let mut buffer = [0; READ];
        assert_eq!(alpha.read_at(&mut buffer, 0).expect("readable"), READ);
        (&near).write_all(&buffer).expect("room");
        arrive(READ);
        // Another buffer: not what was read.
        beta.read_exact_at(&mut buffer, 0).expect("readable");
        (&near).write_all(&[4; SEND]).expect("room");
        arrive(SEND);
        let mut at = 0;
        // SAFETY: two descriptors and a number.
        let sent =
            unsafe { libc::sendfile(near.as_raw_fd(), beta.as_raw_fd(), &raw mut at, SENDFILE) };
        assert_eq!(sent, SENDFILE as isize);
        arrive(SENDFILE);
        into_pipe(&beta);
        out_of_pipe();
        arrive(SPLICE);
        // Into the same buffer, and then out of it twice: what it held before is gone.
        alpha.read_exact_at(&mut buffer, 0).expect("readable");
        beta.read_exact_at(&mut buffer, 0).expect("readable");
        (&near).write_all(&buffer).expect("room");
        (&near).write_all(&buffer).expect("room");
        arrive(2 * READ);
        // Into two buffers and out of two others.
        let (mut one, mut two) = ([0; READ], [0; READ]);
        let mut buffers = [&mut one[..], &mut two[..]].map(std::io::IoSliceMut::new);
        assert_eq!((&alpha).read_vectored(&mut buffers).expect("readable"), 2 * READ);
        let others = [IoSlice::new(&[8; READ]), IoSlice::new(&[9; READ])];
        assert_eq!((&gamma).write_vectored(&others).expect("room"), 2 * READ);
    });
}

fn datagrams() {
    let (one, two) =
        (UdpSocket::bind("127.0.0.1:0"), UdpSocket::bind("127.0.0.1:0").expect("a port"));
    let one = one.expect("a port");
    times(|| {
        one.send_to(&[5; DATAGRAM], two.local_addr().expect("a port")).expect("room");
        assert_eq!(two.recv_from(&mut [0; 1024]).expect("a datagram").0, DATAGRAM);
    });
}

/// A child sends through a socket that has a name, to the parent.
fn local(path: &Path) {
    let listener = UnixListener::bind(path).expect("a name");
    let child = fork(|| {
        let mut near = UnixStream::connect(path).expect("a listener");
        times(|| near.write_all(&[6; LOCAL]).expect("room"));
        0
    });
    let (mut far, _) = listener.accept().expect("a connection");
    times(|| far.read_exact(&mut [0; LOCAL]).expect("what was sent"));
    child.succeed();
}

/// A child writes into a pipe.
fn pipe() {
    let (mut reader, mut writer) = pipe_ends();
    let child = fork(|| {
        times(|| writer.write_all(&[7; PIPE]).expect("room"));
        0
    });
    times(|| reader.read_exact(&mut [0; PIPE]).expect("what was written"));
    child.succeed();
}

fn pipe_ends() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors, which nothing else has.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))
    }
}

/// Writes [`READ`] bytes to each of `count` files in a directory.
pub(super) fn many(count: usize, directory: &Path) {
    for number in 0..count {
        let mut file = File::create(directory.join(number.to_string())).expect("a file");
        file.write_all(&[8; READ]).expect("room");
    }
}

/// For each line of standard input, appends [`READ`] bytes to each of the files in a directory that it names, and sends
/// as many from the beginning of each to the file `sink`. Then answers with a line.
pub(super) fn in_turn(directory: &Path) {
    let sink = File::create(directory.join("sink")).expect("a file");
    for line in std::io::stdin().lines() {
        for name in line.expect("names").split_whitespace() {
            let options = File::options().create(true).append(true).read(true).clone();
            let mut file = options.open(directory.join(name)).expect("a file");
            file.write_all(&[9; READ]).expect("room");
            let mut at = 0;
            // SAFETY: two descriptors and a number.
            let sent =
                unsafe { libc::sendfile(sink.as_raw_fd(), file.as_raw_fd(), &raw mut at, READ) };
            assert_eq!(sent, READ as isize);
        }
        println!();
    }
}
