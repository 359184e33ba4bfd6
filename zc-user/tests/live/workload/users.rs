//! Processes that go on with the rights of another user.

use std::io::stdin;

use rustix::{
    process::getpid,
    thread::{Uid, set_thread_res_uid},
};

use super::{Gate, family::read_zero, fork};

/// A user without a name, and what a process reads that ends with the rights of that.
pub(crate) const ENDED: (u32, usize, usize) = (54_321, 5, 307);
/// Another one, for a process that lives when it is looked at.
pub(crate) const LIVES: (u32, usize, usize) = (54_322, 3, 211);

/// Prints its number, waits for a line, lets others change their user, prints a line, and waits for another one.
pub(super) fn users() {
    let mut gate = Gate::closed();
    println!("{}", getpid());
    stdin().read_line(&mut String::new()).expect("a line");
    // It reads first: what it did belongs to whom it became.
    let ended = fork(|| {
        read_zero(ENDED.1, ENDED.2);
        become_user(ENDED.0);
        0
    });
    ended.succeed();
    let lives = fork(|| {
        become_user(LIVES.0);
        read_zero(LIVES.1, LIVES.2);
        gate.wait();
        0
    });
    gate.await_arrivals(1);
    println!("now");
    stdin().read_line(&mut String::new()).expect("a line");
    gate.open();
    lives.succeed();
}

fn become_user(user: u32) {
    let user = Uid::from_raw(user);
    // A process of one thread.
    set_thread_res_uid(user, user, user).expect("an administrator may");
}
