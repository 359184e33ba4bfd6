//! A buffer that passes through the stages of a program: cloned for each, or moved.

use std::{
    hint::black_box,
    io::{Read as _, Write as _},
    mem::ManuallyDrop,
};

use anyhow::Result;
use zc_common::path::CopyPath;

use super::read_write;
use crate::{
    sink::Sink,
    workload::{
        job::Job,
        scenario::{Calls, Expected, Scenario, ScenarioGroup, Setting, Theory, Work},
    },
};

pub(crate) const CLONES: Scenario = Scenario {
    id: "rust_clones",
    title: "Rust clones",
    group: ScenarioGroup::UserSpace,
    lesson: "read + write, and between the two the buffer passes through eight stages of the program, \
             each of which clones it. To the kernel that is read + write: the eight copies of each byte \
             are in samples of the program's code only.",
    theory: Theory {
        claim: "as read + write, and a copy in user space for each hand-over",
        ..read_write::SCENARIO.theory
    },
    sinks: &[Sink::Tcp, Sink::Pipe],
    work: Work::Mechanism(|job| run(job, clone)),
    expect: |setting| Expected {
        // The allocator may have to ask the kernel for memory.
        syscalls: Calls::AtLeast(2 * setting.transfers() + 1),
        ..expect(setting)
    },
    ..read_write::SCENARIO
};

pub(crate) const MOVES: Scenario = Scenario {
    id: "rust_moves",
    title: "Rust moves",
    lesson: "The same stages, but each hands its buffer on: what is moved is a pointer and two lengths. \
             The kernel copies as much as before, and the program nothing.",
    theory: Theory { claim: "as read + write", ..read_write::SCENARIO.theory },
    work: Work::Mechanism(|job| run(job, pass_on)),
    expect,
    ..CLONES
};

/// Stages that a buffer passes through. The programs in Python and Java have as many.
pub(crate) const STAGES: usize = 8;

fn run(job: &mut Job, stage: fn(Vec<u8>) -> Vec<u8>) -> Result<()> {
    let mut buffer = ManuallyDrop::into_inner(job.take_buffer());
    job.begin()?;
    loop {
        let got = job.source.read(&mut buffer)?;
        if got == 0 {
            // Before the memory is given back, which may be a call of its own.
            return job.end();
        }
        buffer.truncate(got);
        for _ in 0..STAGES {
            buffer = stage(buffer);
        }
        job.sink.write_all(&buffer)?;
        buffer.resize(job.chunk, 0);
    }
}

/// Keeps what it was given to itself, and hands on a copy.
fn clone(buffer: Vec<u8>) -> Vec<u8> {
    // A compiler may leave out a copy of what is not used any more.
    black_box(&buffer).clone()
}

/// Hands on what it was given.
fn pass_on(buffer: Vec<u8>) -> Vec<u8> {
    black_box(buffer)
}

fn expect(setting: &Setting) -> Expected {
    Expected {
        moved: vec![(CopyPath::FileRead, setting.size), (setting.sink.write_path(), setting.size)],
        copied_bytes: 2 * setting.size,
        syscalls: Calls::Exactly(2 * setting.transfers() + 1),
        copies_because: None,
        switches_because: None,
    }
}
