//! The columns of processes: of one, of all together, and of what is unattributed.

use std::borrow::Cow;

use zc_common::path::CopyPath;

use super::{
    Column, Cut, Table, Tone,
    View::{GroupOnce, GroupPerPath, GroupReport, Json, Once, PerPath, Report},
    measured, per_second,
};
use crate::{
    advice, columns,
    counter::CounterId,
    frame::Frame,
    group::GroupBy,
    home::Home,
    how,
    ledger::{self, Copied},
    row::Row,
    snapshot::{ProcessSample, Provenance},
    tax,
    user_copies::{self, Share},
    value::{Quality, Value},
};

/// The table of processes.
pub struct Processes;

impl Table for Processes {
    type Row<'a> = Row<'a>;
    type Context = Frame;
    type Extra = ();

    const PLAIN: () = ();
    const COLUMNS: &'static [&'static Column<Self>] = Self::ALL;
}

impl Processes {
    /// The column of a counter: a constant fails to build if there is none.
    #[must_use]
    pub const fn counter(counter: CounterId) -> &'static Column<Self> {
        const BY_COUNTER: [&Column<Processes>; CounterId::COUNT] = by_counter();
        BY_COUNTER[counter as usize]
    }
}

const fn by_counter() -> [&'static Column<Processes>; CounterId::COUNT] {
    let mut columns = [Processes::PID; CounterId::COUNT];
    let mut counter = 0;
    while counter < CounterId::COUNT {
        let id = CounterId::ALL[counter].id();
        let mut at = 0;
        while !is_same(Processes::ALL[at].id, id) {
            at += 1;
            assert!(at < Processes::ALL.len(), "a counter has no column of its id");
        }
        columns[counter] = Processes::ALL[at];
        counter += 1;
    }
    columns
}

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

impl Column<Processes> {
    /// The cell of a process.
    #[must_use]
    pub fn of_process<'a>(&self, process: &'a ProcessSample, frame: &'a Frame) -> Value<'a> {
        self.of(Row::process(process), frame)
    }
}

