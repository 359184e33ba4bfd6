//! Call stacks of copies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{PathId, ProcessId, SocketId};

/// What kind of frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameKind {
    /// A function of a program or a library.
    User,
    /// The same; its frame was left out by the one above, and its return address was found on the stack: very likely,
    /// not certain.
    Recovered,
    /// Code that is in no file, such as that of a JIT compiler.
    NoFile,
    /// A function of the kernel.
    Kernel,
}

/// A frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StackFrame {
    /// Kind.
    pub kind: FrameKind,
    /// The function, where its name is known: hostile input, sanitise before display.
    pub function: Option<Arc<str>>,
    /// The path of its file, or what the kernel calls the memory area: hostile input, too.
    pub module: Arc<str>,
    /// Where in the file the function begins, or the frame returns to; of code without a file the address. Where the
    /// function is known: 0.
    pub offset: u64,
}

/// Where a stack ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StackEnd {
    /// Where its thread began.
    Whole,
    /// At the most frames that are taken.
    Depth,
    /// At code that keeps no frame pointers.
    NoFramePointers,
    /// There is none: a thread of the kernel, or a copy that was made later.
    NoStack,
}

/// What the copies of a process through a stack amount to, on a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StackSample {
    /// The process; all 0 when it is unattributed.
    pub process: ProcessId,
    /// The name of the thread that came first: hostile input.
    pub comm: Arc<str>,
    /// The frames, the innermost first.
    pub frames: Arc<[Arc<StackFrame>]>,
    /// Where they end.
    pub end: StackEnd,
    /// The kernel's frames, the innermost first: of samples of CPU time.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub kernel: Arc<[Arc<StackFrame>]>,
    /// The path; `None` of samples of CPU time.
    pub path: Option<PathId>,
    /// The kind of socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<SocketId>,
    /// Samples of copied bytes.
    pub samples: u64,
    /// Bytes that these stand for: an estimate.
    pub bytes: f64,
    /// Variance of that estimate.
    pub variance: f64,
    /// Calls that these stand for: an estimate.
    pub calls: f64,
    /// Samples of CPU time in the kernel's copy routines.
    #[serde(default)]
    pub time_samples: u64,
}

fn is_empty(frames: &Arc<[Arc<StackFrame>]>) -> bool {
    frames.is_empty()
}

/// Everything that is known of stacks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stacks {
    /// A row per process, stack and path.
    pub rows: Vec<StackSample>,
    /// Bytes that lost samples stand for.
    pub lost_bytes: u64,
    /// Variance of that estimate, or more than it; not known in recordings of former versions.
    #[serde(default)]
    pub lost_variance: Option<f64>,
    /// Samples of CPU time that were lost.
    pub lost_time: u64,
    /// Samples of CPU time a second on each CPU; 0 where there are none.
    pub frequency: u32,
    /// Bytes that a sample stands for at the moment.
    pub mean_bytes: u64,
}
