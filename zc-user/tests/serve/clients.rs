//! Clients that are many, slow, broken or hostile: bounded, and the server stays well.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use rustix::net::sockopt;

use crate::{
    Test,
    requirement::{self, Skip},
    served::{Metrics, Served, dial, get},
    workload::{Copier, SIZE, unique},
    zc::deadline,
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("clients::a_hundred_at_once_are_all_answered", hundred),
    ("clients::those_that_ask_nothing_give_way", idle),
    ("clients::half_requests_slow_readers_and_long_headers_keep_nothing_from_others", hostile),
];

/// Descriptors and resident bytes of a process.
fn footprint(pid: u32) -> (usize, u64) {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let memory = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: u64 = memory.split(' ').nth(1).unwrap().parse().unwrap();
    (open, pages * rustix::param::page_size() as u64)
}

/// Connections that a socket serves at a time, as the manual has it.
const MOST: usize = 16;

fn hundred() -> Result<(), Skip> {
    requirement::ebpf()?;
    let served = Served::start(&["--group-by", "command", "--min-age", "0s"]);
    served.fresh();
    let (open, _) = footprint(served.pid());
    let at = served.at;
    let clients: Vec<_> = (0..100)
        .map(|number| {
            let path =
                ["/metrics", "/snapshot.json", "/", "/-/healthy", "/snapshot.zc"][number % 5];
            thread::spawn(move || get(at, path).status)
        })
        .collect();
    let (most, _) = footprint(served.pid());
    assert!(most <= open + MOST + 1, "{open} descriptors became {most}");
    for client in clients {
        assert_eq!(client.join().unwrap(), 200);
    }
    Ok(())
}

/// As many connections as there are places, which all have been answered, and none of which is closed.
fn idle() -> Result<(), Skip> {
    requirement::ebpf()?;
    let served = Served::start(&[]);
    served.fresh();
    let mut open: Vec<TcpStream> = (0..MOST)
        .map(|_| {
            let mut stream = dial(served.at);
            stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut some = [0; 512];
            assert!(stream.read(&mut some).unwrap() > 0);
            stream
        })
        .collect();
    for _ in 0..3 {
        assert_eq!(served.get("/-/healthy").status, 200);
    }
    // The first one had to go, and only because others waited: the last ones are answered once more.
    let mut rest = Vec::new();
    open[0].read_to_end(&mut rest).unwrap();
    let last = open.last_mut().unwrap();
    last.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    last.read_to_end(&mut rest).unwrap();
    assert!(rest.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&rest));
    Ok(())
}

/// Sends until the server has had enough.
fn flood(at: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(deadline())).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn hostile() -> Result<(), Skip> {
    requirement::ebpf()?;
    let served = Served::start(&["--group-by", "command", "--min-age", "0s"]);
    let comm = unique("zc-h");
    let mut copier = Copier::start(&comm)?;
    copier.copy(1);
    let before = served.fresh();
    let (open, memory) = footprint(served.pid());
    let at = served.at;

    // 1 MiB of headers, in one line and in many.
    for header in ["x".repeat(1 << 20), "x: y\r\n".repeat((1 << 20) / 6)] {
        let answer =
            flood(at, format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{header}").as_bytes());
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{answer:?}");
    }
    let garbage: Vec<u8> = (0..1 << 16).map(|at| (at * 7 % 251) as u8).collect();
    let answer = flood(at, &garbage);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
    flood(
        at,
        b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\nbody",
    );

    // Half requests, and readers that take nothing of many answers, more than are served at a time.
    let mut kept = Vec::new();
    for number in 0..2 * MOST {
        let mut stream = TcpStream::connect(at).unwrap();
        if number % 2 == 0 {
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHo").unwrap();
        } else {
            let _ = sockopt::set_socket_recv_buffer_size(&stream, 2_048);
            let _ = stream.write_all(
                "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100).as_bytes(),
            );
        }
        kept.push(stream);
    }
    let began = Instant::now();
    assert_eq!(get(at, "/-/healthy").status, 200);
    // The first ones have five seconds, the second ones as much, and a reader that takes nothing five more.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let (most, grown) = footprint(served.pid());
    assert!(most <= open + MOST + 1, "{open} descriptors became {most}");
    assert!(grown < memory + (64 << 20), "{memory} bytes became {grown}");
    drop(kept);

    // The counting went on all the while.
    copier.copy(11);
    copier.end();
    let after = served.fresh();
    let written = |metrics: &Metrics| {
        let of = format!("zc_command_moved_bytes_total{{command=\"{comm}\",path=\"file_write\"}}");
        metrics.number(&of)
    };
    assert_eq!(written(&after) - written(&before), 11 * SIZE as u64);
    after.rise_from(&before);
    after.add_up("command");
    Ok(())
}
