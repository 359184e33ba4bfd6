//! What the kernel's symbol table tells, read once: it has more than a hundred thousand lines.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, ErrorKind},
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::thread::{CapabilitySet, capabilities};
use zc_common::text_range::CopyRanges;

use super::{refusal::Refusal, tax::Routines};

pub(super) const KALLSYMS: &str = "/proc/kallsyms";
const KPTR_RESTRICT: &str = "/proc/sys/kernel/kptr_restrict";

/// The symbols that matter here.
pub(super) struct Symbols {
    /// The read-only data of the kernel image. Empty when it is not known.
    pub(super) rodata: Range<u64>,
    /// Where the copy routines are, or why that is not known.
    pub(super) copy_routines: Result<CopyRanges, Refusal>,
}

impl Symbols {
    /// Reads the symbol table of the running kernel, until `stop` is set: then what it returns is of no
    /// use.
    pub(super) fn read(stop: &AtomicBool) -> Self {
        let found = File::open(KALLSYMS)
            .and_then(|file| scan(BufReader::with_capacity(1 << 16, file), stop));
        let Table { routines, begin, has_addresses } = match found {
            Ok(found) => found,
            Err(error) => {
                let why = Refusal::NoSymbols { path: KALLSYMS, error: error.kind() };
                return Self { rodata: 0..0, copy_routines: Err(why) };
            }
        };
        let rodata = begin.zip(rodata_size()).map_or(0..0, |(begin, size)| begin..begin + size);
        let copy_routines = if has_addresses {
            routines.ranges()
        } else {
            Err(why_hidden(&fs::read_to_string(KPTR_RESTRICT).unwrap_or_default(), has_syslog()))
        };
        Self { rodata, copy_routines }
    }
}

/// What a symbol table shows.
struct Table {
    routines: Routines,
    /// The address of `__start_rodata`, if it has that symbol.
    begin: Option<u64>,
    /// Whether it shows addresses: to those who may not see them, all are 0.
    has_addresses: bool,
}

/// Reads a table up to `__start_rodata`, because the symbols of the image come first and in order, code before
/// data. A kernel with the symbols of code alone does not have it (without `CONFIG_KALLSYMS_ALL`): there the table
/// ends with the image.
fn scan(mut table: impl BufRead, stop: &AtomicBool) -> io::Result<Table> {
    let mut found = Table { routines: Routines::default(), begin: None, has_addresses: false };
    let mut line = String::new();
    while table.read_line(&mut line)? > 0 {
        if stop.load(Ordering::Relaxed) {
            return Err(ErrorKind::Interrupted.into());
        }
        // A hundred thousand times: cut at single bytes. The names of modules follow a tab.
        let mut fields = line.strip_suffix('\n').unwrap_or(&line).split(' ');
        let address = fields.next().and_then(|field| u64::from_str_radix(field, 16).ok());
        let kind = fields.next().unwrap_or_default();
        if let (Some(address), Some(name)) = (address, fields.next()) {
            if name.contains('\t') {
                break;
            }
            // The first symbols are those of memory of each CPU, which is at 0 on some kernels.
            found.has_addresses |= address != 0;
            if name == "__start_rodata" {
                found.routines.end_at(address);
                found.begin = Some(address).filter(|address| *address != 0);
                break;
            }
            found.routines.push(address, kind, name);
        }
        line.clear();
    }
    Ok(found)
}

/// Whether `module`, which is loaded, has one of `functions`. `false` when the table cannot be read.
pub(super) fn module_has(table: impl BufRead, module: &str, functions: &[&str]) -> bool {
    // "ffffffffc0000000 t tls_sw_sendmsg\t[tls]"
    let of_module = format!("\t[{module}]");
    table.lines().map_while(Result::ok).any(|line| {
        let Some(symbol) = line.strip_suffix(&of_module) else { return false };
        symbol.rsplit(' ').next().is_some_and(|name| functions.contains(&name))
    })
}

/// Why the table shows zeros to this process (`kallsyms_show_value`, `kernel/ksyms_common.c`), with this value of
/// `kernel.kptr_restrict`.
fn why_hidden(restriction: &str, has_syslog: bool) -> Refusal {
    match restriction.trim() {
        "2" => Refusal::AddressesHidden,
        _ if has_syslog => Refusal::NoAddresses,
        _ => Refusal::NoSyslogCapability,
    }
}

