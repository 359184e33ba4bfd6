//! Go's own table of functions, `.gopclntab`, which survives `strip`.

use std::ops::Range;

use super::Elf;
use crate::source::Source;

/// `runtime/symtab.go` and `internal/abi/symtab.go` of Go 1.18 to 1.25: magic numbers of the layout.
const MAGICS: [u32; 2] = [0xffff_fff0, 0xffff_fff1];

/// More functions than any program has.
const MOST_FUNCTIONS: u64 = 1 << 22;

/// The longest name that is read.
const MOST_NAME: usize = 512;

/// Where the table is.
pub(crate) struct Go {
    /// Offset in the file.
    table: u64,
    bytes: u64,
    count: u64,
    text: u64,
    names: u64,
    functions: u64,
}

impl Go {
    pub(super) fn find<S: Source>(elf: &Elf<S>) -> Option<Self> {
        let section =
            [".gopclntab", ".data.rel.ro.gopclntab"].iter().find_map(|name| elf.section(name))?;
        let table = section.offset;
        if !MAGICS.contains(&elf.file.u32(table)?) {
            return None;
        }
        let word = |number: u64| elf.file.u64(table.checked_add(8 + 8 * number)?);
        let (count, text) = (word(0)?, word(2)?);
        // Before it is relocated, and since Go 1.26, it is not in the table.
        let text = if text == 0 { elf.section(".text")?.address } else { text };
        let (names, functions) = (word(3)?, word(7)?);
        let fits = |at: u64| at <= section.bytes;
        if count > MOST_FUNCTIONS || !fits(names) || !fits(functions) {
            return None;
        }
        Some(Self { table, bytes: section.bytes, count, text, names, functions })
    }

    /// Where function `number` begins, and its description is.
    fn entry<S: Source>(&self, elf: &Elf<S>, number: u64) -> Option<(u64, u64)> {
        let at = self.table.checked_add(self.functions)?.checked_add(8 * number)?;
        let begin = self.text.checked_add(elf.file.u32(at)?.into())?;
        Some((begin, elf.file.u32(at.checked_add(4)?)?.into()))
    }

    /// The number of the function with this address.
    fn number<S: Source>(&self, elf: &Elf<S>, address: u64) -> Option<u64> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if self.entry(elf, middle)?.0 <= address { low = middle + 1 } else { high = middle }
        }
        low.checked_sub(1)
    }

    fn range<S: Source>(&self, elf: &Elf<S>, number: u64) -> Option<Range<u64>> {
        // The one behind the last function has its end.
        let begin = self.entry(elf, number)?.0;
        let at = self.table.checked_add(self.functions)?.checked_add(8 * (number + 1))?;
        let end = self.text.checked_add(elf.file.u32(at)?.into())?;
        Some(begin..end)
    }

    pub(super) fn function<S: Source>(&self, elf: &Elf<S>, address: u64) -> Option<Range<u64>> {
        let number = self.number(elf, address)?;
        self.range(elf, number).filter(|it| it.contains(&address))
    }

    /// The name of the function with this address.
    pub(crate) fn name<S: Source>(&self, elf: &Elf<S>, address: u64) -> Option<Vec<u8>> {
        let number = self.number(elf, address)?;
        self.range(elf, number).filter(|it| it.contains(&address))?;
        let (_, description) = self.entry(elf, number)?;
        let description = self.functions.checked_add(description)?;
        if description > self.bytes {
            return None;
        }
        let name = elf.file.u32(self.table.checked_add(description)?.checked_add(4)?)?;
        let at = self.table.checked_add(self.names)?.checked_add(u64::from(name))?;
        elf.file.string(at, MOST_NAME)
    }
}
