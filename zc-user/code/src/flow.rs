//! Which stores write what loads have read, unchanged.

use crate::instruction::{Instruction, Kind, Memory, Register, Registers, Source};

// What is done with a value.
const IN_ADDRESS: u8 = 1;
const COMPUTED_WITH: u8 = 1 << 1;
const COMPARED: u8 = 1 << 2;
/// The same with what was computed from it.
const RESULT_IN_ADDRESS: u8 = 1 << 3;
const RESULT_COMPUTED_WITH: u8 = 1 << 4;
const RESULT_COMPARED: u8 = 1 << 5;
const RESULT: u32 = 3;

/// Values that a value is known to come from.
const MOST_ORIGINS: usize = 6;
/// Of these, those of each operand.
const ORIGINS_OF_ONE: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Loaded from memory of which nothing is known.
    Loaded(Memory),
    /// Loaded from the stack, or from constants.
    Local,
    Zero,
    Computed,
}

#[derive(Clone, Debug)]
struct Value {
    origin: Origin,
    uses: u8,
    from: Vec<usize>,
}

/// A load, and the store of the same value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) load: Memory,
    pub(crate) store: Memory,
}

/// What a piece of code does with data.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    /// Bytes of stores of unchanged values.
    pub(crate) copied: u64,
    /// Bytes of stores of other values that were loaded or computed.
    pub(crate) other: u64,
    /// Bytes of stores of what does not change in this code.
    pub(crate) constant: u64,
    /// Bytes of loaded values that are computed with or compared.
    pub(crate) examined: u64,
    pub(crate) copy_instructions: u32,
    pub(crate) calls: u32,
    pub(crate) pairs: Vec<Pair>,
}

struct Tracer {
    values: Vec<Value>,
    held: [Option<usize>; Register::COUNT],
    /// What was added to each register so far.
    moved: [i64; Register::COUNT],
    flow: Flow,
    stored: Vec<(usize, Pair)>,
}

/// Follows the values through `body`, twice, as what one round of a loop leaves in registers is there in the next
/// one.
pub(crate) fn follow(body: &[Instruction]) -> Flow {
    let mut tracer = Tracer {
        values: Vec::new(),
        held: [None; Register::COUNT],
        moved: [0; Register::COUNT],
        flow: Flow::default(),
        stored: Vec::new(),
    };
    for _ in 0..2 {
        tracer.flow = Flow::default();
        tracer.stored.clear();
        tracer.moved = [0; Register::COUNT];
        body.iter().for_each(|instruction| tracer.step(instruction));
    }
    tracer.finish()
}

impl Tracer {
    fn step(&mut self, it: &Instruction) {
        for memory in [it.load, it.store].into_iter().flatten() {
            memory.registers().for_each(|register| self.use_for(register, IN_ADDRESS));
        }
        match it.kind {
            Kind::Load => self.load(it),
            Kind::Store => self.store(it),
            Kind::Move => {
                if let (Some(target), Some(Source::Register(source))) = (it.target, it.source) {
                    self.held[target.index()] = self.held[source.index()];
                }
            }
            Kind::Zero => {
                if let Some(target) = it.target {
                    self.hold(target, Origin::Zero, 0, Vec::new());
                }
            }
            Kind::Constant | Kind::Pop => {
                if let Some(target) = it.target {
                    self.held[target.index()] = None;
                }
            }
            Kind::Copy => self.flow.copy_instructions += 1,
            Kind::Call => self.flow.calls += 1,
            Kind::Compare => {
                it.reads.iter().for_each(|register| self.use_for(register, COMPARED));
                self.examine(it, COMPARED);
                it.writes.iter().for_each(|register| self.held[register.index()] = None);
            }
            Kind::Compute | Kind::Address => self.compute(it),
            _ => {}
        }
    }

    fn load(&mut self, it: &Instruction) {
        let (Some(memory), Some(target)) = (it.load, it.target) else { return };
        let origin = if memory.is_constant() || it.is_variable(&memory) {
            Origin::Local
        } else {
            Origin::Loaded(self.place(memory))
        };
        self.hold(target, origin, 0, Vec::new());
    }

