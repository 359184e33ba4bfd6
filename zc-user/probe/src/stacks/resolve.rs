//! What the addresses of stacks are called.
//!
//! | kept | bound |
//! | --- | --- |
//! | processes | 256 |
//! | areas with code of a process | 4,096 |
//! | frames of a process | 16,384 |
//! | open files, with their functions | 128, see `code/files.rs` |
//! | functions of JIT compilers of a process | 131,072, see `jit.rs` |

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use zc_common::stack::{OF_OTHERS, STACK_FRAMES, StackSample};
use zc_model::snapshot::{FrameKind, ProcessId, StackEnd, StackFrame};
use zc_privilege::raised;

use super::{
    jit,
    worker::{Names, Resolved},
};
use crate::code::{
    areas::{self, Area},
    files::Files,
};

const MOST_PROCESSES: usize = 256;
const MOST_AREAS: usize = 4_096;
const MOST_NAMES: usize = 16_384;

/// How often the areas of a process are read again for an address that is in none.
const PACE: Duration = Duration::from_millis(100);

/// How often they are read again anyway: another library may be where one was.
const REREAD: Duration = Duration::from_secs(1);

/// Functions in which stacks begin.
const ROOTS: [&str; 10] = [
    "_start",
    "__libc_start_main",
    "__libc_start_call_main",
    "start_thread",
    "clone",
    "clone3",
    "__clone",
    "thread_start",
    "runtime.goexit",
    "runtime.rt0_go",
];

/// What code without a file is in, where the kernel does not call it anything.
pub(super) const JIT: &str = "[jit]";

/// Finds names.
#[derive(Default)]
pub(super) struct Resolver {
    files: Files,
    /// With what tells one program of a process from the next.
    processes: HashMap<(ProcessId, u64), Process>,
}

/// Where the stack of a process begins; `None` where the kernel does not say. 28th field of `/proc/PID/stat`
/// (`fs/proc/array.c`, 5.10 to 7.2), 0 to who may not see it.
fn stack_of(pid: u32) -> Option<u64> {
    /// Of the fields behind the name, which ends with the last parenthesis.
    const FIELD: usize = 28 - 3;
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let rest = str::from_utf8(&text[end + 1..]).ok()?;
    let stack = rest.split_whitespace().nth(FIELD)?.parse().ok()?;
    (stack != 0).then_some(stack)
}

/// What is known of a process.
struct Process {
    /// Its areas with code, in order.
    areas: Vec<Area>,
    read: Instant,
    frames: HashMap<(u64, bool), Arc<StackFrame>>,
    jit: jit::Map,
    asked: Instant,
}

impl Process {
    fn new(id: ProcessId, memory: u64) -> Self {
        let now = Instant::now();
        let mut new = Self {
            areas: Vec::new(),
            read: now,
            frames: HashMap::new(),
            jit: jit::Map::default(),
            asked: now,
        };
        new.read_areas(id, memory);
        new
    }

    fn read_areas(&mut self, id: ProcessId, memory: u64) {
        let mut areas = Vec::new();
        let is_same = raised(|| {
            areas::all(id, |area| {
                if area.is_code && areas.len() < MOST_AREAS {
                    areas.push(area);
                }
            });
            // Afterwards: a process that runs another program now has other areas.
            stack_of(id.pid).is_none_or(|stack| stack == memory)
        });
        // What has ended has none any more: what is known of it still holds.
        if is_same && !areas.is_empty() && areas != self.areas {
            self.areas = areas;
            // Another library may be where one was.
            self.frames.clear();
        }
        self.read = Instant::now();
    }

    fn area(&self, address: u64) -> Option<&Area> {
        let place = self.areas.partition_point(|area| area.begin <= address).checked_sub(1)?;
        self.areas.get(place).filter(|area| address < area.end)
    }
}

