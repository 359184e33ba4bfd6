//! Signals while programs are loaded.

use std::mem::MaybeUninit;

/// Keeps signals from this thread and those that it starts, which take their mask from it, until it is dropped: the
/// kernel refuses a program with EAGAIN when a signal is pending while it verifies it (`do_check`,
/// `kernel/bpf/verifier.c`, 5.10 to 7.2). They come afterwards.
pub(super) struct Held {
    before: libc::sigset_t,
}

impl Held {
    /// Faults are not kept, nor is what ends a program that hangs (`SIGQUIT`).
    pub(super) fn now() -> Self {
        const OPEN: [libc::c_int; 6] =
            [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT, libc::SIGQUIT];
        let mut held = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: the calls fill in the sets, which are this thread's.
        unsafe {
            libc::sigfillset(held.as_mut_ptr());
            for signal in OPEN {
                libc::sigdelset(held.as_mut_ptr(), signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, held.as_ptr(), before.as_mut_ptr());
            Self { before: before.assume_init() }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: a set that the kernel has given.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut())
        };
    }
}
