//! Symbols of functions.

use super::{Elf, Section};
use crate::source::Source;

const SHT_SYMTAB: u32 = 2;
const SHT_DYNSYM: u32 = 11;

/// The longest name that is read.
const MOST_NAME: usize = 512;
/// Symbols that are looked at, of one table: what a browser has with all its symbols.
const MOST_SYMBOLS: u64 = 1 << 21;
/// Bytes of a symbol.
const SYMBOL: u64 = 24;

/// A function, by its symbol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol {
    pub(crate) address: u64,
    pub(crate) bytes: u64,
    /// It is not the function but one that returns which of several is to be called.
    pub(crate) is_resolver: bool,
    name: u64,
}

impl Symbol {
    pub(crate) fn name<S: Source>(&self, elf: &Elf<S>) -> Option<Vec<u8>> {
        elf.file.string(self.name, MOST_NAME)
    }
}

/// Passes the functions of all tables to `take`, until it returns something.
pub(crate) fn find<S: Source, T>(
    elf: &Elf<S>,
    mut take: impl FnMut(Symbol) -> Option<T>,
) -> Option<T> {
    const FUNCTION: u8 = 2;
    const RESOLVER: u8 = 10;
    let tables = elf.sections.iter().filter(|it| matches!(it.kind, SHT_SYMTAB | SHT_DYNSYM));
    for table in tables {
        let Some(names) = elf.sections.get(table.link as usize) else { continue };
        let Section { offset, bytes, .. } = *table;
        for number in 0..(bytes / SYMBOL).min(MOST_SYMBOLS) {
            let Some(symbol) = elf.file.array::<24>(offset + number * SYMBOL) else { break };
            let kind = symbol[4] & 15;
            let [a, b, c, d, ..] = symbol;
            let name = u64::from(u32::from_le_bytes([a, b, c, d]));
            let long = |at: usize| symbol[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
            let (address, size) = (long(8), long(16));
            if !matches!(kind, FUNCTION | RESOLVER) || address == 0 || name >= names.bytes {
                continue;
            }
            let found = take(Symbol {
                address,
                bytes: size,
                is_resolver: kind == RESOLVER,
                name: names.offset + name,
            });
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

/// The functions of a file by address, so that the tables are read once.
pub(crate) struct Index {
    /// Where they begin, their bytes, and where their names are.
    functions: Vec<(u64, u64, u64)>,
    /// The largest of them.
    longest: u64,
}

/// Functions of an index at most: what a large program has with all its symbols.
const MOST_INDEXED: usize = 1 << 17;

impl Index {
    /// `None` when there are too many of them, or when reading them costs more than it may.
    pub(crate) fn of<S: Source>(elf: &Elf<S>) -> Option<Self> {
        let mut functions = Vec::new();
        let too_many = find(elf, |symbol| {
            if !symbol.is_resolver {
                functions.push((symbol.address, symbol.bytes, symbol.name));
            }
            (functions.len() > MOST_INDEXED).then_some(())
        });
        if too_many.is_some() || elf.file.is_spent() {
            return None;
        }
        functions.sort_unstable();
        functions.dedup_by_key(|(address, bytes, _)| (*address, *bytes));
        functions.shrink_to_fit();
        let longest = functions.iter().map(|(_, bytes, _)| *bytes).max().unwrap_or(0);
        Some(Self { functions, longest })
    }

    /// The name of the function at `address`, as [`name_of`].
    pub(crate) fn name_of<S: Source>(&self, elf: &Elf<S>, address: u64) -> Option<Vec<u8>> {
        /// Symbols that lie between one and the end of its function.
        const MOST_INSIDE: usize = 256;
        let place = self.functions.partition_point(|(begin, ..)| *begin <= address);
        let before = self.functions.get(..place)?.iter().rev().take(MOST_INSIDE);
        let mut before = before.take_while(|(begin, ..)| address - begin < self.longest.max(1));
        let (.., name) = before.find(|(begin, bytes, _)| address - begin < (*bytes).max(1))?;
        elf.file.string(*name, MOST_NAME)
    }
}

/// The name of the function at `address`: of the symbol that begins last before it and reaches it.
pub(crate) fn name_of<S: Source>(elf: &Elf<S>, address: u64) -> Option<Vec<u8>> {
    let mut best: Option<Symbol> = None;
    let nothing: Option<()> = find(elf, |symbol| {
        let reaches = !symbol.is_resolver
            && symbol.address <= address
            && address - symbol.address < symbol.bytes.max(1);
        if reaches && best.is_none_or(|best| best.address < symbol.address) {
            best = Some(symbol);
        }
        None
    });
    debug_assert!(nothing.is_none(), "all are looked at");
    best?.name(elf)
}
