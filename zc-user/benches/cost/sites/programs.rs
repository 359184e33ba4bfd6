//! All programs of `zc`, attached, and taken away one by one.

use anyhow::{Context as _, Result, bail};
use aya::{
    programs::Program,
    sys::{Stats, enable_stats},
};
use zc_common::site::Site;
use zc_probe::{
    attach::{Attached, Options, attach},
    catalog::{PROBES, Part, ProbeGroup},
    layout::Access,
};

/// Those at the end of system calls: some of them, it depends on the kernel.
const AT_SYS_EXIT: [&str; 4] = ["zc_sys_exit", "zc_sys_exit_raw", "zc_sys_exit_kprobe", "zc_floor"];

/// All programs of `zc`.
pub(super) struct Programs(Attached);

impl Programs {
    pub(super) fn attach() -> Result<Self> {
        let options = Options {
            // It interrupts whatever runs, a hundred times a second.
            without: vec![Part::Group(ProbeGroup::Tax)],
            ..Options::default()
        };
        let attached = attach(&options)?;
        for status in &attached.groups {
            if let Some(why) = &status.refusal {
                println!("without {}: {why}", status.group.id());
            }
        }
        Ok(Self(attached))
    }

    /// Runs of each program per operation: the kernel counts them while it is asked to.
    pub(super) fn count_runs(
        &self,
        operations: u32,
        work: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<(String, f64)>> {
        let _counting = enable_stats(Stats::RunTime).context("cannot count runs of programs")?;
        work()?;
        // To ask makes calls, too.
        let (asked, before) = (self.runs(), self.runs());
        for _ in 0..operations {
            work()?;
        }
        let after = self.runs();
        let runs = asked.into_iter().zip(before).zip(after);
        let runs = runs.map(|(((name, asked), (_, before)), (_, after))| {
            let runs = (after - before).saturating_sub(before - asked);
            (name, runs as f64 / f64::from(operations))
        });
        Ok(runs.filter(|(_, runs)| *runs > 0.0).collect())
    }

    /// Runs of each program that is loaded, so far.
    fn runs(&self) -> Vec<(String, u64)> {
        let probes = PROBES.iter().filter(|probe| !AT_SYS_EXIT.contains(&probe.program));
        let names = probes.map(|probe| match self.0.access {
            Access::Typed => probe.program,
            Access::Checked => probe.raw_program,
        });
        let names = names.chain(Site::ALL.iter().map(|site| site.program())).chain(AT_SYS_EXIT);
        let runs = |name: &'static str| {
            let info = self.0.ebpf.program(name)?.info().ok()?;
            Some((name.to_owned(), info.run_count()))
        };
        names.filter_map(runs).collect()
    }

    /// Takes away what is at the end of system calls.
    pub(super) fn unload_sys_exit(&mut self) -> Result<()> {
        for name in AT_SYS_EXIT {
            if self.0.ebpf.program(name).is_some_and(|program| program.info().is_ok()) {
                self.unload(name)?;
            }
        }
        Ok(())
    }

    /// Takes a program away.
    pub(super) fn unload(&mut self, name: &str) -> Result<()> {
        let program =
            self.0.ebpf.program_mut(name).with_context(|| format!("there is no program {name}"))?;
        unload(program).with_context(|| format!("cannot unload {name}"))
    }
}

/// Takes a program away.
pub(super) fn unload(program: &mut Program) -> Result<()> {
    match program {
        Program::FExit(program) => program.unload()?,
        Program::FEntry(program) => program.unload()?,
        Program::KProbe(program) => program.unload()?,
        Program::BtfTracePoint(program) => program.unload()?,
        Program::RawTracePoint(program) => program.unload()?,
        _ => bail!("a program of an unknown kind"),
    }
    Ok(())
}