impl Resolver {
    /// Finds the names of samples.
    pub(super) fn all(&mut self, samples: Vec<StackSample>) -> Vec<Resolved> {
        self.files.tidy();
        // What may end at any moment first: names take longer.
        samples.iter().for_each(|sample| self.meet(sample));
        samples.into_iter().map(|sample| self.one(sample)).collect()
    }

    /// Reads the areas of the process of a sample, and opens the files that its frames are in.
    fn meet(&mut self, sample: &StackSample) {
        let addresses = addresses(sample);
        let id = process(sample);
        if addresses.is_empty() {
            return;
        }
        let key = (id, sample.memory);
        if !self.processes.contains_key(&key) {
            if self.processes.len() >= MOST_PROCESSES {
                let oldest = self.processes.iter().min_by_key(|(_, it)| it.asked).map(|it| *it.0);
                oldest.map(|key| self.processes.remove(&key));
            }
            self.processes.insert(key, Process::new(id, sample.memory));
        }
        let Some(process) = self.processes.get_mut(&key) else { return };
        if process.read.elapsed() >= REREAD {
            process.read_areas(id, sample.memory);
        }
        for address in addresses.iter().chain(&sample.above).filter(|address| **address != 0) {
            if process.area(*address).is_none() && process.read.elapsed() >= PACE {
                process.read_areas(id, sample.memory);
            }
            if let Some(area) = process.area(*address)
                && area.file.1 != 0
                && !self.files.has(area.file)
            {
                self.files.open(area.file, id, area);
            }
        }
    }

    /// Finds names that there were none of before: of code that a JIT compiler has told about since.
    pub(super) fn names(&mut self, places: Vec<(ProcessId, u64)>) -> Names {
        let mut names = Names::new();
        for (id, address) in places {
            let process = self.processes.iter_mut().find(|((it, _), _)| *it == id);
            // Most are addresses to return to.
            if let Some((_, process)) = process
                && let Some(name) = process.jit.name(id.pid, address - 1)
            {
                names.insert((id, address), name);
            }
        }
        names
    }

    fn one(&mut self, sample: StackSample) -> Resolved {
        let addresses = addresses(&sample);
        let (frames, end) = if addresses.is_empty() {
            (Vec::new(), StackEnd::NoStack)
        } else {
            self.stack(process(&sample), &sample, addresses)
        };
        Resolved { sample: Box::new(sample), frames: frames.into(), end }
    }

    fn stack(
        &mut self,
        id: ProcessId,
        sample: &StackSample,
        addresses: &[u64],
    ) -> (Vec<Arc<StackFrame>>, StackEnd) {
        let key = (id, sample.memory);
        let Some(process) = self.processes.get_mut(&key) else {
            return (Vec::new(), StackEnd::NoStack);
        };
        process.asked = Instant::now();
        let files = &mut self.files;
        let mut frames = Vec::with_capacity(addresses.len() + 1);
        for (place, address) in addresses.iter().enumerate() {
            frames.push(frame(files, id, process, *address, place > 0));
            if place == 0
                && sample.kind != OF_OTHERS
                && let Some(caller) = caller(files, id, process, sample, addresses)
            {
                frames.push(caller);
            }
        }
        let end = end(sample, addresses, frames.last());
        (frames, end)
    }
}

fn process(sample: &StackSample) -> ProcessId {
    ProcessId { pid: sample.tgid, start_ns: sample.start_ns }
}

/// The addresses of a stack.
fn addresses(sample: &StackSample) -> &[u64] {
    let count = usize::try_from(sample.frame_bytes).unwrap_or(0) / size_of::<u64>();
    &sample.frames[..count.min(STACK_FRAMES)]
}

