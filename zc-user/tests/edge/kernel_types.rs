//! Kernels without type information, and files that claim to be it.

use std::{fs, path::Path};

use super::zc::{Finished, in_own_mounts, path, run, zc};

const KERNEL: &str = "/sys/kernel/btf/vmlinux";

fn stat(btf: &Path) -> Finished {
    run(zc(["stat".as_ref(), "--btf".as_ref(), btf.as_os_str(), "--".as_ref(), "true".as_ref()]))
}

#[test]
fn zc_says_how_to_get_type_information_when_the_kernel_has_none() {
    let hidden = "mount -t tmpfs none /sys/kernel/btf; exec \"$0\"";
    run(in_own_mounts(&format!("{hidden} stat -- true")))
        .fails(1, &["no type information", "CONFIG_DEBUG_INFO_BTF=y", "--btf"]);
    let doctor = run(in_own_mounts(&format!("{hidden} doctor"))).exits(1).stdout();
    assert!(doctor.contains("BLOCKING  type information"), "{doctor}");
}

#[test]
fn a_copy_of_the_type_information_counts_exactly_without_the_kernels_own() {
    let directory = tempfile::tempdir().unwrap();
    let (copy, target) = (directory.path().join("btf"), directory.path().join("target"));
    fs::copy(KERNEL, &copy).unwrap();
    let script = format!(
        "mount -t tmpfs none /sys/kernel/btf
         exec \"$0\" stat --json --btf {} -- dd if=/dev/zero of={} bs=4099 count=7",
        copy.display(),
        target.display()
    );
    let document = run(in_own_mounts(&script)).exits(0).json();
    assert_eq!(path(&document, "dd", "file_write"), (7, 7 * 4099));
    assert_eq!(path(&document, "dd", "pseudo_read"), (7, 7 * 4099));
    let doctor = run(zc(["doctor".as_ref(), "--btf".as_ref(), copy.as_os_str()])).exits(0).stdout();
    assert!(doctor.contains("raw tracepoints"), "{doctor}");
}

#[test]
fn tracefs_and_debugfs_are_not_needed() {
    let script = "mount -t tmpfs none /sys/kernel/tracing
                  mount -t tmpfs none /sys/kernel/debug
                  exec \"$0\" stat --json -- dd if=/dev/zero of=/dev/null bs=4099 count=7";
    let document = run(in_own_mounts(script)).exits(0).json();
    assert_eq!(path(&document, "dd", "pseudo_read"), (7, 7 * 4099));
}

#[test]
fn files_that_are_no_type_information_are_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let good = fs::read(KERNEL).unwrap();
    let absent = directory.path().join("absent");
    stat(&absent).fails(2, &["No such file", KERNEL]);
    stat(&file("empty", b"")).fails(2, &["the file is empty", KERNEL]);
    stat(&file("garbage", &[0x5a; 100_000])).fails(2, &["BTF magic", KERNEL]);
    stat(&file("header", &good[..20])).fails(2, &["ends inside its header", KERNEL]);
    stat(&file("half", &good[..good.len() / 2])).fails(2, &["shorter than its header", KERNEL]);
    let doctor =
        run(zc(["doctor".as_ref(), "--btf".as_ref(), absent.as_os_str()])).exits(1).stdout();
    assert!(doctor.contains("BLOCKING  type information"), "{doctor}");
}

#[test]
fn damaged_type_information_is_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let good = fs::read(KERNEL).unwrap();
    // All types, then all names, then a hole in the types.
    for (range, fill) in
        [(24..good.len(), 0xff), (good.len() / 2..good.len(), 0), (5000..6000, 0xff)]
    {
        let mut bad = good.clone();
        bad[range.clone()].fill(fill);
        let path = directory.path().join("damaged");
        fs::write(&path, bad).unwrap();
        stat(&path).fails(2, &["cannot read the kernel's structures", "--btf"]);
    }
}
