//! The functions of the object: their code, and which calls which.

use std::collections::{BTreeMap, BTreeSet};

use object::{
    Endianness,
    elf::{FileHeader64, R_BPF_64_32, STT_FUNC, STT_SECTION},
    read::elf::{ElfFile, FileHeader as _, SectionHeader as _, Sym as _},
};

/// A function.
#[derive(Default)]
pub(super) struct Function {
    /// Its instructions.
    pub(super) code: Vec<u8>,
    /// The names of the functions that it calls.
    pub(super) callees: BTreeSet<String>,
}

/// All functions by name.
pub(super) fn functions(elf: &[u8]) -> BTreeMap<String, Function> {
    let file = ElfFile::<FileHeader64<Endianness>>::parse(elf).expect("the object is an ELF file");
    let endian = file.endian();
    let sections = file.elf_header().sections(endian, elf).expect("it has sections");
    let symbols = sections.symbols(endian, elf, object::elf::SHT_SYMTAB).expect("it has symbols");
    let name = |symbol: &object::elf::Sym64<Endianness>| {
        let name = symbols.symbol_name(endian, symbol).expect("every symbol has a name");
        String::from_utf8_lossy(name).into_owned()
    };
    let functions: Vec<_> = symbols.iter().filter(|it| it.st_type() == STT_FUNC).collect();
    let at = |section: u16, address: u64| {
        let here = |it: &&&_| {
            let symbol: &object::elf::Sym64<Endianness> = it;
            symbol.st_shndx(endian) == section && symbol.st_value(endian) == address
        };
        name(functions.iter().find(here).expect("every call leads to a function"))
    };
    // By the section that they belong to, and the place there.
    let mut relocations = BTreeMap::new();
    for section in sections.iter() {
        let Some((entries, _)) = section.rel(endian, elf).expect("relocations can be read") else {
            continue;
        };
        for entry in entries.iter().filter(|it| it.r_type(endian) == R_BPF_64_32) {
            let place = (section.sh_info(endian), entry.r_offset.get(endian));
            relocations.insert(place, entry.r_sym(endian));
        }
    }

    let mut all = BTreeMap::<_, Function>::new();
    for function in &functions {
        let (section, address) = (function.st_shndx(endian), function.st_value(endian));
        let header = sections.section(object::SectionIndex(section.into())).expect("it exists");
        let code = header.data(endian, elf).expect("it has code");
        let end = address + function.st_size(endian);
        let code = &code[address as usize..end as usize];
        let Function { callees, code: kept } = all.entry(name(function)).or_default();
        kept.extend(code);
        for (offset, offset_in_instructions) in local_calls(code) {
            let place = address + offset;
            let target =
                |from: u64| from.wrapping_add_signed(8 * (i64::from(offset_in_instructions) + 1));
            callees.insert(match relocations.get(&(section.into(), place)) {
                Some(index) => {
                    let index = object::SymbolIndex(*index as usize);
                    let symbol = symbols.symbol(index).expect("it exists");
                    if symbol.st_type() == STT_SECTION {
                        at(symbol.st_shndx(endian), target(0))
                    } else {
                        name(symbol)
                    }
                }
                None => at(section, target(place)),
            });
        }
    }
    all
}

/// Calls of subprograms: where they are, and the number in them, which is relative to the next
/// instruction unless it is relocated.
pub(super) fn local_calls(code: &[u8]) -> impl Iterator<Item = (u64, i32)> {
    /// `BPF_JMP | BPF_CALL`, `include/uapi/linux/bpf.h`.
    const CALL: u8 = 0x85;
    /// `BPF_PSEUDO_CALL`, in the upper half of the second byte: not a helper.
    const SUBPROGRAM: u8 = 1;
    // The second half of a load of 64 bits begins with 0.
    code.chunks_exact(8).enumerate().filter_map(|(index, code)| {
        let number = i32::from_le_bytes(code[4..].try_into().expect("four bytes"));
        (code[0] == CALL && code[1] >> 4 == SUBPROGRAM).then_some((8 * index as u64, number))
    })
}
