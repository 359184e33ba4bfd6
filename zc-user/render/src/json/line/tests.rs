use serde_json::json;
use zc_common::path::{CopyPath, SocketKind};

use super::*;
use zc_model::{
    counter::CounterId,
    fixture::sketch::{path, process, snapshot, socket},
    frame::Frame,
    snapshot::{Host, Limitation, PathId, PathSample, ProcessSample, Provenance},
    sort::Listing,
};

/// What both ways of writing a frame give: the pieces, and the whole document.
fn both(frame: &Frame) -> (String, String) {
    let document = Document::new(frame, &Listing::everything());
    let mut pieces = Vec::new();
    write(&document, &mut pieces).unwrap();
    let mut whole = Vec::new();
    push(&mut whole, &document).unwrap();
    whole.push(b'\n');
    (String::from_utf8(pieces).unwrap(), String::from_utf8(whole).unwrap())
}

fn check(frame: &Frame) {
    let (pieces, whole) = both(frame);
    assert_eq!(pieces, whole);
}

#[test]
fn the_pieces_make_the_document() {
    let busy = process(7, "busy", &[path(CopyPath::FileRead, 3, 30)]);
    let rows: [&[_]; 3] = [
        &[],
        &[process(8, "idle", &[]), busy, process(9, "\u{1b}[2J \"", &[])],
        &[process(8, "idle", &[]), process(9, "idle", &[])],
    ];
    for rows in rows {
        check(&Frame::cumulative(snapshot(1, rows)));
    }
}

#[test]
fn each_chunk_goes_on_where_the_one_before_ended() {
    let busy = |pid| process(pid, "busy", &[path(CopyPath::FileRead, 3, pid.into())]);
    let rows: Vec<_> = (1..307).map(busy).collect();
    let frame = Frame::cumulative(snapshot(1, &rows));
    assert!(both(&frame).0.len() > 3 * CHUNK);
    check(&frame);
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    /// One of `0..sides`, by the generator of Marsaglia's "Xorshift RNGs" with the shifts 13, 7, 17.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u64) as usize].clone()
    }

    /// Mostly 0, as most counts are; at times so great that sums of a few just fit.
    fn count(&mut self) -> u64 {
        match self.roll(8) {
            0..5 => 0,
            5 => self.roll(100),
            6 => self.roll(1 << 56),
            _ => 1 << 56,
        }
    }

    fn provenance(&mut self) -> Provenance {
        let later: Provenance = serde_json::from_value(json!("guessed")).unwrap();
        self.pick(&[
            Provenance::Measured,
            Provenance::Assumed,
            Provenance::Modelled,
            Provenance::Unavailable,
            later,
        ])
    }

    fn sample(&mut self) -> PathSample {
        let (ops, moved) = (self.count(), self.count());
        let mut sample = match self.roll(4) {
            0 => {
                let kind = self.pick(SocketKind::ALL);
                let of = [CopyPath::SocketRecv, CopyPath::SocketSend, CopyPath::SocketSendZerocopy];
                socket(self.pick(&of), kind, ops, moved)
            }
            1 => {
                let later: PathId = serde_json::from_value(json!("teleport")).unwrap();
                PathSample { path: later, ..path(CopyPath::Tee, ops, moved) }
            }
            _ => path(self.pick(CopyPath::ALL), ops, moved),
        };
        sample.errors = self.count();
        sample.copied_bytes = self.pick(&[0, moved, moved / 3]);
        sample.assumed_bytes = self.pick(&[0, sample.copied_bytes / 2]);
        sample.provenance = self.provenance();
        sample
    }

    fn process(&mut self, pid: u32) -> ProcessSample {
        let names = ["nginx", "\u{1b}[2J\"", "a\\b", "ψ", "", "\u{202e}x\0\n"];
        let paths: Vec<_> = (0..self.roll(5)).map(|_| self.sample()).collect();
        let mut process = process(pid, self.pick(&names), &paths);
        process.cgroup =
            self.pick(&[None, Some("/system.slice/x.service"), Some("/\u{7f}")]).map(Into::into);
        (process.kernel, process.exited) = (self.roll(2) == 0, self.roll(2) == 0);
        process.merged = self.pick(&[1, 7]);
        for counter in CounterId::ALL {
            process.counters[*counter] = self.count();
        }
        process
    }

    fn host(&mut self, of: &Host) -> Host {
        let mut limitations = Vec::new();
        for _ in 0..self.roll(6) {
            limitations.push(Limitation {
                counter: self.pick(CounterId::ALL).into(),
                provenance: self.provenance(),
                reason: "hidden \"here\"".to_owned(),
            });
        }
        Host { limitations, copies: self.provenance(), ..of.clone() }
    }
}

#[test]
fn any_frame_is_written_as_serde_would_write_it() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut advised, mut requested) = (false, false);
    for round in 0..500 {
        let rows: Vec<_> = (1..=dice.roll(6) as u32).map(|pid| dice.process(pid)).collect();
        let mut all = snapshot(dice.roll(3), &rows);
        all.host = dice.host(&all.host).into();
        let (pieces, whole) = both(&Frame::cumulative(all));
        assert_eq!(pieces, whole, "frame {round}");
        advised |= pieces.contains("\"advice\":[{");
        requested |= pieces.contains("\"zerocopy\":[{");
    }
    assert!(advised && requested, "frames that say nothing");
}
