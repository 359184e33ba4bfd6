//! `docs/metrics.md`: every column, counter, path and loss, from the tables that define them.

#[cfg(feature = "lab")]
mod lab;

use std::fmt::{self, Write as _};

use zc_common::{loss::Loss, path::CopyPath};

use zc_model::{
    advice::Rule,
    column::{Devices, Paths, Processes, Table},
    counter::CounterId,
    group::GroupBy,
    path::{self, Flow},
    snapshot::Provenance,
    zerocopy::{Mechanism, Reason},
};

/// The page, in Markdown.
#[must_use]
pub(crate) fn markdown() -> String {
    let mut page = String::new();
    let written = write_page(&mut page);
    debug_assert!(written.is_ok(), "writing to a String does not fail");
    page
}

fn write_page(page: &mut String) -> fmt::Result {
    page.push_str(INTRODUCTION);
    write_columns(page)?;
    write_groups(page)?;
    page.push_str(OBJECTS);
    write_counters(page)?;
    write_paths(page)?;
    write_losses(page)?;
    write_zerocopy(page)?;
    write_rules(page)?;
    #[cfg(feature = "lab")]
    lab::write(page)?;
    Ok(())
}

const INTRODUCTION: &str = "\
<!-- Generated from the tables in the code; do not edit. -->

# Metrics

Ids are stable: JSON, CSV, filters, `--columns` and `--sort` use the same word.

Every number has a provenance. *measured*: counted where it happens. *assumed* (`?`): the call
returned bytes that no hooked function copied and nothing shows to have been passed on without a
copy. *modelled* (`~`): the path's usual number of copies times the bytes moved, where zc cannot trace
this kernel's functions. *unavailable* (`-`, `null` in JSON, empty in CSV): this kernel or these privileges
cannot tell. A sum is as trustworthy as its worst part; a part that is not available is left out of
the sum, which is then a lower bound (`+`; `unknown_moved_bytes` in JSON and CSV says by how much at most).

A run follows all processes, or some: with `-p` these and what descends from them, with `--cgroup` those in
the control group or below it, with a command that and what descends from it. What descends from a process
is followed from its birth, also when its parent ends later or it leaves the control group; what had lost its
parent before `zc` counted is not known to descend from it. Nothing is counted for other processes, and they
take no slots: the unattributed row has what followed threads did without a slot. With `-p` the processes are
those that had these numbers when `zc` started, until they end; another process that gets the number of one is
not followed. Of the control groups that are named one has to be there; others, and what a `*` matches, may come later.
Devices and their bytes are still those of the whole machine. A path of a control group that has a `*` is only a filter, and so is
`--cgroup` with a command. `--comm`, `--path` and `--filter` are filters, too. What threads did without a slot
stays in the unattributed row and in the totals then: it may be of processes that the filter leaves out.

The counters `relayed_*` are lower bounds: what one thread of a process takes in and another sends on, and what moves
through io_uring or recvmmsg, is not recognised as the same bytes.
";

fn write_columns(page: &mut String) -> fmt::Result {
    write_table::<Processes>(page, "Columns")?;
    write_table::<Paths>(page, "Columns of paths")?;
    write_table::<Devices>(page, "Columns of devices")?;
    page.push_str(INTERFACES);
    Ok(())
}

const GROUPS: &str = "
`--group-by` lists sums over processes that have something in common, in place of the processes; JSON has them in
`groups`, next to these. Every process that did something is a member of one group (by path: of several), also one
that has ended; those that were merged to bound memory are members of the group that they have in common, except by
parent. The groups and what is unattributed are the totals. Members of whom it is not known to which group they belong
are in the group `?`. There is no advice for groups: what one process reads and another one sends is no relay.

";

fn write_groups(page: &mut String) -> fmt::Result {
    page.push_str("\n## Groups\n");
    page.push_str(GROUPS);
    page.push_str("| id | members have in common |\n| --- | --- |\n");
    for by in GroupBy::ALL {
        writeln!(page, "| `{}` | {} |", by.id(), by.help())?;
    }
    Ok(())
}

const OBJECTS: &str = "
## Files and peers

