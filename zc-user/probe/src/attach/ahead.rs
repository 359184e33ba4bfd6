//! What another thread does while this one reads the kernel's types.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver},
    },
    thread::{self, Scope, ScopedJoinHandle},
};

use aya::EbpfLoader;

use crate::symbols::Symbols;

/// The work of that thread. When this is dropped it ends, and its [`Scope`] waits for it.
pub(super) struct Ahead<'scope> {
    thread: Option<ScopedJoinHandle<'scope, Symbols>>,
    loader: Option<Receiver<EbpfLoader<'static>>>,
    symbols: Option<Symbols>,
    stop: &'scope AtomicBool,
}

impl<'scope> Ahead<'scope> {
    /// Begins. `stop` is for this alone.
    pub(super) fn start<'env>(scope: &'scope Scope<'scope, 'env>, stop: &'env AtomicBool) -> Self {
        let (sender, receiver) = mpsc::sync_channel(1);
        let work = move || {
            // It is not received when something else has failed before.
            let _ = sender.send(loader());
            Symbols::read(stop)
        };
        let builder = thread::Builder::new().name("zc-ahead".to_owned());
        let thread = builder.spawn_scoped(scope, work).ok();
        // Without a thread the work is done when its result is asked for.
        let loader = thread.is_some().then_some(receiver);
        Self { thread, loader, symbols: None, stop }
    }

    /// A loader for an object that needs no types of the kernel.
    pub(super) fn loader<'a>(&mut self) -> EbpfLoader<'a> {
        let received = self.loader.take().and_then(|receiver| receiver.recv().ok());
        received.unwrap_or_else(loader)
    }

    /// The symbols of the kernel, when they have been read.
    pub(super) fn symbols(&mut self) -> &Symbols {
        let thread = self.thread.take();
        let stop = self.stop;
        self.symbols.get_or_insert_with(|| {
            let read = thread.and_then(|thread| thread.join().ok());
            read.unwrap_or_else(|| Symbols::read(stop))
        })
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A new loader parses the types of the running kernel, whether it needs them or not: a tenth of a start.
fn loader<'a>() -> EbpfLoader<'a> {
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    loader
}
