//! Whole files: the small programs of `tests/fixtures/program.c`, and what is left when they are damaged.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    Program, Verdict,
    elf::{Elf, Machine, functions::Functions, symbols},
    source::{Allowance, Blocks},
};

macro_rules! programs {
    ($($name:literal,)*) => {
        [$(($name, include_bytes!(concat!("../../../../fuzz/corpus/code/", $name)).as_slice()),)*]
    };
}

/// With symbols, and the same without them.
fn programs() -> [(&'static str, &'static [u8]); 8] {
    programs![
        "x86-static",
        "x86-static-stripped",
        "x86-library",
        "x86-library-stripped",
        "arm64-static",
        "arm64-static-stripped",
        "arm64-library",
        "arm64-library-stripped",
    ]
}

fn elf(data: &'static [u8]) -> Elf<&'static [u8]> {
    let file = Blocks::new(data);
    file.allow(Allowance { bytes: 1 << 20, time: Duration::from_secs(600) });
    Elf::parse(file).expect("it is a program")
}

/// Address and size of a function.
fn function(data: &'static [u8], name: &str) -> (u64, u64) {
    let elf = elf(data);
    let found = symbols::find(&elf, |symbol| {
        let is_it = !symbol.is_resolver && symbol.name(&elf)? == name.as_bytes();
        is_it.then_some((symbol.address, symbol.bytes))
    });
    found.unwrap_or_else(|| panic!("no function {name}"))
}

/// The verdicts on all instructions of the function with this place in the file.
fn verdicts(
    data: &'static [u8],
    (address, bytes): (u64, u64),
) -> BTreeSet<(Verdict, Option<String>)> {
    let elf = elf(data);
    let code = crate::code::Code::read(&elf, address..address + bytes).expect("it has code");
    let mut program = Program::open(data).expect("it is a program");
    let offset = elf.offset_of(address).expect("it is in the file").0;
    code.instructions
        .iter()
        .map(|it| program.at(it.address - address + offset))
        .map(|it| (it.verdict, it.function.map(|name| name.to_string())))
        .collect()
}

fn one(verdict: Verdict, name: Option<&str>) -> BTreeSet<(Verdict, Option<String>)> {
    [(verdict, name.map(str::to_owned))].into()
}

#[test]
fn copy_routines_are_found_with_and_without_symbols() {
    for pair in programs().chunks(2) {
        let (with, without) = (pair[0].1, pair[1].1);
        for (name, data) in pair {
            println!("{name}");
            let is_static = name.contains("static");
            for routine in ["copy_old", "copy_new"] {
                // Of a static program without symbols nothing says what the routine is called.
                let known = if is_static && *data == without { "memcpy" } else { "memmove" };
                let found = verdicts(data, function(with, routine));
                assert_eq!(found, one(Verdict::Library, Some(known)), "{routine}");
            }
            for other in ["fill_old", "fill_new"] {
                assert_eq!(
                    verdicts(data, function(with, other)),
                    one(Verdict::Other, None),
                    "{other}"
                );
            }
        }
    }
}

#[test]
fn a_loop_that_copies_is_named_where_there_are_symbols() {
    for pair in programs().chunks(2) {
        let place = function(pair[0].1, "move_blocks");
        for (name, data) in pair {
            let has_symbol = !name.contains("static-stripped");
            let expected = (Verdict::Inlined, has_symbol.then(|| "move_blocks".to_owned()));
            let found = verdicts(data, place);
            assert!(found.contains(&expected), "{name}: {found:?}");
            assert!(found.contains(&(Verdict::Other, None)), "{name}: {found:?}");
            assert_eq!(found.len(), 2, "{name}: {found:?}");
        }
    }
}

#[test]
fn functions_have_the_bounds_that_symbols_give_them() {
    for pair in programs().chunks(2) {
        let stripped = elf(pair[1].1);
        let functions = Functions::default();
        for name in ["copy_old", "fill_new", "move_blocks", "choose_copy"] {
            let (address, bytes) = function(pair[0].1, name);
            for inside in [address, address + bytes - 1] {
                let found = functions.at(&stripped, inside);
                assert_eq!(found, Some(address..address + bytes), "{}: {name}", pair[1].0);
            }
        }
    }
}

#[test]
fn the_functions_of_go_are_known_without_symbols() {
    let data: &[u8] = include_bytes!("../../../../fuzz/corpus/code/go-stripped");
    let elf = elf(data);
    let functions = Functions::default();
    let text = elf.section(".text").expect("it has code");
    let go = functions.go(&elf).expect("it has the table of Go");
    assert_eq!(functions.at(&elf, text.address + 1), Some(text.address..text.address + 4));
    assert_eq!(go.name(&elf, text.address + 3).as_deref(), Some(b"main.main".as_slice()));
    let mut program = Program::open(data).expect("it is a program");
    let found = program.at(text.offset + 4);
    assert_eq!(found.verdict, Verdict::Library);
    assert_eq!(found.function.as_deref(), Some("runtime.memmove"));
    assert_eq!(program.at(text.offset).verdict, Verdict::Other);
}

#[test]
fn what_is_no_program_for_a_known_machine_is_refused() {
    let (_, data) = programs()[0];
    assert!(Program::open(data).is_some());
    // The magic number, 32 bits, the other byte order, another machine.
    for (at, value) in [(0, 0), (4, 1), (5, 2), (18, 3)] {
        let mut data = data.to_vec();
        data[at] = value;
        assert!(Program::open(data.as_slice()).is_none(), "byte {at}");
    }
    assert!(Program::open(&data[..63]).is_none());
    assert!(Program::open([].as_slice()).is_none());
}

#[test]
fn beyond_the_code_nothing_is_known() {
    let (_, data) = programs()[0];
    let mut program = Program::open(data).expect("it is a program");
    for offset in [data.len() as u64, 1 << 40, u64::MAX] {
        assert_eq!(program.at(offset).verdict, Verdict::Unknown);
    }
}

/// Whatever a file says, looking at it ends, and reads no more than it may.
#[test]
fn a_damaged_file_does_no_harm() {
    const VALUES: [u32; 4] = [0, 1, 0x7fff_ffff, u32::MAX];
    let go: &[u8] = include_bytes!("../../../../fuzz/corpus/code/go-stripped");
    let mut looked = 0;
    for (_, data) in programs().into_iter().chain([("go", go)]) {
        let mut look = |data: &[u8]| {
            let Some(mut program) = Program::open(data) else { return };
            looked += 1;
            for offset in [0x100, 0x300, 0x480] {
                let _ = program.at(offset);
            }
        };
        for at in (0..data.len()).step_by(4) {
            let mut damaged = data.to_vec();
            let end = (at + 4).min(damaged.len());
            let value = VALUES[at / 4 % 4];
            damaged[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            look(&damaged);
        }
        (0..data.len()).step_by(97).for_each(|length| look(&data[..length]));
    }
    assert!(looked > 1_000, "{looked}");
}

#[test]
fn a_question_that_costs_too_much_has_no_answer() {
    let (_, data) = programs()[0];
    let file = Blocks::new(data);
    assert!(file.array::<4>(0).is_none(), "nothing is allowed");
    file.allow(Allowance { bytes: 1 << 14, time: Duration::from_secs(600) });
    assert!(file.array::<4>(0).is_some() && file.array::<4>(1).is_some(), "a block");
    assert!(file.spend(1).eq(&false) && file.is_spent());
    file.allow(Allowance { bytes: 1 << 20, time: Duration::ZERO });
    assert!(!file.spend(1) && file.is_spent(), "its time is over");
}

#[test]
fn functions_have_the_names_of_their_symbols() {
    for (name, data) in programs().into_iter().filter(|(name, _)| !name.contains("stripped")) {
        let elf = elf(data);
        let mut program = Program::open(data).expect("it is a program");
        for wanted in ["copy_old", "fill_new", "move_blocks"] {
            let (address, bytes) = function(data, wanted);
            for inside in [address, address + bytes - 1] {
                let offset = elf.offset_of(inside).expect("it is in the file").0;
                let found = program.function(offset).and_then(|function| function.name);
                assert_eq!(found.as_deref(), Some(wanted), "{name}");
            }
        }
    }
}

#[test]
fn only_behind_a_call_is_a_place_to_return_to() {
    // call +0; call [rax]; call [rax+8]; call [rip+0]; call [rsp+8]; call r11; syscall.
    let x86: &[(&[u8], bool, bool)] = &[
        (&[0xe8, 0, 0, 0, 0], true, false),
        (&[0xff, 0x10], true, false),
        (&[0xff, 0x50, 8], true, false),
        (&[0xff, 0x15, 0, 0, 0, 0], true, false),
        (&[0xff, 0x54, 0x24, 8], true, false),
        (&[0x41, 0xff, 0xd3], true, false),
        (&[0x0f, 0x05], false, true),
        (&[0x90, 0x90], false, false),
        (&[0xff, 0x60, 8], false, false),
    ];
    for (code, is_call, is_system_call) in x86 {
        let before = |bytes: &mut [u8]| {
            bytes.fill(0x90);
            let (length, rest) = (bytes.len(), code.len());
            let kept = rest.min(length);
            bytes[length - kept..].copy_from_slice(&code[rest - kept..]);
            Some(())
        };
        assert_eq!(Machine::X86.has_call(before), *is_call, "{code:x?}");
        assert_eq!(Machine::X86.has_system_call(before), *is_system_call, "{code:x?}");
    }
}