`zc files` and `zc peers` count bytes per open object, too: a file, a device, a socket, a pipe. JSON has them in
`objects`, a row per process and object, with the paths on which bytes came `from` the object, and those on which they
went `to` it. A path may have both ends (sendfile, splice, copy_file_range): it is then in the row of the one object and
in that of the other. For each path, and for each end that it has, the rows and `objects_outside` are exactly the totals
(operations, errors, moved and copied bytes); calls in progress while the counts are read are in one of the two
already. With a filter (`--comm`, `--filter`...), `objects` has the rows of the processes that it leaves, and
`objects_outside` is that of all that are followed.

The kernel side has room for `--max-objects` rows, one per process, object, path and end. From three quarters on, `zc`
removes those that have been idle for longest, down to half, several times a second; it keeps what they had, for as many
rows again, and a row that comes back goes on. Of more than that, those with the fewest bytes are given up: in figures
since the start they are among the others (`no_room`); in those of an interval they are not, unless it has that many new
rows itself. So there is room for half of `--max-objects` new rows between two looks, which are 0.1 seconds apart, or 25
times as long as a look takes (100 times while the table is less than half full). A call that finds a row in the very
moment in which it is removed is in no row, or in another one.

`objects_outside` says why bytes are in no row. `no_room`: the table was full of rows in use when the object was used
(the loss `objects_exhausted` counts these calls), or its row was given up. `unknown_object`: another thread closed or
replaced the descriptor while the call waited, the kernel mapped pages of no open file, or a splice by io_uring read
from it. `not_attributed`: `zc` does not see the object there: libaio, io_uring before 5.18, io_uring operations that
complete silently, what TCP_ZEROCOPY_RECEIVE maps after it has copied, and what was copied after a zero-copy send.

An object is known by `device`, `inode` and `generation`, not by its name. The `name` is the path when the object was
first used, or used again after its last row had been removed, in the tree of mounts of the process (`mount_namespace`
says which, where it is not that of `zc`); `whole` is false when the beginning is unknown, `deleted` true when the file
had no name any more. A name that was changed later is not seen. Names are read from the kernel's tables of names, never
from files. Of a socket, `local` and `remote` are its ends; `remote` is `null` when it is not connected, as most UDP
sockets that receive from many: their messages are in the row of the socket. Of unix sockets one end has a name at most;
an abstract one begins with `@`. `peers` are the processes that were seen to use the other end: of connections on this
machine, unix sockets and pipes, when they moved bytes and are followed, too.

`flows` says from which object to which one: a row per process, pair of objects and `path`; in text it is below the
table, as `FROM` and `TO`. A call that moves bytes between two objects (sendfile, splice, copy_file_range) tells both. A
pipe is an object like others: what is spliced through it is two flows, into it and out of it, and which bytes leave it
is not known. `relayed` is true, and `path` `null`, where a thread wrote or sent at least 512 bytes from the buffer into
which it had read or received them before (`relayed_file_socket_bytes` and its like; here also what is appended, or
updated in place, which those leave out). Addresses are compared, never the data. What else has been
written to that buffer in between, by the program, by smaller reads, by io_uring, by a datagram or past the page cache,
is taken for what had been read. Buffers of which more than two are in use, those passed on between threads and those
of io_uring are in no flow; what the counters have and no flow is `(not attributed)`, at least. CSV has no flows. A table
of `--max-objects` flows that is full is the loss `flows_exhausted`. Idle flows make room as idle rows do; there is no row
of those that are given up, and their calls are the same loss.

## Stacks

`zc stacks` adds `stacks` to the JSON of `zc stat`: a row per process, call stack and path. `copied_bytes` and `calls` are
estimates from `samples`; with a probability of 95 % the true number of bytes is within `copied_bytes_margin` of the
estimate. Rows whose `path` is `null` have `time_samples` of CPU time in the kernel's copy routines, of
`stacks_time_sample_ns` nanoseconds each, and `kernel_frames`. `frames` begin with the innermost function; `kind` is
`user`, `recovered`, `no_file` or `kernel`, and `offset` where in its file a function without a name begins. `end` says
where the stack ends: `whole`, `depth` (127 frames), `no_frame_pointers` or `no_stack`. `stacks_lost_bytes` is what lost
samples stand for, an estimate within `stacks_lost_bytes_margin` at most (`null`: not known, of a recording by a former
version), `stacks_lost_time_samples` how many of CPU time were lost. See [stacks.md](stacks.md).

