//! Requests of io_uring, on kernels that do not name them when they complete.

/// What a completion says of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct RequestKey {
    /// Address of the ring's context.
    pub ring: u64,
    /// The number that the program has given to the request.
    pub user_data: u64,
}

/// What was submitted under a number.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Request {
    /// The operation and, in the lowest byte, the class of its file.
    pub what: u64,
    /// How many requests were submitted under the number.
    pub submitted: u64,
    /// How many of them have completed.
    pub completed: u64,
    /// Whether requests under way at the same time differ in what they do.
    pub is_ambiguous: u64,
}
