use std::{
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    thread,
};

use super::*;

#[test]
fn a_file_is_read_up_to_the_limit_and_not_beyond() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file");
    fs::write(&path, b"12345").unwrap();
    assert_eq!(read(&path, 5).unwrap(), b"12345");
    assert_eq!(read(&path, 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
    assert_eq!(read(home.path(), 4).unwrap_err().kind(), ErrorKind::IsADirectory);
    let error = read(Path::new("/dev/zero"), 1 << 20).unwrap_err();
    assert_eq!(error.to_string(), "more than 1048576 bytes");
}

#[test]
fn a_pipe_is_read_to_its_end() {
    let (reader, mut writer) = io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
    let writing = thread::spawn(move || writer.write_all(&[7; 100_003]).unwrap());
    assert_eq!(read(Path::new(&path), 1 << 20).unwrap(), vec![7; 100_003]);
    writing.join().unwrap();
}

#[test]
fn a_pipe_without_a_writer_and_one_that_never_ends_are_given_up() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("fifo");
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let open = || {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(flags).open(&path).unwrap()
    };
    let soon = Duration::from_millis(20);
    assert_eq!(within(open(), 9, soon).unwrap_err().kind(), ErrorKind::TimedOut);
    let reader = open();
    let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
    writer.write_all(b"never the end").unwrap();
    assert_eq!(within(reader, 99, soon).unwrap_err().kind(), ErrorKind::TimedOut);
}

/// A directory as `/tmp` is.
fn shared() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    home
}

#[test]
fn no_link_is_followed_where_users_share_a_directory() {
    let (home, shared) = (tempfile::tempdir().unwrap(), shared());
    let victim = home.path().join("victim");
    fs::write(&victim, b"precious").unwrap();
    symlink(&victim, shared.path().join("report")).unwrap();
    symlink(home.path(), shared.path().join("way")).unwrap();
    for name in ["report", "way/victim", "way/new"] {
        assert!(create(&shared.path().join(name)).is_err(), "{name}");
    }
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    // Elsewhere links are the user's own.
    symlink(&victim, home.path().join("link")).unwrap();
    create(&home.path().join("link")).unwrap().write_all(b"new").unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"new");
}

#[test]
fn a_file_is_made_or_emptied() {
    let shared = shared();
    let path = shared.path().join("./new");
    create(&path).unwrap().write_all(b"longer").unwrap();
    create(&path).unwrap().write_all(b"short").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"short");
    assert!(create(shared.path()).is_err());
    assert!(create(&shared.path().join("absent/new")).is_err());
    assert!(create(Path::new("/dev/null")).is_ok());
}

#[test]
fn what_another_user_left_in_a_shared_directory_is_not_written_to() {
    if !geteuid().is_root() {
        return;
    }
    let shared = shared();
    // The owner of the directory is another one, too.
    std::os::unix::fs::chown(shared.path(), Some(1), None).unwrap();
    let path = shared.path().join("report");
    fs::write(&path, b"theirs").unwrap();
    std::os::unix::fs::chown(&path, Some(2), None).unwrap();
    assert_eq!(create(&path).unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
}
