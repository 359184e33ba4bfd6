//! The kernel memory of the maps, known before there are any: all of a map is taken when it is made, however few
//! threads there are.

use anyhow::{Context as _, Result, anyhow};
use aya_obj::generated::bpf_map_type;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use zc_common::{
    code::CODE_PLACES,
    device::INTERFACE_SLOTS,
    stack::{LEAST_RING_BYTES, RING_BYTES},
};

use crate::{
    OBJECT,
    attach::capacity::{self, Room},
    follow,
    object::map,
};

/// Sockets whose senders are remembered, for what the network stack copies later.
const SOCKETS: u32 = 16_384;

/// Requests of io_uring that are remembered by their number, where no completion names its request.
const REQUESTS: u32 = 16_384;
/// The same where only requests that go on after a completion are.
const REQUESTS_THAT_GO_ON: u32 = 4096;

/// Room for diagnostics that have not been printed yet, bytes.
const LOG_BYTES: u32 = 256 * 1024;
/// The kernel wants at least a page, of any architecture.
const LEAST_LOG_BYTES: u32 = 64 * 1024;

/// What decides how many elements the maps have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Slots for threads.
    pub(crate) room: Room,
    /// Tables of records that there are.
    pub(crate) tables: u32,
    /// CPUs that may ever come online.
    pub(crate) cpus: u32,
    /// Whether senders are remembered.
    pub(crate) senders: bool,
    /// Whether all requests of io_uring are remembered by their number.
    pub(crate) requests: bool,
    /// Whether some processes are followed only.
    pub(crate) selective: bool,
    /// Whether it is noted where in their code programs are.
    pub(crate) code: bool,
    /// Whether the programs' own diagnostics are wanted.
    pub(crate) diagnostics: bool,
    /// Rows of files, sockets and pipes, where these are counted.
    pub(crate) objects: Option<u32>,
    /// Whether stacks are taken.
    pub(crate) stacks: bool,
}

