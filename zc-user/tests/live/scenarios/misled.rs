//! Calls whose result or descriptor says something else than what they did.

use std::{
    fs::{self, File},
    io::Write as _,
    os::fd::{AsRawFd as _, IntoRawFd as _, RawFd},
    sync::{
        atomic::{AtomicPtr, Ordering},
        mpsc,
    },
    thread,
};

use super::{Scenario, Stage, moved, ok, pipes::pipe};
use crate::workload::fork;

/// Bytes of a transfer: a prime.
const SIZE: usize = 7919;
const ROUNDS: usize = 7;
/// Bytes of a write that returns the number of the call.
const OWN_NUMBER: usize = libc::SYS_write as usize;
/// Rounds of what goes wrong once in thousands: a prime.
const MANY: usize = 4001;
/// Bytes of a read that takes longer than to replace its descriptor: a prime.
const LONG: usize = 32_000_011;

pub(super) const SCENARIOS: &[Scenario] = &[
    // A trapped call returns its own number: 326 bytes of a copy_file_range that never ran.
    Scenario::new("trapped", trapped, &[moved("file_write", 1, 1)]),
    // The signal of a filter, but sent by the program, and blocked: the calls are carried out.
    Scenario::new("not_trapped", not_trapped, &[moved("file_write", ROUNDS, ROUNDS * OWN_NUMBER)]),
    // A supervisor answers one write of two in place of the kernel, and lets it carry out all other calls.
    Scenario::new(
        "supervised",
        |stage| supervised(&stage.output("supervised"), ROUNDS, false),
        &[moved("file_write", ROUNDS, ROUNDS * SIZE), moved("file_read", ROUNDS, ROUNDS * SIZE)],
    )
    .in_proc_io(),
    // One that never sleeps: some answers are there before the thread has begun to wait for them.
    Scenario::new(
        "supervised_at_once",
        |stage| supervised(&stage.output("supervised_at_once"), MANY, true),
        &[moved("file_write", MANY, MANY * SIZE), moved("file_read", MANY, MANY * SIZE)],
    )
    .in_proc_io(),
    Scenario::new(
        "replaced_by_a_socket",
        |_| {
            wait_while(|from| {
                let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
                // SAFETY: descriptors.
                assert_eq!(unsafe { libc::dup2(socket.as_raw_fd(), from) }, from);
            });
            Ok(())
        },
        &[moved("pipe_write", ROUNDS, ROUNDS * SIZE), moved("pipe_read", ROUNDS, ROUNDS * SIZE)],
    )
    .threads(1 + ROUNDS as u64),
    Scenario::new(
        "closed_by_another_thread",
        // SAFETY: the waiter leaves it to this thread.
        |_| {
            wait_while(|from| {
                // SAFETY: no pointers; the reader waits for what is behind it.
                let result = unsafe { libc::close(from) };
                assert_eq!(result, 0);
            });
            Ok(())
        },
        &[moved("pipe_write", ROUNDS, ROUNDS * SIZE), moved("pipe_read", ROUNDS, ROUNDS * SIZE)],
    )
    .threads(1 + ROUNDS as u64),
    // A read that never leaves its CPU.
    Scenario::new(
        "replaced_while_running",
        |_| {
            while_running(|from| {
                let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
                // SAFETY: descriptors.
                assert_eq!(unsafe { libc::dup2(socket.as_raw_fd(), from) }, from);
            });
            Ok(())
        },
        &[moved("file_read", ROUNDS, ROUNDS * LONG)],
    )
    .threads(1 + ROUNDS as u64),
    Scenario::new(
        "closed_while_running",
        |_| {
            // SAFETY: the reader leaves it to this thread.
            while_running(|from| assert_eq!(unsafe { libc::close(from) }, 0));
            Ok(())
        },
        &[moved("file_read", ROUNDS, ROUNDS * LONG)],
    )
    .threads(1 + ROUNDS as u64),
    Scenario::new(
        "restarted",
        restarted,
        &[moved("pipe_write", 1, SIZE), moved("pipe_read", 1, SIZE)],
    )
    .threads(2),
];

/// The descriptor whose calls a filter does not simply allow.
const FILTERED: RawFd = 77;

/// Has a filter answer all calls whose first argument is [`FILTERED`] by `verdict`. What `seccomp` returns.
fn filter(verdict: u32, flags: u64) -> libc::c_long {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    const JUMP_IF: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    /// `args[0]` in `struct seccomp_data`, `include/uapi/linux/seccomp.h`.
    const FIRST_ARGUMENT: u32 = 16;

    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        step(LOAD, 0, 0, FIRST_ARGUMENT),
        step(JUMP_IF, 0, 1, FILTERED.cast_unsigned()),
        step(RETURN, 0, 0, verdict),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: this process has one thread; the filter is copied.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program)
    }
}

