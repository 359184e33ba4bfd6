//! Sends of a program that `zc` does not follow, from its own memory to a receiver on this host: the
//! kernel copies them on arrival, in whatever thread the interrupt meets.

use std::{
    io::Read as _,
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use super::send::{CHUNK, Ring, enable_zerocopy, zerocopy};

/// Between two payloads: what is tested needs time on the two processors of a guest as well.
const PAUSE: Duration = Duration::from_millis(20);

/// Sets what it refers to, however its scope is left.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Runs `work` while a thread sends all the time; what `work` returns.
pub(super) fn amid<T>(work: impl FnOnce() -> T) -> T {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut buffer = vec![0; 1 << 16];
            while !done.load(Relaxed) {
                let (mut connection, _) = listener.accept().unwrap();
                while connection.read(&mut buffer).unwrap() > 0 {}
            }
        });
        scope.spawn(|| {
            let payload = vec![b's'; CHUNK];
            let mut ring = Ring::new(None).ok();
            loop {
                let stream = TcpStream::connect(address).unwrap();
                // The last connection only ends the other loop.
                if done.load(Relaxed) {
                    break;
                }
                enable_zerocopy(&stream);
                zerocopy(&stream, &payload);
                if let Some(ring) = &mut ring {
                    assert_eq!(ring.send(&stream, &payload), CHUNK as isize);
                }
                drop(stream);
                thread::sleep(PAUSE);
            }
        });
        let _done = Done(&done);
        work()
    })
}
