//! sendfile, splice, vmsplice: from one descriptor to another inside the kernel.

use zc_common::{
    path::{CopyPath, Lane, lane},
    record::{EVIDENCE_COPY, EVIDENCE_DIRECT, EVIDENCE_NOTHING, EVIDENCE_REFERENCE},
};

use super::{Call, Registers, note_received, note_sent};
use crate::{
    account::Account,
    descriptor::{
        Class, PAGES_COPIED, PAGES_COPIED_ON_THE_WAY, PAGES_REFERRED_TO, PAGES_UNKNOWN, pages_from,
        pages_to,
    },
    kernel::{setting, variant},
    objects::{self, Done},
};

/// `O_ACCMODE` and `O_RDONLY`, `include/uapi/asm-generic/fcntl.h`.
const O_ACCMODE: u32 = 3;
const O_RDONLY: u32 = 0;

/// sendfile(out, in, ...).
#[inline(always)]
pub(super) fn sendfile(call: &Call<impl Registers>) {
    let Some(out) = call.class(0) else { return };
    let path = match out {
        Class::FILE | Class::DIRECT | Class::MEMORY => CopyPath::SendfileToFile,
        Class::PIPE => CopyPath::SendfileToPipe,
        Class::PSEUDO | Class::VOID | Class::CLOSED => CopyPath::SendfileToPseudo,
        _ => CopyPath::SendfileToSocket,
    };
    if setting!(copy_sites) == 0 {
        let source = Class::of_current(call.argument(1));
        call.account.note(match (source, out) {
            (_, Class::DIRECT) => EVIDENCE_DIRECT,
            (Class::VOID, Class::PIPE | Class::VOID | Class::PSEUDO) => EVIDENCE_NOTHING,
            (_, Class::PIPE) if variant!(sendfile_refers) == 0 => EVIDENCE_COPY,
            (Class::FILE | Class::MEMORY, Class::PIPE) => EVIDENCE_REFERENCE,
            (socket, Class::PIPE) => evidence(pages_from(call.argument(1), socket)),
            // Zeros are put into pages, which then travel as those of a file do.
            (Class::FILE | Class::MEMORY | Class::VOID, socket) => {
                evidence(pages_to(call.argument(0), socket))
            }
            _ => 0,
        });
    } else if path == CopyPath::SendfileToSocket {
        assume(call, path, pages_to(call.argument(0), out));
    }
    call.book(lane(path), call.result);
    // What a socket has received goes into pipes only.
    if out == Class::PIPE {
        note_received(call.account, Class::of_current(call.argument(1)), call.result);
    }
    note_sent(call.account, out, call.result);
    call.accessed_up_to(1, 2);
}

/// splice(in, off, out, off, ...): one end is a pipe.
#[inline(always)]
pub(super) fn splice(call: &Call<impl Registers>) {
    let Some(from) = call.class(0) else { return };
    let Some(to) = call.class(2) else { return };
    let path = splice_path(from, to);
    if setting!(copy_sites) == 0 {
        let pages = match from {
            Class::PIPE if to == Class::DIRECT => {
                call.account.note(EVIDENCE_DIRECT);
                PAGES_UNKNOWN
            }
            Class::PIPE => pages_to(call.argument(2), to),
            socket => pages_from(call.argument(0), socket),
        };
        call.account.note(splice_evidence(from, pages));
    } else if path == CopyPath::SplicePipeSocket {
        assume(call, path, pages_to(call.argument(2), to));
    } else if from == Class::UNIX {
        // What is in the head of a packet is copied, and no site sees it: up to all of it.
        assume(call, path, PAGES_COPIED);
    }
    call.book(lane(path), call.result);
    note_received(call.account, from, call.result);
    note_sent(call.account, to, call.result);
    if from == Class::FILE {
        call.accessed_up_to(0, 1);
    }
}

/// How the bytes of a splice travel, by the kind of what they come from and what is known of the socket at one end, a
/// `PAGES_` value; 0 where that does not tell.
#[inline(always)]
pub(crate) fn splice_evidence(from: Class, pages: u64) -> u64 {
    match from {
        Class::FILE | Class::MEMORY => EVIDENCE_REFERENCE,
        _ => evidence(pages),
    }
}

/// Where there are copy sites: assumes that a call, which is about to be booked on `path`, has copied what it moved, if its
/// socket copies what it gets pages of and no site has seen it.
#[inline(always)]
fn assume(call: &Call<impl Registers>, path: CopyPath, pages: u64) {
    if pages == PAGES_COPIED {
        zc_assume(u64::from(call.account.slot()), u64::from(lane(path)), call.result as u64);
    }
}

/// A global function, which the verifier follows once (see `zc_class`).
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn zc_assume(slot: u64, lane: u64, result: u64) -> u64 {
    let Some(account) = Account::at(slot as u32) else { return 0 };
    if result as i64 <= 0 || account.has_copied() {
        return 0;
    }
    let lane = lane as Lane;
    if setting!(notes) != 0 {
        objects::books(Done::new(account, lane, 1, 0), result);
    }
    account.add_unknown(lane, result);
    0
}

#[inline(always)]
fn evidence(pages: u64) -> u64 {
    match pages {
        PAGES_REFERRED_TO => EVIDENCE_REFERENCE,
        PAGES_COPIED | PAGES_COPIED_ON_THE_WAY => EVIDENCE_COPY,
        _ => 0,
    }
}

/// The path of a splice between two descriptors.
#[inline(always)]
pub(crate) fn splice_path(from: Class, to: Class) -> CopyPath {
    match (from, to) {
        (Class::PIPE, Class::PIPE) => CopyPath::SplicePipePipe,
        (Class::PIPE, Class::FILE | Class::DIRECT | Class::MEMORY) => CopyPath::SplicePipeFile,
        (Class::FILE | Class::DIRECT | Class::MEMORY, _) => CopyPath::SpliceFilePipe,
        (Class::PSEUDO | Class::VOID | Class::CLOSED, _)
        | (_, Class::PSEUDO | Class::VOID | Class::CLOSED) => CopyPath::SplicePipePseudo,
        (Class::PIPE, _) => CopyPath::SplicePipeSocket,
        _ => CopyPath::SpliceSocketPipe,
    }
}

/// vmsplice(fd, ...): into a pipe it hands over pages, out of a pipe it copies as a read does.
#[inline(always)]
pub(super) fn vmsplice(call: &Call<impl Registers>) {
    let path = match call.file(0) {
        Some(pipe) if pipe.flags() & O_ACCMODE == O_RDONLY => CopyPath::PipeRead,
        Some(_) => CopyPath::Vmsplice,
        None => return,
    };
    call.book(lane(path), call.result);
}
