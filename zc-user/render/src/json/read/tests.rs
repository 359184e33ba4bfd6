use zc_common::path::{CopyPath, SocketKind};

use super::*;
use crate::json::{write_document, write_line, write_run};
use zc_model::{
    fixture::sketch::{path, process, snapshot, socket},
    sort::Listing,
};
use zc_test_support::fixtures::{last, whole};

fn one(text: &[u8]) -> Result<Taken, String> {
    let mut documents = read(text);
    let first = documents.next().ok_or("nothing")?;
    first.map_err(|error| match error {
        Unreadable::Io(error) => format!("I/O: {error}"),
        Unreadable::Content(why) => why,
    })
}

fn line(frame: &Frame) -> Vec<u8> {
    let mut out = Vec::new();
    write_line(frame, &Listing::everything(), &mut out).unwrap();
    out
}

/// What is written of what was read is what was written before: nothing that documents have is lost.
#[test]
fn documents_of_each_fixture_survive() {
    for fixture in ["small", "modelled", "exact", "empty"] {
        for frame in [last(fixture), whole(fixture)] {
            let value = |text: &[u8]| {
                let mut value: serde_json::Value = serde_json::from_slice(text).unwrap();
                for entry in ["totals", "unattributed"] {
                    // Of rows that documents do not have.
                    value[entry].as_object_mut().unwrap().remove("zerocopy");
                }
                value.as_object_mut().unwrap().remove("self");
                value.as_object_mut().unwrap().remove("copiers");
                value
            };
            let first = line(&frame);
            let second = line(&one(&first).unwrap().frame);
            let (first, second) = (value(&first), value(&second));
            for key in [
                "kernel",
                "elapsed_ns",
                "limitations",
                "totals",
                "unattributed",
                "devices",
                "losses",
            ] {
                assert_eq!(first[key], second[key], "{fixture}: {key}");
            }
            assert_eq!(
                first["processes"].as_array().unwrap().len(),
                second["processes"].as_array().unwrap().len()
            );
        }
    }
}

#[test]
fn documents_follow_each_other_in_either_form_and_say_which_run_they_are() {
    let samples = [socket(CopyPath::SocketSend, SocketKind::Tcp, 3, 1_009)];
    let frame = Frame::cumulative(snapshot(1, &[process(7, "x", &samples)]));
    let run = Run { number: 2, of: 5, status: 7, interrupted: false };
    let mut out = Vec::new();
    write_document(&frame, &Listing::everything(), &mut out).unwrap();
    write_run(&frame, &Listing::everything(), run, &mut out).unwrap();
    let found: Vec<_> = read(&*out).map(|it| it.unwrap()).collect();
    assert_eq!(found.iter().map(|it| it.run).collect::<Vec<_>>(), [None, Some(run)]);
    assert_eq!(found[1].frame.totals.paths, frame.totals.paths);
    assert_eq!(found[1].frame.processes[0].paths, frame.processes[0].paths);
}

#[test]
fn what_is_no_document_is_refused_in_words() {
    let whole =
        line(&Frame::cumulative(snapshot(1, &[process(7, "x", &[path(CopyPath::Tee, 3, 9)])])));
    let whole = String::from_utf8(whole).unwrap();
    for (text, said) in [
        ("{}".to_owned(), "missing field `schema`"),
        ("[]".to_owned(), "invalid"),
        ("\0\0".to_owned(), "expected value"),
        (whole.replace("zc/1", "zc/2"), "this zc reads \"zc/1\": use a newer zc"),
        (whole.replace("zc/1", "zc-lab/1"), "it has schema \"zc-lab/1\""),
        (whole.replace("\"moved_bytes\":9,", "\"moved_bytes\":-9,"), "invalid value"),
        (
            whole.replace("\"moved_bytes\":9,", "\"moved_bytes\":9007199254740992,"),
            "which no machine can have counted",
        ),
        (whole.replace("\"tee\"", "\"\\u001b[2J\""), "is not an id"),
        ("[".repeat(10_000), "invalid type"),
    ] {
        let error = one(text.as_bytes()).unwrap_err();
        assert!(error.contains(said), "{said}: {error}");
        assert!(error.len() < 400, "{error}");
    }
    // Torn off anywhere, it is none.
    for at in (1..whole.trim_end().len()).step_by(37) {
        assert!(one(&whole.as_bytes()[..at]).is_err(), "{at}");
    }
}

#[test]
fn a_document_without_end_is_refused() {
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            bytes.fill(b' ');
            Ok(bytes.len())
        }
    }
    let begin = br#"{"schema":"zc/1","kernel":"#;
    let error = match bounded(begin.chain(Endless), 100_003).next() {
        Some(Err(Unreadable::Content(why))) => why,
        other => panic!("{other:?}"),
    };
    assert!(error.contains("a document is larger than 256 MiB"), "{error}");
}