const NO_FILTERS: &str = "this kernel has no such seccomp filters";

fn supervised(file: &File, rounds: usize, spins: bool) -> Result<(), String> {
    // `include/uapi/linux/seccomp.h`.
    const NEW_LISTENER: u64 = 1 << 3;
    const RET_USER_NOTIF: u32 = 0x7fc0_0000;
    const RECEIVE: libc::c_ulong = 0xc050_2100;
    const SEND: libc::c_ulong = 0xc018_2101;
    const CONTINUE: u32 = 1;

    /// `struct seccomp_notif_resp`.
    #[repr(C)]
    struct Answer {
        id: u64,
        value: i64,
        error: i32,
        flags: u32,
    }

    // SAFETY: descriptors.
    assert_eq!(unsafe { libc::dup2(file.as_raw_fd(), FILTERED) }, FILTERED);
    let listener = filter(RET_USER_NOTIF, NEW_LISTENER) as RawFd;
    if listener < 0 {
        return Err(NO_FILTERS.to_owned());
    }
    let supervisor = fork(|| {
        let mut waits = libc::pollfd { fd: listener, events: libc::POLLIN, revents: 0 };
        for call in 0..3 * rounds {
            // `struct seccomp_notif`, which begins with the id.
            let mut notification = [0_u64; 10];
            // SAFETY: structures as the kernel defines them.
            unsafe {
                while spins && libc::poll(&raw mut waits, 1, 0) == 0 {
                    std::hint::spin_loop();
                }
                ok(libc::ioctl(listener, RECEIVE, notification.as_mut_ptr()) as isize);
                let mut answer =
                    Answer { id: notification[0], value: 0, error: 0, flags: CONTINUE };
                if call % 3 == 0 {
                    (answer.value, answer.flags) = (SIZE as i64, 0);
                }
                ok(libc::ioctl(listener, SEND, &raw mut answer) as isize);
            }
        }
        0
    });
    let mut buffer = [1_u8; SIZE];
    for round in 0..rounds {
        let at = (round * SIZE) as i64;
        // SAFETY: a buffer and its length.
        unsafe {
            // Answered.
            assert_eq!(ok(libc::write(FILTERED, buffer.as_ptr().cast(), SIZE)), SIZE);
            assert_eq!(ok(libc::write(FILTERED, buffer.as_ptr().cast(), SIZE)), SIZE);
            assert_eq!(ok(libc::pread(FILTERED, buffer.as_mut_ptr().cast(), SIZE, at)), SIZE);
        }
    }
    supervisor.wait_until_dead();
    assert_eq!(supervisor.reap().code, 0);
    assert_eq!(file.metadata().expect("a file").len(), (rounds * SIZE) as u64);
    Ok(())
}

/// A filter answers copy_file_range, sendfile and one-byte writes to a descriptor by a signal; the same write to
/// another one is carried out, and returns its own number, too.
fn trapped(stage: &Stage) -> Result<(), String> {
    /// Says that the call moved nothing.
    extern "C" fn ignore(_: i32) {}

    let file = stage.output("trapped");
    // SAFETY: descriptors, buffers and their lengths.
    unsafe {
        assert_eq!(libc::dup2(file.as_raw_fd(), FILTERED), FILTERED);
        libc::signal(libc::SIGSYS, ignore as *const () as usize);
        if filter(libc::SECCOMP_RET_TRAP, 0) != 0 {
            return Err(NO_FILTERS.to_owned());
        }
        for _ in 0..ROUNDS {
            libc::write(FILTERED, b"x".as_ptr().cast(), 1);
            libc::sendfile(FILTERED, file.as_raw_fd(), std::ptr::null_mut(), SIZE);
            let (from, to) = (FILTERED, file.as_raw_fd());
            let nowhere = std::ptr::null_mut::<i64>();
            libc::syscall(libc::SYS_copy_file_range, from, nowhere, to, nowhere, SIZE, 0);
        }
        assert_eq!(ok(libc::write(file.as_raw_fd(), b"x".as_ptr().cast(), 1)), 1);
    }
    assert_eq!(file.metadata().expect("a file").len(), 1);
    Ok(())
}