    fn store(&mut self, it: &Instruction) {
        let Some(memory) = it.store else { return };
        // A register that is saved is not looked at.
        if it.is_variable(&memory) {
            return;
        }
        let bytes = u64::from(memory.bytes);
        let held = match it.source {
            Some(Source::Register(source)) => self.held[source.index()],
            _ => None,
        };
        // What was not made here does not change here.
        let Some(value) = held else {
            self.flow.constant += bytes;
            return;
        };
        match self.values[value].origin {
            Origin::Loaded(load) if load.bytes == memory.bytes => {
                let store = self.place(memory);
                self.stored.push((value, Pair { load, store }));
            }
            Origin::Loaded(_) | Origin::Computed => self.flow.other += bytes,
            Origin::Local | Origin::Zero => self.flow.constant += bytes,
        }
    }

    fn compute(&mut self, it: &Instruction) {
        if let (Some(added), Some(target)) = (it.adds, it.target) {
            let moved = &mut self.moved[target.index()];
            *moved = moved.wrapping_add(added);
        }
        let mut from = Vec::new();
        for register in it.reads.iter() {
            let Some(value) = self.held[register.index()] else { continue };
            if matches!(self.values[value].origin, Origin::Loaded(_) | Origin::Computed) {
                self.values[value].uses |= COMPUTED_WITH;
                from.push(value);
                from.extend(self.values[value].from.iter().take(ORIGINS_OF_ONE));
            }
        }
        let writes = if it.kind == Kind::Compute {
            from.extend(self.examine(it, COMPUTED_WITH));
            if let (Some(memory), Some(Source::Computed)) = (it.store, it.source)
                && !it.is_variable(&memory)
            {
                self.flow.other += u64::from(memory.bytes);
            }
            it.writes
        } else {
            Registers::of(it.target)
        };
        from.truncate(MOST_ORIGINS);
        for register in writes.iter() {
            self.hold(register, Origin::Computed, 0, from.clone());
        }
    }

    /// Notes that an instruction reads data in memory and does `what` with it.
    fn examine(&mut self, it: &Instruction, what: u8) -> Option<usize> {
        let memory = it.load?;
        if memory.is_constant() || it.is_variable(&memory) {
            return None;
        }
        let origin = Origin::Loaded(self.place(memory));
        self.values.push(Value { origin, uses: what, from: Vec::new() });
        Some(self.values.len() - 1)
    }

    fn hold(&mut self, register: Register, origin: Origin, uses: u8, from: Vec<usize>) {
        self.held[register.index()] = Some(self.values.len());
        self.values.push(Value { origin, uses, from });
    }

    fn use_for(&mut self, register: Register, what: u8) {
        let Some(value) = self.held[register.index()] else { return };
        self.values[value].uses |= what;
        for place in 0..self.values[value].from.len() {
            let origin = self.values[value].from[place];
            self.values[origin].uses |= what << RESULT;
        }
    }

    /// The memory, as of where the code begins.
    fn place(&self, memory: Memory) -> Memory {
        let moved = |register: Option<Register>| register.map_or(0, |it| self.moved[it.index()]);
        let index = moved(memory.index).wrapping_mul(i64::from(memory.scale.max(1)));
        let displacement = memory.displacement.wrapping_add(moved(memory.base)).wrapping_add(index);
        Memory { displacement, ..memory }
    }

    fn finish(mut self) -> Flow {
        const DATA: u8 = COMPUTED_WITH | COMPARED | RESULT_COMPUTED_WITH | RESULT_COMPARED;
        for value in &self.values {
            let Origin::Loaded(memory) = value.origin else { continue };
            // What an address is made of is no data.
            let is_address = value.uses & (IN_ADDRESS | RESULT_IN_ADDRESS) != 0;
            if !is_address && value.uses & DATA != 0 {
                self.flow.examined += u64::from(memory.bytes);
            }
        }
        // Seen twice.
        self.flow.examined /= 2;
        for (value, pair) in self.stored {
            if self.values[value].uses & (IN_ADDRESS | COMPUTED_WITH | COMPARED) == 0 {
                self.flow.copied += u64::from(pair.store.bytes);
                self.flow.pairs.push(pair);
            }
        }
        self.flow
    }
}
