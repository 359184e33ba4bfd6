//! Names of the kernel's functions.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
};

use zc_model::snapshot::{FrameKind, StackFrame};

use crate::symbols::KALLSYMS;

/// Bytes of the table that are read: four times what a large kernel has.
const MOST_BYTES: u64 = 64 << 20;

/// The symbol table of the kernel.
pub(super) struct Kernel {
    /// Not read yet; opened with the rights of the start: the kernel looks at those of the thread that opens it.
    file: Option<File>,
    /// Functions by address, in order.
    functions: Vec<(u64, Box<str>)>,
}

impl Kernel {
    pub(super) fn open() -> Self {
        Self { file: File::open(KALLSYMS).ok(), functions: Vec::new() }
    }

    /// The frame of an address.
    pub(super) fn frame(&self, address: u64) -> StackFrame {
        let place = self.functions.partition_point(|(begin, _)| *begin <= address);
        let found = place.checked_sub(1).and_then(|place| self.functions.get(place));
        StackFrame {
            kind: FrameKind::Kernel,
            function: found.map(|(_, name)| (**name).into()),
            module: "[kernel]".into(),
            offset: if found.is_some() { 0 } else { address },
        }
    }

    /// Reads the table, if that was not done yet.
    pub(super) fn read(&mut self) {
        let Some(file) = self.file.take() else { return };
        for line in BufReader::new(file.take(MOST_BYTES)).lines().map_while(Result::ok) {
            let mut words = line.split([' ', '\t']);
            let (Some(address), Some(kind), Some(name)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let Ok(address) = u64::from_str_radix(address, 16) else { continue };
            if address != 0 && matches!(kind, "t" | "T" | "w" | "W") {
                self.functions.push((address, name.into()));
            }
        }
        self.functions.sort_by_key(|(address, _)| *address);
        self.functions.shrink_to_fit();
    }
}
