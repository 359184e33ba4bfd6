//! Loading the object and attaching every probe that this kernel has.

mod ahead;
pub(crate) mod blueprint;
pub mod capacity;
pub(crate) mod programs;
mod signals;
pub(crate) mod slots;
mod targets;
mod tracepoint;

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};
use aya::{Ebpf, VerifierLogLevel};
use zc_common::config::{Config, Settings};
use zc_privilege::raised;

use ahead::Ahead;
use capacity::Room;
use programs::Loader;
use slots::Tables;
use tracepoint::Tracepoints;

use super::{
    OBJECT,
    btf::Btf,
    catalog::{BIRTHS, Part, ProbeGroup},
    coverage::Coverage,
    devices::Devices,
    feature,
    follow::{self, Follow},
    layout::{self, Access},
    lockdown,
    memory::Sizes,
    module::Unhooked,
    object::global,
    patch,
    refusal::{Barred, Refusal},
    shapes::{self, Shapes},
    site, stacks, tax,
    trace::Functions,
};

/// Where every kernel with `CONFIG_DEBUG_INFO_BTF` publishes its types.
pub const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// What to attach, and with how much memory.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Type information to use instead of the kernel's own.
    pub btf: Option<PathBuf>,
    /// Maximum number of threads tracked individually; `None` derives it from the current thread
    /// count.
    pub threads: Option<u32>,
    /// Which processes are followed.
    pub follow: Follow,
    /// Whether the programs' own diagnostics are wanted.
    pub diagnostics: bool,
    /// Whether a refused program's verifier log is wanted.
    pub verifier_log: bool,
    /// What to leave out, for tests of degradation.
    pub without: Vec<Part>,
    /// Samples a second on each CPU, on average; `None` takes [`tax::FREQUENCY`]. For the lab and tests, which want
    /// many in a short time.
    pub sampling: Option<u32>,
    /// Whether the ancestors of processes are wanted.
    pub ancestors: bool,
    /// Whether the threads of processes are wanted one by one.
    pub threads_apart: bool,
    /// Whether the names of users are wanted.
    pub users: bool,
    /// Whether it is looked for copies that programs make themselves.
    pub user_copies: bool,
    /// How long a snapshot waits for what is found out about code; `None` takes [`code::PATIENCE`](crate::code::PATIENCE).
    /// For the lab, whose workloads wait, too.
    pub patience: Option<Duration>,
    /// Rows for files, sockets and pipes, where these are to be counted one by one.
    pub objects: Option<u32>,
    /// Whether stacks are taken where bytes are copied. Excludes `user_copies`.
    pub stacks: bool,
    /// When the shapes of packets are sampled; `None` takes what users have. For tests.
    pub shapes: Option<shapes::Sampling>,
}

impl Options {
    fn leaves_out(&self, group: ProbeGroup) -> bool {
        self.without.contains(&Part::Group(group))
    }
}

/// What became of a group of probes.
#[derive(Clone, Debug)]
pub struct GroupStatus {
    /// The group.
    pub group: ProbeGroup,
    /// Why it is not attached; `None` when it is.
    pub refusal: Option<Refusal>,
}

/// Everything attached. Detaches when dropped: nothing is pinned.
pub struct Attached {
    /// The maps and the programs.
    pub ebpf: Ebpf,
    /// How the programs read kernel memory.
    pub access: Access,
    /// Why the kernel refused BTF tracepoints, where its own types were used.
    pub untyped_because: Option<String>,
    /// What became of each group.
    pub groups: Vec<GroupStatus>,
    /// Why the functions of modules are not hooked; `None` when they are. What modules copy is assumed
    /// then.
    pub modules: Option<Refusal>,
    /// Modules that have no hook because they were not loaded.
    pub unhooked: Unhooked,
    /// Slots that there may be for threads, the unattributed row included.
    pub slots: u32,
    /// The tables of records that there are.
    pub(crate) tables: Tables,
    /// The devices that were seen.
    pub(crate) devices: Devices,
    /// Kernel memory of the maps at the start, bytes.
    pub map_bytes: u64,
    /// The same when all slots are in use.
    pub most_map_bytes: u64,
    /// CPUs in the table.
    pub cpus: u32,
    /// The timers of the copy tax, where it is measured.
    pub sampler: Option<tax::Sampler>,
    /// What looks at the shapes of packets, where these are counted.
    pub(crate) shapes: Option<Shapes>,
    /// Whether the programs were loaded for functions that are traced.
    traces: bool,
    /// How long each phase of the start took, in their order.
    pub phases: Vec<(&'static str, Duration)>,
}

impl Attached {
    /// Whether a group is attached.
    #[must_use]
    pub fn has(&self, group: ProbeGroup) -> bool {
        self.groups.iter().any(|status| status.group == group && status.refusal.is_none())
    }

