//! Calls by other numbers than those of 64-bit programs: each is the same as a native call, with other
//! registers, and sometimes with other structures in user memory.

use super::SYSCALL_TABLE_LEN;

/// What a call of a 32-bit program is: the native call that does the same, and what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Foreign(pub u16);

impl Foreign {
    /// It moves no data, or there is no such call.
    pub const NONE: Self = Self(0);

    const NUMBER: u16 = 0x1ff;
    const KNOWN: u16 = 1 << 15;
    /// Structures in user memory have 32-bit members.
    const NARROW: u16 = 1 << 14;
    /// Arguments 3 and 4 are the halves of a position, which a native call has in argument 3.
    const SPLIT_AT_3: u16 = 1 << 13;
    /// Arguments 4 and 5 are.
    const SPLIT_AT_4: u16 = 1 << 12;
    /// The position that an argument points to has 32 bits.
    const SHORT_POSITION: u16 = 1 << 11;
    /// It is one of [`SOCKETCALLS`]: the first argument tells which, the second one points to its arguments.
    const SOCKETCALL: u16 = 1 << 10;
    /// It is an ipc(2), see [`ipc_call`].
    const IPC: u16 = 1 << 9;

    /// The native call `number` itself, by another entry; the number is below [`SYSCALL_TABLE_LEN`].
    #[must_use]
    #[inline(always)]
    pub const fn native(number: u16) -> Self {
        Self(Self::KNOWN | (number & Self::NUMBER))
    }

    const fn narrow(number: u16) -> Self {
        Self(Self::native(number).0 | Self::NARROW)
    }

    const fn with(self, bits: u16) -> Self {
        Self(self.0 | bits)
    }

    /// Whether it moves data.
    #[must_use]
    #[inline(always)]
    pub const fn is_known(self) -> bool {
        self.0 & Self::KNOWN != 0
    }

    /// The number of the native call that does the same; of a socketcall and an ipc, of one of those that they may be.
    #[must_use]
    #[inline(always)]
    pub const fn number(self) -> u64 {
        (self.0 & Self::NUMBER) as u64
    }

    /// Whether structures in user memory have 32-bit members.
    #[must_use]
    #[inline(always)]
    pub const fn is_narrow(self) -> bool {
        self.0 & Self::NARROW != 0
    }

    /// Which argument is the lower half of a position, the next one being the upper half.
    #[must_use]
    #[inline(always)]
    pub const fn split_at(self) -> Option<u32> {
        if self.0 & Self::SPLIT_AT_3 != 0 {
            Some(3)
        } else if self.0 & Self::SPLIT_AT_4 != 0 {
            Some(4)
        } else {
            None
        }
    }

    /// Whether the position that an argument points to has 32 bits.
    #[must_use]
    #[inline(always)]
    pub const fn has_short_position(self) -> bool {
        self.0 & Self::SHORT_POSITION != 0
    }

    /// Whether it is one of [`SOCKETCALLS`].
    #[must_use]
    #[inline(always)]
    pub const fn is_socketcall(self) -> bool {
        self.0 & Self::SOCKETCALL != 0
    }

    /// Whether it is an ipc(2), see [`ipc_call`].
    #[must_use]
    #[inline(always)]
    pub const fn is_ipc(self) -> bool {
        self.0 & Self::IPC != 0
    }
}

/// Number of a 32-bit call to what it is.
pub type ForeignTable = [Foreign; SYSCALL_TABLE_LEN];

const fn table<const LEN: usize>(entries: &[(usize, Foreign)]) -> [Foreign; LEN] {
    let mut table = [Foreign::NONE; LEN];
    let mut i = 0;
    while i < entries.len() {
        table[entries[i].0] = entries[i].1;
        i += 1;
    }
    table
}

/// Calls of `socketcall(2)` (`SYS_SOCKET` and so on, `include/uapi/linux/net.h`) to native numbers of
/// x86-64; 0 for those that move no data.
pub const SOCKETCALLS: [u16; 32] = {
    let mut calls = [0; 32];
    calls[9] = 44; // send: sendto without an address
    calls[10] = 45; // recv
    calls[11] = 44;
    calls[12] = 45;
    calls[15] = 55;
    calls[16] = 46;
    calls[17] = 47;
    calls[19] = 299;
    calls[20] = 307;
    calls
};

