//! Programs that do nothing, in the places where `zc` has one.

use anyhow::{Context as _, Result, bail};
use aya::{
    Ebpf,
    programs::{FEntry, FExit, KProbe, Program, RawTracePoint},
};
use zc_probe::{
    btf::Btf,
    site::{Hook, Hooked},
};

use super::programs::unload;
use zc_probe::OBJECT;

/// Programs that do nothing; what is attached goes when this is dropped.
pub(super) struct Empty {
    ebpf: Ebpf,
    types: aya::Btf,
}

impl Empty {
    pub(super) fn load() -> Result<Self> {
        let ebpf = Ebpf::load(OBJECT).context("cannot load the object")?;
        Ok(Self { ebpf, types: aya::Btf::from_sys_fs()? })
    }

    /// Puts one at the end of system calls.
    pub(super) fn at_sys_exit(&mut self) -> Result<()> {
        let program: &mut RawTracePoint = program(&mut self.ebpf, "zc_floor")?.try_into()?;
        program.load()?;
        program.attach("sys_exit")?;
        Ok(())
    }

    /// Puts one where `zc` has that of a site.
    pub(super) fn at(&mut self, hooked: &Hooked, btf: &Btf) -> Result<()> {
        let function = || {
            let (_, function, _) = hooked.function(btf).context("a function that BTF knows not")?;
            Ok::<_, anyhow::Error>(function)
        };
        let program = program(&mut self.ebpf, name(hooked.hook))?;
        match hooked.hook {
            Hook::Return => {
                let program: &mut FExit = program.try_into()?;
                program.load(function()?, &self.types)?;
                program.attach()?;
            }
            Hook::Entry => {
                let program: &mut FEntry = program.try_into()?;
                program.load(function()?, &self.types)?;
                program.attach()?;
            }
            Hook::Kprobe => {
                let program: &mut KProbe = program.try_into()?;
                program.load()?;
                if !hooked.functions.iter().any(|function| program.attach(*function, 0).is_ok()) {
                    bail!("no probe at {}", hooked.functions[0]);
                }
            }
        }
        Ok(())
    }

    /// Takes it away.
    pub(super) fn leave(&mut self, hooked: &Hooked) -> Result<()> {
        unload(program(&mut self.ebpf, name(hooked.hook))?)
    }
}

fn name(hook: Hook) -> &'static str {
    match hook {
        Hook::Return => "zc_floor_return",
        Hook::Entry => "zc_floor_entry",
        Hook::Kprobe => "zc_floor_kprobe",
    }
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Program> {
    ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))
}