/// Writes that return their own number while a SIGSYS is pending that the program has sent to itself.
fn not_trapped(stage: &Stage) -> Result<(), String> {
    let mut file = stage.output("not_trapped");
    // SAFETY: a set of signals; this process has one thread.
    unsafe {
        let mut signals = std::mem::zeroed();
        libc::sigemptyset(&raw mut signals);
        libc::sigaddset(&raw mut signals, libc::SIGSYS);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const signals, std::ptr::null_mut());
        let (process, thread) = (libc::getpid(), libc::gettid());
        ok(libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGSYS) as isize);
    }
    if filter(libc::SECCOMP_RET_TRAP, 0) != 0 {
        return Err(NO_FILTERS.to_owned());
    }
    for _ in 0..ROUNDS {
        assert_eq!(file.write(&[1; OWN_NUMBER]).expect("room"), OWN_NUMBER);
    }
    Ok(())
}

/// Seven threads wait in a read of a pipe, one after the other, while `replace` does something with the descriptor.
fn wait_while(replace: impl Fn(RawFd)) {
    for _ in 0..ROUNDS {
        let (from, mut to) = pipe();
        let from = from.into_raw_fd();
        let waiter = wait_for(from);
        replace(from);
        to.write_all(&[1; SIZE]).expect("room");
        waiter.join().expect("a read");
    }
}

/// Seven threads read a file in memory, one after the other, while `replace` does something with its only descriptor.
fn while_running(replace: impl Fn(RawFd)) {
    for _ in 0..ROUNDS {
        let file = super::files::in_memory();
        file.set_len(LONG as u64).expect("memory");
        let from = file.into_raw_fd();
        let mut buffer = vec![1_u8; LONG];
        let first = AtomicPtr::new(buffer.as_mut_ptr());
        let reader = thread::spawn(move || {
            let address = buffer.as_mut_ptr().cast();
            // SAFETY: a buffer and its length.
            assert_eq!(ok(unsafe { libc::read(from, address, LONG) }), LONG);
            buffer
        });
        // The file is all zeros: the first of them tells that the call has looked the descriptor up.
        // SAFETY: the buffer lives until the thread is joined; the kernel writes it.
        while unsafe { first.load(Ordering::Relaxed).read_volatile() } != 0 {
            std::hint::spin_loop();
        }
        replace(from);
        drop(reader.join().expect("a read"));
    }
}

/// A thread that has begun to wait in a read of `from`.
fn wait_for(from: RawFd) -> thread::JoinHandle<()> {
    let (told, tell) = mpsc::channel();
    let waiter = thread::spawn(move || {
        // SAFETY: no arguments.
        told.send(unsafe { libc::gettid() }).expect("it is waited for");
        let mut buffer = [0_u8; SIZE];
        // SAFETY: a buffer and its length.
        assert_eq!(ok(unsafe { libc::read(from, buffer.as_mut_ptr().cast(), SIZE) }), SIZE);
    });
    asleep(tell.recv().expect("it has begun"));
    waiter
}

/// Returns when a thread of this process sleeps in a read. Another process looks: it reads files for that.
fn asleep(thread: i32) {
    let directory = format!("/proc/{}/task/{thread}", std::process::id());
    let read = format!("{} ", libc::SYS_read);
    let child = fork(|| {
        let sleeps = || {
            let call = fs::read_to_string(format!("{directory}/syscall")).unwrap_or_default();
            let state = fs::read_to_string(format!("{directory}/stat")).unwrap_or_default();
            call.starts_with(&read) && state.contains(") S ")
        };
        while !sleeps() {
            thread::yield_now();
        }
        0
    });
    child.wait_until_dead();
    assert_eq!(child.reap().code, 0);
}

/// A read that a signal interrupts, and which the kernel carries out once more: it never fails.
fn restarted(_: &Stage) -> Result<(), String> {
    extern "C" fn ignore(_: i32) {}
    let (from, mut to): (File, File) = pipe();
    // SAFETY: a handler that does nothing. `signal` has the kernel carry out calls once more.
    unsafe { libc::signal(libc::SIGUSR1, ignore as *const () as usize) };
    let (told, tell) = mpsc::channel();
    let waiter = thread::spawn(move || {
        // SAFETY: no arguments.
        told.send(unsafe { libc::gettid() }).expect("it is waited for");
        let mut buffer = [0_u8; SIZE];
        // SAFETY: a buffer and its length.
        let count = unsafe { libc::read(from.as_raw_fd(), buffer.as_mut_ptr().cast(), SIZE) };
        assert_eq!(ok(count), SIZE);
    });
    let thread = tell.recv().expect("it has begun");
    for _ in 0..ROUNDS {
        asleep(thread);
        // SAFETY: no memory is involved.
        unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), thread, libc::SIGUSR1) };
    }
    asleep(thread);
    to.write_all(&[1; SIZE]).expect("room");
    waiter.join().expect("a read");
    Ok(())
}