/// The call that `ipc(which, ...)` makes (`ksys_ipc`, `ipc/syscall.c`, 5.10 to 7.2), as a native number of x86-64; 0 of
/// one that moves no data. In the upper half of `which` is a version, which changes where a msgrcv has its arguments,
/// not what it returns.
#[must_use]
#[inline(always)]
pub const fn ipc_call(which: u64) -> u64 {
    match which & 0xffff {
        11 => 69,
        12 => 70,
        _ => 0,
    }
}

const _: () = assert!(Foreign::NUMBER as usize == SYSCALL_TABLE_LEN - 1);

use Foreign as F;

/// i386 (`arch/x86/entry/syscalls/syscall_32.tbl`), by native numbers of x86-64.
pub const I386: ForeignTable = table(&[
    (3, F::native(0)),
    (4, F::native(1)),
    (54, F::native(16)),
    (90, F::native(9)),
    (91, F::native(11)),
    // As a getsockopt: a call that moves data, of which nothing else is known before its arguments are read.
    (102, F::narrow(55).with(F::SOCKETCALL)),
    // ipc(which, queue, size, flags, message, ...): as a msgsnd for the same reason.
    (117, F::native(69).with(F::IPC)),
    (144, F::native(26)),
    (145, F::narrow(19)),
    (146, F::narrow(20)),
    (172, F::native(157)),
    (180, F::native(17).with(F::SPLIT_AT_3)),
    (181, F::native(18).with(F::SPLIT_AT_3)),
    (187, F::native(40).with(F::SHORT_POSITION)),
    (192, F::native(9)),
    (239, F::native(40)),
    (247, F::native(208)),
    (248, F::narrow(209)),
    (279, F::native(242)),
    (280, F::native(243)),
    (313, F::native(275)),
    (315, F::native(276)),
    (316, F::narrow(278)),
    (333, F::narrow(295).with(F::SPLIT_AT_3)),
    (334, F::narrow(296).with(F::SPLIT_AT_3)),
    (337, F::narrow(299)),
    (345, F::narrow(307)),
    (347, F::narrow(310)),
    (348, F::narrow(311)),
    (365, F::native(55)),
    (369, F::native(44)),
    (370, F::narrow(46)),
    (371, F::native(45)),
    (372, F::narrow(47)),
    (377, F::native(326)),
    (378, F::narrow(327).with(F::SPLIT_AT_3)),
    (379, F::narrow(328).with(F::SPLIT_AT_3)),
    (385, F::native(333)),
    (400, F::native(69)),
    (401, F::native(70)),
    // With times of 64 bits.
    (416, F::native(333)),
    (417, F::narrow(299)),
    (418, F::native(242)),
    (419, F::native(243)),
    (426, F::native(426)),
]);

/// The first number that only x32 programs have.
pub const X32_FIRST: usize = 512;

/// x32 (`arch/x86/entry/syscalls/syscall_64.tbl`): its own numbers, from [`X32_FIRST`] on. Below them are
/// those of x86-64.
pub const X32: [Foreign; 64] = table(&[
    (2, F::native(16)),
    (3, F::narrow(19)),
    (4, F::narrow(20)),
    (5, F::native(45)),
    (6, F::narrow(46)),
    (7, F::narrow(47)),
    (20, F::narrow(278)),
    (22, F::narrow(295)),
    (23, F::narrow(296)),
    (25, F::narrow(299)),
    (26, F::narrow(307)),
    (27, F::narrow(310)),
    (28, F::narrow(311)),
    (30, F::native(55)),
    (32, F::narrow(209)),
    (34, F::narrow(327)),
    (35, F::narrow(328)),
]);

