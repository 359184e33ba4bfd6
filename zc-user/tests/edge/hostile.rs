//! What comes from outside and is made to harm: words of the command line, names of files, their contents.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _};

use super::zc::{run, zc};

/// Clears a screen, and begins a line that `zc` would have written.
const NAME: &str = "x\u{1b}[2J\u{9b}31m\u{202e}\nzc: forged";

#[test]
fn no_name_reaches_the_terminal_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    // A file that is none of those that are asked for, and a name without a file.
    let file = home.path().join(NAME);
    fs::write(&file, "x").unwrap();
    let absent = home.path().join(format!("{NAME}absent"));
    for path in [&file, &absent] {
        let path = path.to_str().unwrap();
        for words in [
            &["demo", "--text", "--script", path][..],
            &["demo", "--text", "--dir", path, "--size", "7", "--repeat", "1"],
            &["doctor", "--btf", path],
            &["top", "--once", "--btf", path],
            &["stat", "-o", &format!("{path}/no"), "--", "true"],
            &["stat", "--", path],
            &["lab", "run", "read_write", "--file", &format!("{path}x")],
            &["lab", "run", "read_write", "--dir", path],
            &["lab", "run", "read_write", "-o", &format!("{path}/no")],
            &["replay", path],
            &["report", path],
            &["report", path, "--from", path],
            &["top", "--interval", path],
            &["top", "--filter", path],
            &["stat", "--pid", path],
            &["lab", "run", path],
            &[path],
        ] {
            let run = run(zc(words));
            assert_ne!(run.output.status.code(), Some(0), "{words:?}");
            for said in [run.stdout(), run.stderr()] {
                assert!(!said.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{words:?}: {said:?}");
                // clap shows what it was given, on lines of its own.
                let forged = said.lines().any(|line| line.starts_with("zc: forged"));
                assert!(!forged, "{words:?}: {said:?}");
            }
        }
    }
    let bytes = OsStr::from_bytes(b"\xff\x1b[2J");
    run(zc([OsStr::new("demo"), OsStr::new("--script"), bytes])).fails(2, &["cannot read"]);
}

#[test]
fn a_filter_is_bounded_in_length_and_depth() {
    let long = format!("{}@@", "pid > 0 and ".repeat(6000));
    let or = vec!["pid > 0"; 5000].join(" or ");
    let beyond = format!("{}pid > @@", " ".repeat(5000));
    let deep = format!("{}pid > 0", "(".repeat(5000));
    let name = "x".repeat(10_000);
    let nots = format!("{}pid > 0", "not ".repeat(3000));
    for filter in [&long, &or, &beyond, &deep, &name, &nots] {
        let refused = run(zc(["top", "--once", "--filter", filter])).exits(2);
        // Before that, it is repeated.
        let said = refused.stderr();
        let (_, why) = said.split_once("bad filter").unwrap_or_else(|| panic!("{said}"));
        assert!(why.len() < 20_000, "{} bytes", why.len());
    }
    // As long as anybody writes it.
    let many = vec!["pid > 0"; 500].join(" or ");
    run(zc(["top", "--once", "--filter", &many])).exits(0);
}

/// A structure whose anonymous members lead to each other in 32 to the 16 ways.
fn endless_types() -> Vec<u8> {
    let strings = b"\0task_struct\0";
    let structure = |name: u32, members: u32| {
        let mut words = vec![name, 4 << 24 | members, 8];
        (0..members).for_each(|_| words.extend([0, 2, 0]));
        words
    };
    let types = [structure(1, 4), structure(0, 32)].concat();
    let length = 4 * types.len() as u32;
    let mut file = [&0xeb9f_u16.to_ne_bytes()[..], &[1, 0]].concat();
    for word in [24, 0, length, length, strings.len() as u32].iter().chain(&types) {
        file.extend(word.to_ne_bytes());
    }
    file.extend(strings);
    file
}

#[test]
fn files_are_read_within_bounds() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("types");
    fs::write(&file, endless_types()).unwrap();
    let file = file.to_str().unwrap();
    let doctor = run(zc(["doctor", "--btf", file])).exits(1);
    assert!(doctor.stdout().contains("lacks task_pid"), "{}", doctor.stdout());
    run(zc(["top", "--once", "--btf", "/dev/zero"])).fails(2, &["more than"]);
    run(zc(["demo", "--text", "--script", "/dev/zero"])).fails(2, &["more than"]);
    run(zc(["demo", "--text", "--script", home.path().to_str().unwrap()])).fails(2, &["directory"]);
}