";

const INTERFACES: &str = "
Network interfaces count packets where the stack hands them to the driver, and the driver to the stack.
Bytes include the Ethernet header in both directions; on loopback, in neither. Both are what
`/proc/net/dev` says of loopback and of veth. Interfaces without Ethernet (tun, WireGuard, PPP) count what
is handed over. A packet that the driver refuses (`errors`) counts when it is taken at last.

All bytes and packets are counted, at any rate. Whether a packet lies in one piece (`linear_bytes`) or in several
(`gather_bytes`) is looked at for all of them up to 50,000 packets a second, sent by all interfaces together; of
more, for those of one tenth of the time, in slices of a tenth of a second drawn at random. `linear_bytes` and
`gather_bytes` are then less than `write_bytes`, and the share GATHER is marked: by `~`, and in JSON by `modelled`
under `gathered_share` in the `provenance` of the device, which has no such member otherwise.

An interface is known by its namespace and its name: one that is renamed goes on in the row of its new name, and
one that gets the index of another that is gone is not taken for it. Whatever has had a name adds to its row: another
interface that gets it later, or one in a namespace that got the inode number of one that is gone.

A packet that the device segments, or that the kernel merged on reception (GRO), counts once and with one
header, in both directions. `/proc/net/dev` differs where a driver counts something else: segments on the
wire (most hardware: 66 bytes more for each further TCP segment), packets that it took and then dropped (not
counted there), or packets without the header (veth with GRO). Not counted here: packets that bypass the
stack (XDP, AF_XDP, pktgen, PACKET_QDISC_BYPASS, offloaded forwarding), and what VLAN, macvlan and bond interfaces receive, which
counts at the interface below.
";

fn write_table<T: Table>(page: &mut String, heading: &str) -> fmt::Result {
    write!(page, "\n## {heading}\n\n")?;
    page.push_str("| id | heading | unit | kind | meaning |\n| --- | --- | --- | --- | --- |\n");
    for column in T::COLUMNS {
        writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            column.id,
            column.title,
            column.unit.id(),
            column.kind.id(),
            column.help,
        )?;
    }
    Ok(())
}

fn write_counters(page: &mut String) -> fmt::Result {
    page.push_str("\n## Counters\n\nBy process, and in total. Bytes where the id says so.\n\n");
    page.push_str("| id | meaning |\n| --- | --- |\n");
    for counter in CounterId::ALL {
        writeln!(page, "| `{}` | {} |", counter.id(), counter.help())?;
    }
    page.push_str(PAGES);
    page.push_str(USER_COPIES);
    Ok(())
}

fn write_paths(page: &mut String) -> fmt::Result {
    page.push_str(
        "\n## Paths\n\nPayload: which way the path counts for copies per byte. Modelled: copies \
         per byte\nwhere nothing measures them.\n\n\
         | id | group | payload | modelled | meaning |\n| --- | --- | --- | --- | --- |\n",
    );
    for copy_path in CopyPath::ALL.iter().copied() {
        let modelled = copy_path
            .modelled_copies()
            .map_or_else(|| Provenance::Unavailable.id().to_owned(), |copies| copies.to_string());
        let flow = match path::flow(copy_path) {
            Flow::In => "in",
            Flow::Out => "out",
            Flow::Through => "in and out",
            Flow::None => "no",
        };
        writeln!(
            page,
            "| `{}` | {} | {flow} | {modelled} | {} |",
            copy_path.id(),
            path::group(copy_path).title(),
            copy_path.help(),
        )?;
    }
    Ok(())
}

/// What losses are about.
const LOSSES: &str = "\
In a run that follows some processes only, losses are counted for these; texts list the others, which the kernel
counts for the whole machine, as losses on this machine. With a filter all of them are on this machine.
";

fn write_losses(page: &mut String) -> fmt::Result {
    page.push_str("\n## Losses\n\n");
    page.push_str(LOSSES);
    page.push_str("\n| id | meaning |\n| --- | --- |\n");
    for loss in Loss::ALL {
        writeln!(page, "| `{}` | {} |", loss.id(), loss.help())?;
    }
    page.push_str(UNSEEN);
    Ok(())
}

