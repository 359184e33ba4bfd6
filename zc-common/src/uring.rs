//! What each operation of io_uring does with data.

/// What an operation does with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Effect {
    /// Moves no data: what it reads or returns is about files, descriptors, rings or time, and system calls
    /// of the kind are not counted either.
    Nothing,
    /// Reads a file, a pipe, a socket: the result is bytes.
    Read,
    /// Writes one.
    Write,
    /// Receives from a socket, with flags.
    Receive,
    /// Sends through one, with flags.
    Send,
    /// Sends pages by reference. The result is bytes; a second completion, which tells that the pages are no
    /// longer in use, has an operation of its own ([`Self::Nothing`]).
    SendZerocopy,
    /// Receives by reference: the device has written to memory that is mapped into the program.
    ReceiveZerocopy,
    /// From descriptor to descriptor, one of which is a pipe.
    Splice,
    /// Duplicates what is in a pipe.
    Tee,
    /// A command to a driver or a file system, which may move data, of which the result says nothing.
    Command,
}

macro_rules! operations {
    ($($name:literal $effect:ident,)*) => {
        /// Names of the operations in the order of their numbers, as in `enum io_uring_op`
        /// (`include/uapi/linux/io_uring.h`, 7.2), with what they do.
        pub const OPERATIONS: &[(&str, Effect)] = &[$(($name, Effect::$effect),)*];
    };
}

operations! {
    "NOP" Nothing,
    "READV" Read,
    "WRITEV" Write,
    "FSYNC" Nothing,
    "READ_FIXED" Read,
    "WRITE_FIXED" Write,
    "POLL_ADD" Nothing,
    "POLL_REMOVE" Nothing,
    "SYNC_FILE_RANGE" Nothing,
    "SENDMSG" Send,
    "RECVMSG" Receive,
    "TIMEOUT" Nothing,
    "TIMEOUT_REMOVE" Nothing,
    "ACCEPT" Nothing,
    "ASYNC_CANCEL" Nothing,
    "LINK_TIMEOUT" Nothing,
    "CONNECT" Nothing,
    "FALLOCATE" Nothing,
    "OPENAT" Nothing,
    "CLOSE" Nothing,
    "FILES_UPDATE" Nothing,
    "STATX" Nothing,
    "READ" Read,
    "WRITE" Write,
    "FADVISE" Nothing,
    "MADVISE" Nothing,
    "SEND" Send,
    "RECV" Receive,
    "OPENAT2" Nothing,
    "EPOLL_CTL" Nothing,
    "SPLICE" Splice,
    "PROVIDE_BUFFERS" Nothing,
    "REMOVE_BUFFERS" Nothing,
    "TEE" Tee,
    "SHUTDOWN" Nothing,
    "RENAMEAT" Nothing,
    "UNLINKAT" Nothing,
    "MKDIRAT" Nothing,
    "SYMLINKAT" Nothing,
    "LINKAT" Nothing,
    "MSG_RING" Nothing,
    "FSETXATTR" Nothing,
    "SETXATTR" Nothing,
    "FGETXATTR" Nothing,
    "GETXATTR" Nothing,
    "SOCKET" Nothing,
    "URING_CMD" Command,
    "SEND_ZC" SendZerocopy,
    "SENDMSG_ZC" SendZerocopy,
    "READ_MULTISHOT" Read,
    "WAITID" Nothing,
    "FUTEX_WAIT" Nothing,
    "FUTEX_WAKE" Nothing,
    "FUTEX_WAITV" Nothing,
    "FIXED_FD_INSTALL" Nothing,
    "FTRUNCATE" Nothing,
    "BIND" Nothing,
    "LISTEN" Nothing,
    "RECV_ZC" ReceiveZerocopy,
    "EPOLL_WAIT" Nothing,
    "READV_FIXED" Read,
    "WRITEV_FIXED" Write,
    "PIPE" Nothing,
    "NOP128" Nothing,
    "URING_CMD128" Command,
}

/// Numbers below this are looked up: a power of two, so that a mask keeps every number inside.
pub const EFFECTS_LEN: usize = 128;

/// What each operation does, by number. Those that are not known yet are taken for commands: they may move data.
pub const EFFECTS: [u8; EFFECTS_LEN] = {
    let mut effects = [Effect::Command as u8; EFFECTS_LEN];
    let mut number = 0;
    while number < OPERATIONS.len() {
        effects[number] = OPERATIONS[number].1 as u8;
        number += 1;
    }
    effects
};

/// `IORING_OP_RECVMSG`.
pub const RECVMSG: u8 = 10;

/// `IORING_OP_MSG_RING`.
pub const MSG_RING: u8 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that `include/uapi/linux/io_uring.h` has given to operations, of every part of the list.
    #[test]
    fn numbers_are_those_of_the_kernel() {
        let numbered = [
            (1, "READV"),
            (9, "SENDMSG"),
            (RECVMSG, "RECVMSG"),
            (22, "READ"),
            (27, "RECV"),
            (30, "SPLICE"),
            (33, "TEE"),
            (MSG_RING, "MSG_RING"),
            (46, "URING_CMD"),
            (48, "SENDMSG_ZC"),
            (49, "READ_MULTISHOT"),
            (58, "RECV_ZC"),
            (61, "WRITEV_FIXED"),
            (64, "URING_CMD128"),
        ];
        for (number, name) in numbered {
            assert_eq!(OPERATIONS[usize::from(number)].0, name);
        }
        assert_eq!(OPERATIONS.len(), 65);
    }

    #[test]
    fn every_operation_has_one_effect() {
        let of = |effect: Effect| {
            let having = OPERATIONS.iter().filter(move |(_, other)| *other == effect);
            having.map(|(name, _)| *name)
        };
        let read = ["READV", "READ_FIXED", "READ", "READ_MULTISHOT", "READV_FIXED"];
        assert!(of(Effect::Read).eq(read));
        assert!(of(Effect::Write).eq(["WRITEV", "WRITE_FIXED", "WRITE", "WRITEV_FIXED"]));
        assert!(of(Effect::Receive).eq(["RECVMSG", "RECV"]));
        assert!(of(Effect::Send).eq(["SENDMSG", "SEND"]));
        assert!(of(Effect::SendZerocopy).eq(["SEND_ZC", "SENDMSG_ZC"]));
        assert!(of(Effect::ReceiveZerocopy).eq(["RECV_ZC"]));
        assert!(of(Effect::Splice).eq(["SPLICE"]));
        assert!(of(Effect::Tee).eq(["TEE"]));
        assert!(of(Effect::Command).eq(["URING_CMD", "URING_CMD128"]));
        assert_eq!(of(Effect::Nothing).count(), 65 - 20);
    }

    #[test]
    fn operations_that_are_not_known_yet_may_move_data() {
        assert!(EFFECTS[OPERATIONS.len()..].iter().all(|effect| *effect == Effect::Command as u8));
    }
}
