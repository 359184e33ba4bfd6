//! sendfile, splice, vmsplice: from one descriptor to another inside the kernel.

use zc_common::path::{CopyPath, lane};

use super::{Call, note_received, note_sent};
use crate::descriptor::Class;

/// `O_ACCMODE` and `O_RDONLY`, `include/uapi/asm-generic/fcntl.h`.
const O_ACCMODE: u32 = 3;
const O_RDONLY: u32 = 0;

/// sendfile(out, in, ...).
#[inline(always)]
pub(super) fn sendfile(call: &Call) {
    let Some(out) = call.class(0) else { return };
    let path = match out {
        Class::FILE | Class::DIRECT | Class::MEMORY => CopyPath::SendfileToFile,
        Class::PIPE => CopyPath::SendfileToPipe,
        Class::PSEUDO | Class::VOID | Class::CLOSED => CopyPath::SendfileToPseudo,
        _ => CopyPath::SendfileToSocket,
    };
    call.book(lane(path), call.result);
    note_sent(call.account, out, call.result);
    call.accessed_up_to(1, 2);
}

/// splice(in, off, out, off, ...): one end is a pipe.
#[inline(always)]
pub(super) fn splice(call: &Call) {
    let Some(from) = call.class(0) else { return };
    let Some(to) = call.class(2) else { return };
    call.book(lane(splice_path(from, to)), call.result);
    note_received(call.account, from, call.result);
    note_sent(call.account, to, call.result);
    if from == Class::FILE {
        call.accessed_up_to(0, 1);
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
pub(super) fn vmsplice(call: &Call) {
    let path = match call.file(0) {
        Some(pipe) if pipe.flags() & O_ACCMODE == O_RDONLY => CopyPath::PipeRead,
        Some(_) => CopyPath::Vmsplice,
        None => return,
    };
    call.book(lane(path), call.result);
}
