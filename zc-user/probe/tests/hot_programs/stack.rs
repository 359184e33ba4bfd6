//! How much of the stack the programs take, with all that they call.
//!
//! The kernel refuses a program of which a chain of calls takes more (`check_max_stack_depth`,
//! `kernel/bpf/verifier.c`), and with it `zc` silently does without what the program counts.

use std::collections::BTreeMap;

use zc_common::site::Site;
use zc_probe::{OBJECT, catalog::PROBES};

use super::functions::{Function, functions};

/// `MAX_BPF_STACK` and `MAX_CALL_FRAMES`, `include/linux/filter.h` and `include/linux/bpf_verifier.h`, 5.10 to 7.2.
const MAX_STACK: u32 = 512;
const MAX_FRAMES: usize = 8;

/// What the stack of a function is rounded up to before 6.13, by any compiler of the kernel; 16 since then.
const GRAIN: u32 = 32;

/// The stack pointer. The stack lies below it.
const FRAME: usize = 10;

/// Bytes of its own stack that a function reaches. The code is read from the beginning to the end: an address in the
/// stack is that of the lowest byte of a variable, and is used where it was computed.
fn own_stack(code: &[u8]) -> u32 {
    let mut registers = [None; 16];
    registers[FRAME] = Some(0_i32);
    let mut lowest = 0;
    let mut code = code.chunks_exact(8);
    while let Some(instruction) = code.next() {
        let (target, source) = (usize::from(instruction[1] & 15), usize::from(instruction[1] >> 4));
        let offset = i32::from(i16::from_le_bytes([instruction[2], instruction[3]]));
        let number = i32::from_le_bytes(instruction[4..].try_into().expect("four bytes"));
        let at = |register: usize| registers[register].map(|address: i32| address + offset);
        // The classes of instructions and some codes, `include/uapi/linux/bpf.h`.
        let (accessed, written) = match (instruction[0] & 7, instruction[0]) {
            // A load of 64 bits is as long as two instructions.
            (_, 0x18) => {
                code.next();
                (None, Some((target, None)))
            }
            (0, _) => (None, Some((target, None))),
            (1, _) => (at(source), Some((target, None))),
            (2 | 3, _) => (at(target), None),
            (_, 0xbf) => (registers[source], Some((target, registers[source]))),
            (_, 0x07) => {
                let sum = registers[target].map(|address| address + number);
                (sum, Some((target, sum)))
            }
            (4 | 7, _) => (None, Some((target, None))),
            // Calls: what they change is computed again.
            _ => (None, None),
        };
        lowest = lowest.min(accessed.unwrap_or(0));
        if let Some((register, address)) = written.filter(|(register, _)| *register != FRAME) {
            registers[register] = address;
        }
    }
    lowest.unsigned_abs()
}

/// The chain of calls from a function that takes most by `cost`, and what it takes.
fn worst<'a>(
    functions: &'a BTreeMap<String, Function>,
    from: &'a str,
    cost: &impl Fn(&Function) -> u32,
) -> (u32, Vec<&'a str>) {
    let function = &functions[from];
    let callees = function.callees.iter().map(|callee| worst(functions, callee, cost));
    let (below, mut chain) = callees.max().unwrap_or_default();
    chain.insert(0, from);
    (cost(function) + below, chain)
}

/// Programs with a chain of calls that the kernel refuses.
fn refused(functions: &BTreeMap<String, Function>) -> Vec<String> {
    let programs = PROBES.iter().flat_map(|probe| [probe.program, probe.raw_program]);
    let programs = programs.chain(Site::ALL.iter().map(|site| site.program()));
    let programs = programs.chain(["zc_sample", "zc_sample_code", "zc_sys_exit_kprobe"]);
    let mut refused = Vec::new();
    for program in programs {
        let rounded =
            |function: &Function| own_stack(&function.code).max(1).next_multiple_of(GRAIN);
        let (bytes, chain) = worst(functions, program, &rounded);
        if bytes > MAX_STACK {
            let frames: Vec<_> = chain
                .iter()
                .map(|name| format!("{name} ({})", own_stack(&functions[*name].code)))
                .collect();
            refused.push(format!("{bytes} bytes: {}", frames.join(" -> ")));
        }
        let (_, chain) = worst(functions, program, &|_| 1);
        if chain.len() > MAX_FRAMES {
            refused.push(format!("{} frames: {}", chain.len(), chain.join(" -> ")));
        }
    }
    refused
}

#[test]
fn no_chain_of_calls_takes_more_stack_than_the_kernel_allows() {
    let mut functions = functions(OBJECT);
    let found = refused(&functions);
    assert!(found.is_empty(), "the kernel refuses these programs:\n{}", found.join("\n"));

    // A variable more, in what the end of system calls calls; and one chain more.
    let larger = functions.get_mut("zc_foreign").expect("it exists");
    larger.code.extend([0x7a, FRAME as u8, 0x00, 0xfe, 0, 0, 0, 0]);
    assert_eq!(own_stack(&larger.code), 512);
    assert!(refused(&functions).iter().any(|line| line.contains("bytes: zc_sys_exit (")));
    for frame in 0..MAX_FRAMES {
        let callees = [format!("deep{}", frame + 1)].into();
        functions.insert(format!("deep{frame}"), Function { callees, code: Vec::new() });
    }
    functions.insert(format!("deep{MAX_FRAMES}"), Function::default());
    functions.get_mut("zc_sample").expect("it exists").callees.insert("deep0".to_owned());
    let line = refused(&functions);
    assert!(line.iter().any(|line| line.starts_with("10 frames: zc_sample -> deep0")), "{line:?}");
}

#[test]
fn the_stack_of_a_function_is_what_it_reaches() {
    let code = [
        [0x7b, 0x1a, 0xf8, 0xff, 0, 0, 0, 0], // *(u64 *)(r10 - 8) = r1
        [0x18, 0x02, 0, 0, 0, 0, 0, 0],       // r2 = a map
        [0x00, 0x00, 0, 0, 0, 0, 0, 0],
        [0xbf, 0xa6, 0, 0, 0, 0, 0, 0],             // r6 = r10
        [0x07, 0x06, 0, 0, 0xc0, 0xff, 0xff, 0xff], // r6 += -64
        [0x79, 0x63, 0x08, 0, 0, 0, 0, 0],          // r3 = *(u64 *)(r6 + 8)
        [0x07, 0x03, 0, 0, 0x00, 0xff, 0xff, 0xff], // r3 += -256, which is no address
        [0x79, 0x31, 0xf0, 0xff, 0, 0, 0, 0],       // r1 = *(u64 *)(r3 - 16)
        [0x95, 0x00, 0, 0, 0, 0, 0, 0],             // exit
    ];
    assert_eq!(own_stack(&code.concat()), 64);
    assert_eq!(own_stack(&code[7..].concat()), 0);
}
