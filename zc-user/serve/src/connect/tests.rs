use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use zc_common::path::CopyPath;
use zc_model::{
    fixture::sketch::{path, process, snapshot},
    frame::Frame,
};
use zc_recording::{Meta, Writer};

use super::*;
use crate::{http::NEXT, station::INSTANCE};

#[test]
fn targets_are_read_and_written() {
    for (text, shown) in [
        ("unix:/run/zc.sock", "unix:/run/zc.sock"),
        ("unix:///run/zc.sock", "unix:/run/zc.sock"),
        ("localhost:10620", "localhost:10620"),
        ("http://host.example:1/", "host.example:1"),
        ("[::1]:10620", "[::1]:10620"),
    ] {
        assert_eq!(Target::parse(text).unwrap().to_string(), shown);
    }
    for wrong in
        ["", "host", ":1", "host:", "host:0", "host:x", "a b:1", "host/path:1", "unix:", "h\r\n:1"]
    {
        assert!(Target::parse(wrong).is_err(), "{wrong:?}");
    }
}

/// A recording of a run of this name, of these seconds.
fn recording(instance: &str, seconds: &[u64]) -> Vec<u8> {
    let mut meta = Meta { interval_ns: 1_000_000_000, ..Meta::default() };
    meta.labels.insert(INSTANCE.to_owned(), instance.to_owned());
    let mut writer = Writer::new(meta);
    let mut bytes = writer.begin(1).unwrap();
    for second in seconds {
        let reads = [path(CopyPath::FileRead, 1, second * 101)];
        bytes
            .extend(writer.snapshot(&snapshot(*second, &[process(7, "a", &reads)])).unwrap().bytes);
    }
    bytes.extend(writer.end(1));
    bytes
}

fn answer(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n{NEXT}: 0\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A server that gives each connection its answer, and then listens no more.
fn server(answers: Vec<Vec<u8>>) -> Target {
    served(move |listener| {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            hear(&mut stream);
            // The other end may have had enough.
            let _ = stream.write_all(&answer);
        }
    })
}

fn served(serve: impl FnOnce(TcpListener) + Send + 'static) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::Tcp(listener.local_addr().unwrap().to_string());
    thread::spawn(move || serve(listener));
    target
}

/// Takes a request.
fn hear(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut step = [0; 512];
    while !request.ends_with(b"\r\n\r\n") {
        let got = stream.read(&mut step).unwrap();
        assert!(got > 0, "the request ends early");
        request.extend_from_slice(&step[..got]);
    }
    assert!(request.starts_with(b"GET /snapshot.zc HTTP/1.0\r\n"));
}

const SECOND: Duration = Duration::from_secs(1);

/// The next snapshot, as a session that waits as long as it is asked to would get it; errors that end nothing come, too.
fn next(remote: &mut Remote) -> Result<u64, Interrupted> {
    loop {
        thread::sleep(remote.pace().unwrap());
        match remote.next() {
            Ok(snapshot) => return Ok(snapshot.unwrap().elapsed_ns / 1_000_000_000),
            Err(error) => match error.downcast::<Interrupted>().unwrap() {
                // The machine is busy.
                waiting if waiting.why.contains("does not answer; waiting") => {}
                other => return Err(other),
            },
        }
    }
}

fn refusal(target: Target) -> String {
    let error = Remote::connect(target, SECOND).err().expect("it is refused");
    format!("{error:#}")
}

#[test]
fn two_snapshots_are_there_at_once_and_each_is_returned_once() {
    let target = server(vec![
        answer(&recording("one", &[4, 5])),
        answer(&recording("one", &[4, 5])),
        answer(&recording("one", &[5, 6])),
        answer(&recording("one", &[8, 9])),
    ]);
    let mut remote = Remote::connect(target, SECOND).unwrap();
    assert_eq!(remote.pace(), Some(Duration::ZERO));
    let seconds: Vec<_> = (0..5).map(|_| next(&mut remote).unwrap()).collect();
    assert_eq!(seconds, [4, 5, 6, 8, 9]);
}

#[test]
fn what_is_returned_is_what_was_served() {
    let target = server(vec![answer(&recording("one", &[4, 5]))]);
    let mut remote = Remote::connect(target, SECOND).unwrap();
    let [first, second] = [(); 2].map(|()| remote.next().unwrap().unwrap());
    assert_eq!(Frame::between(&first, &second).totals.paths[0].moved_bytes, 101);
}

