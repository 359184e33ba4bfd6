//! Instructions of any architecture, reduced to what tells a copy from other work.

/// A register, with all its parts: `al`, `eax` and `rax` are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Register(u8);

impl Register {
    /// How many there are.
    pub(crate) const COUNT: usize = 96;
    /// The address of the next instruction, as a base of addresses. No instruction computes with it.
    pub(crate) const PROGRAM: Self = Self(32);
    const VECTORS: u8 = 64;

    /// An integer register, of 32.
    pub(crate) const fn integer(number: u8) -> Self {
        Self(number & 31)
    }

    /// A vector register, of 32.
    pub(crate) const fn vector(number: u8) -> Self {
        Self(Self::VECTORS + (number & 31))
    }

    pub(crate) const fn is_vector(self) -> bool {
        self.0 >= Self::VECTORS
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registers(u128);

impl Registers {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn of(registers: impl IntoIterator<Item = Register>) -> Self {
        let mut set = Self::NONE;
        registers.into_iter().for_each(|register| set.add(register));
        set
    }

    pub(crate) const fn add(&mut self, register: Register) {
        self.0 |= 1 << register.0;
    }

    pub(crate) const fn remove(&mut self, register: Register) {
        self.0 &= !(1 << register.0);
    }

    pub(crate) const fn contains(self, register: Register) -> bool {
        self.0 >> register.0 & 1 == 1
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Register> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let next = rest.trailing_zeros();
            rest &= rest.wrapping_sub(1);
            (next < u128::BITS).then_some(Register(next as u8))
        })
    }

    /// Those of vectors among them.
    pub(crate) const fn vectors(self) -> Self {
        Self(self.0 >> Register::VECTORS << Register::VECTORS)
    }
}

/// Memory that an instruction reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Memory {
    pub(crate) base: Option<Register>,
    pub(crate) index: Option<Register>,
    pub(crate) scale: u8,
    pub(crate) displacement: i64,
    pub(crate) bytes: u32,
}

impl Memory {
    /// The registers of the address.
    pub(crate) fn registers(&self) -> impl Iterator<Item = Register> {
        [self.base, self.index].into_iter().flatten().filter(|it| *it != Register::PROGRAM)
    }

    /// Whether it lies next to the code: constants.
    pub(crate) fn is_constant(&self) -> bool {
        self.base == Some(Register::PROGRAM)
    }
}

/// What an instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Computes, perhaps with memory.
    Compute,
    /// Compares.
    Compare,
    /// Copies memory to memory by itself (`rep movs`, `cpyf`).
    Copy,
    /// Fills memory by itself (`rep stos`, `dc zva`).
    Fill,
    /// Compares or searches memory by itself.
    Scan,
    Nothing,
    Call,
    /// Leaves the function, or cannot go on.
    Return,
    Jump,
    /// Jumps on a condition.
    Branch,
    Push,
    Pop,
    /// From memory to a register, unchanged.
    Load,
    /// From a register or a constant to memory, unchanged.
    Store,
    /// From register to register, unchanged.
    Move,
    /// A constant to a register.
    Constant,
    /// Computes an address.
    Address,
    /// Makes a register zero.
    Zero,
}

/// Where a stored value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Register(Register),
    Constant,
    /// The instruction itself computes it.
    Computed,
}

/// An instruction, or a part of one: of several registers that one instruction loads, each is a load of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instruction {
    pub(crate) address: u64,
    pub(crate) length: u8,
    pub(crate) kind: Kind,
    pub(crate) load: Option<Memory>,
    pub(crate) store: Option<Memory>,
    pub(crate) reads: Registers,
    pub(crate) writes: Registers,
    pub(crate) source: Option<Source>,
    pub(crate) target: Option<Register>,
    /// Where a jump or call goes, or the address that is computed.
    pub(crate) to: Option<u64>,
    /// What is added to `target`, when nothing else is done.
    pub(crate) adds: Option<i64>,
    /// The stack pointer or the frame pointer is the base of the memory, and there is no index.
    pub(crate) is_stack: bool,
}

impl Instruction {
    pub(crate) fn new(address: u64, length: u8, kind: Kind) -> Self {
        Self {
            address,
            length,
            kind,
            load: None,
            store: None,
            reads: Registers::NONE,
            writes: Registers::NONE,
            source: None,
            target: None,
            to: None,
            adds: None,
            is_stack: false,
        }
    }

    pub(crate) fn end(&self) -> u64 {
        self.address.wrapping_add(u64::from(self.length))
    }

    /// Whether `memory`, which is its own, is a variable on the stack: what is larger is data.
    pub(crate) fn is_variable(&self, memory: &Memory) -> bool {
        self.is_stack && memory.bytes < 16
    }
}