columns! { Processes:
    PID = "pid", "PID", Number, Label,
        "Process id in the initial pid namespace; 0 for short-lived processes merged by name.",
        |row, _| match (row.process, row.group) {
            (Some(process), _) => measured(process.id.pid.into()),
            (None, Some(group)) => group.process.map_or(Value::Absent, |id| measured(id.pid.into())),
            (None, None) => Value::Absent,
        },
        .on(&[Once, Report, PerPath]), .screen(2, (7, 7), Tone::Text);
    PPID = "ppid", "PPID", Number, Label,
        "Process id of the parent when the process was first seen.",
        |row, _| of_process(row, |process| measured(process.parent.pid.into())),
        .on(&[PerPath]);
    COMM = "comm", "COMMAND", Text, Label,
        "Name of the process's main thread, as the kernel has it (at most 15 bytes).",
        |row, _| of_process(row, |process| Value::Text(Cow::Borrowed(&process.comm))),
        .on(&[Once, Report, PerPath]), .screen(0, (13, 20), Tone::Strong),
        .cut(Cut::Start(15));
    GROUP = "group", "GROUP", Text, Label,
        "What the processes of the group have in common: a name, a path of a control group, a container...",
        |row, _| row.group.map_or(Value::Absent, |group| Value::Text(Cow::Borrowed(&group.name))),
        .on(&[GroupOnce, GroupReport, GroupPerPath]), .cut(Cut::End(80));
    MEMBERS = "members", "MEMBERS", Count, Gauge,
        "Processes that did something and belong to the group; of one row, those that were merged in it.",
        members,
        .on(&[GroupOnce, GroupReport, GroupPerPath]);
    COPIED_BYTES = "copied_bytes", "COPIED", Bytes, Counter,
        "Bytes copied by the CPU on all paths.",
        copied,
        .on(&[Report, GroupReport]);
    COPIED_BYTES_PER_SEC = "copied_bytes_per_sec", "COPIED/s", BytesPerSec, Gauge,
        "Bytes copied by the CPU per second.",
        |row, frame| per_second(copied(row, frame), frame),
        .on(&[Once, GroupOnce]), .screen(1, (10, 10), Tone::Copied), .marked();
    UNKNOWN_MOVED_BYTES = "unknown_moved_bytes", "UNKNOWN", Bytes, Counter,
        "Bytes moved on paths of which this kernel does not tell whether they were copied: where there are \
         any, copied_bytes is a lower bound, too low by these at most.",
        |row, frame| measured(frame.copied(row.paths).unknown_moved_bytes);
    MOVED_BYTES = "moved_bytes", "MOVED", Bytes, Counter,
        "Bytes moved on all paths, copied or not: what the calls returned.",
        |row, frame| counter(row, frame, CounterId::MovedBytes),
        .on(&[Report, GroupReport]);
    MOVED_BYTES_PER_SEC = "moved_bytes_per_sec", "MOVED/s", BytesPerSec, Gauge,
        "Bytes moved on all paths per second.",
        |row, frame| per_second(counter(row, frame, CounterId::MovedBytes), frame),
        .on(&[Once, GroupOnce]), .screen(5, (8, 10), Tone::Text);
    AMPLIFICATION = "amplification", "PER BYTE", Ratio, Gauge,
        "CPU-copied bytes per payload byte. Payload is the busier direction, in or out, of files, \
         sockets and pipes: read + write of a byte is 2, sendfile of it 0. Memory paths and \
         pseudo files are left out.",
        amplification,
        .on(&[Once, Report, GroupOnce, GroupReport]), .screen(7, (9, 9), Tone::Text), .marked();
    DOMINANT_PATH = "dominant_path", "PATH", Text, Label,
        "The path that moved the most bytes. Device and /proc reads are shown only if \
         there is nothing else.",
        |row, _| ledger::dominant_path(row.paths)
            .map_or(Value::Absent, |path| Value::Text(path.id().into())),
        .on(&[Once, Report, GroupOnce, GroupReport]), .screen(3, (18, 21), Tone::Text);
    HOW = "how", "HOW", Text, Label,
        "Where the bytes came from and went to on the busiest paths: file>tcp copied by the CPU, file~tcp by reference \
         or by a device, file> only read, >file only written, ? not known whether copied.",
        |row, _| how::how(row.paths).map_or(Value::Absent, |how| Value::Text(how.into()));
    ZERO_COPIED_BYTES = "zero_copied_bytes", "BY REF", Bytes, Counter,
        "Bytes moved without a copy by the CPU. Pseudo files do not count.",
        zero_copied;
    ZERO_COPIED_BYTES_PER_SEC = "zero_copied_bytes_per_sec", "BY REF/s", BytesPerSec, Gauge,
        "Bytes moved per second without a copy by the CPU. Pseudo files do not count.",
        |row, frame| per_second(zero_copied(row, frame), frame),
        .screen(8, (10, 10), Tone::Reference), .marked();
    MODE_SWITCHES = "mode_switches", "SWITCHES", Count, Counter,
        CounterId::ModeSwitches.help(),
        |row, frame| counter(row, frame, CounterId::ModeSwitches);
    MODE_SWITCHES_PER_SEC = "mode_switches_per_sec", "SWITCHES/s", PerSec, Gauge,
        "Switches between user and kernel mode per second.",
        |row, frame| per_second(counter(row, frame, CounterId::ModeSwitches), frame),
        .screen(9, (11, 11), Tone::Text);
    ADVICE = "advice", "ADVICE", Text, Label,
        "The rule with the greatest predicted saving that applies to the process.",
        |row, frame| advice::best(row, frame)
            .map_or(Value::Absent, |advice| Value::Text(advice.rule.id().into())),
        .screen(10, (14, 21), Tone::Notice);
    CONTEXT_SWITCHES_VOLUNTARY = "context_switches_voluntary", "WAITS", Count, Counter,
        CounterId::ContextSwitchesVoluntary.help(),
        |row, frame| counter(row, frame, CounterId::ContextSwitchesVoluntary);
    CONTEXT_SWITCHES_VOLUNTARY_PER_SEC = "context_switches_voluntary_per_sec", "WAITS/s", PerSec, Gauge,
        "Voluntary context switches per second.",
        |row, frame| per_second(counter(row, frame, CounterId::ContextSwitchesVoluntary), frame),
        .screen(11, (10, 10), Tone::Text);
    CONTEXT_SWITCHES_INVOLUNTARY = "context_switches_involuntary", "PREEMPTED", Count, Counter,
        CounterId::ContextSwitchesInvoluntary.help(),
        |row, frame| counter(row, frame, CounterId::ContextSwitchesInvoluntary);
    CONTEXT_SWITCHES_INVOLUNTARY_PER_SEC = "context_switches_involuntary_per_sec", "PREEMPTED/s", PerSec, Gauge,
        "Involuntary context switches per second.",
        |row, frame| per_second(counter(row, frame, CounterId::ContextSwitchesInvoluntary), frame),
        .screen(12, (12, 12), Tone::Text);
    PAGE_CACHE_HITS = "page_cache_hits", "PAGE HITS", Count, Counter,
        CounterId::PageCacheHits.help(),
        |row, frame| counter(row, frame, CounterId::PageCacheHits);
    PAGE_CACHE_MISSES = "page_cache_misses", "PAGE MISSES", Count, Counter,
        CounterId::PageCacheMisses.help(),
        |row, frame| counter(row, frame, CounterId::PageCacheMisses);
    PAGE_CACHE_HIT_RATIO = "page_cache_hit_ratio", "CACHE HITS", Fraction, Gauge,
        "Page-cache hits per hit and miss. Readahead counts as a miss, the reads it serves as hits.",
        hit_ratio,
        .screen(13, (11, 11), Tone::Text);
    SYSCALLS = "syscalls", "SYSCALLS", Count, Counter,
        CounterId::Syscalls.help(),
        |row, frame| counter(row, frame, CounterId::Syscalls);
    SYSCALLS_PER_SEC = "syscalls_per_sec", "SYSCALLS/s", PerSec, Gauge,
        "System calls that returned, per second.",
        |row, frame| per_second(counter(row, frame, CounterId::Syscalls), frame),
        .screen(14, (11, 11), Tone::Text);
    STATE = "state", "STATE", Text, Label,
        "alive, exited, kernel (a kernel thread) or merged (short-lived processes of one name).",
        |row, _| of_process(row, |process| Value::Text(state(process).into())),
        .on(&[PerPath]), .screen(15, (7, 7), Tone::Dim);
    CGROUP = "cgroup", "CGROUP", Text, Label,
        "Path of the control group (cgroup v2), now or last.",
        |row, _| text(cgroup(row)),
        .on(&[PerPath]), .screen(16, (20, 80), Tone::Dim), .cut(Cut::End(30));
    CONTAINER = "container", "CONTAINER", Text, Label,
        "Id of the innermost container, or its name where it has only that, from the path of the control group.",
        |row, _| text(home(row).container.map(|it| it.id)),
        .cut(Cut::Start(12));
    RUNTIME = "runtime", "RUNTIME", Text, Label,
        "What runs the container, where the path of the control group says so: docker, containerd, cri-o, podman, \
         lxc, nspawn...",
        |row, _| text(home(row).container.and_then(|it| it.runtime));
    POD = "pod", "POD", Text, Label,
        "Uid of the Kubernetes pod, from the path of the control group.",
        |row, _| text(home(row).pod);
    UNIT = "unit", "UNIT", Text, Label,
        "Innermost systemd unit that is no container (a service or a scope), from the path of the control group.",
        |row, _| text(home(row).unit),
        .cut(Cut::End(30));
    UID = "uid", "UID", Number, Label,
        "Effective user id: by whose rights the process acts, now or last.",
        |row, _| {
            let user = row.process.map(|process| process.user).or(row.group.map(|group| group.user));
            user.flatten().map_or(Value::Absent, |uid| measured(uid.into()))
        };
    COPY_TAX = "copy_tax", "COPY TAX", Fraction, Gauge,
        "Share of the CPU time that went into the kernel's copy routines, by samples: 99 a second \
         on each CPU. Not given for less than 25 samples.",
        |row, frame| tax::copy_tax(row.counters, frame),
        .on(&[Json]);
    COPY_TAX_MARGIN = "copy_tax_margin", "TAX MARGIN", Fraction, Gauge,
        "95 % confidence margin of the copy tax: the fewer samples, the wider.",
        |row, frame| tax::copy_tax_margin(row.counters, frame),
        .on(&[Json]);
    CPU_SAMPLES = "cpu_samples", "CPU SAMPLES", Count, Counter,
        CounterId::CpuSamples.help(),
        |row, frame| counter(row, frame, CounterId::CpuSamples);
    COPY_SAMPLES = "copy_samples", "COPY SAMPLES", Count, Counter,
        CounterId::CopySamples.help(),
        |row, frame| counter(row, frame, CounterId::CopySamples);
    LIBRARY_COPY_SHARE = "library_copy_share", "LIB COPIES", Fraction, Gauge,
        "Share of the CPU time in functions of the program's own that only copy, such as memcpy, by samples.",
        |row, frame| Share::Library.of(row.counters, frame),
        .on(&[Json]);
    INLINED_COPY_SHARE = "inlined_copy_share", "LOOP COPIES", Fraction, Gauge,
        "Share of the CPU time in loops of the program's own that copy, in functions that do more.",
        |row, frame| Share::Inlined.of(row.counters, frame),
        .on(&[Json]);
    COPY_FAULT_SHARE = "copy_fault_share", "COPY FAULTS", Fraction, Gauge,
        "Share of the CPU time in page faults that the program's own copies took.",
        |row, frame| Share::Faults.of(row.counters, frame),
        .on(&[Json]);
    USER_COPY_SHARE = "user_copy_share", "USER COPIES", Fraction, Gauge,
        "Share of the CPU time in copies that the program makes itself: in functions and loops that copy, and in \
         the page faults that they took.",
        |row, frame| Share::All.of(row.counters, frame),
        .on(&[Json]);
    USER_COPY_MARGIN = "user_copy_margin", "USER MARGIN", Fraction, Gauge,
        "95 % confidence margin of user_copy_share.",
        |row, frame| Share::All.margin(row.counters, frame),
        .on(&[Json]);
    COPY_BILL = "copy_bill", "COPY BILL", Fraction, Gauge,
        "Share of the CPU time in copies of the kernel and of the program: copy_tax and user_copy_share.",
        |row, frame| Share::Bill.of(row.counters, frame),
        .on(&[Json]);
    COPY_BILL_MARGIN = "copy_bill_margin", "BILL MARGIN", Fraction, Gauge,
        "95 % confidence margin of the copy bill.",
        |row, frame| Share::Bill.margin(row.counters, frame),
        .on(&[Json]);
    NO_FILE_SHARE = "no_file_share", "NO FILE", Fraction, Gauge,
        "Share of the CPU time in code of the program's own that is in no file, such as that of a JIT compiler: \
         whether it copied is not known.",
        |row, frame| Share::NoFile.of(row.counters, frame),
        .on(&[Json]);
    UNKNOWN_CODE_SHARE = "unknown_code_share", "UNKNOWN CODE", Fraction, Gauge,
        "Share of the CPU time in code of the program's own of which nothing could be found out.",
        |row, frame| Share::Unknown.of(row.counters, frame),
        .on(&[Json]);
    LIBRARY_COPY_SAMPLES = "library_copy_samples", "LIB SAMPLES", Count, Counter,
        CounterId::LibraryCopySamples.help(),
        |row, frame| counter(row, frame, CounterId::LibraryCopySamples);
    INLINED_COPY_SAMPLES = "inlined_copy_samples", "LOOP SAMPLES", Count, Counter,
        CounterId::InlinedCopySamples.help(),
        |row, frame| counter(row, frame, CounterId::InlinedCopySamples);
    COPY_FAULT_SAMPLES = "copy_fault_samples", "AT FAULTS", Count, Counter,
        CounterId::CopyFaultSamples.help(),
        |row, frame| counter(row, frame, CounterId::CopyFaultSamples);
    NO_FILE_SAMPLES = "no_file_samples", "FILELESS", Count, Counter,
        CounterId::NoFileSamples.help(),
        |row, frame| counter(row, frame, CounterId::NoFileSamples);
    UNKNOWN_CODE_SAMPLES = "unknown_code_samples", "UNKNOWN", Count, Counter,
        CounterId::UnknownCodeSamples.help(),
        |row, frame| counter(row, frame, CounterId::UnknownCodeSamples);
    PAGE_FAULTS_MINOR = "page_faults_minor", "MINOR FAULTS", Count, Counter,
        CounterId::PageFaultsMinor.help(),
        |row, frame| counter(row, frame, CounterId::PageFaultsMinor);
    PAGE_FAULTS_MAJOR = "page_faults_major", "MAJOR FAULTS", Count, Counter,
        CounterId::PageFaultsMajor.help(),
        |row, frame| counter(row, frame, CounterId::PageFaultsMajor);
    COW_COPIED_BYTES = "cow_copied_bytes", "COW", Bytes, Counter,
        CounterId::CowCopiedBytes.help(),
        |row, frame| counter(row, frame, CounterId::CowCopiedBytes);
    BLOCK_READ_BYTES = "block_read_bytes", "BLOCK READ", Bytes, Counter,
        CounterId::BlockReadBytes.help(),
        |row, frame| counter(row, frame, CounterId::BlockReadBytes);
    BLOCK_READ_BYTES_PER_SEC = "block_read_bytes_per_sec", "BLK READ/s", BytesPerSec, Gauge,
        "Bytes of read requests made to block devices per second.",
        |row, frame| per_second(counter(row, frame, CounterId::BlockReadBytes), frame);
    BLOCK_WRITE_BYTES = "block_write_bytes", "BLOCK WRITE", Bytes, Counter,
        CounterId::BlockWriteBytes.help(),
        |row, frame| counter(row, frame, CounterId::BlockWriteBytes);
    BLOCK_WRITE_BYTES_PER_SEC = "block_write_bytes_per_sec", "BLK WRITE/s", BytesPerSec, Gauge,
        "Bytes of write requests made to block devices per second.",
        |row, frame| per_second(counter(row, frame, CounterId::BlockWriteBytes), frame);
    BLOCK_DIRTIED_BYTES = "block_dirtied_bytes", "BLOCK DIRTY", Bytes, Counter,
        CounterId::BlockDirtiedBytes.help(),
        |row, frame| counter(row, frame, CounterId::BlockDirtiedBytes);
    BLOCK_DIRTIED_BYTES_PER_SEC = "block_dirtied_bytes_per_sec", "BLK DIRTY/s", BytesPerSec, Gauge,
        "Bytes per second of pages that the process dirtied, and of what it wrote past the page cache.",
        |row, frame| per_second(counter(row, frame, CounterId::BlockDirtiedBytes), frame);
    NET_TX_BYTES = "net_tx_bytes", "NET TX", Bytes, Counter,
        CounterId::NetTxBytes.help(),
        |row, frame| counter(row, frame, CounterId::NetTxBytes);
    NET_TX_BYTES_PER_SEC = "net_tx_bytes_per_sec", "NET TX/s", BytesPerSec, Gauge,
        "Payload bytes handed to network sockets per second.",
        |row, frame| per_second(counter(row, frame, CounterId::NetTxBytes), frame);
    NET_RX_BYTES = "net_rx_bytes", "NET RX", Bytes, Counter,
        CounterId::NetRxBytes.help(),
        |row, frame| counter(row, frame, CounterId::NetRxBytes);
    NET_RX_BYTES_PER_SEC = "net_rx_bytes_per_sec", "NET RX/s", BytesPerSec, Gauge,
        "Payload bytes received from network sockets per second.",
        |row, frame| per_second(counter(row, frame, CounterId::NetRxBytes), frame);
    ZEROCOPY_REQUESTED_BYTES = "zerocopy_requested_bytes", "ZC REQUESTED", Bytes, Counter,
        CounterId::ZerocopyRequestedBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyRequestedBytes);
    ZEROCOPY_ACHIEVED_BYTES = "zerocopy_achieved_bytes", "ZC ACHIEVED", Bytes, Counter,
        CounterId::ZerocopyAchievedBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyAchievedBytes);
    ZEROCOPY_URING_BYTES = "zerocopy_uring_bytes", "ZC IO_URING", Bytes, Counter,
        CounterId::ZerocopyUringBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyUringBytes);
    ZEROCOPY_NOT_ENABLED_BYTES = "zerocopy_not_enabled_bytes", "ZC NOT SET", Bytes, Counter,
        CounterId::ZerocopyNotEnabledBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyNotEnabledBytes);
    ZEROCOPY_REFUSALS = "zerocopy_refusals", "ZC REFUSALS", Count, Counter,
        CounterId::ZerocopyRefusals.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyRefusals);
    ZEROCOPY_REFUSED_BYTES = "zerocopy_refused_bytes", "ZC REFUSED", Bytes, Counter,
        CounterId::ZerocopyRefusedBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyRefusedBytes);
    ZEROCOPY_COPIED_LATER_BYTES = "zerocopy_copied_later_bytes", "ZC LATER", Bytes, Counter,
        CounterId::ZerocopyCopiedLaterBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyCopiedLaterBytes);
    ZEROCOPY_LINEARIZED_BYTES = "zerocopy_linearized_bytes", "ZC LINEAR", Bytes, Counter,
        CounterId::ZerocopyLinearizedBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyLinearizedBytes);
    REFERENCED_LINEARIZED_BYTES = "referenced_linearized_bytes", "REF LINEAR", Bytes, Counter,
        CounterId::ReferencedLinearizedBytes.help(),
        |row, frame| counter(row, frame, CounterId::ReferencedLinearizedBytes);
    ZEROCOPY_PULLED_BYTES = "zerocopy_pulled_bytes", "ZC PULLED", Bytes, Counter,
        CounterId::ZerocopyPulledBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyPulledBytes);
    REFERENCED_PULLED_BYTES = "referenced_pulled_bytes", "REF PULLED", Bytes, Counter,
        CounterId::ReferencedPulledBytes.help(),
        |row, frame| counter(row, frame, CounterId::ReferencedPulledBytes);
    DISCARDED_BYTES = "discarded_bytes", "DISCARDED", Bytes, Counter,
        CounterId::DiscardedBytes.help(),
        |row, frame| counter(row, frame, CounterId::DiscardedBytes);
    TRANSFORMED_BYTES = "transformed_bytes", "TRANSFORMED", Bytes, Counter,
        CounterId::TransformedBytes.help(),
        |row, frame| counter(row, frame, CounterId::TransformedBytes);
    RELAYED_FILE_FILE_BYTES = "relayed_file_file_bytes", "FILE>FILE", Bytes, Counter,
        CounterId::RelayedFileFileBytes.help(),
        |row, frame| counter(row, frame, CounterId::RelayedFileFileBytes);
    RELAYED_FILE_PIPE_BYTES = "relayed_file_pipe_bytes", "FILE>PIPE", Bytes, Counter,
        CounterId::RelayedFilePipeBytes.help(),
        |row, frame| counter(row, frame, CounterId::RelayedFilePipeBytes);
    RELAYED_FILE_SOCKET_BYTES = "relayed_file_socket_bytes", "FILE>SOCK", Bytes, Counter,
        CounterId::RelayedFileSocketBytes.help(),
        |row, frame| counter(row, frame, CounterId::RelayedFileSocketBytes);
    RELAYED_PIPE_FILE_BYTES = "relayed_pipe_file_bytes", "PIPE>FILE", Bytes, Counter,
        CounterId::RelayedPipeFileBytes.help(),
        |row, frame| counter(row, frame, CounterId::RelayedPipeFileBytes);
    RELAYED_PIPE_PIPE_BYTES = "relayed_pipe_pipe_bytes", "PIPE>PIPE", Bytes, Counter,
        CounterId::RelayedPipePipeBytes.help(),
        |row, frame| counter(row, frame, CounterId::RelayedPipePipeBytes);
    RELAYED_PIPE_SOCKET_BYTES = "relayed_pipe_socket_bytes", "PIPE>SOCK", Bytes, Counter,
        CounterId::RelayedPipeSocketBytes.help(),
        |row, frame| counter(row, frame, CounterId::RelayedPipeSocketBytes);
    RELAYED_SOCKET_FILE_BYTES = "relayed_socket_file_bytes", "SOCK>FILE", Bytes, Counter,
        CounterId::RelayedSocketFileBytes.help(),
        |row, frame| counter(row, frame, CounterId::RelayedSocketFileBytes);
    RELAYED_SOCKET_PIPE_BYTES = "relayed_socket_pipe_bytes", "SOCK>PIPE", Bytes, Counter,
        CounterId::RelayedSocketPipeBytes.help(),
        |row, frame| counter(row, frame, CounterId::RelayedSocketPipeBytes);
    RELAYED_SOCKET_SOCKET_BYTES = "relayed_socket_socket_bytes", "SOCK>SOCK", Bytes, Counter,
        CounterId::RelayedSocketSocketBytes.help(),
        |row, frame| counter(row, frame, CounterId::RelayedSocketSocketBytes);
    RELAYED_USER_NS = "relayed_user_ns", "RELAY USER", Nanoseconds, Counter,
        CounterId::RelayedUserNs.help(),
        |row, frame| counter(row, frame, CounterId::RelayedUserNs);
    RELAYING_CONTEXT_SWITCHES = "relaying_context_switches", "RELAY CSW", Count, Counter,
        CounterId::RelayingContextSwitches.help(),
        |row, frame| counter(row, frame, CounterId::RelayingContextSwitches);
    RELAYING_CPU_SAMPLES = "relaying_cpu_samples", "RELAY CPU", Count, Counter,
        CounterId::RelayingCpuSamples.help(),
        |row, frame| counter(row, frame, CounterId::RelayingCpuSamples);
    MAPPED_SENT_BYTES = "mapped_sent_bytes", "MAPPED SENT", Bytes, Counter,
        CounterId::MappedSentBytes.help(),
        |row, frame| counter(row, frame, CounterId::MappedSentBytes);
    URING_OPS = "uring_ops", "IO_URING", Count, Counter,
        CounterId::UringOps.help(),
        |row, frame| counter(row, frame, CounterId::UringOps);
    URING_DEFERRED_OPS = "uring_punted_ops", "DEFERRED", Count, Counter,
        CounterId::UringDeferredOps.help(),
        |row, frame| counter(row, frame, CounterId::UringDeferredOps);
    MMAP_CALLS = "mmap_calls", "MMAP", Count, Counter,
        CounterId::MmapCalls.help(),
        |row, frame| counter(row, frame, CounterId::MmapCalls);
    MUNMAP_CALLS = "munmap_calls", "MUNMAP", Count, Counter,
        CounterId::MunmapCalls.help(),
        |row, frame| counter(row, frame, CounterId::MunmapCalls);
    MSYNC_CALLS = "msync_calls", "MSYNC", Count, Counter,
        CounterId::MsyncCalls.help(),
        |row, frame| counter(row, frame, CounterId::MsyncCalls);
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Absent, |text| Value::Text(Cow::Borrowed(text)))
}