fn has_syslog() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYSLOG))
}

/// Size of the read-only data, from the physical addresses that the kernel itself occupies. They
/// read as zeros without CAP_SYS_ADMIN.
fn rodata_size() -> Option<u64> {
    let file = File::open("/proc/iomem").ok()?;
    let line = BufReader::new(file)
        .lines()
        .map_while(Result::ok)
        .find(|line| line.trim_end().ends_with(": Kernel rodata"))?;
    let (begin, end) = line.split(" : ").next()?.trim().split_once('-')?;
    let begin = u64::from_str_radix(begin, 16).ok()?;
    let end = u64::from_str_radix(end, 16).ok()?;
    (end > begin).then(|| end - begin + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
0000000000000000 A __per_cpu_start
ffffffff81000000 T _stext
ffffffff81000100 t memset
ffffffff81000200 T copy_page
ffffffff81000240 T _copy_to_iter
ffffffff81000240 W an_alias
ffffffff81000300 T elsewhere
ffffffff81000400 t memcpy_to_iter.isra.0
ffffffff81000480 D memcpy
ffffffff81000500 T _copy_from_user
ffffffff82000000 R __start_rodata
ffffffff82000100 T memmove
";

    #[test]
    fn a_function_is_looked_for_in_its_module_only() {
        let table = "\
0000000000000000 T sendmsg
0000000000000000 t tls_sw_sendmsg\t[tls]
0000000000000000 t sendmsg\t[other]
";
        let has = |module, name| module_has(table.as_bytes(), module, &["nothing", name]);
        assert!(has("tls", "tls_sw_sendmsg"));
        assert!(!has("tls", "sendmsg"));
        assert!(!has("other", "tls_sw_sendmsg"));
    }

    #[test]
    fn routines_end_where_the_next_symbol_begins_and_neighbours_are_one() {
        let found = scan(TABLE.as_bytes(), &AtomicBool::new(false)).unwrap();
        assert_eq!(found.begin, Some(0xffff_ffff_8200_0000));
        assert!(found.has_addresses);
        let ranges = found.routines.ranges().unwrap();
        let low = |range: &zc_common::text_range::TextRange| {
            (range.begin & 0xfff_ffff, range.end & 0xfff_ffff)
        };
        let found: Vec<_> = ranges.ranges.iter().take(3).map(low).collect();
        assert_eq!(
            found,
            [(0x100_0200, 0x100_0300), (0x100_0400, 0x100_0480), (0x100_0500, 0x200_0000)]
        );
        assert_eq!(ranges.ranges[3], zc_common::text_range::TextRange::BEYOND);
    }

    #[test]
    fn reading_stops_where_its_result_is_not_wanted_any_more() {
        let error = scan(TABLE.as_bytes(), &AtomicBool::new(true)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }

    #[test]
    fn addresses_of_zero_are_hidden_addresses() {
        let zeros = "0000000000000000 T copy_page\n0000000000000000 R __start_rodata\n";
        let found = scan(zeros.as_bytes(), &AtomicBool::new(false)).unwrap();
        assert_eq!((found.begin, found.has_addresses), (None, false));
        assert_eq!(why_hidden("2\n", true), Refusal::AddressesHidden);
        assert_eq!(why_hidden("1\n", true), Refusal::NoAddresses);
        assert_eq!(why_hidden("1\n", false), Refusal::NoSyslogCapability);
        assert_eq!(why_hidden("0\n", false), Refusal::NoSyslogCapability);
    }

    /// Without `CONFIG_KALLSYMS_ALL`: `zc` advised root to use sudo.
    #[test]
    fn a_table_of_code_alone_has_the_routines_of_the_image() {
        let table = TABLE.lines().filter(|line| !line.contains("rodata") && !line.contains(" D "));
        let table: String = table.map(|line| format!("{line}\n")).collect();
        let table = format!("{table}ffffffffc0000000 t memcpy\t[module]\n");
        let found = scan(table.as_bytes(), &AtomicBool::new(false)).unwrap();
        assert_eq!((found.begin, found.has_addresses), (None, true));
        let ranges = found.routines.ranges().unwrap().ranges;
        let used = |range: &&zc_common::text_range::TextRange| {
            **range != zc_common::text_range::TextRange::BEYOND
        };
        // The last of the image has no end here.
        assert_eq!(ranges.iter().filter(used).count(), 2);
    }
}