fn write_rules(page: &mut String) -> fmt::Result {
    page.push_str(ADVICE);
    for rule in Rule::ALL {
        writeln!(page, "| `{}` | {} | {} |", rule.id(), rule.remedy(), rule.condition())?;
    }
    Ok(())
}

fn write_zerocopy(page: &mut String) -> fmt::Result {
    page.push_str(ZEROCOPY);
    for mechanism in Mechanism::ALL {
        writeln!(page, "| `{}` | {} |", mechanism.id(), mechanism.help())?;
    }
    page.push_str("\n| reason | meaning |\n| --- | --- |\n");
    for reason in Reason::ALL {
        writeln!(page, "| `{}` | {} |", reason.id(), reason.sentence())?;
    }
    Ok(())
}

const ADVICE: &str = "
## Advice

Advice needs evidence, and enough of it; otherwise there is none. Where intervals follow each other (the dashboard,
`zc top`, `zc stat -i`, `zc serve`), evidence is what a process did in the interval and in the ten seconds before, so that
a server of 10 MB a second is advised, after some seconds, whatever the interval; the figures are those of the
interval. What the interval alone does not show is `possible` at most: a program that wakes by a timer may do its work
between the ticks each time. Evidence ends where another program is executed. Of small calls, the interval alone decides. Every piece says how certain it is, and under which condition it holds. Nothing that `zc` counts proves that a program leaves the data alone: it can
change a few bytes of each buffer in no time. `certain` is only what the kernel reports itself:
`zerocopy_not_achieved` where it copied because SO_ZEROCOPY is not set, or because the receiver is on this host.

Bytes count as passed on (`relayed_file_socket_bytes` and its like) when a thread writes or sends them right
after it has read or received them, from the same buffer. Datagrams and messages are left out: splice would
lose their bounds. So are files that are also read (they are updated in place) or opened with O_APPEND.
A program that changes all bytes within the buffer spends time in user mode: `relayed_user_ns` is how much, by
the ticks of the kernel, and its upper bound of 95 % decides:

| certainty | user mode per byte passed on | with no tick at all, from |
| --- | --- | --- |
| `possible` | up to 0.4 ns | 29 MiB |
| `likely` | up to 0.15 ns | 76 MiB |

The time itself must be below 0.1 ns per byte. For `likely`, the CPU time of the other threads of the process
counts as well, if any has run: those that passed nothing on, by samples (`cpu_samples` without
`relaying_cpu_samples`, 99 a second, and their upper bound of 95 %). If there are no samples, or if more than an
eighth as much (and more than 1 MiB) comes in otherwise, the advice is `possible`; if as much comes from devices
such as `/dev/zero` or from the memory of processes, there is none. Calls must be of about 4 KiB on average
(3,584 bytes), and at least 8. There is no advice if calls by which the kernel would move the bytes have failed in
the same time, nor if a process writes more to files and pipes than it passes on. Of mapped files that are sent, `mapped_sent_bytes` is the evidence, 8 MiB and a sixteenth
of what is sent at least: the program had not touched the pages before (`likely`). It takes Linux 6.12, or copy
sites. Datagrams are left out; where Unix sockets, which may have them, take part, the advice is `possible`, and
so it is if `cow_copied_bytes` has a page for every other send, beyond 64 pages: the mapping may be private, and changed.

Small calls are those of up to 512 bytes on average; they need at least 10,000 of them, and four times as many
as all other system calls of the process. Where in a file they read or write is not known: such advice is
`possible`, that about pipes and sockets `likely`. Zero-copy sends need 4 MiB, small ones 1,000 calls.

Each byte is claimed by one piece of advice only. In JSON, each has `certainty` and `condition`.

| id | what to do | when |
| --- | --- | --- |
";