/// The control group of a process, or of all that are in a group.
fn cgroup(row: Row<'_>) -> Option<&str> {
    // Those of one container may be in several.
    let is_common = row.group.is_none_or(|group| group.by != GroupBy::Container);
    place(row).filter(|_| is_common)
}

/// A control group that tells where a process or all of a group live.
fn place(row: Row<'_>) -> Option<&str> {
    match (row.process, row.group) {
        (Some(process), _) => process.cgroup.as_deref(),
        (None, Some(group)) => group.cgroup.as_deref(),
        (None, None) => None,
    }
}

fn home(row: Row<'_>) -> Home<'_> {
    place(row).map_or_else(Home::default, Home::of)
}

fn members<'a>(row: Row<'a>, _: &'a Frame) -> Value<'a> {
    match (row.process, row.group) {
        (Some(process), _) => measured(process.merged),
        (None, Some(group)) => group.members.map_or(Value::Absent, measured),
        (None, None) => Value::Absent,
    }
}

fn of_process<'a>(row: Row<'a>, read: impl FnOnce(&'a ProcessSample) -> Value<'a>) -> Value<'a> {
    row.process.map_or(Value::Absent, read)
}

/// The process's state in one word.
#[must_use]
pub const fn state(process: &ProcessSample) -> &'static str {
    if process.id.pid == 0 {
        "merged"
    } else if process.exited {
        "exited"
    } else if process.kernel {
        "kernel"
    } else {
        "alive"
    }
}

