use std::{path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    task::LocalSet,
};
use zc_model::fixture::sketch::snapshot;
use zc_recording::{Meta, Ring, ring::IN_MEMORY};

use super::*;
use crate::{account::Account, by::By, collect::About, guard::Limits};

/// A station with one snapshot, and a flight recorder.
fn station() -> Rc<RefCell<Station>> {
    let about = About {
        version: "0.0.7",
        started: Duration::from_secs(1),
        interval: Duration::from_secs(1),
        probes: Vec::new(),
    };
    let account = Account::new(By::Command, Limits { groups: 10, age_ns: 0 });
    let ring = Ring::new(Duration::from_secs(60), IN_MEMORY);
    let mut station = Station::new(about, Meta::default(), account).with_flight(Some(ring));
    station.take(snapshot(1, &[]));
    Rc::new(RefCell::new(station))
}

/// A server on a port and on a unix socket, in this world.
struct World {
    server: Server,
    at: std::net::SocketAddr,
    directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let mut server = Server::new(station());
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = tcp.local_addr().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let unix = UnixListener::bind(directory.path().join("s")).unwrap();
        server.serve(Socket::Tcp(tcp));
        server.serve(Socket::Unix(unix));
        Self { server, at, directory }
    }

    fn socket(&self) -> std::path::PathBuf {
        self.directory.path().join("s")
    }

    async fn ask(&self, request: &str) -> String {
        talk(TcpStream::connect(self.at).await.unwrap(), request).await
    }
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    // The server may close before it has read all.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

/// Runs a test with the clock of the machine.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

/// Runs a test whose time passes as soon as nothing else happens.
fn run_paused(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, test);
}

#[test]
fn every_path_has_its_answer() {
    run(async {
        let world = World::new().await;
        for (path, kind) in [
            ("/", "text/html"),
            ("/metrics", "text/plain; version=0.0.4"),
            ("/metrics?x=1", "text/plain; version=0.0.4"),
            ("/snapshot.json", "application/json"),
            ("/snapshot.zc", "application/vnd.zc.recording"),
            ("/-/healthy", "text/plain"),
            ("/-/ready", "text/plain"),
        ] {
            let request = get(path);
            let mut stream = TcpStream::connect(world.at).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {answer}");
            assert!(answer.contains(&format!("content-type: {kind}")), "{path}: {answer}");
            assert!(answer.contains("nosniff"), "{path}: {answer}");
        }
        let accept = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text\r\nConnection: \
                      close\r\n\r\n";
        let answer = world.ask(accept).await;
        assert!(answer.contains("application/openmetrics-text; version=1.0.0"), "{answer}");
        assert!(answer.ends_with("# EOF\n"), "{answer}");
        assert!(world.ask(&get("/nothing")).await.starts_with("HTTP/1.1 404"));
        assert!(world.ask(&get("/dump")).await.starts_with("HTTP/1.1 405"));
        let head = world.ask(&get("/metrics").replace("GET", "HEAD")).await;
        assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
            let answer = world.ask(&get("/metrics").replace("GET", method)).await;
            assert!(answer.starts_with("HTTP/1.1 405"), "{method}: {answer}");
            assert!(answer.contains("allow: GET, HEAD"), "{method}: {answer}");
        }
    });
}

#[test]
fn on_loopback_a_request_names_this_machine() {
    run(async {
        let world = World::new().await;
        let named = |host: &str| get("/metrics").replace("localhost", host);
        for own in [
            "localhost",
            "LOCALHOST:10620",
            "127.0.0.1",
            "127.0.0.1:10620",
            "[::1]:10620",
            "10.0.0.1",
        ] {
            let answer = world.ask(&named(own)).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{own}: {answer}");
        }
        for other in [
            "example.com",
            "localhost.example.com:10620",
            "127.0.0.1.example.com",
            "",
            "example.com:10620",
        ] {
            let answer = world.ask(&named(other)).await;
            assert!(answer.starts_with("HTTP/1.1 4"), "{other}: {answer}");
        }
        assert!(world.ask("GET /-/ready HTTP/1.0\r\n\r\n").await.contains(" 200 OK"));
        // Who may open the unix socket is no browser.
        let stream = UnixStream::connect(world.socket()).await.unwrap();
        assert!(talk(stream, &named("zc")).await.starts_with("HTTP/1.1 200"));
    });
}