impl Sizes {
    /// The maps whose number of elements is known at the start only, with this number. That of a ring buffer
    /// is its bytes.
    pub(crate) fn entries(&self) -> [(&'static str, u32); 16] {
        let Self {
            room,
            tables: _,
            cpus,
            senders,
            requests,
            selective,
            code,
            diagnostics,
            objects,
            stacks,
        } = *self;
        let slots = room.slots;
        [
            (map::RECORDS, room.table()),
            (map::TABLES, room.most_tables()),
            (map::SLOT_BY_THREAD, slots),
            (map::FREE_SLOTS, slots),
            (map::DEAD_SLOTS, slots),
            (map::INTERFACES, cpus * INTERFACE_SLOTS),
            (map::SOCKET_OWNERS, if senders { SOCKETS } else { 1 }),
            (map::URING_REQUESTS, if requests { REQUESTS } else { REQUESTS_THAT_GO_ON }),
            (map::CODE, if code { CODE_PLACES } else { 1 }),
            (map::PROCESSES, if selective { follow::Table::CHUNKS } else { 1 }),
            (map::AYA_LOGS, if diagnostics { LOG_BYTES } else { LEAST_LOG_BYTES }),
            (map::OBJECT_ROWS, objects.unwrap_or(1)),
            (map::OBJECT_DETAILS, objects.unwrap_or(1)),
            (map::OBJECT_FLOWS, objects.unwrap_or(1)),
            (map::INCOMING_OBJECTS, objects.unwrap_or(1)),
            (map::STACKS, if stacks { RING_BYTES } else { LEAST_RING_BYTES }),
        ]
    }

    /// Kernel memory of all maps of the object, bytes.
    ///
    /// # Errors
    /// When the object declares a map of a kind that is not known here.
    pub(crate) fn bytes(&self) -> Result<u64> {
        let entries = self.entries();
        let mut bytes = 0;
        for (name, mut map) in declared()? {
            if let Some((_, entries)) = entries.iter().find(|(sized, _)| *sized == name) {
                map.entries = (*entries).into();
            }
            let many = if name == map::RECORDS { self.tables } else { 1 };
            let each = map.bytes(self.cpus.into()).with_context(|| format!("map {name}"))?;
            bytes += u64::from(many) * each;
        }
        Ok(bytes)
    }
}

/// Kernel memory that the maps for `threads` threads take at most, bytes: some are smaller where the kernel
/// makes them superfluous.
///
/// # Errors
/// When the CPUs cannot be counted.
pub fn at_most(
    threads: u32,
    selective: bool,
    code: bool,
    diagnostics: bool,
    objects: Option<u32>,
    stacks: bool,
) -> Result<u64> {
    let cpus = capacity::possible_cpus()?;
    let room = Room::new(threads);
    let tables = room.most_tables();
    let (senders, requests) = (true, true);
    Sizes { room, tables, cpus, senders, requests, selective, code, diagnostics, objects, stacks }
        .bytes()
}

/// Memory that can be taken without swapping, bytes (`MemAvailable`, `/proc/meminfo`). `None` where the kernel
/// does not say.
#[must_use]
pub fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// A map as the object declares it (`struct bpf_map_def`).
#[derive(Clone, Copy, Debug)]
struct Declared {
    kind: u32,
    key: u64,
    value: u64,
    entries: u64,
    flags: u32,
}

/// All maps of the object by name, with the programs' own data, each section of which the loader makes a map.
fn declared() -> Result<Vec<(String, Declared)>> {
    /// Bytes that are read: the fields above, a word each.
    const BYTES: usize = 20;
    let file = object::File::parse(OBJECT)
        .map_err(|error| anyhow!("cannot read the eBPF object: {error}"))?;
    let mut maps = Vec::new();
    for section in file.sections() {
        let name = section.name().unwrap_or_default();
        if [".rodata", ".data", ".bss"].iter().any(|data| name.starts_with(data)) {
            let kind = bpf_map_type::BPF_MAP_TYPE_ARRAY as u32;
            let map = Declared { kind, key: 4, value: section.size(), entries: 1, flags: 0 };
            maps.push((name.to_owned(), map));
        }
    }
    let section = file.section_by_name("maps").context("the eBPF object has no maps")?;
    let data = section.data().map_err(|error| anyhow!("cannot read the eBPF object: {error}"))?;
    for symbol in file.symbols().filter(|symbol| symbol.section_index() == Some(section.index())) {
        let name = symbol.name().unwrap_or_default();
        // The section has a symbol of its own.
        if name.is_empty() || symbol.size() == 0 {
            continue;
        }
        let begin = usize::try_from(symbol.address())?;
        let bytes = data.get(begin..begin + BYTES).context("a map is cut off")?;
        let word = |at: usize| {
            u32::from_le_bytes([
                bytes[4 * at],
                bytes[4 * at + 1],
                bytes[4 * at + 2],
                bytes[4 * at + 3],
            ])
        };
        let map = Declared {
            kind: word(0),
            key: word(1).into(),
            value: word(2).into(),
            entries: word(3).into(),
            flags: word(4),
        };
        maps.push((name.to_owned(), map));
    }
    Ok(maps)
}

impl Declared {
    /// Kernel memory, bytes, but for the description of the map, which is less than a page: as
    /// `array_map_mem_usage`, `htab_map_mem_usage`, `queue_stack_map_mem_usage` and `ringbuf_map_mem_usage` have
    /// it (`kernel/bpf/`, 6.4 to 7.2). Kernels before 6.4 allocate the same, and report something else.
    fn bytes(self, cpus: u64) -> Result<u64> {
        const MMAPABLE: u32 = aya_obj::generated::BPF_F_MMAPABLE;
        /// `struct htab_elem` and `struct bucket`, `kernel/bpf/hashtab.c`.
        const ELEMENT: u64 = 48;
        const BUCKET: u64 = 16;
        let Self { kind, key, value, entries, flags } = self;
        let page = rustix::param::page_size() as u64;
        let padded = |bytes: u64| bytes.next_multiple_of(8);
        let hash = |elements: u64| {
            entries.next_power_of_two() * BUCKET
                + elements * (ELEMENT + padded(key) + padded(value))
        };
        Ok(match kind {
            kind if kind == bpf_map_type::BPF_MAP_TYPE_ARRAY as u32 => {
                let bytes = entries * padded(value);
                // What is mapped begins with a page, and the description has one of its own.
                if flags & MMAPABLE == 0 { bytes } else { page + bytes.next_multiple_of(page) }
            }
            kind if kind == bpf_map_type::BPF_MAP_TYPE_PERCPU_ARRAY as u32 => {
                entries * (8 + padded(value) * cpus)
            }
            // An element for each CPU, which replaces one before it is freed, and where that is.
            kind if kind == bpf_map_type::BPF_MAP_TYPE_HASH as u32 => {
                hash(entries + cpus) + 8 * cpus
            }
            kind if kind == bpf_map_type::BPF_MAP_TYPE_LRU_HASH as u32 => hash(entries),
            kind if kind == bpf_map_type::BPF_MAP_TYPE_STACK as u32 => (entries + 1) * value,
            kind if kind == bpf_map_type::BPF_MAP_TYPE_RINGBUF as u32 => {
                /// Pages that are not data, and `struct page *` for each, twice for data, which are mapped twice
                /// (`kernel/bpf/ringbuf.c`).
                const OTHERS: u64 = 3;
                entries + OTHERS * page + (OTHERS + 2 * entries / page) * 8
            }
            other => anyhow::bail!("maps of kind {other} have no known size"),
        })
    }
}