fn counter<'a>(row: Row<'a>, frame: &'a Frame, counter: CounterId) -> Value<'a> {
    if row.group.is_some_and(|group| !group.knows(counter)) {
        return Value::Absent;
    }
    if user_copies::is_left_out(counter, frame) {
        return Value::Unavailable(user_copies::NOT_LOOKED_FOR);
    }
    let value = row.counters[counter];
    match frame.host.limitation(counter) {
        None => measured(value),
        Some(limit) if limit.provenance == Provenance::Unavailable => {
            Value::Unavailable(&limit.reason)
        }
        Some(limit) => {
            Value::Integer(value, Quality { provenance: limit.provenance, lower_bound: false })
        }
    }
}

/// Why the copies of a zero-copy send are not known where the machine gives no reason of its own.
const NO_ZEROCOPY_EVIDENCE: &str =
    "this kernel does not tell whether zero-copy sends were copied after all";

/// Why `copied_bytes` is not available on a path.
#[must_use]
pub fn why_unavailable(frame: &Frame, path: Option<CopyPath>) -> &str {
    match frame.host.limitation(CounterId::CopiedBytes) {
        Some(limit) if path != Some(CopyPath::SocketSendZerocopy) => &limit.reason,
        _ => why_copies_are_unavailable(frame),
    }
}

