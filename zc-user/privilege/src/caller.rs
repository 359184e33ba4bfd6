//! Under `sudo` files are for the user who called it, in whose directory `zc` was started: without capabilities even root may
//! not write there.

use std::{cell::Cell, env, io, io::ErrorKind};

use rustix::{
    process::{Gid, Uid, geteuid, getuid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

thread_local! {
    /// The user and the group that this thread can become.
    static KEPT: Cell<Option<(Uid, Gid)>> = const { Cell::new(None) };
}

/// Keeps the way to the rights of the user who called `sudo` (`SUDO_UID`, `SUDO_GID`), for this thread. To be called before
/// capabilities are dropped. Without `sudo` nothing happens.
pub fn keep() {
    let id = |name: &str| env::var(name).ok()?.parse::<u32>().ok().filter(|id| *id != u32::MAX);
    if let (Some(uid), Some(gid)) = (id("SUDO_UID"), id("SUDO_GID"))
        && uid != 0
        && getuid().is_root()
        && geteuid().is_root()
    {
        // Files are root's then, as they would be without this.
        let _ = keep_ids(Uid::from_raw(uid), Gid::from_raw(gid));
    }
}

/// The saved ids of a thread are what it may become later without a capability (setresuid(2)).
fn keep_ids(uid: Uid, gid: Gid) -> io::Result<()> {
    // Groups of root's would be rights that the user does not have.
    set_thread_groups(&[])?;
    set_thread_res_gid(None, None, gid)?;
    set_thread_res_uid(None, None, uid)?;
    KEPT.set(Some((uid, gid)));
    Ok(())
}

/// Does `work` as the user who called `sudo`, if there is one; where that user may not do it, with the rights of this
/// process.
///
/// # Errors
/// Those of `work`.
pub fn as_caller<T>(work: impl Fn() -> io::Result<T>) -> io::Result<T> {
    /// Also when the work panics.
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            // The real ids are root's, so the kernel allows it.
            let _ = set_thread_res_uid(None, Uid::ROOT, None);
            let _ = set_thread_res_gid(None, Gid::ROOT, None);
        }
    }

    let Some((uid, gid)) = KEPT.get() else { return work() };
    let restore = Restore;
    let done = set_thread_res_gid(None, gid, None)
        .and_then(|()| set_thread_res_uid(None, uid, None))
        .map_err(io::Error::from)
        .and_then(|()| work());
    drop(restore);
    match done {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => work(),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt as _};

    use rustix::{
        fs::{Mode, chmod, chown},
        process::getegid,
        thread::CapabilitySet,
    };

    use super::*;
    use crate::keep_in_this_thread;

    /// Ids and capabilities are a thread's own.
    #[test]
    fn files_are_those_of_the_user_who_called() {
        if !geteuid().is_root() {
            return;
        }
        const CALLER: u32 = 65_534;
        let home = tempfile::tempdir().unwrap();
        let [own, foreign] = ["own", "foreign"].map(|name| home.path().join(name));
        for directory in [&own, &foreign] {
            fs::create_dir(directory).unwrap();
            chmod(directory, Mode::from_raw_mode(0o755)).unwrap();
        }
        chmod(home.path(), Mode::from_raw_mode(0o755)).unwrap();
        let (uid, gid) = (Uid::from_raw(CALLER), Gid::from_raw(CALLER));
        chown(&own, Some(uid), Some(gid)).unwrap();
        std::thread::spawn(move || {
            keep_ids(uid, gid).unwrap();
            keep_in_this_thread(CapabilitySet::empty()).unwrap();
            let refused = fs::write(own.join("x"), "").unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
            as_caller(|| fs::write(own.join("x"), "")).unwrap();
            assert_eq!(fs::metadata(own.join("x")).unwrap().uid(), CALLER);
            assert_eq!(fs::metadata(own.join("x")).unwrap().gid(), CALLER);
            assert!(geteuid().is_root() && getegid() == Gid::ROOT);
            // Where that user may not write, root may.
            as_caller(|| fs::write(foreign.join("x"), "")).unwrap();
            assert_eq!(fs::metadata(foreign.join("x")).unwrap().uid(), 0);
        })
        .join()
        .unwrap();
    }
}
