use std::os::unix::{fs::PermissionsExt as _, net::UnixStream};

use super::*;

#[test]
fn addresses_are_read_and_written() {
    for (text, shown) in [
        ("127.0.0.1:10620", "127.0.0.1:10620"),
        ("localhost:80", "127.0.0.1:80"),
        ("[::1]:9", "[::1]:9"),
        ("unix:/run/zc.sock", "unix:/run/zc.sock"),
        ("unix:///run/zc.sock", "unix:/run/zc.sock"),
        ("unix:zc\u{1b}", "unix:zc\\u{1b}"),
        ("fd://3", "fd://3"),
    ] {
        assert_eq!(Address::parse(text).unwrap().to_string(), shown);
    }
    for wrong in [
        "",
        "10620",
        ":10620",
        "host:1",
        "127.0.0.1",
        "1.2.3.4:99999",
        "unix:",
        "unix:/x/",
        "fd://",
        "fd://-1",
    ] {
        assert!(Address::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn only_loopback_is_not_exposed() {
    let is_exposed = |text| Address::parse(text).unwrap().is_exposed();
    for own in
        ["127.0.0.1:1", "127.8.9.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:/x", "fd://0"]
    {
        assert!(!is_exposed(own), "{own}");
    }
    for other in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:1"] {
        assert!(is_exposed(other), "{other}");
    }
}

fn at(path: &Path) -> Result<Listener> {
    open(&[Address::Unix(path.to_owned())], Vec::new()).map(|mut all| all.remove(0))
}

fn refusal(path: &Path) -> String {
    format!("{:#}", at(path).unwrap_err())
}

#[test]
fn a_unix_socket_is_for_owner_and_group_and_goes_with_its_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zc.sock");
    let listener = at(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o660);
    UnixStream::connect(&path).unwrap();
    drop(listener);
    assert!(!path.exists());
    // Of a server that was killed, the file stays; the next one replaces it.
    let Listener { file, kind, .. } = at(&path).unwrap();
    std::mem::forget(file);
    drop(kind);
    assert!(path.exists() && UnixStream::connect(&path).is_err());
    let listener = at(&path).unwrap();
    UnixStream::connect(&path).unwrap();
    // What another one has put there in the end is not ours to remove.
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(listener);
    UnixStream::connect(&path).unwrap();
    drop(other);
}

#[test]
fn what_is_in_use_or_no_socket_is_refused_and_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zc.sock");
    let listener = at(&path).unwrap();
    assert!(refusal(&path).contains("another program listens there"), "{}", refusal(&path));
    UnixStream::connect(&path).unwrap();
    drop(listener);
    fs::write(&path, "text").unwrap();
    assert!(refusal(&path).contains("which is no socket"), "{}", refusal(&path));
    assert_eq!(fs::read(&path).unwrap(), b"text");
    let missing = directory.path().join("none/zc.sock");
    assert!(refusal(&missing).contains("cannot look at the directory"), "{}", refusal(&missing));
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(directory.path().join("nowhere"), &link).unwrap();
    assert!(refusal(&link).contains("which is no socket"), "{}", refusal(&link));
}

#[test]
fn a_directory_in_which_every_user_can_replace_the_socket_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zc.sock");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(refusal(&path).contains("every user can replace"), "{}", refusal(&path));
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    at(&path).unwrap();
}

#[test]
fn passed_sockets_are_taken_by_their_number() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let unix = UnixListener::bind(directory.path().join("s")).unwrap();
    let both = || vec![tcp.try_clone().unwrap().into(), unix.try_clone().unwrap().into()];
    let shown = |all: Vec<Listener>| -> Vec<_> {
        all.iter().map(|one| (one.address.to_string(), matches!(one.kind, Kind::Unix(_)))).collect()
    };
    let all = shown(open(&[], both()).unwrap());
    assert_eq!(all, [("fd://0".to_owned(), false), ("fd://1".to_owned(), true)]);
    let one = shown(open(&[Address::Passed(1)], both()).unwrap());
    assert_eq!(one, [("fd://1".to_owned(), true)]);
    let said =
        |addresses: &[Address], passed| format!("{:#}", open(addresses, passed).unwrap_err());
    assert!(said(&[Address::Passed(2)], both()).contains("passed 2 sockets"));
    assert!(said(&[Address::Passed(0), Address::Passed(0)], both()).contains("named twice"));
    let file = fs::File::open("/dev/null").unwrap();
    assert!(said(&[], vec![file.into()]).contains("no stream socket that listens"));
}

#[test]
fn a_port_in_use_is_refused_with_what_to_do() {
    let used = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::Tcp(used.local_addr().unwrap());
    let said = open(&[address], Vec::new()).unwrap_err().to_string();
    assert!(said.contains("choose another port with --listen"), "{said}");
}