#[test]
fn another_run_of_the_server_is_a_new_beginning() {
    let target = server(vec![
        answer(&recording("one", &[4, 5])),
        // It has been up for longer than the first one was.
        answer(&recording("two", &[7, 8])),
    ]);
    let mut remote = Remote::connect(target, SECOND).unwrap();
    assert_eq!([(); 2].map(|()| next(&mut remote).unwrap()), [4, 5]);
    let begun = next(&mut remote).unwrap_err();
    assert!(begun.begins_again && begun.why.contains("has started again"), "{begun}");
    assert!(Interrupted::has_begun_again(&begun.into()));
    assert_eq!([(); 2].map(|()| next(&mut remote).unwrap()), [7, 8]);
    let away = next(&mut remote).unwrap_err();
    assert!(!away.begins_again && away.why.starts_with("cannot reach zc serve at "), "{away}");
}

#[test]
fn a_slower_reader_takes_the_newest_only() {
    let target =
        server(vec![answer(&recording("one", &[4, 5])), answer(&recording("one", &[9, 10]))]);
    let mut remote = Remote::connect(target, SECOND).unwrap();
    remote.interval = 5 * SECOND;
    assert_eq!([(); 2].map(|()| next(&mut remote).unwrap()), [4, 5]);
    assert_eq!(next(&mut remote).unwrap(), 10);
    let pace = remote.pace().unwrap();
    assert!(pace > 3 * SECOND && pace <= 5 * SECOND, "{pace:?}");
}

#[test]
fn a_server_cannot_put_its_reader_to_sleep() {
    for next in ["18446744073709551615", "86400000", "-1", "x"] {
        let mut sent = answer(&recording("one", &[4, 5]));
        let head = format!("HTTP/1.0 200 OK\r\n{NEXT}: {next}\r\n\r\n");
        sent.splice(
            ..sent.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4,
            head.into_bytes(),
        );
        let mut remote = Remote::connect(server(vec![sent]), SECOND).unwrap();
        assert_eq!([(); 2].map(|()| next_second(&mut remote)), [4, 5]);
        assert!(remote.pace().unwrap() <= LONGEST, "{next}: {:?}", remote.pace());
    }
}

fn next_second(remote: &mut Remote) -> u64 {
    remote.next().unwrap().unwrap().elapsed_ns / 1_000_000_000
}

#[test]
fn what_is_no_server_of_zc_is_refused_with_a_reason() {
    for (sent, said) in [
        (b"".to_vec(), "does not speak HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(), "does not speak HTTP"),
        (vec![0xff; 100_000], "does not speak HTTP"),
        (b"HTTP/1.1 abc\r\n\r\n".to_vec(), "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_vec(), "does not speak HTTP"),
        (
            b"HTTP/1.1 404 Not Found\r\n\r\nno \x1b[2J page".to_vec(),
            "answers 404: no \\u{1b}[2J page",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort".to_vec(), "ends early"),
        (answer(b"<html>"), "it is no recording of zc"),
        (answer(b"ZCREC\0\x01\0"), "no snapshot that can be read"),
        (answer(b"ZCREC\0\x09\0 something newer"), "use a newer zc"),
    ] {
        let refused = refusal(server(vec![sent.clone()]));
        assert!(refused.contains(said), "{said}: {refused}");
        assert!(refused.contains("see whether it runs there"), "{refused}");
        assert!(refused.len() < 500, "{refused}");
    }
}

#[test]
fn a_recording_of_which_every_byte_may_be_flipped_ends_nothing() {
    let whole = recording("one", &[4, 5]);
    let flipped = |at: usize| {
        let mut body = whole.clone();
        body[at] ^= 0x55;
        answer(&body)
    };
    let places: Vec<_> = (0..whole.len()).step_by(97).collect();
    let target = server(places.iter().map(|at| flipped(*at)).collect());
    for at in places {
        // Either it is read, or it is refused.
        if let Err(error) = fetch(&target) {
            assert!(!format!("{error:#}").is_empty(), "{at}");
        }
    }
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let target = served(|listener| {
        let (mut stream, _) = listener.accept().unwrap();
        hear(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[7; 1 << 16]).is_ok() {}
    });
    let refused = refusal(target);
    assert!(refused.contains("its answer has more than 64 MiB"), "{refused}");
}

#[test]
fn a_server_that_falls_silent_keeps_nothing_waiting() {
    let target = served(|listener| {
        let (mut stream, _) = listener.accept().unwrap();
        hear(&mut stream);
        stream.write_all(&answer(&recording("one", &[4, 5]))).unwrap();
        drop(stream);
        let mut silent = listener.accept().unwrap();
        // A byte now and then, until the reader has gone.
        while silent.0.write_all(b"H").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    let mut remote = Remote::connect(target, SECOND).unwrap();
    assert_eq!([(); 2].map(|()| next(&mut remote).unwrap()), [4, 5]);
    thread::sleep(remote.pace().unwrap());
    let began = Instant::now();
    let error = remote.next().unwrap_err();
    assert!(error.is::<Interrupted>(), "{error:#}");
    assert!(began.elapsed() < 10 * STILL, "{:?}", began.elapsed());
    assert_eq!(remote.pace().map(|pace| pace <= AFTER_ERROR + 10 * STILL), Some(true));
}
