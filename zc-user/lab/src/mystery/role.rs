//! What the three programs do, and which of them does what.

/// The names of the three, which say nothing.
pub const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];

/// What a program does with its file, over and over, at a bounded rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// read and write: each byte is copied twice. This is the one to fix.
    Copies,
    /// splice: moves most bytes, by reference.
    Refers,
    /// Writes small pieces of a mapped file: most calls, few bytes, copied once.
    Maps,
}

impl Role {
    const ALL: [Self; 3] = [Self::Copies, Self::Refers, Self::Maps];

    /// The byte that says it to a program.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Copies => b'c',
            Self::Refers => b'r',
            Self::Maps => b'm',
        }
    }

    /// The role that a byte says.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// Bytes that it moves in a tick of [`TICK_MS`], and in one call.
    #[must_use]
    pub const fn pace(self) -> Pace {
        match self {
            Self::Copies => Pace { tick: 512 << 10, call: 64 << 10 },
            Self::Refers => Pace { tick: 2 << 20, call: 64 << 10 },
            Self::Maps => Pace { tick: 128 << 10, call: 4 << 10 },
        }
    }
}

/// Milliseconds between two ticks: 25, 100 and 6 MiB a second.
pub const TICK_MS: u64 = 20;

/// How much a program moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes in a tick.
    pub tick: usize,
    /// Bytes in a call.
    pub call: usize,
}

/// Which of [`NAMES`] has which role; the same for the same seed.
#[must_use]
pub fn assign(seed: u64) -> [Role; 3] {
    let [c, r, m] = Role::ALL;
    match seed % 6 {
        0 => [c, r, m],
        1 => [c, m, r],
        2 => [r, c, m],
        3 => [m, c, r],
        4 => [r, m, c],
        _ => [m, r, c],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_another_role_and_each_may_be_the_one() {
        let mut copies = [0; 3];
        for seed in 0..6 {
            let roles = assign(seed);
            for role in Role::ALL {
                assert_eq!(roles.iter().filter(|it| **it == role).count(), 1, "{seed}");
                assert_eq!(Role::of_code(role.code()), Some(role));
            }
            copies[roles.iter().position(|it| *it == Role::Copies).expect("one")] += 1;
        }
        assert_eq!(copies, [2, 2, 2]);
    }

    #[test]
    fn the_one_that_copies_most_neither_moves_most_nor_calls_most() {
        let calls = |role: Role| role.pace().tick / role.pace().call;
        assert!(Role::Refers.pace().tick > Role::Copies.pace().tick);
        assert!(calls(Role::Maps) > calls(Role::Copies));
        assert!(2 * Role::Copies.pace().tick > Role::Maps.pace().tick);
    }
}
