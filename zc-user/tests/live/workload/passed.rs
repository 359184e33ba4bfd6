//! Reads and writes from one buffer, as a relay does, and changes what is in it.

use std::{
    fs::File, io::Read as _, os::unix::fs::FileExt as _, path::Path, sync::mpsc::channel, thread,
};

const BUFFER: usize = 65_536;

/// Copies the file `from` to `to`, and on the way changes every byte (`xor`), one byte of each block (`update`), bytes
/// all over the block by another thread (`thread`), or reads zeros over the block (`zero`).
pub(crate) fn passed(way: &str, from: &Path, to: &Path) {
    let source = File::open(from).expect("a file");
    let target = File::options().write(true).create(true).truncate(false).open(to).expect("room");
    let mut zeros = File::open("/dev/zero").expect("zeros");
    let other_thread = (way == "thread").then(other_thread);
    let mut buffer = vec![0; BUFFER];
    let mut position = 0;
    loop {
        let count = source.read_at(&mut buffer, position).expect("a file");
        if count == 0 {
            return;
        }
        match way {
            "xor" => buffer[..count].iter_mut().for_each(|byte| *byte ^= 0x5a),
            "update" => buffer[0] ^= 0x5a,
            "thread" => buffer = other_thread.as_ref().expect("a thread")(buffer),
            "zero" => zeros.read_exact(&mut buffer[..count]).expect("zeros"),
            other => panic!("no way '{other}'"),
        }
        target.write_all_at(&buffer[..count], position).expect("room");
        position += count as u64;
    }
}

/// Another thread that changes the buffers that it gets.
fn other_thread() -> impl Fn(Vec<u8>) -> Vec<u8> {
    let (give, buffers) = channel::<Vec<u8>>();
    let (give_back, back) = channel();
    thread::spawn(move || {
        for mut buffer in buffers {
            buffer.iter_mut().step_by(64).for_each(|byte| *byte ^= 0x5a);
            if give_back.send(buffer).is_err() {
                return;
            }
        }
    });
    move |buffer| {
        give.send(buffer).expect("a thread");
        back.recv().expect("a thread")
    }
}
