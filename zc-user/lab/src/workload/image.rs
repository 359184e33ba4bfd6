//! A file system of the lab's own, in a file without a name.
//!
//! The file is behind a loop device that lets go of it by itself, and the file system is mounted
//! nowhere: the mount is a descriptor. The kernel undoes it all when the process ends, however it
//! ends.

use std::{
    ffi::c_void,
    fs::File,
    os::fd::{AsRawFd as _, OwnedFd},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use linux_raw_sys::loop_device::{
    LO_FLAGS_AUTOCLEAR, LOOP_CONFIGURE, LOOP_CTL_GET_FREE, loop_config,
};
use rustix::{
    fs::{Mode, OFlags, ftruncate, openat},
    io::Errno,
    ioctl::{Ioctl, IoctlOutput, Opcode, Setter, ioctl},
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount,
        fsopen,
    },
};

use crate::unsupported::Unsupported;

/// A mounted file system; it vanishes when dropped.
pub(crate) struct FileSystem {
    mount: OwnedFd,
    kind: &'static Kind,
}

/// A kind of file system that can share extents.
struct Kind {
    name: &'static str,
    program: &'static str,
    options: &'static [&'static str],
    /// Bytes that it wants for itself.
    overhead: u64,
}

const KINDS: &[Kind] = &[
    Kind { name: "btrfs", program: "mkfs.btrfs", options: &["-q"], overhead: 256 << 20 },
    Kind { name: "xfs", program: "mkfs.xfs", options: &["-q"], overhead: 384 << 20 },
];

/// Where these programs are, which is not always where a user looks for programs.
const PATH: &str = "/usr/sbin:/sbin:/usr/bin:/bin";

/// How often another process may take the free loop device first.
const ATTEMPTS: usize = 16;

impl FileSystem {
    /// Makes one with room for `size` bytes in `backing`, an empty file.
    ///
    /// # Errors
    /// [`Unsupported`] when a program, a privilege or a feature of the kernel is missing.
    pub(crate) fn on(backing: &File, size: u64) -> Result<Self> {
        let (kind, context) = supported()?;
        ftruncate(backing, kind.overhead + 2 * size).context("cannot make the image larger")?;
        let (device, path) = loop_device(backing)?;
        format(kind, &path)?;
        fsconfig_set_string(&context, "source", path.as_str())
            .and_then(|()| fsconfig_create(&context))
            .with_context(|| format!("cannot mount {}", kind.name))?;
        let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
            .with_context(|| format!("cannot mount {}", kind.name))?;
        // From now on the mount holds the device.
        drop(device);
        Ok(Self { mount, kind })
    }

    /// Its kind.
    pub(crate) const fn kind(&self) -> &'static str {
        self.kind.name
    }

    /// A new file without a name.
    pub(crate) fn file(&self) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let file = openat(&self.mount, ".", flags, Mode::RUSR | Mode::WUSR);
        Ok(file.with_context(|| format!("cannot make a file on {}", self.kind.name))?.into())
    }
}

/// The first kind that the kernel and the installed programs know.
fn supported() -> Result<(&'static Kind, OwnedFd)> {
    let mut why = String::new();
    for kind in KINDS {
        match fsopen(kind.name, FsOpenFlags::FSOPEN_CLOEXEC) {
            Ok(context) if is_installed(kind.program) => return Ok((kind, context)),
            Ok(_) if why.is_empty() => {
                why = format!("{} is not installed; run `sudo zc lab setup`", kind.program);
            }
            Err(Errno::PERM) => why = "only root may mount a file system; use sudo".to_owned(),
            Err(Errno::NOSYS) => why = "a private mount needs Linux 5.2".to_owned(),
            _ => {}
        }
    }
    if why.is_empty() {
        "the kernel supports neither btrfs nor xfs".clone_into(&mut why);
    }
    Err(unsupported(&why))
}

fn unsupported(why: &str) -> anyhow::Error {
    Unsupported(format!(
        "{why}; or choose a directory on btrfs or xfs with --dir: the file system here cannot \
         share extents"
    ))
    .into()
}

fn is_installed(program: &str) -> bool {
    Command::new(program)
        .env("PATH", PATH)
        .arg("-V")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

fn format(kind: &Kind, path: &str) -> Result<()> {
    let made = Command::new(kind.program)
        .env("PATH", PATH)
        .args(kind.options)
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", kind.program))?;
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr);
        bail!("{} failed: {}", kind.program, said.trim());
    }
    Ok(())
}

/// A free loop device with `backing` behind it; it is released when it is closed.
fn loop_device(backing: &File) -> Result<(File, String)> {
    let open = |path: &str| match File::options().read(true).write(true).open(path) {
        Ok(file) => Ok(file),
        Err(error) => Err(unsupported(&format!("no loop device: cannot open {path}: {error}"))),
    };
    let control = open("/dev/loop-control")?;
    for _ in 0..ATTEMPTS {
        // SAFETY: the request takes nothing and returns a number.
        let number = unsafe { ioctl(&control, GetFree) };
        let number = number.map_err(|error| unsupported(&format!("no loop device: {error}")))?;
        let path = format!("/dev/loop{number}");
        let device = open(&path)?;
        match configure(&device, backing) {
            Ok(()) => return Ok((device, path)),
            Err(Errno::BUSY) => {}
            Err(Errno::INVAL | Errno::NOTTY) => {
                return Err(unsupported("loop devices need Linux 5.8"));
            }
            Err(error) => return Err(error).context("cannot set up a loop device"),
        }
    }
    Err(unsupported("no free loop device: lost the race for each one tried"))
}

fn configure(device: &File, backing: &File) -> Result<(), Errno> {
    // SAFETY: a structure of integers, of which zero is the default.
    let mut config: loop_config = unsafe { std::mem::zeroed() };
    config.fd = backing.as_raw_fd().cast_unsigned();
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR as u32;
    // SAFETY: the request reads this structure.
    unsafe { ioctl(device, Setter::<{ LOOP_CONFIGURE as Opcode }, _>::new(config)) }
}

/// `LOOP_CTL_GET_FREE`: the number of a device that is free.
struct GetFree;

// SAFETY: the request has no argument, and its result is an integer.
unsafe impl Ioctl for GetFree {
    type Output = i32;

    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        LOOP_CTL_GET_FREE as Opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::null_mut()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> rustix::io::Result<i32> {
        Ok(out)
    }
}
