//! Reads and writes from one buffer, as a relay does, and changes what is in it.

use std::{fs::File, os::unix::fs::FileExt as _, path::Path};

const BUFFER: usize = 65_536;

/// Changes every byte (`xor`), or one byte of each block (`update`), of the file `from` on the way to `to`.
pub(crate) fn passed(way: &str, from: &Path, to: &Path) {
    let source = File::open(from).expect("a file");
    let target = File::options().write(true).create(true).truncate(false).open(to).expect("room");
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
            other => panic!("no way '{other}'"),
        }
        target.write_all_at(&buffer[..count], position).expect("room");
        position += count as u64;
    }
}
