//! Whatever ends it, nothing of `zc` stays in the kernel.

use rustix::process::Signal;

use super::{
    kernel::Held,
    zc::{Running, zc},
};

#[test]
fn nothing_is_left_in_the_kernel_however_it_ends() {
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT, Signal::KILL, Signal::ABORT] {
        let mut top = Running::start(zc(["top", "--json", "--interval", "0.1"]));
        top.line();
        let held = Held::by(top.0.id());
        top.signal(signal);
        top.end();
        held.is_gone();
    }
}

#[test]
fn nothing_is_left_when_a_command_has_ended() {
    let mut stat = Running::start(zc(["stat", "--", "sh", "-c", "echo ready; exec sleep 1000"]));
    stat.line();
    let held = Held::by(stat.0.id());
    // A command does not get hold of it either: it would keep it alive.
    stat.signal(Signal::TERM);
    stat.end();
    held.is_gone();
}
