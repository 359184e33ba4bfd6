//! Hooking the copy sites of a group.

use anyhow::Result;
use aya::{
    Ebpf,
    programs::{KProbe, Program},
};

use zc_common::site::Site;

use super::{
    attach::programs::{Load, Loader, Target},
    btf::{Btf, Signature},
    catalog::ProbeGroup,
    refusal::Refusal,
    site::{Hook, Hooked, Need, SITES, TRAMPOLINE_ARGUMENTS},
};

/// How this kernel is probed at functions.
#[derive(Clone, Copy)]
pub(super) struct Functions<'a> {
    /// The kernel's types.
    pub(super) btf: &'a Btf,
    /// Whether kprobes can be used.
    pub(super) kprobes: bool,
}

impl Functions<'_> {
    /// The programs of a group.
    pub(super) fn loads(self, group: ProbeGroup) -> Vec<Load> {
        self.sites(group).filter_map(|hooked| self.load_of(hooked)).collect()
    }

    /// Attaches the copy sites of `group`. Adds to `attached` what is.
    ///
    /// # Errors
    /// When this kernel lacks a function that the group cannot do without, or refuses one that it has. Others
    /// may be attached then.
    pub(super) fn attach(
        self,
        ebpf: &mut Ebpf,
        loader: &mut Loader,
        group: ProbeGroup,
        attached: &mut Vec<Site>,
    ) -> Result<(), Refusal> {
        for hooked in self.sites(group) {
            let outcome = match self.load_of(hooked) {
                Some(wanted) => attach_site(ebpf, loader, hooked, wanted),
                None => Ok(false),
            };
            match outcome {
                Ok(true) => attached.push(hooked.site),
                Ok(false) if hooked.need == Need::Always => {
                    return Err(Refusal::NoFunction(hooked.functions[0]));
                }
                Err(error) if hooked.need != Need::Wanted => {
                    let what = format!("cannot attach to {}", hooked.functions[0]);
                    return Err(error.context(what).into());
                }
                Ok(false) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn sites(self, group: ProbeGroup) -> impl Iterator<Item = &'static Hooked> {
        SITES.iter().filter(move |hooked| {
            hooked.group == group && (self.kprobes || hooked.hook != Hook::Kprobe)
        })
    }

    /// The program of a site; `None` when this kernel has none of its functions, or a better hook.
    fn load_of(self, hooked: &Hooked) -> Option<Load> {
        let found = hooked.function(self.btf);
        let is_short = |(_, _, signature): &(usize, &str, Signature)| {
            signature.parameters.len() <= TRAMPOLINE_ARGUMENTS
        };
        let target = if hooked.hook == Hook::Kprobe {
            // One of the image whose arguments fit a trampoline has a better hook.
            if found.as_ref().is_some_and(is_short) {
                return None;
            }
            Target::Any
        } else {
            Target::Function(found.filter(|it| hooked.need != Need::Wanted || is_short(it))?.1)
        };
        Some(Load { program: hooked.site.program(), target })
    }
}

/// Attaches one site. `false` when this kernel has none of its functions.
fn attach_site(
    ebpf: &mut Ebpf,
    loader: &mut Loader,
    hooked: &Hooked,
    wanted: Load,
) -> Result<bool> {
    match loader.load(ebpf, wanted)? {
        Program::FEntry(program) => program.attach().map(|_| true).map_err(Into::into),
        Program::FExit(program) => program.attach().map(|_| true).map_err(Into::into),
        program => {
            let program: &mut KProbe = program.try_into()?;
            Ok(hooked.functions.iter().any(|function| program.attach(*function, 0).is_ok()))
        }
    }
}
