//! Signals that end the process where it is: the terminal is given back before they do.
//!
//! INT, TERM and HUP end a session, and the session gives the terminal back. QUIT, ABRT and the rest come from
//! crashes, from the kernel, or from users who want a core dump: what runs here must be system calls only.

use std::{
    fs::OpenOptions,
    mem::MaybeUninit,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::fs::OpenOptionsExt as _,
    },
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

/// What ends a process by default, and is neither taken over by the session nor impossible to catch.
const SIGNALS: [libc::c_int; 17] = [
    libc::SIGQUIT,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGSTKFLT,
    libc::SIGIO,
    libc::SIGPWR,
];

/// Whether the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
static TERMINAL: OnceLock<Terminal> = OnceLock::new();

struct Terminal {
    /// Where what it has to obey is written without waiting; `None` where that is not possible.
    screen: Option<OwnedFd>,
    settings: libc::termios,
    /// The signals that were not ignored, with what was done at each.
    before: Vec<(libc::c_int, libc::sigaction)>,
}

/// Notes how the terminal is before it is taken over, and has the signals give it back.
pub(super) fn prepare() {
    TERMINAL.get_or_init(|| {
        let mut settings = MaybeUninit::<libc::termios>::zeroed();
        // SAFETY: the call fills the structure, of which zeroes are a value.
        let settings = unsafe {
            libc::tcgetattr(libc::STDOUT_FILENO, settings.as_mut_ptr());
            settings.assume_init()
        };
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let screen = OpenOptions::new().write(true).custom_flags(flags).open("/proc/self/fd/1");
        Terminal { screen: screen.ok().map(Into::into), settings, before: handle() }
    });
}

/// The terminal is ours, or not any more.
pub(super) fn take(taken: bool) {
    TAKEN.store(taken, SeqCst);
}

/// Gives the terminal back, with system calls only.
pub(super) fn restore() {
    /// As `leave` does it.
    const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?1006l\x1b[?1000l\x1b[?1049l\x1b[?25h";
    let Some(terminal) = TERMINAL.get().filter(|_| TAKEN.swap(false, SeqCst)) else { return };
    // SAFETY: bytes and a structure that live on. A terminal that takes nothing any more gets nothing.
    unsafe {
        if let Some(screen) = &terminal.screen {
            libc::write(screen.as_raw_fd(), LEAVE.as_ptr().cast(), LEAVE.len());
        }
        libc::tcsetattr(libc::STDOUT_FILENO, libc::TCSANOW, &raw const terminal.settings);
    }
}

/// Takes the signals over that are not ignored. Returns what was done at each.
fn handle() -> Vec<(libc::c_int, libc::sigaction)> {
    let mut before = Vec::new();
    for signal in SIGNALS {
        let mut old = MaybeUninit::<libc::sigaction>::zeroed();
        let mut new = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: zeroes are a value of the structure; the handler makes system calls only. It runs on the stack
        // for signals, where there is one: the other may be at its end.
        unsafe {
            let new = new.as_mut_ptr();
            (*new).sa_sigaction = end as Handler as libc::sighandler_t;
            (*new).sa_flags = libc::SA_ONSTACK | libc::SA_SIGINFO;
            libc::sigfillset(&raw mut (*new).sa_mask);
            let is_known = libc::sigaction(signal, ptr::null(), old.as_mut_ptr()) == 0;
            let old = old.assume_init();
            if is_known && old.sa_sigaction != libc::SIG_IGN {
                libc::sigaction(signal, new, ptr::null_mut());
                before.push((signal, old));
            }
        }
    }
    before
}

type Handler = extern "C" fn(libc::c_int, *const libc::siginfo_t, *const libc::c_void);

/// Gives the terminal back, and lets the signal do what it would have done.
extern "C" fn end(signal: libc::c_int, about: *const libc::siginfo_t, _: *const libc::c_void) {
    restore();
    // SAFETY: the kernel gives a handler of this kind what it knows of the signal.
    let is_fault = unsafe { (*about).si_code } > 0;
    let before = TERMINAL.get().map(|terminal| &terminal.before);
    let before = before.into_iter().flatten().find(|(number, _)| *number == signal);
    // SAFETY: a structure that lives on, and integers.
    unsafe {
        match before {
            // What faulted does so again, and the library says that a stack is too small.
            Some((_, action)) if is_fault => {
                libc::sigaction(signal, action, ptr::null_mut());
            }
            _ => {
                libc::signal(signal, libc::SIG_DFL);
                // It arrives when this returns.
                libc::raise(signal);
            }
        }
    }
}