    /// Why some probes are not attached; `None` when they are.
    #[must_use]
    pub fn refusal(&self, part: Part) -> Option<&Refusal> {
        let of = |group| self.groups.iter().find(|status| status.group == group)?.refusal.as_ref();
        match part {
            Part::Group(group) => of(group),
            Part::Functions => {
                ProbeGroup::ALL.iter().filter(|group| group.has_sites()).find_map(|it| of(*it))
            }
            Part::Kprobes => self.modules.as_ref(),
        }
    }

    /// Groups that the loaded programs count on, and which could not be attached: the trial of
    /// [`feature::function_tracing`] says nothing about single functions. One setting stands
    /// for all groups that trace functions, so that they matter when none is attached.
    fn believed_in(&self, known: &[(ProbeGroup, Refusal)]) -> Vec<(ProbeGroup, Refusal)> {
        let traced = self.groups.iter().filter(|status| status.group.has_sites());
        let is_new = |group| !known.iter().any(|(it, _)| *it == group);
        let failed = |status: &&GroupStatus| {
            let by_choice = matches!(
                status.refusal,
                None | Some(Refusal::Disabled(_) | Refusal::SitesDisabled | Refusal::NoFunction(_))
            );
            !by_choice && is_new(status.group)
        };
        let none_left = traced.clone().all(|status| status.refusal.is_some());
        traced
            .filter(failed)
            .filter(|status| {
                let alone = matches!(status.group, ProbeGroup::CopyFaults | ProbeGroup::Mapped);
                self.traces && (alone || none_left)
            })
            .filter_map(|status| Some((status.group, status.refusal.clone()?)))
            .collect()
    }

    /// What the attached probes serve, with the modules that are loaded now.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        Coverage::of(|part| self.refusal(part), self.unhooked.here())
    }
}

/// Loads and attaches.
///
/// # Errors
/// When nothing can be shown at all: no privileges, no type information, or the kernel refuses the
/// core probes. Other groups degrade on their own, see [`Attached::groups`].
pub fn attach(options: &Options) -> Result<Attached> {
    zc_privilege::limits::raise();
    let _held = signals::Held::now();
    let stop = AtomicBool::new(false);
    // The scope waits for the threads: the privileges of a thread that went on would not be dropped.
    raised(|| thread::scope(|scope| attach_with(options, Ahead::start(scope, &stop))))
}

fn attach_with(options: &Options, mut ahead: Ahead<'_>) -> Result<Attached> {
    let mut clock = Clock::start();
    let path = options.btf.as_deref().unwrap_or(Path::new(KERNEL_BTF));
    let btf = read_btf(path, options.btf.is_some())?;
    clock.ends("types of the kernel");
    let own = options.btf.is_none();
    let mut attempt = |access| {
        let refused = &mut Vec::new();
        loop {
            let attempt = Attempt { options, btf: &btf, path, access, refused };
            let attached = attempt.run(&mut ahead, clock.clone())?;
            // The programs were loaded as if these were attached, and leave out what stands in for them.
            let wrong = attached.believed_in(refused);
            if wrong.is_empty() {
                return Ok(attached);
            }
            refused.extend(wrong);
        }
    };
    // Typed access needs the kernel's own types: the verifier goes by them.
    let typed = if own { attempt(Access::Typed) } else { Err(anyhow!("")) };
    match typed {
        Ok(attached) => Ok(attached),
        Err(error) if own && error.is::<Barred>() => Err(error),
        Err(error) => match lockdown::bars() {
            Some(barred) => Err(barred.into()),
            None => match attempt(Access::Checked) {
                Ok(attached) => {
                    let untyped_because = own.then(|| format!("{error:#}"));
                    Ok(Attached { untyped_because, ..attached })
                }
                // The first refusal names the better way; the second one is what remains.
                Err(second) if own => {
                    Err(error.context(format!("raw tracepoints were refused too: {second:#}")))
                }
                Err(second) => Err(second),
            },
        },
    }
}

