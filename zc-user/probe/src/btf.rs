//! Reading the kernel's type information (BTF): offsets of members, values of enumerators,
//! arguments of tracepoints.
//!
//! aya finds type ids but no members. The format is in `Documentation/bpf/btf.rst`.

mod names;

use std::{ffi::CStr, path::Path};

use anyhow::{Context as _, Result, bail, ensure};

use names::{Names, hash};
use zc_privilege::files;

/// Ten times what large kernels have.
const MOST_BYTES: u64 = 128 << 20;

const MAGIC: u16 = 0xeb9f;

const KIND_INT: u32 = 1;
const KIND_PTR: u32 = 2;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_TYPEDEF: u32 = 8;
const KIND_VOLATILE: u32 = 9;
const KIND_CONST: u32 = 10;
const KIND_RESTRICT: u32 = 11;
const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
const KIND_DATASEC: u32 = 15;
const KIND_DECL_TAG: u32 = 17;
const KIND_TYPE_TAG: u32 = 18;
const KIND_ENUM64: u32 = 19;

/// Longest name that is looked at: twice the longest of the kernel (`KSYM_NAME_LEN`, `include/linux/kallsyms.h`, 128
/// before 6.1, 512 since). Of a malformed file, each type could have a name of megabytes.
const MOST_NAME: usize = 1024;

/// What the kernel puts before the name of a tracepoint to name the type of its programs.
const TRACEPOINT_PREFIX: &str = "btf_trace_";

/// Members that lead through anonymous structures; deeper nesting is a malformed file.
const MAX_DEPTH: u32 = 16;

/// Members of a structure, those of anonymous ones in it included: ten times what kernels have. One is looked for
/// hundreds of times.
const MAX_MEMBERS: u32 = 10_000;

/// The kernel's types.
pub struct Btf {
    data: Vec<u8>,
    strings: usize,
    strings_end: usize,
    /// Offset of each type in `data`, by id; id 0 is `void`.
    types: Vec<u32>,
    /// Structures, enumerations, functions, and the typedefs of tracepoints.
    names: Names,
    /// Ids of enumerations without a name.
    constants: Vec<u32>,
}

/// How a function is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The structure that it points to; empty when it is no such pointer.
    pub pointee: String,
}

#[derive(Clone, Copy)]
struct Type {
    at: usize,
    kind: u32,
    vlen: u32,
    kind_flag: bool,
    /// Size or id of the referenced type, depending on the kind.
    size_or_type: u32,
}

impl Btf {
    /// Reads a file such as `/sys/kernel/btf/vmlinux`.
    ///
    /// # Errors
    /// When the user may not read the file, or when it is no BTF of this machine's byte order.
    pub fn open(path: &Path) -> Result<Self> {
        let data = files::read(path, MOST_BYTES)
            .with_context(|| format!("cannot read BTF file '{}'", path.display()))?;
        Self::parse(data).with_context(|| format!("'{}' is no usable BTF file", path.display()))
    }

