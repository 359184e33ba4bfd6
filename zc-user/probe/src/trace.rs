//! Hooking the copy sites of a group.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{FEntry, FExit, KProbe, ProgramError},
};

use zc_common::site::Site;

use super::{
    btf::Btf,
    catalog::ProbeGroup,
    refusal::Refusal,
    site::{Hook, Hooked, Need, SITES, TRAMPOLINE_ARGUMENTS},
};

/// Attaches the copy sites of `group`. `kprobes`: whether to use those. Adds to `attached` what is.
///
/// # Errors
/// When this kernel lacks a function that the group cannot do without, or refuses one that it has. Others
/// may be attached then, and count for nothing.
pub(super) fn attach_group(
    ebpf: &mut Ebpf,
    group: ProbeGroup,
    btf: &Btf,
    types: &aya::Btf,
    kprobes: bool,
    attached: &mut Vec<Site>,
) -> Result<(), Refusal> {
    let wanted =
        |hooked: &&Hooked| hooked.group == group && (kprobes || hooked.hook != Hook::Kprobe);
    for hooked in SITES.iter().filter(wanted) {
        match attach_site(ebpf, hooked, btf, types) {
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

/// Attaches one site. `false` when this kernel has none of its functions.
fn attach_site(ebpf: &mut Ebpf, hooked: &Hooked, btf: &Btf, types: &aya::Btf) -> Result<bool> {
    let name = hooked.site.program();
    let program =
        ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
    let found = hooked.function(btf);
    if hooked.hook == Hook::Kprobe {
        // One of the image whose arguments fit a trampoline has a better hook.
        if found.is_some_and(|(_, _, signature)| !is_too_long(signature.parameters.len())) {
            return Ok(false);
        }
        let program: &mut KProbe = program.try_into()?;
        program.load()?;
        return Ok(hooked.functions.iter().any(|function| program.attach(*function, 0).is_ok()));
    }
    let Some((_, function, signature)) = found else { return Ok(false) };
    if hooked.need == Need::Wanted && is_too_long(signature.parameters.len()) {
        return Ok(false);
    }
    attach_function(program, hooked.hook, function, types)?;
    Ok(true)
}

fn is_too_long(arguments: usize) -> bool {
    arguments > TRAMPOLINE_ARGUMENTS
}

fn attach_function(
    program: &mut aya::programs::Program,
    hook: Hook,
    function: &str,
    types: &aya::Btf,
) -> Result<(), ProgramError> {
    if hook == Hook::Entry {
        let program: &mut FEntry = program.try_into()?;
        program.load(function, types)?;
        program.attach()?;
    } else {
        let program: &mut FExit = program.try_into()?;
        program.load(function, types)?;
        program.attach()?;
    }
    Ok(())
}