/// Measures phases.
#[derive(Clone)]
struct Clock {
    since: Instant,
    phases: Vec<(&'static str, Duration)>,
}

impl Clock {
    fn start() -> Self {
        Self { since: Instant::now(), phases: Vec::new() }
    }

    /// The phase ends, and the next begins.
    fn ends(&mut self, phase: &'static str) {
        let now = Instant::now();
        self.phases.push((phase, now - self.since));
        self.since = now;
    }
}

fn read_btf(path: &Path, given: bool) -> Result<Btf> {
    if !given && !path.exists() {
        bail!(
            "cannot read the kernel's structures: this kernel publishes no type information in \
             {KERNEL_BTF}; boot one built with CONFIG_DEBUG_INFO_BTF=y, or give a BTF file of exactly \
             this kernel with --btf PATH"
        );
    }
    Btf::open(path).map_err(|error| {
        let error = anyhow!(
            "cannot read the kernel's structures: {error:#}; --btf takes a BTF file of exactly this \
             kernel, and without it {KERNEL_BTF} is read"
        );
        if given { UnusableBtf(error.to_string()).into() } else { error }
    })
}

/// The file that the user has given in place of the kernel's own types cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UnusableBtf(String);

/// What is attached, and how.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    options: &'a Options,
    btf: &'a Btf,
    /// Where the types are from.
    path: &'a Path,
    access: Access,
    /// What an attempt before has shown not to be possible.
    refused: &'a [(ProbeGroup, Refusal)],
}

