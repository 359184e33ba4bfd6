//! Calls by other numbers than those of 64-bit programs: i386 ones, by 32-bit code and by 64-bit code, and x32
//! ones.

use std::{
    arch::asm,
    fs,
    net::UdpSocket,
    os::{
        fd::{AsRawFd, RawFd},
        unix::{ffi::OsStrExt as _, fs::PermissionsExt as _, net::UnixStream},
    },
    ptr::null_mut,
};

use super::{
    Expected, Scenario, Stage,
    cache::{hits, spans},
    fd, moved, ok,
    pipes::pipe,
};
use crate::workload::fork;

mod overwritten;
mod ring;

pub(crate) use overwritten::{OVERWRITTEN, overwritten};

/// Bytes of a transfer: primes, and more than a page.
const LARGE: usize = 7919;
const SMALL: usize = 101;
/// Where the scenarios of 64-bit code write to or read from at a position.
const POSITION: usize = 4090;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "i386_program",
        |stage| i386(stage, "i386", &[0xcd, 0x80]),
        &[moved("file_write", 13, 13 * LARGE), moved("file_read", 13, 13 * LARGE)],
    )
    .executes(),
    // The page that the kernel maps for it enters by sysenter, syscall or int 0x80, as the processor has it.
    Scenario::new(
        "i386_program_by_its_vdso",
        |stage| i386(stage, "i386-vdso", &[0xff, 0xd7]),
        &[moved("file_write", 13, 13 * LARGE), moved("file_read", 13, 13 * LARGE)],
    )
    .executes(),
    Scenario::new(
        "int_0x80_files",
        int80_files,
        &[
            moved("file_write", 7 + 3 + 2 + 2, (7 + 3) * LARGE + 4 * 2 * SMALL),
            moved("file_read", 7 + 3 + 2 + 2, (7 + 3) * LARGE + 4 * 2 * SMALL),
        ],
    )
    .also(|row, _| {
        // The reads without a position begin where the ones before have ended.
        let own: usize = (0..7).map(|at| spans(LARGE, [at * LARGE])).sum();
        let at = 3 * spans(LARGE, [POSITION]) + 2 * spans(2 * SMALL, [POSITION]);
        hits(row, own + at + 2 * spans(2 * SMALL, [0]));
    }),
    Scenario::new(
        "int_0x80_sockets",
        int80_sockets,
        &[
            moved("socket_send:unix", 5 + 3 + 2 + 2, 5 * LARGE + 9 * SMALL),
            moved("socket_recv:unix", 5 + 3 + 2 + 2, 5 * LARGE + 9 * SMALL),
            moved("socket_send:udp", 2 * 7, 2 * 7 * SMALL),
            moved("socket_recv:udp", 2 * 7, 2 * 7 * SMALL),
        ],
    )
    .also(|row, _| {
        assert_eq!(row.counter("net_tx_bytes"), 2 * 7 * SMALL as u64);
        assert_eq!(row.counter("net_rx_bytes"), 2 * 7 * SMALL as u64);
    }),
    Scenario::new(
        "int_0x80_transfers",
        int80_transfers,
        &[
            moved("sendfile_to_pipe", 2 + 3, 2 * LARGE + 3 * SMALL),
            moved("pipe_read", 2 + 3 + 1, 2 * LARGE + 3 * SMALL + LARGE),
            moved("splice_file_pipe", 1, LARGE),
            moved("file_write", 1, LARGE),
            moved("copy_range_copied", 1, LARGE),
        ],
    ),
    Scenario::new("int_0x80_messages", int80_messages, &[moved("kernel_copy", 2 * 5 + 2, 0)])
        .also(|row, _| assert_eq!(row.copied("kernel_copy").0, Some(((2 * 5 + 2) * SMALL) as u64))),
    Scenario::new("int_0x80_libaio", int80_libaio, &[moved("file_read", 3, 3 * LARGE)]),
    Scenario::new(
        "int_0x80_io_uring",
        ring::truncated,
        &[moved("socket_send:unix", 5, 5 * LARGE), moved("socket_recv:unix", 5, 5 * 2 * SMALL)],
    ),
    Scenario::new(
        "multishot_of_int_0x80",
        ring::multishot,
        &[
            moved("socket_send:unix", 5, 5 * LARGE),
            Expected { path: "socket_recv:unix", ops: 5, errors: 1, bytes: 5 * LARGE },
        ],
    ),
    // Of 64-bit programs, these numbers are close, stat, getuid, and others that move nothing.
    Scenario::new("int_0x80_alike", int80_alike, &[]),
    Scenario::new(
        "x32",
        x32,
        &[
            moved("file_write", 7 + 2, 7 * LARGE + 2 * 2 * SMALL),
            moved("file_read", 7 + 2, 7 * LARGE + 2 * 2 * SMALL),
            moved("socket_send:udp", 7, 7 * SMALL),
            moved("socket_recv:udp", 7, 7 * SMALL),
        ],
    ),
];