/// Why `copied_bytes` is not available for a line that moved bytes.
#[must_use]
pub fn why_copies_are_unavailable(frame: &Frame) -> &str {
    [CounterId::ZerocopyAchievedBytes, CounterId::CopiedBytes]
        .into_iter()
        .find_map(|counter| frame.host.limitation(counter))
        .map_or(NO_ZEROCOPY_EVIDENCE, |limit| &limit.reason)
}

fn copied_value<'a>(frame: &'a Frame, copied: Copied) -> Value<'a> {
    if copied.is_unavailable() {
        return Value::Unavailable(why_copies_are_unavailable(frame));
    }
    let quality = Quality { provenance: copied.provenance, lower_bound: copied.is_lower_bound() };
    Value::Integer(copied.bytes, quality)
}

fn copied<'a>(row: Row<'a>, frame: &'a Frame) -> Value<'a> {
    copied_value(frame, Copied::of(row.paths, frame.host.copies))
}

fn zero_copied<'a>(row: Row<'a>, frame: &'a Frame) -> Value<'a> {
    let bytes = ledger::zero_copied_bytes(row.paths);
    let copied = Copied::of(row.paths, frame.host.copies);
    if bytes == 0 && copied.is_lower_bound() {
        return Value::Unavailable(why_copies_are_unavailable(frame));
    }
    let quality = Quality { provenance: copied.provenance, lower_bound: copied.is_lower_bound() };
    Value::Integer(bytes, quality)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio is shown with four digits at most")]
fn amplification<'a>(row: Row<'a>, frame: &'a Frame) -> Value<'a> {
    let payload = ledger::payload_bytes(row.paths);
    if payload == 0 {
        return Value::Absent;
    }
    match copied_value(frame, ledger::payload_copied(row.paths, frame.host.copies)) {
        Value::Integer(copied, quality) => Value::Real(copied as f64 / payload as f64, quality),
        other => other,
    }
}

fn hit_ratio<'a>(row: Row<'a>, frame: &'a Frame) -> Value<'a> {
    let hits = counter(row, frame, CounterId::PageCacheHits);
    let misses = counter(row, frame, CounterId::PageCacheMisses);
    match (hits.number(), misses.number()) {
        (Some(hits), Some(misses)) if hits + misses > 0.0 => {
            Value::Real(hits / (hits + misses), Quality::MEASURED)
        }
        (Some(_), Some(_)) => Value::Absent,
        (None, _) => hits,
        (_, None) => misses,
    }
}
