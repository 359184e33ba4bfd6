//! Copy routines by their names. Of a library that chooses one of several by the processor, the symbol is that of the
//! function which chooses; all that it can choose are taken out of its code.

use std::{collections::BTreeMap, ops::Range};

use super::{Elf, Machine, functions::Functions, symbols};
use crate::{
    code::Code,
    instruction::{Kind, Register},
    routine,
    source::Source,
};

/// Copy routines of C libraries and of Go. Those of strings look at the data.
const NAMES: [&str; 5] = ["memcpy", "memmove", "mempcpy", "bcopy", GO];
/// Go's only one.
const GO: &str = "runtime.memmove";

/// More copy routines than any file has.
const MOST_ROUTINES: usize = 512;
/// Functions that choose a routine.
const MOST_RESOLVERS: usize = 256;
/// Bytes of such a function.
const MOST_RESOLVER_BYTES: u64 = 4 << 10;

const SHT_RELA: u32 = 4;
/// Bytes of a relocation.
const RELOCATION: u64 = 24;
const MOST_RELOCATIONS: u64 = 1 << 20;
/// `R_X86_64_IRELATIVE`, `R_AARCH64_IRELATIVE`: the addend is the address of a function that chooses.
const CHOSEN: [u32; 2] = [37, 1032];
/// `R_X86_64_RELATIVE`, `R_AARCH64_RELATIVE`: the addend is the value.
const RELATIVE: [u32; 2] = [8, 1027];

/// The copy routines of a file, in the order of their addresses.
#[derive(Default)]
pub(crate) struct Routines {
    by_begin: BTreeMap<u64, (u64, &'static str)>,
}

impl Routines {
    pub(crate) fn of<S: Source>(elf: &Elf<S>, functions: &Functions) -> Self {
        let mut routines = Self::default();
        let mut resolvers = BTreeMap::new();
        let mut plain = Vec::new();
        let all: Option<()> = symbols::find(elf, |symbol| {
            let name = symbol.name(elf).and_then(|name| copy_name(&name));
            let name = name?;
            if symbol.is_resolver && resolvers.len() < MOST_RESOLVERS {
                resolvers.entry(symbol.address).or_insert(name);
            } else if !symbol.is_resolver && plain.len() < MOST_ROUTINES {
                plain.push((symbol.address, symbol.bytes, name));
            }
            None
        });
        debug_assert!(all.is_none(), "all are looked at");
        for (begin, bytes, name) in plain {
            // Of musl, some have no size.
            let known = functions.at(elf, begin).filter(|it| it.start == begin);
            let end = begin.saturating_add(bytes.max(16));
            routines.add(known.unwrap_or(begin..end), name);
        }
        for (resolver, name) in resolvers {
            for routine in choices(elf, functions, resolver) {
                routines.add(routine, name);
            }
        }
        // A static program without symbols still has its functions that choose, those of other routines among them.
        if routines.by_begin.is_empty() {
            for resolver in chosen(elf) {
                for routine in choices(elf, functions, resolver) {
                    if is_copy_routine(elf, &routine) {
                        routines.add(routine, NAMES[0]);
                    }
                }
            }
        }
        routines
    }

    fn add(&mut self, range: Range<u64>, name: &'static str) {
        if self.by_begin.len() >= MOST_ROUTINES {
            return;
        }
        let entry = self.by_begin.entry(range.start).or_insert((range.end, name));
        // memcpy may be memmove: it is called by the name that most use.
        let rank = |name| NAMES.iter().position(|it| *it == name);
        if rank(name) < rank(entry.1) {
            entry.1 = name;
        }
    }

    /// The name of the copy routine at `address`.
    pub(crate) fn at<S: Source>(
        &self,
        elf: &Elf<S>,
        functions: &Functions,
        address: u64,
    ) -> Option<&'static str> {
        let known = self.by_begin.range(..=address).next_back();
        if let Some((_, (_, name))) = known.filter(|(_, (end, _))| address < *end) {
            return Some(name);
        }
        let name = functions.go(elf)?.name(elf, address)?;
        (name == GO.as_bytes()).then_some(GO)
    }

