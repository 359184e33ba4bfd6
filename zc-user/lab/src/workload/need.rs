//! What scenarios need from the machine beyond its kernel, and which Debian package brings it.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::unsupported::Unsupported;

/// Something that has to be installed.
#[derive(Debug, PartialEq, Eq)]
pub struct Need {
    /// What it is called.
    pub name: &'static str,
    /// How it is found.
    pub kind: Kind,
    /// The Debian package that brings it.
    pub package: &'static str,
}

/// How something installed is found.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program of this name, wherever root's `PATH` looks.
    Command(&'static str),
    /// A file at this path.
    File(&'static str),
}

/// The web server.
pub const NGINX: Need =
    Need { name: "nginx", kind: Kind::Command("nginx"), package: "nginx-light" };

/// The Java machine.
pub const JAVA: Need =
    Need { name: "java", kind: Kind::Command("java"), package: "default-jdk-headless" };

/// The Java compiler.
pub const JAVAC: Need =
    Need { name: "javac", kind: Kind::Command("javac"), package: "default-jdk-headless" };

/// The network library of many servers on the Java machine.
pub const NETTY: Need = Need {
    name: "Netty",
    kind: Kind::File("/usr/share/java/netty-transport.jar"),
    package: "libnetty-java",
};

/// The Python of the distribution: others are often shell scripts that need the user's environment.
pub const PYTHON: Need =
    Need { name: "python3", kind: Kind::File("/usr/bin/python3"), package: "python3" };

/// Makes a file system that shares extents.
pub const BTRFS: Need =
    Need { name: "mkfs.btrfs", kind: Kind::Command("mkfs.btrfs"), package: "btrfs-progs" };

/// Makes another one, for kernels without the first.
pub const XFS: Need =
    Need { name: "mkfs.xfs", kind: Kind::Command("mkfs.xfs"), package: "xfsprogs" };

/// Where administrators' programs are, which the `PATH` of others often leaves out.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

impl Need {
    /// Where it is; `None` if it is not installed.
    #[must_use]
    pub fn find(&self) -> Option<PathBuf> {
        match self.kind {
            Kind::File(path) => Some(PathBuf::from(path)).filter(|path| path.is_file()),
            Kind::Command(name) => {
                let path = env::var_os("PATH").unwrap_or_default();
                env::split_paths(&path)
                    .chain(SYSTEM_DIRECTORIES.map(PathBuf::from))
                    // A relative entry of the path would depend on where zc is run.
                    .filter(|directory| directory.is_absolute())
                    .map(|directory| directory.join(name))
                    .find(|path| is_executable(path))
            }
        }
    }

    /// Where it is.
    ///
    /// # Errors
    /// [`Unsupported`] if it is not installed.
    pub fn require(&self) -> Result<PathBuf, Unsupported> {
        self.find().ok_or_else(|| {
            Unsupported(format!("{} is not installed; run `sudo zc lab setup`", self.name))
        })
    }
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_and_a_missing_one_is_named() {
        let shell = Need { name: "sh", kind: Kind::Command("sh"), package: "dash" };
        assert!(shell.find().is_some_and(|path| path.is_absolute()));
        let none = Need { name: "Nothing", kind: Kind::File("/nonexistent"), package: "none" };
        assert_eq!(
            none.require().expect_err("there is no such file").to_string(),
            "Nothing is not installed; run `sudo zc lab setup`"
        );
    }

    #[test]
    fn a_file_that_cannot_be_run_is_no_program() {
        assert!(!is_executable(Path::new("/proc/self/status")));
        assert!(!is_executable(Path::new("/proc")));
    }
}
