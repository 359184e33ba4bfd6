//! Processes that wait for each other.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
};

/// A gate that several processes wait at until it is opened: they read from it, and it closes.
pub struct Gate {
    inside: UnixStream,
    outside: UnixStream,
}

impl Gate {
    pub fn closed() -> Self {
        let (inside, outside) = UnixStream::pair().expect("a pair of sockets");
        Self { inside, outside }
    }

    /// Announces that the caller has arrived.
    pub fn arrive(&mut self) {
        self.inside.write_all(b"!").expect("the other end counts arrivals");
    }

    /// Announces that the caller has arrived, and waits.
    pub fn wait(&mut self) {
        self.arrive();
        let _ = self.inside.read(&mut [0]).expect("the gate opens");
    }

    /// Waits until `count` have arrived.
    pub fn await_arrivals(&mut self, count: usize) {
        self.outside.read_exact(&mut vec![0; count]).expect("all arrive");
    }

    /// Lets everybody through.
    pub fn open(&self) {
        self.outside.shutdown(std::net::Shutdown::Write).expect("the gate opens");
    }
}
