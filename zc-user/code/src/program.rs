//! A file with code, and what it does at a place.

use std::{cell::OnceCell, collections::HashMap, ops::Range, sync::Arc, time::Duration};

use crate::{
    code::Code,
    elf::{Elf, functions::Functions, names::Routines, symbols},
    instruction::{Instruction, Kind},
    loops, routine,
    source::{Allowance, Blocks, Source},
};

/// For the headers and all symbols of a file.
const FOR_A_FILE: Allowance = Allowance { bytes: 512 << 20, time: Duration::from_secs(5) };
/// For one place in the code.
const FOR_A_PLACE: Allowance = Allowance { bytes: 64 << 20, time: Duration::from_secs(1) };

/// Instructions of a function that only jumps to another one.
const MOST_OF_A_WRAPPER: usize = 12;

/// Functions that are remembered of a file.
const MOST_FUNCTIONS: usize = 4_096;

/// What the code does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is a part of a function that only copies, such as `memcpy`.
    Library,
    /// It is a part of a loop that copies, or an instruction that copies by itself, in a function that does more.
    Inlined,
    /// It is no copy.
    Other,
    /// It cannot be said.
    Unknown,
}

impl Verdict {
    /// Whether it is a copy.
    #[must_use]
    pub const fn is_copy(self) -> bool {
        matches!(self, Self::Library | Self::Inlined)
    }
}

/// What is known of a place in the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What the code does.
    pub verdict: Verdict,
    /// The function that copies, where a symbol names it. It may hold anything.
    pub function: Option<Arc<str>>,
}

impl Finding {
    const UNKNOWN: Self = Self { verdict: Verdict::Unknown, function: None };
    const OTHER: Self = Self { verdict: Verdict::Other, function: None };
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// What a symbol calls it. It may hold anything.
    pub name: Option<Arc<str>>,
    /// Where in the file it begins; only without a name.
    pub begin: Option<u64>,
}

/// A file with code. It holds no more than 4,096 short notes on functions.
pub struct Program<S> {
    elf: Elf<S>,
    functions: Functions,
    /// Found when it is first asked what code does.
    routines: OnceCell<Routines>,
    /// Made when a name is first asked for; `None` when there is none.
    symbols: OnceCell<Option<symbols::Index>>,
    /// Whether functions only copy, by where they begin.
    pure: HashMap<u64, bool>,
}

impl<S: Source> Program<S> {
    /// Reads the headers of a file. `None` when it is no 64-bit ELF file for x86 or arm64.
    #[must_use]
    pub fn open(source: S) -> Option<Self> {
        let file = Blocks::new(source);
        file.allow(FOR_A_FILE);
        let elf = Elf::parse(file)?;
        let (functions, routines, symbols) =
            (Functions::default(), OnceCell::new(), OnceCell::new());
        Some(Self { elf, functions, routines, symbols, pure: HashMap::new() })
    }

    /// Looks for the copy routines in the symbols, if that was not done yet: [`Self::at`] does it otherwise.
    pub fn prepare(&mut self) {
        if self.routines.get().is_none() {
            self.elf.file.allow(FOR_A_FILE);
            self.routines();
        }
    }

    /// What the code at `offset` of the file does.
    pub fn at(&mut self, offset: u64) -> Finding {
        self.prepare();
        self.elf.file.allow(FOR_A_PLACE);
        let Some(address) = self.elf.address_of(offset) else { return Finding::UNKNOWN };
        if let Some(name) = self.routines().at(&self.elf, &self.functions, address) {
            return Finding { verdict: Verdict::Library, function: Some(name.into()) };
        }
        let verdict = self.look(address);
        match verdict {
            // A part of the code was not seen.
            _ if self.elf.file.is_spent() => Finding::UNKNOWN,
            None => Finding::UNKNOWN,
            Some(Verdict::Other) => Finding::OTHER,
            Some(verdict) => Finding { verdict, function: self.name(address) },
        }
    }

    /// The function that the code at `offset` of the file is a part of. `None` where nothing says so.
    pub fn function(&mut self, offset: u64) -> Option<Function> {
        if self.symbols.get().is_none() {
            self.elf.file.allow(FOR_A_FILE);
            self.symbols.get_or_init(|| symbols::Index::of(&self.elf));
        }
        self.elf.file.allow(FOR_A_PLACE);
        let address = self.elf.address_of(offset)?;
        let name = self.name(address);
        if name.is_none() && self.elf.file.is_spent() {
            return None;
        }
        let begin = || {
            let range = self.functions.at(&self.elf, address)?;
            Some(self.elf.offset_of(range.start)?.0)
        };
        let begin = if name.is_some() { None } else { begin() };
        (name.is_some() || begin.is_some()).then_some(Function { name, begin })
    }

