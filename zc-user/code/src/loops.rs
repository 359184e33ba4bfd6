//! Whether a loop copies.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    flow,
    instruction::{Instruction, Kind, Memory, Register, Registers},
};

/// Instructions of the longest loop that is looked at.
const MOST_INSTRUCTIONS: usize = 200;
/// Bytes between its first and its last instruction.
const MOST_BYTES: u64 = 1 << 10;
/// Instructions of a loop with one that copies by itself.
const FEW: usize = 12;
/// Bytes that follow each other in memory, where the steps of the loop are not known.
const RUN: u64 = 16;

/// Memory by how it is addressed.
type Address = (Option<Register>, Option<Register>, u8);

fn address(memory: &Memory) -> Address {
    (memory.base, memory.index, memory.scale)
}

/// The innermost loop around the instruction at `place`.
pub(crate) fn innermost(code: &[Instruction], place: usize) -> Option<&[Instruction]> {
    let here = code.get(place)?.address;
    let mut best: Option<(usize, usize)> = None;
    for (end, it) in code.iter().enumerate().skip(place).take(MOST_INSTRUCTIONS + 60) {
        let Some(to) = it.to.filter(|_| matches!(it.kind, Kind::Jump | Kind::Branch)) else {
            continue;
        };
        if to > here || it.address < here || it.address - to >= MOST_BYTES {
            continue;
        }
        let begin = code.partition_point(|it| it.address < to);
        if code.get(begin).is_some_and(|it| it.address == to)
            && best.is_none_or(|(first, last)| end - begin < last - first)
        {
            best = Some((begin, end));
        }
    }
    let (begin, end) = best.filter(|(begin, end)| end - begin <= MOST_INSTRUCTIONS)?;
    code.get(begin..=end)
}

/// Whether the loop with this body copies.
pub(crate) fn copies(body: &[Instruction]) -> bool {
    if body.iter().any(|it| it.kind == Kind::Return) {
        return false;
    }
    let flow = flow::follow(body);
    if flow.copy_instructions > 0 {
        return flow.examined == 0 && flow.calls == 0 && body.len() <= FEW;
    }
    let stored = flow.copied + flow.other + flow.constant;
    if flow.calls > 0
        || flow.pairs.is_empty()
        || flow.copied * 4 < stored * 3
        || flow.examined * 100 > flow.copied * 15
        || is_permutation(&flow)
    {
        return false;
    }
    let loads: BTreeSet<Memory> = flow.pairs.iter().map(|it| it.load).collect();
    let stores: BTreeSet<Memory> = flow.pairs.iter().map(|it| it.store).collect();
    // A swap.
    if loads.intersection(&stores).count() >= (stores.len() / 2).max(1) {
        return false;
    }
    let working = body.iter().filter(|it| it.kind != Kind::Nothing).count();
    if flow.pairs.len() * 2 * 5 < working {
        return false;
    }
    let (load_run, load_address) = longest_run(&loads);
    let (store_run, store_address) = longest_run(&stores);
    let steps = Steps::of(body);
    let (load_step, store_step) = (steps.step(load_address), steps.step(store_address));
    // The same bytes over and over: a fill.
    if load_step == Some(0) {
        return false;
    }
    let is_opposite =
        load_step.zip(store_step).is_some_and(|(load, store)| load.signum() * store.signum() < 0);
    if load_run >= RUN && store_run >= RUN && !is_opposite {
        return true;
    }
    load_step.is_some()
        && load_step == store_step
        && load_step.is_some_and(|step| step.unsigned_abs() == load_run)
        && load_run == store_run
}

/// Whether bytes change places: their way from load to store is not the same for most.
fn is_permutation(flow: &flow::Flow) -> bool {
    let mut by_way: BTreeMap<(Address, Address), BTreeMap<i64, u64>> = BTreeMap::new();
    for pair in &flow.pairs {
        let way = pair.store.displacement.wrapping_sub(pair.load.displacement);
        let of = (address(&pair.load), address(&pair.store));
        *by_way.entry(of).or_default().entry(way).or_default() += u64::from(pair.store.bytes);
    }
    let straight: u64 = by_way.values().filter_map(|ways| ways.values().max()).sum();
    straight * 5 < flow.copied * 4
}

/// The most bytes that follow each other, and how they are addressed.
fn longest_run(places: &BTreeSet<Memory>) -> (u64, Address) {
    let mut by_address: BTreeMap<Address, Vec<(i64, u32)>> = BTreeMap::new();
    for place in places {
        by_address.entry(address(place)).or_default().push((place.displacement, place.bytes));
    }
    let mut best = (0, (None, None, 0));
    for (of, mut parts) in by_address {
        parts.sort_unstable();
        let (mut begin, mut end) = (0_i64, None::<i64>);
        for (displacement, bytes) in parts {
            let after = displacement.saturating_add(i64::from(bytes));
            match end {
                Some(before) if displacement <= before => end = Some(before.max(after)),
                _ => (begin, end) = (displacement, Some(after)),
            }
            let run = end.map_or(0, |end| end.abs_diff(begin));
            if run > best.0 {
                best = (run, of);
            }
        }
    }
    best
}

/// How far each register moves in a round.
struct Steps {
    moved: [i64; Register::COUNT],
    unknown: Registers,
}

impl Steps {
    fn of(body: &[Instruction]) -> Self {
        let mut steps = Self { moved: [0; Register::COUNT], unknown: Registers::NONE };
        for it in body {
            match (it.kind, it.adds, it.target) {
                (Kind::Compute | Kind::Address, Some(added), Some(target)) => {
                    let moved = &mut steps.moved[target.index()];
                    *moved = moved.wrapping_add(added);
                }
                (Kind::Compute, ..) => steps.unknown = steps.unknown.union(it.writes),
                (
                    Kind::Address
                    | Kind::Load
                    | Kind::Move
                    | Kind::Constant
                    | Kind::Zero
                    | Kind::Pop,
                    _,
                    Some(target),
                ) => steps.unknown.add(target),
                _ => {}
            }
        }
        steps
    }

    /// How far an address moves; `None` when that is not known.
    fn step(&self, (base, index, scale): Address) -> Option<i64> {
        let mut step = 0_i64;
        for (register, times) in [(base, 1), (index, i64::from(scale.max(1)))] {
            let Some(register) = register else { continue };
            if self.unknown.contains(register) {
                return None;
            }
            step = step.wrapping_add(self.moved[register.index()].wrapping_mul(times));
        }
        Some(step)
    }
}