/// A program of 32-bit code: 13 writes to descriptor 1, 13 reads from descriptor 0, exit. `enter` is how it enters
/// the kernel; in `edi` it has the entry that the kernel gives to programs.
fn i386_elf(enter: &[u8]) -> Vec<u8> {
    const BASE: u32 = 0x0804_8000;
    const HEADERS: usize = 52 + 32;
    const BUFFER: u32 = BASE + 0x1000;
    /// `AT_SYSINFO`, `arch/x86/include/uapi/asm/auxvec.h`.
    const AT_SYSINFO: u8 = 32;

    let mut code = vec![
        0x89, 0xe6, // mov esi, esp
        0xad, // lodsd: the number of arguments
        0x8d, 0x74, 0x86, 0x04, // lea esi, [esi + 4 * eax + 4]
        0xad, // lodsd: a word of the environment
        0x85, 0xc0, // test eax, eax
        0x75, 0xfb, // jnz to the lodsd
        0xad, // lodsd: the kind of a value
        0x83, 0xf8, AT_SYSINFO, // cmp eax, AT_SYSINFO
        0xad,       // lodsd: the value
        0x75, 0xf9, // jne to the lodsd of the kind
        0x89, 0xc7, // mov edi, eax
    ];
    for (number, fd) in [(4_u32, 1_u32), (3, 0)] {
        code.push(0xbd); // mov ebp, 13
        code.extend(13_u32.to_le_bytes());
        let begin = code.len();
        for (register, value) in [(0xb8, number), (0xbb, fd), (0xb9, BUFFER), (0xba, LARGE as u32)]
        {
            code.push(register); // mov eax, ebx, ecx, edx
            code.extend(value.to_le_bytes());
        }
        code.extend(enter);
        code.push(0x4d); // dec ebp
        let back = begin as isize - (code.len() as isize + 2);
        code.extend([0x75, (back as i8).cast_unsigned()]); // jnz to the beginning
    }
    code.extend([0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80]); // exit(0)

    let size = (HEADERS + code.len()) as u32;
    let mut elf = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x03\0\x01\0\0\0".to_vec();
    for word in [BASE + HEADERS as u32, 52, 0, 0] {
        elf.extend(word.to_le_bytes());
    }
    for half in [52_u16, 32, 1, 0, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    for word in [1_u32, 0, BASE, BASE, size, 0x4000, 7, 0x1000] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend(code);
    elf
}

/// Becomes the 32-bit program: what this process does before moves no data through a descriptor.
fn i386(stage: &Stage, name: &str, enter: &[u8]) -> Result<(), String> {
    // The file is made by another process.
    let path = stage.directory.join(name);
    let made = fork(|| {
        fs::write(&path, i386_elf(enter)).expect("room for a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it is ours");
        0
    });
    made.wait_until_dead();
    assert_eq!(made.reap().code, 0);
    can_enter_by_int80()?;
    let (input, output) = (stage.input(), stage.output(&format!("{name}-output")));
    let mut words = path.as_os_str().as_bytes().to_vec();
    words.push(0);
    // SAFETY: descriptors, and a path that ends.
    unsafe {
        assert_eq!(libc::dup2(fd(&input), 0), 0);
        assert_eq!(libc::dup2(fd(&output), 1), 1);
        let arguments = [words.as_ptr().cast(), std::ptr::null()];
        libc::execv(words.as_ptr().cast(), arguments.as_ptr());
    }
    Err("this kernel runs no 32-bit programs".to_owned())
}

/// Whether the kernel takes calls of i386: one that does not ends the program.
fn can_enter_by_int80() -> Result<(), String> {
    const GETPID: u32 = 20;
    let child = fork(|| i32::from(int80(GETPID, [0; 6]) != i64::from(std::process::id())));
    child.wait_until_dead();
    if child.reap().code == 0 { Ok(()) } else { Err("this kernel has no calls of i386".to_owned()) }
}

/// A call of i386 by 64-bit code.
fn int80(number: u32, arguments: [u32; 6]) -> i64 {
    let result: i64;
    // SAFETY: the callers pass addresses of memory that they have; both registers are restored. The upper halves
    // hold something, which the kernel does not look at.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "mov rcx, -1",
            "mov rdx, -1",
            "mov rbx, -1",
            "mov ebx, [r12]",
            "mov ecx, [r12 + 4]",
            "mov edx, [r12 + 8]",
            "mov esi, [r12 + 12]",
            "mov edi, [r12 + 16]",
            "mov ebp, [r12 + 20]",
            "int 0x80",
            "pop rbp",
            "pop rbx",
            inlateout("rax") u64::from(number) => result,
            in("r12") arguments.as_ptr(),
            out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result
}

/// Memory with an address of 32 bits, and structures in it as 32-bit programs have them.
struct Low {
    base: u32,
    used: u32,
}

impl Low {
    const BYTES: usize = 1 << 20;

    fn new() -> Self {
        const ANYWHERE_LOW: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: new memory.
        let base = unsafe { libc::mmap(null_mut(), Self::BYTES, access, ANYWHERE_LOW, -1, 0) };
        Self { base: u32::try_from(base as usize).expect("a low address"), used: 0 }
    }

    /// Room for a buffer.
    fn room(&mut self, bytes: usize) -> u32 {
        let address = self.base + self.used;
        self.used += (bytes as u32).next_multiple_of(64);
        assert!(self.used as usize <= Self::BYTES);
        address
    }

    fn words(&mut self, words: &[u32]) -> u32 {
        let address = self.room(4 * words.len());
        // SAFETY: the room that was just made.
        unsafe {
            std::ptr::copy_nonoverlapping(words.as_ptr(), address as *mut u32, words.len());
        }
        address
    }

    /// A vector of two buffers of [`SMALL`] bytes.
    fn vector(&mut self) -> u32 {
        let (one, other) = (self.room(SMALL), self.room(SMALL));
        self.words(&[one, SMALL as u32, other, SMALL as u32])
    }

    /// A message with such a vector of `buffers`.
    fn message(&mut self, buffers: u32) -> u32 {
        let vector = self.vector();
        self.words(&[0, 0, vector, buffers, 0, 0, 0])
    }

    /// Messages of one buffer, with their lengths.
    fn messages(&mut self, count: usize) -> u32 {
        let vector = self.vector();
        let words: Vec<_> = (0..count).flat_map(|_| [0, 0, vector, 1, 0, 0, 0, 0]).collect();
        self.words(&words)
    }
}

/// The call moved so many bytes, or messages.
#[track_caller]
fn moves(number: u32, arguments: &[u32], expected: usize) {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    assert_eq!(int80(number, all), expected as i64, "call {number} of i386");
}

fn number(file: &impl AsRawFd) -> u32 {
    RawFd::cast_unsigned(fd(file))
}

const LARGE_32: u32 = LARGE as u32;
const SMALL_32: u32 = SMALL as u32;
const POSITION_32: u32 = POSITION as u32;

fn int80_files(stage: &Stage) -> Result<(), String> {
    can_enter_by_int80()?;
    let mut memory = Low::new();
    let (buffer, vector) = (memory.room(LARGE), memory.vector());
    let file = stage.output("int80");
    let fd = number(&file);
    for _ in 0..7 {
        moves(4, &[fd, buffer, LARGE_32], LARGE); // write
    }
    for _ in 0..3 {
        moves(181, &[fd, buffer, LARGE_32, POSITION_32, 0], LARGE); // pwrite64
    }
    for _ in 0..2 {
        moves(334, &[fd, vector, 2, POSITION_32, 0], 2 * SMALL); // pwritev
    }
    let begin = || assert_eq!(int80(19, [fd, 0, 0, 0, 0, 0]), 0); // lseek
    for _ in 0..2 {
        begin();
        moves(146, &[fd, vector, 2], 2 * SMALL); // writev
        begin();
        moves(145, &[fd, vector, 2], 2 * SMALL); // readv
    }
    begin();
    for _ in 0..7 {
        moves(3, &[fd, buffer, LARGE_32], LARGE); // read
    }
    for _ in 0..3 {
        moves(180, &[fd, buffer, LARGE_32, POSITION_32, 0], LARGE); // pread64
    }
    moves(333, &[fd, vector, 2, POSITION_32, 0], 2 * SMALL); // preadv
    moves(378, &[fd, vector, 2, POSITION_32, 0, 0], 2 * SMALL); // preadv2
    Ok(())
}

fn int80_sockets(_: &Stage) -> Result<(), String> {
    can_enter_by_int80()?;
    let mut memory = Low::new();
    let (buffer, message) = (memory.room(LARGE), memory.message(2));
    let (one, other) = UnixStream::pair().expect("a pair of sockets");
    let (one, other) = (number(&one), number(&other));
    for _ in 0..5 {
        moves(4, &[one, buffer, LARGE_32], LARGE);
        moves(3, &[other, buffer, LARGE_32], LARGE);
    }
    for _ in 0..3 {
        moves(369, &[one, buffer, SMALL_32, 0, 0, 0], SMALL); // sendto
        moves(371, &[other, buffer, SMALL_32, 0, 0, 0], SMALL); // recvfrom
    }
    for _ in 0..2 {
        moves(370, &[one, message, 0], 2 * SMALL); // sendmsg
        moves(372, &[other, message, 0], 2 * SMALL); // recvmsg
    }
    // socketcall: send, sendto; recv, recvfrom.
    let short =
        [memory.words(&[one, buffer, SMALL_32, 0]), memory.words(&[other, buffer, SMALL_32, 0])];
    let long = [
        memory.words(&[one, buffer, SMALL_32, 0, 0, 0]),
        memory.words(&[other, buffer, SMALL_32, 0, 0, 0]),
    ];
    moves(102, &[9, short[0]], SMALL);
    moves(102, &[10, short[1]], SMALL);
    moves(102, &[11, long[0]], SMALL);
    moves(102, &[12, long[1]], SMALL);

    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.connect(socket.local_addr().expect("an address")).expect("loopback");
    let (fd, messages) = (number(&socket), memory.messages(7));
    moves(345, &[fd, messages, 7, 0], 7); // sendmmsg
    moves(337, &[fd, messages, 7, 0, 0], 7); // recvmmsg
    let calls = [memory.words(&[fd, messages, 7, 0]), memory.words(&[fd, messages, 7, 0, 0])];
    moves(102, &[20, calls[0]], 7);
    moves(102, &[19, calls[1]], 7);
    Ok(())
}

fn int80_transfers(stage: &Stage) -> Result<(), String> {
    can_enter_by_int80()?;
    let mut memory = Low::new();
    let buffer = memory.room(LARGE);
    let (from, to) = pipe();
    let (from, to) = (number(&from), number(&to));
    let input = stage.input();
    // Behind a short position and a long one lies something that must not be taken for a half of them.
    let short = memory.words(&[POSITION_32, u32::MAX]);
    let long = memory.words(&[POSITION_32, 0]);
    for _ in 0..2 {
        moves(187, &[to, number(&input), short, LARGE_32], LARGE); // sendfile
        moves(3, &[from, buffer, LARGE_32], LARGE);
    }
    for _ in 0..3 {
        moves(239, &[to, number(&input), long, SMALL_32], SMALL); // sendfile64
        moves(3, &[from, buffer, SMALL_32], SMALL);
    }
    moves(313, &[number(&input), 0, to, 0, LARGE_32, 0], LARGE); // splice
    moves(3, &[from, buffer, LARGE_32], LARGE);
    let (source, target) = (stage.output("int80-source"), stage.output("int80-target"));
    moves(4, &[number(&source), buffer, LARGE_32], LARGE);
    let begin = memory.words(&[0, 0]);
    // copy_file_range
    moves(377, &[number(&source), begin, number(&target), 0, LARGE_32, 0], LARGE);
    Ok(())
}

/// By ipc(2), in both versions of a receive, and by the calls of their own that there are since 5.1.
fn int80_messages(_: &Stage) -> Result<(), String> {
    const IPC: u32 = 117;
    const MSGSND: u32 = 11;
    const MSGRCV: u32 = 12;
    const MSGGET: u32 = 13;
    const MSGCTL: u32 = 14;

    can_enter_by_int80()?;
    let mut memory = Low::new();
    let message = memory.room(4 + SMALL);
    // SAFETY: the kind of the message, in the room that was just made.
    unsafe { (message as *mut u32).write(1) };
    let kludge = memory.words(&[message, 0]);
    let queue = int80(IPC, [MSGGET, 0, 0o600, 0, 0, 0]);
    let Ok(queue) = u32::try_from(queue) else {
        return Err("this kernel has no message queues of System V".to_owned());
    };
    for version in [0, 0, 0, 1 << 16, 1 << 16] {
        let at = if version == 0 { kludge } else { message };
        moves(IPC, &[MSGSND, queue, SMALL_32, 0, message], 0);
        moves(IPC, &[version | MSGRCV, queue, SMALL_32, 0, at, 0], SMALL);
    }
    moves(400, &[queue, message, SMALL_32, 0], 0); // msgsnd
    moves(401, &[queue, message, SMALL_32, 0, 0], SMALL); // msgrcv
    moves(IPC, &[MSGCTL, queue, 0], 0);
    Ok(())
}

/// Requests whose descriptor is another one when they are reaped.
fn int80_libaio(stage: &Stage) -> Result<(), String> {
    can_enter_by_int80()?;
    let mut memory = Low::new();
    let input = stage.input();
    let (buffer, context) = (memory.room(LARGE), memory.words(&[0]));
    // `struct iocb`, `include/uapi/linux/aio_abi.h`, the same for all programs: a read of `LARGE` bytes.
    let words = [0, 0, 0, 0, 0, number(&input), buffer, 0, LARGE_32, 0, 0, 0, 0, 0, 0, 0];
    let requests: Vec<_> = (0..3).map(|_| memory.words(&words)).collect();
    let pointers = memory.words(&requests);
    let events = memory.room(3 * 32);
    if int80(245, [3, context, 0, 0, 0, 0]) != 0 {
        return Err("this kernel has no libaio".to_owned());
    }
    // SAFETY: the kernel has written the handle there.
    let context = unsafe { (context as *const u32).read() };
    moves(248, &[context, 3, pointers], 3); // io_submit
    let (socket, _other) = UnixStream::pair().expect("a pair of sockets");
    // SAFETY: descriptors.
    assert_eq!(unsafe { libc::dup2(fd(&socket), fd(&input)) }, fd(&input));
    moves(247, &[context, 3, 3, events, 0], 3); // io_getevents
    Ok(())
}

fn int80_alike(_: &Stage) -> Result<(), String> {
    can_enter_by_int80()?;
    // Of x86-64 these are pread64, sendfile, recvmsg and copy_file_range; of i386 they move nothing.
    for number in [17, 40, 47, 326] {
        let result = int80(number, [0; 6]);
        // 47 is getgid.
        assert!(number == 47 || result < 0, "call {number}: {result}");
    }
    Ok(())
}

fn x32(stage: &Stage) -> Result<(), String> {
    const X32: libc::c_long = 0x4000_0000;
    // SAFETY: no arguments.
    if unsafe { libc::syscall(X32 | libc::SYS_getpid) } < 0 {
        return Err("this kernel has no calls of x32".to_owned());
    }
    let mut memory = Low::new();
    let (buffer, vector) = (memory.room(LARGE), memory.vector());
    let file = stage.output("x32");
    let moves = |number: libc::c_long, arguments: [u64; 4], expected: usize| {
        let [a, b, c, d] = arguments;
        // SAFETY: descriptors, and addresses of memory that is there.
        let result = unsafe { libc::syscall(X32 | number, a, b, c, d, 0_u64, 0_u64) };
        assert_eq!(ok(result as isize), expected, "call {number} of x32");
    };
    let fd = u64::from(number(&file));
    for at in 0..7 {
        let (buffer, position) = (buffer.into(), at * LARGE as u64);
        moves(libc::SYS_write, [fd, buffer, LARGE as u64, 0], LARGE);
        moves(libc::SYS_pread64, [fd, buffer, LARGE as u64, position], LARGE);
    }
    for _ in 0..2 {
        moves(535, [fd, vector.into(), 2, POSITION as u64], 2 * SMALL); // pwritev
        moves(534, [fd, vector.into(), 2, POSITION as u64], 2 * SMALL); // preadv
    }
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.connect(socket.local_addr().expect("an address")).expect("loopback");
    let (fd, messages) = (u64::from(number(&socket)), u64::from(memory.messages(7)));
    moves(538, [fd, messages, 7, 0], 7); // sendmmsg
    moves(537, [fd, messages, 7, 0], 7); // recvmmsg
    Ok(())
}