impl Attempt<'_> {
    /// The program that samples in this run.
    fn sampler(&self) -> programs::Load {
        match self.options {
            Options { stacks: true, .. } => tax::STACK_SAMPLER,
            Options { user_copies: true, .. } => tax::CODE_SAMPLER,
            _ => tax::SAMPLER,
        }
    }

    fn run(self, ahead: &mut Ahead<'_>, mut clock: Clock) -> Result<Attached> {
        let Self { options, btf, path, access, refused } = self;
        let refusal_of = |group| refused.iter().find(|(it, _)| *it == group).map(|(_, why)| why);
        let offsets = layout::offsets(btf).map_err(|missing| {
            anyhow!(
                "cannot read the kernel's structures: '{}' lacks {}; give a BTF file of exactly this \
                 kernel (5.10 or newer) with --btf PATH",
                path.display(),
                missing.join(", ")
            )
        })?;
        let cpus = capacity::possible_cpus()?;
        let room = Room::new(options.threads.unwrap_or_else(capacity::default_threads));
        // A command has no threads yet.
        let is_of_command = options.follow == Follow::Children;
        let threads = if is_of_command { 0 } else { capacity::threads_now() };
        let wanted_tables = room.tables_for(threads);
        let tracing = function_tracing(options, access, btf, refused);
        let takes_over = |group| {
            tracing.is_ok()
                && !options.leaves_out(group)
                && refusal_of(group).is_none()
                && site::is_complete(group, btf)
        };
        let cow_sites = takes_over(ProbeGroup::CopyFaults);
        let config = Config {
            offsets,
            variants: layout::variants(btf, &offsets, access),
            settings: Settings {
                typed: u32::from(access == Access::Typed),
                copy_sites: u32::from(tracing.is_ok()),
                cow_sites: u32::from(cow_sites),
                map_sites: u32::from(takes_over(ProbeGroup::Mapped)),
                selective: u32::from(options.follow.is_selective()),
                cgroups: u32::from(options.follow.is_by_cgroup()),
                table_shift: room.shift,
                table_mask: room.table() - 1,
                objects: u32::from(options.objects.is_some()),
                areas: u32::from(options.stacks || options.user_copies || !cow_sites),
                notes: u32::from(options.objects.is_some() || options.stacks),
                stacks: u32::from(options.stacks),
            },
            shapes: site::shapes(btf),
        };
        let level: u8 = if options.diagnostics { aya_log::Level::Debug as u8 } else { 0 };
        // Only arm64 asks, see `is_code` of the programs: others need not wait for the symbols.
        let asks_for_image = cfg!(target_arch = "aarch64");
        let image = if asks_for_image { ahead.symbols().rodata.clone() } else { 0..0 };
        let sizes = Sizes {
            room,
            tables: wanted_tables,
            cpus,
            senders: tracing.is_ok(),
            requests: config.variants.uring_complete_args == 4,
            selective: options.follow.is_selective(),
            code: options.user_copies,
            diagnostics: options.diagnostics,
            objects: options.objects,
            stacks: options.stacks,
        };
        let mut loader = ahead.loader();
        for (map, entries) in sizes.entries() {
            loader.map_max_entries(map, entries);
        }
        let mut ebpf = loader
            // aya asks for a log only when a program was refused, and without a level that fails for a
            // reason of its own (`EINVAL`), which would be reported in place of the real one.
            .verifier_log_level(VerifierLogLevel::STATS)
            .override_global(global::LOADED_NS, &since_boot(), true)
            .override_global(global::IMAGE_BEGIN, &image.start, asks_for_image)
            .override_global(global::IMAGE_END, &image.end, asks_for_image)
            .override_global(global::AYA_LOG_LEVEL, &level, false)
            .load(&patch::patched(OBJECT, &config)?)
            .map_err(|error| Refusal::from(anyhow::Error::from(error)).into_error())?;
        // Before the first event asks for one.
        let mut tables = Tables::new(&mut ebpf, room)?;
        while tables.descriptors().len() < wanted_tables as usize && tables.grow(&mut ebpf)? {}
        let devices = Devices::new(&mut ebpf)?;
        if options.stacks {
            stacks::begin(&mut ebpf)?;
        }
        let followed = follow::Table::fill(&mut ebpf, &options.follow)?;
        clock.ends("object and maps");

        let kprobes = kprobes(options);
        let modules = tracing.as_ref().and(kprobes.as_ref()).err().cloned();
        let kprobes = kprobes.is_ok();
        let tracepoints = Tracepoints { btf, access, kprobes, settings: &config.settings };
        let functions = Functions { btf, kprobes };
        let of_group = |group: ProbeGroup| match group {
            _ if options.leaves_out(group) || refusal_of(group).is_some() => Vec::new(),
            ProbeGroup::Tax => vec![self.sampler()],
            _ if !group.has_sites() => tracepoints.loads(group),
            _ if tracing.is_ok() => functions.loads(group),
            _ => Vec::new(),
        };
        let loads: Vec<_> = ProbeGroup::ALL.iter().copied().flat_map(of_group).collect();
        let mut loader = Loader::new(targets::types(btf, &loads)?);
        loader.load_ahead(&mut ebpf, &loads);
        clock.ends("programs");
        if !options.leaves_out(ProbeGroup::Tax) {
            // Before the first program counts what that thread does.
            ahead.symbols();
            clock.ends("symbols");
        }

        let (mut groups, mut sites) = (Vec::new(), Vec::new());
        let (mut sampler, mut shapes) = (None, None);
        for group in ProbeGroup::ALL.iter().copied() {
            let outcome = match (group, &tracing) {
                _ if options.leaves_out(group) => Err(Refusal::Disabled(Part::Group(group))),
                _ if let Some(why) = refusal_of(group) => Err(why.clone()),
                (ProbeGroup::Tax, _) => {
                    ahead.symbols().copy_routines.clone().and_then(|routines| {
                        let frequency = options.sampling.unwrap_or(tax::FREQUENCY);
                        let started = tax::attach(
                            &mut ebpf,
                            &mut loader,
                            self.sampler(),
                            &routines,
                            frequency,
                        )?;
                        sampler = Some(started);
                        Ok(())
                    })
                }
                (_, Ok(())) if group.has_sites() => {
                    functions.attach(&mut ebpf, &mut loader, group, &mut sites)
                }
                (_, Err(why)) if group.has_sites() => Err(why.clone()),
                _ => tracepoints.attach(&mut ebpf, &mut loader, group, |ebpf, tracepoint, link| {
                    match &followed {
                        Some(followed) if tracepoint == BIRTHS => {
                            followed.renew(ebpf, &options.follow)?;
                        }
                        _ if tracepoint == shapes::TRACEPOINT => {
                            let sampling = options.shapes.unwrap_or(shapes::SAMPLING);
                            shapes = Some(Shapes::new(link, sampling));
                        }
                        _ => {}
                    }
                    Ok(())
                }),
            };
            let with_log = |refusal: Refusal| {
                if options.verifier_log { refusal } else { refusal.without_log() }
            };
            let refusal = outcome.err().map(with_log);
            if let (ProbeGroup::Core, Some(refusal)) = (group, &refusal) {
                return Err(refusal.clone().into_error());
            }
            if refusal.is_some() {
                // Some of its programs may be loaded, or even attached.
                loader.unload(&mut ebpf, &of_group(group));
            }
            groups.push(GroupStatus { group, refusal });
        }
        // Where no module can be hooked, the refusal of kprobes says so for all of them.
        let hooking = if modules.is_none() { attached(&groups) } else { Vec::new() };
        let unhooked = Unhooked::find(&sites, &hooking);
        clock.ends("attaching");
        let phases = clock.phases;
        Ok(Attached {
            ebpf,
            access,
            untyped_because: None,
            groups,
            modules,
            unhooked,
            slots: room.slots,
            map_bytes: Sizes { tables: tables.descriptors().len() as u32, ..sizes }.bytes()?,
            most_map_bytes: Sizes { tables: room.most_tables(), ..sizes }.bytes()?,
            tables,
            devices,
            cpus,
            sampler,
            shapes,
            traces: tracing.is_ok(),
            phases,
        })
    }
}