    /// Whether the instruction before the one at `offset` of the file is a call, which returns there.
    pub fn is_behind_call(&self, offset: u64) -> bool {
        self.elf.file.allow(FOR_A_PLACE);
        self.elf.machine.has_call(|bytes| {
            let begin = offset.checked_sub(bytes.len() as u64)?;
            self.elf.file.fill(begin, bytes)
        })
    }

    /// Whether the instruction before the one at `offset` of the file enters the kernel.
    pub fn is_behind_system_call(&self, offset: u64) -> bool {
        self.elf.file.allow(FOR_A_PLACE);
        self.elf.machine.has_system_call(|bytes| {
            let begin = offset.checked_sub(bytes.len() as u64)?;
            self.elf.file.fill(begin, bytes)
        })
    }

    fn name(&self, address: u64) -> Option<Arc<str>> {
        let go = || self.functions.go(&self.elf)?.name(&self.elf, address);
        let by_symbol = || match self.symbols.get() {
            Some(Some(index)) => index.name_of(&self.elf, address),
            _ => symbols::name_of(&self.elf, address),
        };
        let name = go().or_else(by_symbol)?;
        (!name.is_empty()).then(|| String::from_utf8_lossy(&name).into())
    }

    fn routines(&self) -> &Routines {
        self.routines.get_or_init(|| Routines::of(&self.elf, &self.functions))
    }

    fn look(&mut self, address: u64) -> Option<Verdict> {
        let function = self.functions.at(&self.elf, address);
        let is_whole = function.as_ref().is_some_and(|it| it.end - it.start <= routine::MOST_BYTES);
        let code = match &function {
            Some(range) if is_whole => Code::read(&self.elf, range.clone())?,
            Some(range) => Code::around(&self.elf, address, range.start)?,
            None => Code::around(&self.elf, address, 0)?,
        };
        let place = code.place_of(address)?;
        if let Some(range) = function.filter(|_| is_whole) {
            if self.only_copies(&range, &code.instructions) {
                return Some(Verdict::Library);
            }
        } else if let Some(body) = between_gaps(&code.instructions, place)
            && routine::only_copies(body)
        {
            return Some(Verdict::Library);
        }
        Some(if is_in_copy(&code.instructions, place) { Verdict::Inlined } else { Verdict::Other })
    }

    /// Whether a function, whose code this is, only copies, or only jumps to one that does.
    fn only_copies(&mut self, range: &Range<u64>, code: &[Instruction]) -> bool {
        if let Some(known) = self.pure.get(&range.start) {
            return *known;
        }
        let is_pure = routine::only_copies(code) || self.leads_to_copy(range, code);
        if self.pure.len() >= MOST_FUNCTIONS {
            self.pure.clear();
        }
        self.pure.insert(range.start, is_pure);
        is_pure
    }

    fn leads_to_copy(&self, range: &Range<u64>, code: &[Instruction]) -> bool {
        let is_wrapper = code.len() <= MOST_OF_A_WRAPPER
            && !code.iter().any(|it| matches!(it.kind, Kind::Call | Kind::Store));
        let last = code.last().filter(|it| is_wrapper && it.kind == Kind::Jump);
        let Some(to) = last.and_then(|it| it.to) else { return false };
        if self.routines().at(&self.elf, &self.functions, to).is_some() {
            return true;
        }
        let Some(target) = self.functions.at(&self.elf, to) else { return false };
        target.start != range.start
            && target.end - target.start <= routine::MOST_BYTES
            && Code::read(&self.elf, target)
                .is_some_and(|code| routine::only_copies(&code.instructions))
    }
}

/// Whether an instruction of a function that does more is part of a copy.
pub(crate) fn is_in_copy(code: &[Instruction], place: usize) -> bool {
    code.get(place).is_some_and(|it| it.kind == Kind::Copy)
        || loops::innermost(code, place).is_some_and(loops::copies)
}

/// The instructions around `place` up to where a function seems to begin and to end: at an aligned address, between
/// an instruction that does not go on and the next one.
fn between_gaps(code: &[Instruction], place: usize) -> Option<&[Instruction]> {
    const ALIGNED: u64 = 16;
    let leaves = |it: &Instruction| matches!(it.kind, Kind::Return | Kind::Jump);
    let begin = (1..=place).rev().find(|at| {
        let before = &code[at - 1];
        code[*at].address.is_multiple_of(ALIGNED)
            && (leaves(before) || before.kind == Kind::Nothing)
    })?;
    let end = (place..code.len()).find(|at| {
        let next = code.get(at + 1);
        leaves(&code[*at])
            && (code[*at].end().is_multiple_of(ALIGNED)
                || next.is_none_or(|next| matches!(next.kind, Kind::Nothing | Kind::Return)))
    })?;
    code.get(begin..=end)
}
