//! The names by which the loader asks the eBPF object for what stands in no table of its own: maps,
//! globals, and single programs. (Those at tracepoints are in [`super::catalog`], those of copy sites
//! in [`super::site`].)
//!
//! `#[map]` and `#[no_mangle]` take no constant, so both sides spell the names. The tests compare.

/// Declares names, most of which are spelled like their constants.
macro_rules! names {
    (@spelled $name:ident) => { stringify!($name) };
    (@spelled $name:ident $spelled:literal) => { $spelled };
    ($(#[doc = $doc:literal])+ mod $module:ident { $($name:ident $(= $spelled:literal)?,)+ }) => {
        $(#[doc = $doc])+
        pub(super) mod $module {
            $(pub(crate) const $name: &str = names!(@spelled $name $($spelled)?);)+

            /// All of them.
            #[cfg(test)]
            pub(super) const ALL: &[&str] = &[$($name,)+];
        }
    };
}

names! {
    /// Maps that are sized, filled or read here.
    mod map {
        RECORDS,
        TABLES,
        SLOT_BY_THREAD,
        FREE_SLOTS,
        DEAD_SLOTS,
        DEPARTED,
        SOCKET_OWNERS,
        COPY_ROUTINES,
        CODE,
        CPUS = ".bss.cpus",
        DEVICES,
        DEVICE_TABLE,
        DEVICES_MADE,
        OBJECT_ROWS,
        OBJECT_DETAILS,
        OBJECTS_OUTSIDE,
        OBJECT_FLOWS,
        INCOMING_OBJECTS,
        STACKS,
        STACK_PACE = ".bss.pace",
        STACKS_TAKEN,
        INTERFACES,
        URING_REQUESTS,
        LOSSES,
        AYA_LOGS,
        PROCESSES,
        FOLLOWED_CGROUPS,
        CGROUP_PATHS,
    }
}

names! {
    /// Values that are set before the programs are loaded.
    mod global {
        LOADED_NS,
        IMAGE_BEGIN,
        IMAGE_END,
        AYA_LOG_LEVEL,
    }
}

/// Programs.
pub(super) mod program {
    /// The sampler.
    pub(crate) const SAMPLE: &str = "zc_sample";
    /// The sampler that also notes where in their code programs are.
    pub(crate) const SAMPLE_CODE: &str = "zc_sample_code";
    /// The sampler that also takes the stacks of threads in copy routines.
    pub(crate) const SAMPLE_STACKS: &str = "zc_sample_stacks";
    /// The exit of system calls, by a kprobe.
    pub(crate) const SYS_EXIT_KPROBE: &str = "zc_sys_exit_kprobe";
    /// The same, where stacks are taken.
    pub(crate) const SYS_EXIT_STACKS_KPROBE: &str = "zc_sys_exit_stacks_kprobe";
    /// The exit of system calls, where stacks are taken.
    pub(crate) const SYS_EXIT_STACKS: &str = "zc_sys_exit_stacks";
    /// As a raw tracepoint.
    pub(crate) const SYS_EXIT_STACKS_RAW: &str = "zc_sys_exit_stacks_raw";
    /// Does nothing.
    pub(crate) const IDLE: &str = "zc_floor";
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use aya_obj::{Object, ProgramSection};
    use zc_common::site::Site;

    use super::*;
    use crate::{
        OBJECT,
        attach::programs::LARGEST,
        catalog::PROBES,
        site::{Hook, SITES},
    };

    /// Maps that the programs alone use.
    const PRIVATE_MAPS: [&str; 8] = [
        "AIO_NOTED",
        "AIO_PENDING",
        "DIRECT_REQUESTED",
        "REGISTERS",
        "URING_NOTED",
        "URING_PASSED",
        "URING_RINGS",
        "URING_SILENT",
    ];

    /// Programs that the benchmark alone asks for, with their hooks.
    const BENCHMARK_PROGRAMS: [(&str, &str); 3] =
        [("zc_floor_return", "fexit"), ("zc_floor_entry", "fentry"), ("zc_floor_kprobe", "kprobe")];

    fn object() -> Object {
        Object::parse(OBJECT).unwrap()
    }

    fn kind(section: &ProgramSection) -> &'static str {
        match section {
            ProgramSection::BtfTracePoint => "tp_btf",
            ProgramSection::RawTracePoint => "raw_tp",
            ProgramSection::FEntry { .. } => "fentry",
            ProgramSection::FExit { .. } => "fexit",
            ProgramSection::KProbe => "kprobe",
            ProgramSection::PerfEvent => "perf_event",
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_program_is_asked_for_by_its_kind_of_hook_and_every_one_asked_for_is_there() {
        let mut asked = BTreeMap::from([
            (program::SAMPLE, "perf_event"),
            (program::SAMPLE_CODE, "perf_event"),
            (program::SAMPLE_STACKS, "perf_event"),
            (program::SYS_EXIT_KPROBE, "kprobe"),
            (program::SYS_EXIT_STACKS, "tp_btf"),
            (program::SYS_EXIT_STACKS_RAW, "raw_tp"),
            (program::SYS_EXIT_STACKS_KPROBE, "kprobe"),
            (program::IDLE, "raw_tp"),
        ]);
        asked.extend(BENCHMARK_PROGRAMS);
        for probe in PROBES {
            asked.insert(probe.program, "tp_btf");
            asked.insert(probe.raw_program, "raw_tp");
        }
        for hooked in SITES {
            let kind = match hooked.hook {
                Hook::Return => "fexit",
                Hook::Entry => "fentry",
                Hook::Kprobe => "kprobe",
            };
            asked.insert(hooked.site.program(), kind);
        }
        let object = object();
        let there: BTreeMap<_, _> = object
            .programs
            .iter()
            .map(|(name, program)| (name.as_str(), kind(&program.section)))
            .collect();
        assert_eq!(asked, there);
    }

    #[test]
    fn every_copy_site_has_a_row_and_a_program_of_its_own() {
        let rows: BTreeSet<_> = SITES.iter().map(|hooked| hooked.site).collect();
        assert_eq!(rows, Site::ALL.iter().copied().collect());
        assert_eq!(rows.len(), SITES.len(), "a site has one row");
        let programs: BTreeSet<_> = Site::ALL.iter().map(|site| site.program()).collect();
        assert_eq!(programs.len(), Site::COUNT, "two sites share a program");
    }

    #[test]
    fn every_map_is_asked_for_and_every_one_asked_for_is_there() {
        let object = object();
        let there: BTreeSet<_> = object.maps.keys().map(String::as_str).collect();
        let known: BTreeSet<_> = map::ALL.iter().copied().chain(PRIVATE_MAPS).collect();
        // The programs' own data is in maps, too, of which some have no name for a loader.
        let there = there
            .iter()
            .copied()
            .filter(|name| !name.starts_with('.') || known.contains(name))
            .collect();
        assert_eq!(known, there);
    }

    #[test]
    fn the_largest_programs_are_there() {
        let object = object();
        for name in LARGEST {
            assert!(object.programs.contains_key(name), "{name}");
        }
    }

    #[test]
    fn nothing_in_the_object_is_relocated_by_the_types_of_the_kernel() {
        // The loader is given none: user space tells the programs all offsets.
        assert!(!object().has_btf_relocations());
    }

    #[test]
    fn every_global_is_there_and_as_large_as_what_replaces_it() {
        for name in global::ALL {
            let size = match *name {
                // arm64 alone has them.
                global::IMAGE_BEGIN | global::IMAGE_END if cfg!(target_arch = "x86_64") => continue,
                global::AYA_LOG_LEVEL => 1,
                _ => size_of::<u64>(),
            };
            let value = vec![0; size];
            let globals = [(*name, (value.as_slice(), true))].into();
            object().patch_map_data(globals).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