const PAGES: &str = "
Page-cache hits follow from the position and the result of each read: the pages that its bytes lie in, less
those that the same call brought in. What a read brings in ahead counts as misses of that call, and as hits
of the reads that find it. Counted are read, pread, their vectored forms, sendfile, splice, copy_file_range,
libaio, and io_uring since Linux 5.18, on files and block devices without O_DIRECT; not files in memory
(tmpfs), and not splice by io_uring. An asynchronous read (libaio, io_uring) is not known when its pages are
brought in: of those, also what was read ahead is taken off the hits. Too many hits are counted for reads
that bypass the page cache although the file was opened without O_DIRECT (DAX, FUSE with direct_io), for a
cold file that sendfile or copy_file_range copies over a cold part of another, and for a cold read into a
buffer that maps a cold file. Threads that move the position of the same open file at the same time may
shift a read by a page.
";

const USER_COPIES: &str = "
Copies in user space are looked for with `--user-copies` only; otherwise their figures are unavailable. A sample that
finds a process in its own code, or in the kernel at a page fault or an interrupt that hit its code, is of one of these
kinds: a function that only copies (`library`), a loop that copies in a function that does more (`inlined`), the same
in the kernel (`copy_fault_samples`), code with no file, unknown, or no copy. A sample in a copy routine of the kernel
is a copy of the kernel, whatever the process was doing: the kinds add up to no more than `cpu_samples`, and
`copy_bill` is the share of all that copy.

Functions that copy are found by their names, also those among which a C library chooses when a program starts; without
symbols by their code. Loops are found by how data flows through them: at least three quarters of the stored bytes are
loaded and unchanged, and nearly none of them are computed with. So copies of strings, copies with a checksum, byte
swaps, and conversions are no copies here; the match copies of a decompressor are. `inlined` says that a loop copies,
not that it could be avoided. Of programs with 32 bits, and on other processors than x86-64 and arm64, all is unknown.

Unknown are: processes that ended before their files were opened, files that cannot be opened or are no programs, files
that FUSE serves, places beyond the 8,192 that are noted at a time. In the kernel, an interrupt that hits a copy counts
as a page fault that it took: less than one percent of the copies. The files of programs are open for up to ten
seconds after they were last looked at.
";

const UNSEEN: &str = "
Not observable, because the kernel emits no event for it: what becomes of libaio operations whose events a
program takes out of the ring in its own memory instead of calling io_getevents (QEMU, Seastar, fio's
`userspace_reap`; `aio_unseen` counts them); and which of the mapped pages a program reads or writes
again. `mmap_read` and `mmap_write` count the pages
of faults; for large folios, a kernel may map more pages at a fault than it reports.

Of a completion of libaio, the kernel tells the address of its `struct iocb` and the number of the request. Operations
that are under way with the same two at the same time, and differ, are a loss (`aio_ambiguous`). Of more than
4,096 operations under way at a time, some are looked up in the memory of the program when they are reaped, and counted
as what it says then. A process that has more than a million operations unseen reaps them in its own memory: what it
submits under two that are in use is taken for the only one.

The arguments of a 32-bit socketcall are read when it has returned. What it has received may have overwritten them: that
is the loss `compat_syscalls`, unless what was received names another socket and another buffer. A message from ring to
ring that is sent without a ring (`IORING_REGISTER_SEND_MSG_RING`) and passes flags on may look like a receive that goes on.

A call that a seccomp filter answers with an error number (`SECCOMP_RET_ERRNO`) counts as what it returned, an error
or, with the number 0, an operation of 0 bytes: the kernel leaves no trace of who has answered. Which reads and
writes a supervisor has answered (`SECCOMP_RET_USER_NOTIF`), and which the kernel has carried out, follows from
the kernel's own count of them (`syscr` and `syscw` of `/proc/PID/io`). Sends, receives and splices are not in it, and
a loss, `supervised_calls`, unless a copy site has seen them.

What stands behind a descriptor is looked at when a call first sleeps, and when it returns. If another thread has put
something else in its place before the first sleep, and its file is open elsewhere, too, the kernel keeps no trace of it:
the bytes are counted on the path of what is there now. The same holds for an io_uring splice whose source is opened by a
request before it in the same chain.
";

const ZEROCOPY: &str = "
## Zero-copy: requested and achieved

`zerocopy` in JSON has an entry per mechanism that was used, with the bytes requested, those that were
not copied (`null` where this kernel does not report them, with the reason), and why the others were.

| mechanism | what it is |
| --- | --- |
";
