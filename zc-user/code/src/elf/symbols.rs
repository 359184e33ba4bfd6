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