    #[cfg(test)]
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (Range<u64>, &'static str)> + '_ {
        self.by_begin.iter().map(|(begin, (end, name))| (*begin..*end, *name))
    }
}

/// The plain name of a copy routine with this symbol: `__memcpy_chk` and `__memmove_avx_unaligned_erms` are two.
pub(crate) fn copy_name(symbol: &[u8]) -> Option<&'static str> {
    if symbol == GO.as_bytes() {
        return Some(GO);
    }
    let (is_own, name) = match symbol.strip_prefix(b"__") {
        Some(rest) => (true, rest),
        None => (false, symbol),
    };
    NAMES.into_iter().find(|known| {
        let Some(rest) = name.strip_prefix(known.as_bytes()) else { return false };
        match rest {
            [] | b"_chk" => true,
            // Of a dead interface for old programs, see bits/string2.h of glibc 2.24.
            b"_small" => false,
            // These choose.
            _ if rest.ends_with(b"_ifunc") => false,
            [b'_', variant @ ..] => {
                is_own
                    && !variant.is_empty()
                    && variant
                        .iter()
                        .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || *it == b'_')
            }
            _ => false,
        }
    })
}

/// Whether the function with this code only copies.
fn is_copy_routine<S: Source>(elf: &Elf<S>, range: &Range<u64>) -> bool {
    if range.end - range.start > routine::MOST_BYTES {
        return false;
    }
    Code::read(elf, range.clone()).is_some_and(|code| routine::only_copies(&code.instructions))
}

/// The functions that one which chooses can return.
fn choices<S: Source>(elf: &Elf<S>, functions: &Functions, resolver: u64) -> Vec<Range<u64>> {
    let range = functions.at(elf, resolver).filter(|it| it.contains(&resolver));
    let range = range.unwrap_or(resolver..resolver.saturating_add(400));
    if range.end - range.start > MOST_RESOLVER_BYTES {
        return Vec::new();
    }
    let Some(code) = Code::read(elf, range) else { return Vec::new() };
    let mut targets = Vec::new();
    match elf.machine {
        Machine::X86 => targets.extend(code.instructions.iter().filter_map(|it| match it.kind {
            Kind::Address | Kind::Constant => it.to,
            _ => None,
        })),
        Machine::Arm => {
            let (direct, slots) = arm_targets(&code);
            targets.extend(direct);
            targets.extend(values_of(elf, &slots));
        }
    }
    targets.sort_unstable();
    targets.dedup();
    targets
        .into_iter()
        .filter_map(|target| functions.at(elf, target).filter(|it| it.start == target))
        .collect()
}

/// Addresses that code for arm64 computes from a page and what lies there, and addresses that it loads from.
fn arm_targets(code: &Code) -> (Vec<u64>, Vec<u64>) {
    let mut pages = [None::<u64>; Register::COUNT];
    let (mut direct, mut slots) = (Vec::new(), Vec::new());
    for it in &code.instructions {
        let page = |register: Option<Register>| register.and_then(|it| pages[it.index()]);
        match (it.kind, it.target) {
            (Kind::Address, Some(target)) => {
                direct.extend(it.to);
                pages[target.index()] = it.to;
            }
            (Kind::Compute, Some(target)) => {
                let source = it.reads.iter().next();
                // The constant that is added.
                let sum = page(source).zip(it.to).and_then(|(page, added)| page.checked_add(added));
                direct.extend(sum);
                pages[target.index()] = sum;
            }
            (Kind::Load, Some(target)) => {
                let slot = it
                    .load
                    .and_then(|memory| page(memory.base)?.checked_add_signed(memory.displacement));
                slots.extend(slot);
                pages[target.index()] = None;
            }
            _ => {}
        }
    }
    (direct, slots)
}

/// The relocations of a file: where, of which kind, and what is added.
fn relocations<S: Source>(elf: &Elf<S>) -> impl Iterator<Item = (u64, u32, u64)> {
    let tables = elf.sections.iter().filter(|it| it.kind == SHT_RELA);
    tables.flat_map(move |table| {
        (0..(table.bytes / RELOCATION).min(MOST_RELOCATIONS)).map_while(move |number| {
            let at = table.offset + number * RELOCATION;
            let (place, info) = (elf.file.u64(at)?, elf.file.u64(at + 8)?);
            Some((place, info as u32, elf.file.u64(at + 16)?))
        })
    })
}

/// The functions that choose a routine when the program starts.
fn chosen<S: Source>(elf: &Elf<S>) -> Vec<u64> {
    let of_kind = relocations(elf).filter(|(_, kind, _)| CHOSEN.contains(kind));
    of_kind.map(|(_, _, addend)| addend).take(MOST_RESOLVERS).collect()
}

/// What the loader writes to these places.
fn values_of<S: Source>(elf: &Elf<S>, slots: &[u64]) -> Vec<u64> {
    if slots.is_empty() {
        return Vec::new();
    }
    relocations(elf)
        .filter(|(place, kind, _)| RELATIVE.contains(kind) && slots.contains(place))
        .map(|(_, _, addend)| addend)
        .take(slots.len())
        .collect()
}
