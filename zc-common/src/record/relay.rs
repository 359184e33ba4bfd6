//! What a thread may pass on unchanged: the buffers that it filled last.

/// Bytes that came in and may go out unchanged: from which buffer, and where they came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Incoming {
    /// Address in user memory of those that have not gone out yet.
    pub address: u64,
    /// How many there are.
    pub bytes: u64,
    /// Where they came from, a `RELAY_` value.
    pub source: u64,
    /// Address of the `struct address_space` of the file that they came from, 0 when it is no file.
    pub mapping: u64,
}

/// Buffers that are remembered: servers fill two before they send both at once.
pub const INCOMING: usize = 2;

/// What came into the last buffers of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Relay {
    /// The buffers, filled in turn.
    pub incoming: [Incoming; INCOMING],
    /// Which one was filled last, in the lowest bit.
    pub turn: u64,
    /// Time in user mode of the thread, ns, when it last passed bytes on; 0 when it has not yet. The lowest
    /// bit is set.
    pub user_ns: u64,
}

/// [`Incoming::source`]: neither of these.
pub const RELAY_NONE: u64 = 0;
/// [`Incoming::source`]: a file, through the page cache.
pub const RELAY_FILE: u64 = 1;
/// [`Incoming::source`]: a pipe.
pub const RELAY_PIPE: u64 = 2;
/// [`Incoming::source`]: a stream socket (TCP, unix).
pub const RELAY_SOCKET: u64 = 3;

/// Calls that move less are not looked at for bytes that are passed on.
pub const RELAY_LEAST_BYTES: i64 = 512;
