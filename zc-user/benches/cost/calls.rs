//! The system calls whose cost is measured.

use std::{
    fs::File,
    hint::black_box,
    io::{Read, Seek as _, Write},
    net::{TcpListener, TcpStream},
    os::unix::{net::UnixStream, process::parent_id},
    path::Path,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};

/// One kind of call, ready to be made again and again.
pub(crate) struct Call {
    /// Stable id.
    pub(crate) id: &'static str,
    /// For people.
    pub(crate) what: &'static str,
    /// System calls per operation.
    pub(crate) calls: u32,
    /// Whether bytes move: there is one target for those that do and one for the others.
    pub(crate) moves_data: bool,
    /// Operations in a batch: a fraction of a millisecond, well below a turn on the CPU.
    batch: u32,
    operate: Box<dyn FnMut(u32) -> Result<()> + Send>,
}

const PAGE: usize = 4 << 10;
const LARGE: usize = 64 << 10;
const FILE_LEN: usize = 2 << 20;

impl Call {
    /// Nanoseconds per operation in one batch.
    pub(crate) fn time(&mut self) -> Result<f64> {
        let start = Instant::now();
        (self.operate)(self.batch)?;
        let elapsed = start.elapsed();
        Ok(elapsed.as_secs_f64() * 1e9 / f64::from(self.batch))
    }

    /// Operations in a batch.
    pub(crate) fn batch(&self) -> u32 {
        self.batch
    }
}

/// The calls of these ids, or all when none is named; `directory` is where the file lies.
pub(crate) fn chosen(ids: &[String], directory: &Path) -> Result<Vec<Call>> {
    let mut calls = all(directory)?;
    if let Some(id) = ids.iter().find(|id| calls.iter().all(|call| call.id != id.as_str())) {
        let known: Vec<_> = calls.iter().map(|call| call.id).collect();
        bail!("there is no call '{id}'; expected some of {}", known.join(", "));
    }
    calls.retain(|call| ids.is_empty() || ids.iter().any(|id| id == call.id));
    Ok(calls)
}

fn all(directory: &Path) -> Result<Vec<Call>> {
    Ok(vec![
        Call {
            id: "none",
            what: "getppid: moves no data",
            calls: 1,
            moves_data: false,
            batch: 1500,
            operate: Box::new(|count| {
                for _ in 0..count {
                    black_box(parent_id());
                }
                Ok(())
            }),
        },
        Call {
            id: "read_zero",
            what: "read of 1 byte of /dev/zero",
            calls: 1,
            moves_data: true,
            batch: 1500,
            operate: reading::<1>(File::open("/dev/zero").context("cannot open /dev/zero")?, false),
        },
        Call {
            id: "read_file",
            what: "read of 1 byte of a cached file",
            calls: 1,
            moves_data: true,
            batch: 1000,
            operate: reading::<1>(cached_file(directory)?, true),
        },
        Call {
            id: "read_file_4k",
            what: "read of 4 KiB of a cached file",
            calls: 1,
            moves_data: true,
            // As below.
            batch: (FILE_LEN / PAGE) as u32,
            operate: reading::<PAGE>(cached_file(directory)?, true),
        },
        Call {
            id: "read_file_64k",
            what: "read of 64 KiB of a cached file",
            calls: 1,
            moves_data: true,
            // The file, once: the rewind is one call more in so many.
            batch: (FILE_LEN / LARGE) as u32,
            operate: reading::<LARGE>(cached_file(directory)?, true),
        },
        Call {
            id: "unix_pair",
            what: "send and recv of 1 byte, unix socket pair",
            calls: 2,
            moves_data: true,
            batch: 300,
            operate: {
                let (near, far) = UnixStream::pair().context("cannot make a socket pair")?;
                exchanging(near, far)
            },
        },
        Call {
            id: "tcp_loopback",
            what: "send and recv of 1 byte, TCP loopback",
            calls: 2,
            moves_data: true,
            batch: 100,
            operate: {
                let (near, far) = tcp_pair().context("cannot connect over loopback")?;
                exchanging(near, far)
            },
        },
    ])
}

/// A file whose pages are all in the page cache; it has no name and goes with its descriptor.
fn cached_file(directory: &Path) -> Result<File> {
    let failed = || format!("cannot make a file in '{}'", directory.display());
    let mut file = tempfile::tempfile_in(directory).with_context(failed)?;
    file.write_all(&vec![1; FILE_LEN]).with_context(failed)?;
    // Written back now, and not in the middle of a measurement.
    file.sync_all().with_context(failed)?;
    Ok(file)
}

fn reading<const LEN: usize>(
    mut file: File,
    rewind: bool,
) -> Box<dyn FnMut(u32) -> Result<()> + Send> {
    let mut buffer = vec![0; LEN];
    Box::new(move |count| {
        if rewind {
            file.rewind()?;
        }
        for _ in 0..count {
            anyhow::ensure!(file.read(&mut buffer)? == LEN, "a read was short");
        }
        Ok(())
    })
}

fn exchanging<S: Read + Write + Send + 'static>(
    mut near: S,
    mut far: S,
) -> Box<dyn FnMut(u32) -> Result<()> + Send> {
    let mut buffer = [0];
    Box::new(move |count| {
        for _ in 0..count {
            near.write_all(&[1])?;
            far.read_exact(&mut buffer)?;
        }
        Ok(())
    })
}

fn tcp_pair() -> std::io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    Ok((near, far))
}