/// The groups that are attached.
fn attached(groups: &[GroupStatus]) -> Vec<ProbeGroup> {
    groups.iter().filter(|it| it.refusal.is_none()).map(|it| it.group).collect()
}

/// Nanoseconds since boot, as threads have them for their start.
fn since_boot() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Whether the copy sites can be hooked, or why not.
fn function_tracing(
    options: &Options,
    access: Access,
    btf: &Btf,
    refused: &[(ProbeGroup, Refusal)],
) -> Result<(), Refusal> {
    if options.without.contains(&Part::Functions) {
        return Err(Refusal::Disabled(Part::Functions));
    }
    let mut sites = ProbeGroup::ALL.iter().filter(|group| group.has_sites());
    if sites.all(|group| options.leaves_out(*group)) {
        return Err(Refusal::SitesDisabled);
    }
    let mut sites = ProbeGroup::ALL.iter().filter(|group| group.has_sites());
    let is_refused = |group: &&ProbeGroup| {
        options.leaves_out(**group) || refused.iter().any(|(it, _)| it == *group)
    };
    if let Some((_, why)) = refused.last().filter(|_| sites.all(|group| is_refused(&group))) {
        return Err(why.clone());
    }
    match access {
        Access::Typed => feature::function_tracing(btf),
        Access::Checked => Err(Refusal::ForeignTypes),
    }
}

/// Whether kprobes can be used, or why not.
fn kprobes(options: &Options) -> Result<(), Refusal> {
    if options.without.contains(&Part::Kprobes) {
        return Err(Refusal::Disabled(Part::Kprobes));
    }
    feature::kprobes()
}
