//! `docs/metrics.md`: every column, counter, path and loss, from the tables that define them.

#[cfg(feature = "lab")]
mod lab;

use std::fmt::{self, Write as _};

use zc_common::{loss::Loss, path::CopyPath};

use zc_model::{
    advice::Rule,
    column::{Devices, Paths, Processes, Table},
    counter::CounterId,
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
the sum, which is then a lower bound (`+`; `unknown_moved_bytes` in JSON says by how much at most).

A run follows all processes, or some: with `-p` these and what descends from them, with `--cgroup` those in
the control group or below it, with a command that and what descends from it. What descends from a process
is followed from its birth, also when its parent ends later or it leaves the control group; what had lost its
parent before `zc` started is not known to descend from it. Nothing is counted for other processes, and they
take no slots: the unattributed row has what followed threads did without a slot. With `-p` the processes are
those that had these numbers when `zc` started, until they end; another process that gets the number of one is
not followed. Devices and their bytes are still those of the whole machine. A path of a control group that has a `*` is only a filter, and so is
`--cgroup` with a command. `--comm`, `--path` and `--filter` are filters, too. What threads did without a slot
stays in the unattributed row and in the totals then: it may be of processes that the filter leaves out.
";

fn write_columns(page: &mut String) -> fmt::Result {
    write_table::<Processes>(page, "Columns")?;
    write_table::<Paths>(page, "Columns of paths")?;
    write_table::<Devices>(page, "Columns of devices")?;
    page.push_str(INTERFACES);
    Ok(())
}

const INTERFACES: &str = "
Network interfaces count packets where the stack hands them to the driver, and the driver to the stack.
Bytes include the Ethernet header in both directions; on loopback, in neither. Both are what
`/proc/net/dev` says of loopback and of veth. Interfaces without Ethernet (tun, WireGuard, PPP) count what
is handed over. A packet that the driver refuses (`errors`) counts when it is taken at last.

A packet that the device segments, or that the kernel merged on reception (GRO), counts once and with one
header, in both directions. `/proc/net/dev` differs where a driver counts something else: segments on the
wire (most hardware: 66 bytes more for each further TCP segment), packets that it took and then dropped (not
counted there), or packets without the header (veth with GRO). Not counted here: packets that bypass the
stack (XDP, AF_XDP, pktgen, offloaded forwarding), and what VLAN, macvlan and bond interfaces receive, which
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

Advice needs evidence, and enough of it; otherwise there is none. Every piece says how certain it is, and
under which condition it holds.

Bytes count as passed on (`relayed_file_socket_bytes` and its like) when a thread writes or sends them right
after it has read or received them, from the same buffer. Datagrams and messages are left out: splice would
lose their bounds. So are files that are also read (they are updated in place) or opened with O_APPEND.
A program that changes bytes within the buffer spends time in user mode: `relayed_user_ns` is how much, by the
ticks of the kernel, and its upper bound of 95 % decides:

| certainty | user mode per byte passed on | with no tick at all, from |
| --- | --- | --- |
| `possible` | up to 0.4 ns | 29 MiB |
| `likely` | up to 0.15 ns | 76 MiB |
| `certain` | up to 0.05 ns | 229 MiB |

The time itself must be below 0.1 ns per byte. Calls must be of about 4 KiB on average (3,584 bytes), and at
least 8. There is no advice if calls by which the kernel
would move the bytes have failed in the same interval, nor if a process writes more to files and pipes than it
passes on. Of mapped files that are sent, `mapped_sent_bytes` is the evidence, 8 MiB and a sixteenth
of what is sent at least: the program had not touched the pages before (`likely`). It takes Linux 6.12, or copy
sites.

Small calls are those of up to 512 bytes on average; they need at least 10,000 of them, and four times as many
as all other system calls of the process. Zero-copy sends need 4 MiB, small ones 1,000 calls.

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

const UNSEEN: &str = "
Not observable, because the kernel emits no event for it: libaio events that a program takes out of the
ring in its own memory instead of calling io_getevents (QEMU, Seastar, fio's `userspace_reap`); and
which of the mapped pages a program reads or writes again. `mmap_read` and `mmap_write` count the pages
of faults; for large folios, a kernel may map more pages at a fault than it reports.
";

const ZEROCOPY: &str = "
## Zero-copy: requested and achieved

`zerocopy` in JSON has an entry per mechanism that was used, with the bytes requested, those that were
not copied (`null` where this kernel does not report them, with the reason), and why the others were.

| mechanism | what it is |
| --- | --- |
";
