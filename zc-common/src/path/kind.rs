//! What a path can be: the values of the columns of its row.

/// Where a path belongs in the list of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathGroup {
    /// Between files and user memory.
    Files,
    /// Between sockets and user memory.
    Sockets,
    /// Between pipes and user memory.
    Pipes,
    /// From descriptor to descriptor inside the kernel.
    InKernel,
    /// Through the address space: mappings, copy on write, other processes' memory.
    Memory,
    /// Copies the kernel makes on its own account.
    KernelsOwn,
}

impl PathGroup {
    /// Every group, in the order of the paths.
    pub const ALL: &'static [Self] =
        &[Self::Files, Self::Sockets, Self::Pipes, Self::InKernel, Self::Memory, Self::KernelsOwn];

    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Files => "Files",
            Self::Sockets => "Sockets",
            Self::Pipes => "Pipes",
            Self::InKernel => "In-kernel",
            Self::Memory => "Memory",
            Self::KernelsOwn => "Kernel's own",
        }
    }
}

/// Which way a path carries payload, seen from the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Into the process, or into a pipe on its behalf.
    In,
    /// Out of the process, or out of a pipe on its behalf.
    Out,
    /// In and out in one call, from descriptor to descriptor.
    Through,
    /// No payload: the bytes come from or go to pseudo files, they are memory that no call was asked
    /// to move, or they are counted on another path already (the kernel's own copies).
    None,
}

/// How the bytes of a path travel, as long as nothing makes the kernel do otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// The CPU copies each byte once.
    Copy,
    /// A device reads or writes the caller's pages.
    Dma,
    /// By reference to their pages; copied where the other end takes no references.
    Reference,
    /// By reference to their pages, always: the call copies nothing.
    ReferenceOnly,
    /// The caller requested references to its pages: whether it got them, only the kernel knows.
    Requested,
    /// Made up or thrown away: a pseudo file holds no data of its own.
    Nothing,
}

/// Where bytes rest, from left to right in the textbook picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Disks and their like.
    Storage,
    /// The kernel's copy of files.
    PageCache,
    /// The memory of the process.
    User,
    /// Socket buffers and pipes.
    Buffer,
    /// What is behind the sockets.
    Network,
}

impl Place {
    /// Every place, from left to right.
    pub const ALL: &'static [Self] =
        &[Self::Storage, Self::PageCache, Self::User, Self::Buffer, Self::Network];

    /// Name on screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::PageCache => "page cache",
            Self::User => "user",
            Self::Buffer => "sock/pipe",
            Self::Network => "network",
        }
    }
}
