//! Modules whose functions copy: those that come after `zc` are not hooked.
//!
//! A probe cannot wait for a module, and by the time that one is loaded, `zc` has given up the right to
//! attach more. What such a module copies is assumed, and what it encrypts is not known: from the moment
//! that it is loaded, `zc` must say so.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use zc_common::site::Site;

use super::{
    catalog::ProbeGroup,
    site::{Hooked, SITES},
    symbols::{KALLSYMS, module_has},
};

/// Where the kernel has a directory for every module that is loaded (`Documentation/ABI`,
/// `sysfs-module`).
const LOADED: &str = "/sys/module";

/// A module that is loaded and has no hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module {
    /// As the kernel calls it.
    pub name: &'static str,
    /// Whether it was loaded later; otherwise none of its functions could be hooked.
    pub is_late: bool,
}

/// The modules without a hook.
#[derive(Clone, Debug)]
pub struct Unhooked {
    loaded: PathBuf,
    symbols: PathBuf,
    awaited: Vec<&'static str>,
    here: Vec<Module>,
}

impl Unhooked {
    /// The modules of `groups` of which no function is among `hooked`.
    pub(super) fn find(hooked: &[Site], groups: &[ProbeGroup]) -> Self {
        Self::find_in(Path::new(LOADED), Path::new(KALLSYMS), hooked, groups)
    }

    fn find_in(loaded: &Path, symbols: &Path, hooked: &[Site], groups: &[ProbeGroup]) -> Self {
        let mut awaited = Vec::new();
        let of_groups = SITES.iter().filter(|site| groups.contains(&site.group));
        for module in of_groups.filter_map(Hooked::module) {
            let has_hook = sites_of(module).any(|site| hooked.contains(&site.site));
            if !has_hook && !awaited.contains(&module) {
                awaited.push(module);
            }
        }
        let (loaded, symbols) = (loaded.to_owned(), symbols.to_owned());
        let mut modules = Self { loaded, symbols, awaited, here: Vec::new() };
        modules.look();
        modules.here.iter_mut().for_each(|module| module.is_late = false);
        modules
    }

    /// Looks which of them are loaded by now. Whether there is a new one.
    pub(super) fn look(&mut self) -> bool {
        let before = self.here.len();
        let is_loaded = |module: &&str| self.loaded.join(module).exists();
        let (come, awaited) = self.awaited.iter().copied().partition(is_loaded);
        self.awaited = awaited;
        for name in come {
            // Some have had such functions only since some version.
            if self.has_function(name) {
                self.here.push(Module { name, is_late: true });
            }
        }
        self.here.len() > before
    }

    fn has_function(&self, module: &str) -> bool {
        let functions: Vec<_> = sites_of(module).flat_map(|site| site.functions).copied().collect();
        File::open(&self.symbols)
            .is_ok_and(|table| module_has(BufReader::new(table), module, &functions))
    }

    /// Those that are loaded.
    #[must_use]
    pub fn here(&self) -> &[Module] {
        &self.here
    }

    /// Those that are not, and will not be hooked when they are.
    #[must_use]
    pub fn awaited(&self) -> &[&'static str] {
        &self.awaited
    }
}

fn sites_of(module: &str) -> impl Iterator<Item = &'static Hooked> {
    SITES.iter().filter(move |site| site.module() == Some(module))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A kernel with the symbols of three modules, of which none is loaded.
    struct Kernel(TempDir);

    impl Kernel {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let table = "0 t tls_sw_sendmsg\t[tls]\n0 t btrfs_buffered_write\t[btrfs]\n\
                         0 t netfs_read\t[netfs]\n";
            fs::write(home.path().join("symbols"), table).unwrap();
            Self(home)
        }

        fn load(&self, module: &str) {
            fs::create_dir(self.0.path().join(module)).unwrap();
        }

        fn unhooked(&self, hooked: &[Site], groups: &[ProbeGroup]) -> Unhooked {
            let home = self.0.path();
            Unhooked::find_in(home, &home.join("symbols"), hooked, groups)
        }
    }

    #[test]
    fn a_module_that_comes_later_is_noticed_once() {
        let kernel = Kernel::new();
        kernel.load("btrfs");
        let mut modules = kernel.unhooked(&[Site::BtrfsWrite], ProbeGroup::ALL);
        assert_eq!(modules.awaited(), ["netfs", "tls"]);
        assert!(!modules.look());
        kernel.load("tls");
        assert!(modules.look());
        assert!(!modules.look());
        assert_eq!(modules.here(), [Module { name: "tls", is_late: true }]);
        assert_eq!(modules.awaited(), ["netfs"]);
    }

    #[test]
    fn a_module_that_is_there_and_has_no_hook_is_noticed_at_once() {
        let kernel = Kernel::new();
        kernel.load("btrfs");
        // Another function of the module that encrypts would do.
        let modules = kernel.unhooked(&[Site::TlsRecv], ProbeGroup::ALL);
        assert_eq!(modules.here(), [Module { name: "btrfs", is_late: false }]);
        assert_eq!(modules.awaited(), ["netfs"]);
    }

    #[test]
    fn a_module_that_has_no_function_to_hook_copies_nothing() {
        let kernel = Kernel::new();
        let mut modules = kernel.unhooked(&[], ProbeGroup::ALL);
        kernel.load("netfs");
        assert!(!modules.look());
        assert!(modules.here().is_empty());
    }

    #[test]
    fn a_group_that_is_not_attached_awaits_no_module() {
        let modules = Kernel::new().unhooked(&[], &[ProbeGroup::CopySockets]);
        assert_eq!(modules.awaited(), ["tls"]);
    }
}