/// 32-bit arm (`arch/arm/tools/syscall.tbl`), by native numbers of arm64. A position of 64 bits begins with
/// an even register.
pub const ARM: ForeignTable = table(&[
    (3, F::native(63)),
    (4, F::native(64)),
    (54, F::native(29)),
    (91, F::native(215)),
    (144, F::native(227)),
    (145, F::narrow(65)),
    (146, F::narrow(66)),
    (172, F::native(167)),
    (180, F::native(67).with(F::SPLIT_AT_4)),
    (181, F::native(68).with(F::SPLIT_AT_4)),
    (187, F::native(71).with(F::SHORT_POSITION)),
    (192, F::native(222)),
    (239, F::native(71)),
    (245, F::native(4)),
    (246, F::narrow(2)),
    (276, F::native(182)),
    (277, F::native(183)),
    // send and recv: sendto and recvfrom without an address.
    (289, F::native(206)),
    (290, F::native(206)),
    (291, F::native(207)),
    (292, F::native(207)),
    (295, F::native(209)),
    (296, F::narrow(211)),
    (297, F::narrow(212)),
    (301, F::native(189)),
    (302, F::native(188)),
    (340, F::native(76)),
    (342, F::native(77)),
    (343, F::narrow(75)),
    (361, F::narrow(69).with(F::SPLIT_AT_3)),
    (362, F::narrow(70).with(F::SPLIT_AT_3)),
    (365, F::narrow(243)),
    (374, F::narrow(269)),
    (376, F::narrow(270)),
    (377, F::narrow(271)),
    (391, F::native(285)),
    (392, F::narrow(286).with(F::SPLIT_AT_3)),
    (393, F::narrow(287).with(F::SPLIT_AT_3)),
    (399, F::native(292)),
    // With times of 64 bits.
    (416, F::native(292)),
    (417, F::narrow(243)),
    (418, F::native(182)),
    (419, F::native(183)),
    (426, F::native(426)),
]);

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;
    use crate::syscall::{GENERIC, SyscallKind, X86_64};

    #[test]
    fn every_foreign_call_that_is_known_moves_data_natively() {
        let moves =
            |table: &[u8], call: &Foreign| table[call.number() as usize] > SyscallKind::None as u8;
        for (foreign, native) in
            [(&I386[..], &X86_64[..]), (&X32[..], &X86_64[..]), (&ARM[..], &GENERIC[..])]
        {
            for call in foreign.iter().filter(|call| call.is_known()) {
                assert!(moves(native, call), "{call:?}");
            }
        }
        for number in SOCKETCALLS.into_iter().filter(|number| *number != 0) {
            assert!(X86_64[usize::from(number)] > SyscallKind::None as u8, "{number}");
        }
    }

    #[test]
    fn every_native_call_that_moves_data_has_a_foreign_one() {
        let missing = |native: &[u8], foreign: &[Foreign], shared: &[usize]| -> Vec<usize> {
            let moves = (0..native.len()).filter(|it| native[*it] > SyscallKind::None as u8);
            let has = |number: usize| {
                let mut calls = foreign.iter().filter(|call| call.is_known());
                calls.any(|call| call.number() == number as u64)
            };
            moves.filter(|number| !has(*number) && !shared.contains(number)).collect()
        };
        assert_eq!(missing(&X86_64, &I386, &[]), [] as [usize; 0]);
        assert_eq!(missing(&GENERIC, &ARM, &[]), [] as [usize; 0]);
        // x32 shares these numbers with x86-64.
        let shared =
            [0, 1, 9, 11, 17, 18, 26, 40, 44, 69, 70, 157, 208, 242, 243, 275, 276, 326, 333, 426];
        assert_eq!(missing(&X86_64, &X32, &shared), [] as [usize; 0]);
    }

    #[test]
    fn what_differs_is_known() {
        assert_eq!(I386[180].split_at(), Some(3));
        assert_eq!(ARM[180].split_at(), Some(4));
        assert_eq!(I386[3].split_at(), None);
        assert!(I386[187].has_short_position() && !I386[239].has_short_position());
        assert!(I386[370].is_narrow() && !I386[369].is_narrow());
        assert!(I386[102].is_socketcall() && !I386[5].is_known());
        assert!(I386[117].is_ipc() && !I386[400].is_ipc());
        // A send, a receive of either version, a semop.
        assert_eq!([11, 12, 1 << 16 | 12, 1].map(ipc_call), [69, 70, 70, 0]);
    }
}