/// The frame of an address; `is_return`: to which the function above returns.
fn frame(
    files: &mut Files,
    id: ProcessId,
    process: &mut Process,
    address: u64,
    is_return: bool,
) -> Arc<StackFrame> {
    if let Some(known) = process.frames.get(&(address, is_return)) {
        return Arc::clone(known);
    }
    // A call may be the last instruction of its function.
    let inside = address - u64::from(is_return);
    let Some(area) = process.area(address).cloned() else {
        return Arc::new(StackFrame {
            kind: FrameKind::NoFile,
            function: None,
            module: "?".into(),
            offset: address,
        });
    };
    let new = Arc::new(if area.file.1 == 0 {
        let function = process.jit.name(id.pid, inside);
        // One that has no name may have one later, and one that has may have another.
        let is_known = !area.name.is_empty();
        let offset = if function.is_some() { 0 } else { address };
        let module = if area.name.is_empty() { JIT.into() } else { area.name };
        let new = StackFrame { kind: FrameKind::NoFile, function, module, offset };
        if !is_known {
            return Arc::new(new);
        }
        new
    } else {
        in_file(files, id, &area, inside)
    });
    if process.frames.len() >= MOST_NAMES {
        process.frames.clear();
    }
    process.frames.insert((address, is_return), Arc::clone(&new));
    new
}

fn in_file(files: &mut Files, id: ProcessId, area: &Area, address: u64) -> StackFrame {
    let offset = address - area.begin + area.offset;
    if !files.has(area.file) {
        files.open(area.file, id, area);
    }
    let found = files.function(area.file, offset);
    let begin = found.as_ref().and_then(|function| function.begin);
    let function = found.and_then(|function| function.name).map(|name| demangled(&name));
    StackFrame {
        kind: FrameKind::User,
        offset: if function.is_some() { 0 } else { begin.unwrap_or(offset) },
        function,
        module: Arc::clone(&area.name),
    }
}

/// The function that called the innermost one, where that has no frame of its own, as the functions of C libraries
/// that make a system call: the first return address above the stack pointer.
fn caller(
    files: &mut Files,
    id: ProcessId,
    process: &mut Process,
    sample: &StackSample,
    addresses: &[u64],
) -> Option<Arc<StackFrame>> {
    let place = |process: &Process, address: u64| {
        let area = process.area(address)?;
        Some((area.file, address - area.begin + area.offset))
    };
    let (file, offset) = place(process, *addresses.first()?)?;
    if !files.is_behind_system_call(file, offset) {
        return None;
    }
    for address in sample.above.iter().copied().filter(|address| *address != 0) {
        if addresses.get(1) == Some(&address) {
            return None;
        }
        let found = frame(files, id, process, address, true);
        // Of code in no file it cannot be said.
        let is_return = place(process, address)
            .is_some_and(|(file, offset)| files.is_behind_call(file, offset));
        if is_return {
            return Some(Arc::new(StackFrame { kind: FrameKind::Recovered, ..(*found).clone() }));
        }
    }
    None
}

fn end(sample: &StackSample, addresses: &[u64], last: Option<&Arc<StackFrame>>) -> StackEnd {
    if addresses.len() >= STACK_FRAMES {
        return StackEnd::Depth;
    }
    let Some(last) = last else { return StackEnd::NoStack };
    let is_root = last.function.as_deref().is_some_and(|name| {
        ROOTS.iter().any(|root| {
            name.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    });
    let file = last.module.rsplit('/').next().unwrap_or_default();
    let is_library =
        ["libc.so", "libc-", "ld-", "libpthread"].iter().any(|it| file.starts_with(it));
    if sample.is_cut == 0 && (is_root || is_library && addresses.len() > 1) {
        StackEnd::Whole
    } else {
        StackEnd::NoFramePointers
    }
}

/// A name as its language has it.
fn demangled(name: &Arc<str>) -> Arc<str> {
    /// Longer ones stay as they are: the text may be many times as long.
    const MOST: usize = 512;
    if name.len() <= MOST {
        if let Ok(rust) = rustc_demangle::try_demangle(name) {
            let text = format!("{rust:#}");
            if text.len() <= MOST {
                return text.into();
            }
        } else if name.starts_with("_Z")
            && let Ok(symbol) = cpp_demangle::Symbol::new(name.as_bytes())
            && let Ok(text) = symbol.demangle()
            && text.len() <= MOST
        {
            return text.into();
        }
    }
    Arc::clone(name)
}
