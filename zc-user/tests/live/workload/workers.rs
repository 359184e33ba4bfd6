//! Threads with names, some of which have ended when they are looked at.

use std::{io::stdin, sync::mpsc::channel, thread};

use rustix::process::getpid;

use super::family::read_zero;

/// Threads of each name, and what each of them reads. They live when they are looked at.
pub(crate) const LIVE: [(&str, usize, usize); 2] = [("alpha", 5, 307), ("beta", 7, 211)];
/// The same for threads that have ended, of which there are so many of a name.
pub(crate) const ENDED: (&str, usize, usize) = ("gamma", 3, 101);
/// How many.
pub(crate) const COUNT: usize = 4;

/// Prints its number, waits for a line, lets threads read, prints a line, and waits for another one.
pub(super) fn workers() {
    println!("{}", getpid());
    stdin().read_line(&mut String::new()).expect("a line");
    let named = |name: &str| thread::Builder::new().name(name.to_owned());
    for _ in 0..COUNT {
        let (name, calls, bytes) = ENDED;
        let ended = named(name).spawn(move || read_zero(calls, bytes));
        ended.expect("a thread").join().expect("it reads");
    }
    let (done, dones) = channel();
    let (ends, threads): (Vec<_>, Vec<_>) = LIVE
        .map(|(name, calls, bytes)| {
            let (end, ended) = channel::<()>();
            let done = done.clone();
            let body = move || {
                read_zero(calls, bytes);
                done.send(()).expect("it is waited for");
                // Until the other end is dropped.
                ended.recv().expect_err("nothing is sent");
            };
            (end, named(name).spawn(body).expect("a thread"))
        })
        .into_iter()
        .unzip();
    dones.iter().take(LIVE.len()).for_each(drop);
    println!("now");
    stdin().read_line(&mut String::new()).expect("a line");
    drop(ends);
    threads.into_iter().for_each(|thread| thread.join().expect("it ends"));
}