    /// Parses raw BTF. Every offset is checked: the file may be anything.
    ///
    /// # Errors
    /// When the data is not BTF or ends too early.
    pub fn parse(data: Vec<u8>) -> Result<Self> {
        let word = |at: usize| -> Result<u32> {
            let bytes = data.get(at..at + 4).context("the file ends inside its header")?;
            Ok(u32::from_ne_bytes(bytes.try_into()?))
        };
        let magic = data.get(..2).context("the file is empty")?;
        ensure!(
            u16::from_ne_bytes(magic.try_into()?) == MAGIC,
            "it does not start with the BTF magic of this byte order"
        );
        let header = word(4)? as usize;
        let types_start = header + word(8)? as usize;
        let types_end = types_start + word(12)? as usize;
        let strings = header + word(16)? as usize;
        let strings_end = strings + word(20)? as usize;
        ensure!(
            types_end <= data.len() && strings_end <= data.len(),
            "the file is shorter than its header says"
        );
        let mut btf = Self {
            data,
            strings,
            strings_end,
            types: vec![0],
            names: Names::default(),
            constants: Vec::new(),
        };
        let mut hashes = Vec::new();
        let mut at = types_start;
        while at < types_end {
            let id = u32::try_from(btf.types.len())?;
            btf.types.push(u32::try_from(at)?);
            let ty = btf.type_at(at).context("a type crosses the end of the file")?;
            if is_sought(ty.kind) {
                match btf.name_of(at).unwrap_or_default() {
                    [] if matches!(ty.kind, KIND_ENUM | KIND_ENUM64) => btf.constants.push(id),
                    [] => {}
                    name if ty.kind == KIND_TYPEDEF && !is_tracepoint(name) => {}
                    name => hashes.push((hash(ty.kind, name), id)),
                }
            }
            at += 12 + ty.extra()?;
        }
        btf.names = Names::new(&hashes).context("too many of its types have the same name")?;
        Ok(btf)
    }

    fn word(&self, at: usize) -> Option<u32> {
        Some(u32::from_ne_bytes(self.data.get(at..at + 4)?.try_into().ok()?))
    }

    fn string(&self, offset: u32) -> Option<&[u8]> {
        let start = self.strings + offset as usize;
        let bytes = self.data.get(start..self.strings_end)?;
        let bytes = &bytes[..bytes.len().min(MOST_NAME)];
        Some(CStr::from_bytes_until_nul(bytes).ok()?.to_bytes())
    }

    fn name_of(&self, at: usize) -> Option<&[u8]> {
        self.string(self.word(at)?)
    }

    fn text_of(&self, at: usize) -> Option<&str> {
        std::str::from_utf8(self.name_of(at)?).ok()
    }

    fn type_at(&self, at: usize) -> Option<Type> {
        let info = self.word(at + 4)?;
        Some(Type {
            at,
            kind: info >> 24 & 0x1f,
            vlen: info & 0xffff,
            kind_flag: info >> 31 != 0,
            size_or_type: self.word(at + 8)?,
        })
    }

    fn type_by_id(&self, id: u32) -> Option<Type> {
        let at = *self.types.get(id as usize)?;
        if at == 0 { None } else { self.type_at(at as usize) }
    }

    /// Follows typedefs and qualifiers.
    fn resolve(&self, mut id: u32) -> Option<Type> {
        for _ in 0..MAX_DEPTH {
            let ty = self.type_by_id(id)?;
            match ty.kind {
                KIND_TYPEDEF | KIND_VOLATILE | KIND_CONST | KIND_RESTRICT | KIND_TYPE_TAG => {
                    id = ty.size_or_type;
                }
                _ => return Some(ty),
            }
        }
        None
    }

    /// The first of this kind and name.
    fn id_of(&self, kind: u32, name: &str) -> Option<u32> {
        let name = name.as_bytes();
        self.names.candidates(hash(kind, name)).find(|id| {
            self.type_by_id(*id)
                .is_some_and(|ty| ty.kind == kind && self.name_of(ty.at) == Some(name))
        })
    }

    fn named(&self, kind: u32, name: &str) -> Option<Type> {
        self.type_by_id(self.id_of(kind, name)?)
    }

    /// Size of a structure, bytes.
    #[must_use]
    pub fn size(&self, structure: &str) -> Option<u32> {
        Some(self.named(KIND_STRUCT, structure)?.size_or_type)
    }

    /// Byte offset of a member. `path` is dotted: `__sk_common.skc_family`. Anonymous structures
    /// and unions on the way are entered. `None` when the kernel has no such member, or when it is
    /// a bit field that does not start at a byte.
    #[must_use]
    pub fn offset(&self, structure: &str, path: &str) -> Option<u32> {
        let mut ty = self.named(KIND_STRUCT, structure)?;
        let mut bits = 0_u32;
        for member in path.split('.') {
            let (offset, id) = self.member(ty, member, 0, &mut { MAX_MEMBERS })?;
            bits = offset.checked_add(bits)?;
            ty = self.resolve(id)?;
        }
        bits.is_multiple_of(8).then_some(bits / 8)
    }

