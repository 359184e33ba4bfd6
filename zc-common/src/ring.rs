//! Asynchronous operations that are remembered from their submission on: of io_uring and of libaio.

/// What a completion of io_uring says of its request where it does not name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct RequestKey {
    /// Address of the ring's context.
    pub ring: u64,
    /// The number that the program has given to the request.
    pub user_data: u64,
}

/// A completion that a message from ring to ring posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct PassedKey {
    /// Address of the context of the ring that gets it.
    pub ring: u64,
    /// Its number.
    pub user_data: u64,
    /// Its result, and in the upper half its flags.
    pub outcome: u64,
}

/// What was submitted under a number.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Request {
    /// What it does and with what, as the kernel side describes it.
    pub what: u64,
    /// Address of the request that came last.
    pub address: u64,
    /// How many requests were submitted under the number.
    pub submitted: u64,
    /// How many of them have completed.
    pub completed: u64,
    /// Whether requests under way at the same time differ in what they do.
    pub is_ambiguous: u64,
}

/// A request of io_uring of which something must be known that its memory no longer says when it completes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Noted {
    /// What it does and with what, as the kernel side describes it.
    pub what: u64,
    /// Address of the ring's context.
    pub ring: u64,
    /// Whether it is to complete without a completion, and has not been seen to.
    pub is_silent: u64,
}

/// Rings of a process that have requests which complete without a completion; 0 ends the list.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Rings {
    /// Addresses of the rings' contexts.
    pub rings: [u64; Self::MOST],
}

impl Rings {
    /// How many rings of a process are remembered.
    pub const MOST: usize = 4;
}

/// What tells a request of libaio from all others that are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct AioKey {
    /// Process.
    pub process: u64,
    /// Address of its `struct iocb`.
    pub iocb: u64,
    /// The number that the program has given to the request (`aio_data`).
    pub data: u64,
}
