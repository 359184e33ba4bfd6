//! Where the sampler found processes in their own code.

/// Places that are kept until user space takes them: as many as all CPUs of a large machine reach in a second.
pub const CODE_PLACES: u32 = 8_192;

/// The sample was taken in the kernel, at a fault of the code.
pub const FAULT: u32 = 1;
/// The code is in no file.
pub const NO_FILE: u32 = 1 << 1;

/// A place in the code of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct CodePlace {
    /// When the process started, in ns of CLOCK_BOOTTIME.
    pub process_start_ns: u64,
    /// Inode number of the file, 0 when there is none.
    pub inode: u64,
    /// Where in the file the instruction is, bytes; of code without a file 0.
    pub offset: u64,
    /// Where the memory area that it is in begins.
    pub area: u64,
    /// Process id.
    pub tgid: u32,
    /// Device of the file system, in the kernel's form: 20 bits of a minor number, above them the major one.
    pub device: u32,
    /// [`FAULT`], [`NO_FILE`].
    pub flags: u32,
    /// Explicit padding: hash keys compare every byte.
    pub pad: u32,
}

const _: () = assert!(size_of::<CodePlace>() == 48);