    /// Bit offset and type id of a member. `left` are the members that are still looked at: a malformed file can
    /// have anonymous structures within each other in more ways than can be counted.
    fn member(&self, ty: Type, name: &str, depth: u32, left: &mut u32) -> Option<(u32, u32)> {
        if depth > MAX_DEPTH || !matches!(ty.kind, KIND_STRUCT | KIND_UNION) {
            return None;
        }
        *left = left.checked_sub(ty.vlen.max(1))?;
        let mut anonymous = Vec::new();
        for i in 0..ty.vlen as usize {
            let at = ty.at + 12 + 12 * i;
            let id = self.word(at + 4)?;
            let raw = self.word(at + 8)?;
            let bits = if ty.kind_flag { raw & 0x00ff_ffff } else { raw };
            match self.name_of(at)? {
                b"" => anonymous.push((bits, id)),
                found if found == name.as_bytes() => return Some((bits, id)),
                _ => {}
            }
        }
        anonymous.into_iter().find_map(|(outer, id)| {
            let (inner, id) = self.member(self.resolve(id)?, name, depth + 1, left)?;
            Some((outer.checked_add(inner)?, id))
        })
    }

    /// Value of an enumerator of a named enumeration.
    #[must_use]
    pub fn enumerator(&self, enumeration: &str, name: &str) -> Option<u64> {
        let ty =
            self.named(KIND_ENUM, enumeration).or_else(|| self.named(KIND_ENUM64, enumeration))?;
        self.enumerator_of(ty, name)
    }

    /// Value of an enumerator of any enumeration without a name.
    #[must_use]
    pub fn constant(&self, name: &str) -> Option<u64> {
        self.constants.iter().find_map(|id| self.enumerator_of(self.type_by_id(*id)?, name))
    }

    fn enumerator_of(&self, ty: Type, name: &str) -> Option<u64> {
        let stride = if ty.kind == KIND_ENUM { 8 } else { 12 };
        (0..ty.vlen as usize).find_map(|i| {
            let at = ty.at + 12 + stride * i;
            if self.name_of(at)? != name.as_bytes() {
                return None;
            }
            let low = u64::from(self.word(at + 4)?);
            let high = if stride == 12 { u64::from(self.word(at + 8)?) } else { 0 };
            Some(high << 32 | low)
        })
    }

    /// Id of the type of a BTF tracepoint's programs; `None` when the kernel has no such tracepoint.
    #[must_use]
    pub fn tracepoint_id(&self, tracepoint: &str) -> Option<u32> {
        self.id_of(KIND_TYPEDEF, &Self::tracepoint_type(tracepoint))
    }

    /// Name of that type.
    pub(crate) fn tracepoint_type(tracepoint: &str) -> String {
        format!("{TRACEPOINT_PREFIX}{tracepoint}")
    }

    /// Number of arguments that a BTF tracepoint hands to its programs; `None` when the kernel has
    /// no such tracepoint.
    #[must_use]
    pub fn tracepoint_arguments(&self, tracepoint: &str) -> Option<u32> {
        let typedef = self.type_by_id(self.tracepoint_id(tracepoint)?)?;
        let pointer = self.resolve(typedef.size_or_type)?;
        if pointer.kind != KIND_PTR {
            return None;
        }
        let prototype = self.resolve(pointer.size_or_type)?;
        // The first parameter is the kernel's own `void *__data`.
        (prototype.kind == KIND_FUNC_PROTO).then(|| prototype.vlen.saturating_sub(1))
    }

