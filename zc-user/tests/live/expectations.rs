//! Copies as a test: the results of `zc stat --expect`, by status and by sentence.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::{
    Test,
    requirement::{self, Skip},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("expectations::are_met_fail_or_are_unknown", verdicts),
    ("expectations::the_command_of_the_document_works", document),
];

/// Bytes that are copied from a file to another: a prime.
const SIZE: usize = 3_000_017;

/// Runs a line of shell in which `zc` is the program under test, where the file `a` is to be copied.
fn shell(line: &str) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("a"), vec![b'a'; SIZE]).expect("a file");
    let programs = Path::new(env!("CARGO_BIN_EXE_zc")).parent().expect("a directory").to_owned();
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&inherited)));
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(&directory)
        .env("PATH", path.expect("paths without colons"));
    command.output().expect("a shell")
}

fn verdicts() -> Result<(), Skip> {
    requirement::ebpf()?;
    let copy = "dd if=a of=b bs=64k status=none";
    for (expected, status, said) in [
        ("'path.file_write >= 3000017'", 0, "met: path.file_write is 2.86 MiB ("),
        ("'path.sendfile_to_socket > 0'", 3, "FAILED: path.sendfile_to_socket is 0 B"),
        ("'copies_per_byte < 1.5'", 3, "FAILED: copies_per_byte is 1.99"),
        // Of a command that ends at once there are no samples.
        ("'user_copy_share < 1%'", 3, "UNKNOWN: user_copy_share is not known: "),
        ("'path.tee == 0' --expect 'path.file_read < 3000017'", 3, "2 expectations: 1 failed"),
    ] {
        let output = shell(&format!("zc stat -o report --expect {expected} -- {copy}"));
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{expected}: {text}");
        assert!(text.contains(said), "{expected}: {text}");
    }
    // A command that is ended because its time is up has not failed; one that nothing is known of has met nothing.
    for (options, status) in [
        ("-d 0.3 --expect 'path.tee == 0' -- sleep 100", 0),
        ("-d 0.3 --expect 'path.tee > 0' -- sleep 100", 3),
        ("--comm typo --expect 'path.tee == 0' -- true", 3),
    ] {
        let output = shell(&format!("zc stat -o report {options}"));
        assert_eq!(output.status.code(), Some(status), "{options}: {output:?}");
    }
    // The status of a command that fails is its own, and a wrong word is wrong usage: nothing runs.
    let failed = shell("zc stat -o report --expect 'path.tee > 0' -- sh -c 'exit 7'");
    assert_eq!(failed.status.code(), Some(7), "{failed:?}");
    assert!(String::from_utf8_lossy(&failed.stderr).contains("FAILED: path.tee is 0 B"));
    let wrong =
        shell("zc stat --expect 'path.te > 0' -- touch ran; echo $?; test -e ran && echo ran");
    assert_eq!(wrong.stdout, b"2\n", "{wrong:?}");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean 'tee'?"), "{wrong:?}");
    Ok(())
}

fn document() -> Result<(), Skip> {
    requirement::ebpf()?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/expectations.md");
    let text = fs::read_to_string(path).expect("the document");
    let (_, rest) = text.split_once("```sh\n").expect("a block of shell");
    let (line, _) = rest.split_once("\n```").expect("its end");
    let output = shell(line);
    assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    Ok(())
}