async fn dump(path: &Path) -> Vec<u8> {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(get("/dump").replace("GET", "POST").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer
}

#[test]
fn the_flight_recorder_is_for_those_who_may_open_the_unix_socket() {
    run(async {
        let world = World::new().await;
        let answer = world.ask(&get("/dump").replace("GET", "POST")).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        let answer = dump(&world.socket()).await;
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        assert!(answer.windows(6).any(|window| window == b"ZCREC\0"));
    });
}

#[test]
fn a_body_is_not_read_and_wrong_requests_end_their_connection() {
    run(async {
        let world = World::new().await;
        let body = "GET /-/ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\nhello";
        assert!(world.ask(body).await.starts_with("HTTP/1.1 200"), "it is answered at once");
        let lines = "x: y\r\n".repeat(1_000);
        let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
        assert!(world.ask(&long).await.starts_with("HTTP/1.1 431"));
        let huge =
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
        let answer = world.ask(&huge).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
        let far = format!("GET /{} HTTP/1.1\r\n\r\n", "y".repeat(1 << 20));
        let answer = world.ask(&far).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        for garbage in
            ["\r\n\r\n\0\0\0", "GET / HTTP/9\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
        {
            let answer = world.ask(garbage).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{garbage}: {answer}");
        }
        assert!(world.ask(&get("/-/ready")).await.starts_with("HTTP/1.1 200"));
    });
}

#[test]
fn half_a_request_has_five_seconds_and_others_wait_no_longer() {
    run_paused(async {
        let world = World::new().await;
        let mut halves = Vec::new();
        for _ in 0..2 * MOST_CONNECTIONS {
            let mut half = TcpStream::connect(world.at).await.unwrap();
            half.write_all(b"GET /metrics HTTP/1.1\r\nHost: l").await.unwrap();
            halves.push(half);
        }
        let began = Instant::now();
        // It waits behind them all.
        assert!(world.ask(&get("/-/ready")).await.starts_with("HTTP/1.1 200"));
        let waited = began.elapsed();
        assert!(waited <= 2 * HEADER + Duration::from_secs(1), "{waited:?}");
        let mut rest = Vec::new();
        halves[0].read_to_end(&mut rest).await.unwrap();
    });
}

#[test]
fn a_connection_that_is_kept_open_is_not_kept_for_long() {
    run_paused(async {
        let world = World::new().await;
        let mut stream = TcpStream::connect(world.at).await.unwrap();
        let began = Instant::now();
        stream.write_all(b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        assert!(all.starts_with(b"HTTP/1.1 200"));
        assert!(began.elapsed() <= HEADER + Duration::from_secs(1), "{:?}", began.elapsed());
    });
}

/// The other end of a connection that takes nothing.
#[test]
fn a_reader_that_takes_nothing_is_left_after_five_seconds() {
    run_paused(async {
        let (mut reader, writer) = tokio::io::duplex(64);
        let end = watch::Sender::new(false);
        let began = Instant::now();
        let station = station();
        let ends = end.subscribe();
        spawn_local(async move {
            converse(writer, station, ends, Origin::Network, &Seat::new()).await;
        });
        reader.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        // All that it can write is in the pipe by then.
        end_of(&end).await;
        assert!(began.elapsed() <= STALL + Duration::from_secs(1), "{:?}", began.elapsed());
        let mut some = Vec::new();
        reader.read_to_end(&mut some).await.unwrap();
        assert_eq!(some.len(), 64, "no more than the pipe holds");
    });
}

/// Waits until nothing listens to the sender any more.
async fn end_of(end: &watch::Sender<bool>) {
    end.closed().await;
}

#[test]
fn a_slow_reader_that_goes_on_gets_all() {
    run_paused(async {
        let (mut reader, writer) = tokio::io::duplex(64);
        let end = watch::Sender::new(false);
        let ends = end.subscribe();
        spawn_local(async move {
            converse(writer, station(), ends, Origin::Network, &Seat::new()).await;
        });
        reader
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut all = Vec::new();
        let mut some = [0; 1024];
        loop {
            sleep(STALL / 100).await;
            match reader.read(&mut some).await.unwrap() {
                0 => break,
                got => all.extend_from_slice(&some[..got]),
            }
        }
        let all = String::from_utf8(all).unwrap();
        let (head, body) = all.split_once("\r\n\r\n").unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        assert_eq!(body.len(), length.parse::<usize>().unwrap());
    });
}

#[test]
fn the_end_of_the_server_ends_its_connections() {
    run(async {
        let world = World::new().await;
        let mut idle = TcpStream::connect(world.at).await.unwrap();
        idle.write_all(b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        idle.read_exact(&mut first).await.unwrap();
        let began = Instant::now();
        world.server.end().await;
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).await.unwrap();
        assert!(began.elapsed() < HEADER, "it did not wait for the header of another request");
        assert!(TcpStream::connect(world.at).await.is_err(), "nothing listens there any more");
    });
}
