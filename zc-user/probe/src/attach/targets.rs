//! What programs are attached to, in the form in which aya looks it up.

use anyhow::{Context as _, Result};
use aya::Endianness;

use super::programs::{Load, Target};
use crate::btf::Btf;

/// Header of BTF, and of a type without members, in bytes (`Documentation/bpf/btf.rst`).
const HEADER_BYTES: u32 = 24;
const TYPE_BYTES: u32 = 12;

const MAGIC: u32 = 0xeb9f;
const VERSION: u32 = 1;
const KIND_TYPEDEF: u32 = 8;
const KIND_FUNC: u32 = 12;
/// Of a type that is not named here. aya knows the kind, and no other part of the kernel's types.
const KIND_UNKNOWN: u32 = 0;

/// The types of the targets of `loads`, each with the id that it has in the kernel.
///
/// aya takes the id of a target from its name and all types of the kernel. It would have to parse them for a
/// second time; here all others are left empty. A target that the kernel lacks is absent here, too, and aya
/// says so.
pub(super) fn types(btf: &Btf, loads: &[Load]) -> Result<aya::Btf> {
    let targets: Vec<_> = loads.iter().filter_map(|load| target(btf, load.target)).collect();
    let count = targets.iter().map(|target| target.id).max().unwrap_or(0);
    let mut types = vec![[0, KIND_UNKNOWN << 24, 0]; count as usize];
    let mut strings = vec![0];
    for Named { id, kind, name } in &targets {
        // Ids begin with 1.
        types[*id as usize - 1] = [u32::try_from(strings.len())?, kind << 24, 0];
        strings.extend(name.as_bytes());
        strings.push(0);
    }
    let (type_bytes, string_bytes) = (count * TYPE_BYTES, u32::try_from(strings.len())?);
    let begin = if cfg!(target_endian = "little") {
        MAGIC | VERSION << 16
    } else {
        MAGIC << 16 | VERSION << 8
    };
    let header = [begin, HEADER_BYTES, 0, type_bytes, type_bytes, string_bytes];
    let words = header.into_iter().chain(types.into_iter().flatten());
    let bytes: Vec<u8> = words.flat_map(u32::to_ne_bytes).chain(strings).collect();
    aya::Btf::parse(&bytes, Endianness::default()).context("cannot make types of the targets")
}

/// A type with a name.
struct Named {
    id: u32,
    kind: u32,
    name: String,
}

fn target(btf: &Btf, target: Target) -> Option<Named> {
    match target {
        Target::Tracepoint(name) => Some(Named {
            id: btf.tracepoint_id(name)?,
            kind: KIND_TYPEDEF,
            name: Btf::tracepoint_type(name),
        }),
        Target::Function(name) => {
            Some(Named { id: btf.function_id(name)?, kind: KIND_FUNC, name: name.to_owned() })
        }
        Target::Any => None,
    }
}

#[cfg(test)]
mod tests {
    use aya_obj::btf::BtfKind;

    use super::*;

    const KIND_INT: u32 = 1;
    const KIND_PTR: u32 = 2;
    const KIND_FUNC_PROTO: u32 = 13;

    /// Strings of a small file, each with its offset.
    const STRINGS: &str = "\0int\0btf_trace_sys_exit\0do_tee\0other\0";

    fn at(name: &str) -> u32 {
        STRINGS.find(&format!("\0{name}\0")).unwrap() as u32 + 1
    }

    /// A tracepoint and a function, each between types that are not looked for.
    fn small() -> Btf {
        let types = [
            vec![at("int"), KIND_INT << 24, 4, 32],
            vec![0, KIND_FUNC_PROTO << 24, 0],
            vec![at("other"), KIND_TYPEDEF << 24, 1],
            vec![0, KIND_PTR << 24, 2],
            vec![at("btf_trace_sys_exit"), KIND_TYPEDEF << 24, 4],
            vec![at("other"), KIND_FUNC << 24, 2],
            vec![at("do_tee"), KIND_FUNC << 24, 2],
            vec![at("do_tee"), KIND_FUNC << 24, 2],
        ]
        .concat();
        let length = 4 * types.len() as u32;
        let header = [0xeb9f | 1 << 16, 24, 0, length, length, STRINGS.len() as u32];
        let words = header.into_iter().chain(types).flat_map(u32::to_ne_bytes);
        Btf::parse(words.chain(STRINGS.bytes()).collect()).unwrap()
    }

    #[test]
    fn targets_have_the_ids_of_the_kernel_and_nothing_else_has_a_name() {
        let load = |target| Load { program: "a program", target };
        let loads = [
            load(Target::Function("do_tee")),
            load(Target::Any),
            load(Target::Tracepoint("sys_exit")),
            load(Target::Function("absent")),
            load(Target::Function("do_tee")),
        ];
        let types = types(&small(), &loads).unwrap();
        let id = |name, kind| types.id_by_type_name_kind(name, kind).ok();
        assert_eq!(id("btf_trace_sys_exit", BtfKind::Typedef), Some(5));
        // The first of that name, as in the kernel.
        assert_eq!(id("do_tee", BtfKind::Func), Some(7));
        assert_eq!(id("absent", BtfKind::Func), None);
        assert_eq!(id("other", BtfKind::Func), None);
    }
}
