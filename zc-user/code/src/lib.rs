//! What machine code does: whether an instruction of a program is part of a copy.
//!
//! It is found out from the file that the code is in. No process is looked at, and no symbol is needed: a copy
//! routine of a C library is known by its name, or by its code; a loop by how data flows through it. A wrong or
//! hostile file gives a wrong or no answer about itself, within bounds of time and memory.
//!
//! | kept | bound |
//! | --- | --- |
//! | blocks of a file | 128 KiB |
//! | sections, segments | 16,384 and 256 |
//! | copy routines known by name | 512 |
//! | functions whose code was looked at | 4,096 |
//! | functions known by name, where names are asked for | 131,072 |
//! | functions of a program without an index of them, targets of calls | 65,536 and 131,072 |

mod arm64;
mod code;
mod elf;
mod flow;
mod instruction;
mod loops;
mod program;
mod routine;
mod source;
mod x86;

#[cfg(test)]
mod tests;

pub use program::{Finding, Function, Program, Verdict};
pub use source::Source;
