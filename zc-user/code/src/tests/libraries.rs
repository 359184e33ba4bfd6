//! The libraries of this machine.

use std::{
    collections::BTreeMap,
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
};

use crate::{
    code::Code,
    elf::{
        Elf,
        functions::Functions,
        names::{Routines, copy_name},
        symbols,
    },
    program::is_in_copy,
    routine,
    source::{Allowance, Blocks},
};

const C_LIBRARY: &str = "/lib/x86_64-linux-gnu/libc.so.6";

fn elf(path: &Path) -> Elf<File> {
    let file = Blocks::new(File::open(path).unwrap());
    file.allow(Allowance { bytes: 1 << 30, time: std::time::Duration::from_secs(600) });
    Elf::parse(file).unwrap()
}

/// The file with the symbols of another one, by its build id, as Debian has them in libc6-dbg.
fn debug_file(elf: &Elf<File>) -> Option<PathBuf> {
    let note = elf.section(".note.gnu.build-id")?;
    let mut id = vec![0; usize::try_from(note.bytes.checked_sub(16)?).ok()?];
    elf.file.fill(note.offset + 16, &mut id)?;
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let (first, rest) = hex.split_at(2);
    let path = PathBuf::from(format!("/usr/lib/debug/.build-id/{first}/{rest}.debug"));
    path.exists().then_some(path)
}

fn ranges(routines: &Routines) -> BTreeMap<u64, Range<u64>> {
    routines.ranges().map(|(range, _)| (range.start, range)).collect()
}

#[test]
fn the_copy_routines_of_the_c_library_are_those_that_its_symbols_name() {
    let Some(debug) =
        Path::new(C_LIBRARY).exists().then(|| debug_file(&elf(C_LIBRARY.as_ref()))).flatten()
    else {
        println!("SKIPPED: {C_LIBRARY} has no file with symbols here; apt-get install libc6-dbg");
        return;
    };
    let library = elf(C_LIBRARY.as_ref());
    let functions = Functions::default();
    let found = ranges(&Routines::of(&library, &functions));
    let mut named = BTreeMap::new();
    let mut others = Vec::new();
    let all: Option<()> = symbols::find(&elf(&debug), |symbol| {
        let name = symbol.name(&elf(&debug)).unwrap_or_default();
        if symbol.is_resolver || symbol.bytes == 0 {
            return None;
        }
        if copy_name(&name).is_some() {
            named.insert(symbol.address, name);
        } else if found.contains_key(&symbol.address) {
            others.push(String::from_utf8_lossy(&name).into_owned());
        }
        None
    });
    assert!(all.is_none());
    println!("{} routines found, {} named; also called {others:?}", found.len(), named.len());
    let missed: Vec<_> = named
        .iter()
        .filter(|(address, _)| !found.contains_key(address))
        .map(|(_, name)| String::from_utf8_lossy(name))
        .collect();
    let extra: Vec<_> = found.keys().filter(|it| !named.contains_key(it)).collect();
    assert!(missed.is_empty() && extra.is_empty(), "missed {missed:?}, extra {extra:x?}");
}

/// Functions that read or write as much as copies do.
const OTHERS: [&str; 8] =
    ["memset", "memcmp", "memchr", "memrchr", "strlen", "strnlen", "strchr", "strcmp"];

#[test]
fn the_code_of_the_c_library_shows_its_copy_routines_and_nothing_in_others() {
    let Some(debug) =
        Path::new(C_LIBRARY).exists().then(|| debug_file(&elf(C_LIBRARY.as_ref()))).flatten()
    else {
        println!("SKIPPED: {C_LIBRARY} has no file with symbols here; apt-get install libc6-dbg");
        return;
    };
    let (library, debug) = (elf(C_LIBRARY.as_ref()), elf(&debug));
    let (mut bodies, mut others) = (0, 0);
    let all: Option<()> = symbols::find(&debug, |symbol| {
        let name = String::from_utf8(symbol.name(&debug)?).ok()?;
        let plain = name.trim_start_matches('_').trim_start_matches('w');
        let is_other = OTHERS.iter().any(|it| plain.starts_with(it));
        // What is less than a whole routine jumps into one.
        let is_body = copy_name(name.as_bytes()).is_some() && symbol.bytes > 256;
        if symbol.is_resolver || !(is_other || is_body) {
            return None;
        }
        let end = symbol.address + symbol.bytes;
        let instructions = Code::read(&library, symbol.address..end)?.instructions;
        let is_routine = routine::only_copies(&instructions);
        // One jumps by a table, and two ask whether a transaction is running.
        if is_body && !name.ends_with("_ssse3") && !name.ends_with("_rtm") {
            assert!(is_routine, "{name}");
            bodies += 1;
        } else if is_other {
            let copies = (0..instructions.len()).find(|place| is_in_copy(&instructions, *place));
            assert!(!is_routine && copies.is_none(), "{name}: {copies:?}");
            others += 1;
        }
        None
    });
    assert!(all.is_none());
    println!("{bodies} copy routines, {others} others");
    assert!(bodies > 0 && others > 0);
}