    /// How a function of the kernel image is called; `None` when BTF does not know it.
    #[must_use]
    pub fn signature(&self, function: &str) -> Option<Signature> {
        let prototype = self.type_by_id(self.named(KIND_FUNC, function)?.size_or_type)?;
        if prototype.kind != KIND_FUNC_PROTO {
            return None;
        }
        let parameters = (0..prototype.vlen as usize)
            .map(|i| {
                let at = prototype.at + 12 + 8 * i;
                let name = self.text_of(at)?.to_owned();
                let pointee = self.pointee(self.word(at + 4)?).unwrap_or_default();
                Some(Parameter { name, pointee })
            })
            .collect::<Option<_>>()?;
        Some(Signature { parameters })
    }

    /// Name of the structure that a type points to.
    fn pointee(&self, id: u32) -> Option<String> {
        let pointer = self.resolve(id)?;
        if pointer.kind != KIND_PTR {
            return None;
        }
        Some(self.text_of(self.resolve(pointer.size_or_type)?.at)?.to_owned())
    }

    /// Id of a function of the kernel image; `None` when BTF does not know it.
    #[must_use]
    pub fn function_id(&self, name: &str) -> Option<u32> {
        self.id_of(KIND_FUNC, name)
    }

    /// Id of a structure; `None` when BTF does not know it.
    #[must_use]
    pub fn structure_id(&self, name: &str) -> Option<u32> {
        self.id_of(KIND_STRUCT, name)
    }

    /// Whether the kernel has this function.
    #[must_use]
    pub fn has_function(&self, name: &str) -> bool {
        self.function_id(name).is_some()
    }
}

/// Whether types of this kind are looked up by their names; of typedefs, only those of tracepoints.
const fn is_sought(kind: u32) -> bool {
    matches!(kind, KIND_STRUCT | KIND_ENUM | KIND_ENUM64 | KIND_TYPEDEF | KIND_FUNC)
}

fn is_tracepoint(typedef: &[u8]) -> bool {
    typedef.starts_with(TRACEPOINT_PREFIX.as_bytes())
}

impl Type {
    /// Bytes that follow the common part.
    fn extra(self) -> Result<usize> {
        let vlen = self.vlen as usize;
        Ok(match self.kind {
            KIND_INT | KIND_VAR | KIND_DECL_TAG => 4,
            KIND_ARRAY => 12,
            KIND_STRUCT | KIND_UNION | KIND_DATASEC | KIND_ENUM64 => 12 * vlen,
            KIND_ENUM | KIND_FUNC_PROTO => 8 * vlen,
            2..=19 => 0,
            _ => bail!("it has types of a kind that is newer than this program"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one function, and one parameter of it.
    fn function(name: &str, parameter: &str) -> Btf {
        const HEADER: u32 = 24;
        let strings = [b"\0", name.as_bytes(), b"\0", parameter.as_bytes(), b"\0"].concat();
        let parameter = name.len() as u32 + 2;
        let types = [0, KIND_FUNC_PROTO << 24 | 1, 0, parameter, 0, 1, KIND_FUNC << 24, 1]
            .map(u32::to_ne_bytes);
        let types = types.concat();
        let lengths = [HEADER, 0, types.len() as u32, types.len() as u32, strings.len() as u32];
        let lengths = lengths.map(u32::to_ne_bytes).concat();
        let data = [MAGIC.to_ne_bytes().as_slice(), &[1, 0], &lengths, &types, &strings].concat();
        Btf::parse(data).unwrap()
    }

    #[test]
    fn names_of_kernels_are_read_and_names_of_megabytes_are_not() {
        let longest = "n".repeat(MOST_NAME - 1);
        let signature = function(&longest, &longest).signature(&longest).unwrap();
        assert_eq!(signature.parameters[0].name, longest);
        let long = "n".repeat(1 << 20);
        assert_eq!(function("f", &long).signature("f"), None);
        assert!(function("f", &long).has_function("f"));
        assert!(!function(&long, "p").has_function(&long));
    }
}
