//! Where the kernel's own read-only data lies.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    ops::Range,
};

/// Addresses of the read-only data of the kernel image. Empty when they are not known: kallsyms
/// shows zeros to those without CAP_SYSLOG, depending on `kernel.kptr_restrict`.
pub(super) fn rodata() -> Range<u64> {
    let unknown = 0..0;
    let Some(begin) = symbol("__start_rodata") else { return unknown };
    let Some(size) = rodata_size() else { return unknown };
    begin..begin + size
}

/// Address of a symbol of the kernel image.
fn symbol(name: &str) -> Option<u64> {
    let file = File::open("/proc/kallsyms").ok()?;
    let line = BufReader::with_capacity(1 << 16, file)
        .lines()
        .map_while(Result::ok)
        .find(|line| line.split(' ').nth(2) == Some(name))?;
    let address = u64::from_str_radix(line.split(' ').next()?, 16).ok()?;
    (address != 0).then_some(address)
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
