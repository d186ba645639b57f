// SPDX-License-Identifier: GPL-2.0-only
//! The publication protocols under load, on two CPUs that hammer: what is read is
//! whole, and what is counted is exact.

use crate::bpf::intf;
use crate::lane::{Cursor, Record};
use crate::lanes::Lanes;
use crate::snapshot::Snapshot;
use crate::{bpf, machine, run, snapshot};
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::addr_of;
use std::sync::atomic::{AtomicBool, Ordering};

/// Events of the lane's test: about a thousand times round the ring.
const EVENTS: u32 = 2_000_000;
/// Snapshots, and rounds of counting; each writes every counter.
const SNAPSHOTS: u32 = 200_000;
/// A writer is given its runs in pieces, so that it can be stopped.
const PIECE: u32 = 1000;
/// CPUs.
const WRITER: usize = 0;
const READER: usize = 1;

/// Name and figures of each; an error is a broken protocol.
pub fn all() -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("lane", lane()?),
        ("snapshot", torn_snapshots()?),
        ("counters", counters()?),
    ])
}

/// On a host with other work the reader may get its CPU when the writer has ended: then once more, at most so often.
const TRIES: u32 = 20;

/// Runs a program `times` times on CPU 0, beside what the caller does meanwhile on
/// CPU 1; returns how often that was, and how often the program ran in all.
fn beside<T>(
    prog: BorrowedFd<'_>,
    times: u32,
    mut meanwhile: impl FnMut() -> Result<T>,
) -> Result<(u64, u64)> {
    for tries in 1..=TRIES {
        let turns = try_beside(prog, times, &mut meanwhile)?;
        if turns > 0 {
            return Ok((turns, u64::from(tries) * u64::from(times)));
        }
    }
    bail!("CPU {READER} did nothing while CPU {WRITER} wrote, {TRIES} times")
}

fn try_beside<T>(
    prog: BorrowedFd<'_>,
    times: u32,
    mut meanwhile: impl FnMut() -> Result<T>,
) -> Result<u64> {
    let placed = &AtomicBool::new(false);
    machine::share()?;
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || -> Result<()> {
            let owned = machine::own(WRITER);
            placed.store(true, Ordering::Release);
            owned?;
            for _ in 0..times / PIECE {
                run::repeat(prog, PIECE)?;
            }
            Ok(())
        });
        machine::wait_for(placed);
        machine::own(READER)?;
        let mut turns = 0;
        while !writer.is_finished() {
            meanwhile()?;
            turns += 1;
        }
        writer.join().map_err(|_| anyhow!("a writer panicked"))??;
        Ok(turns)
    })
}

/// The writer numbers its events; a torn one has words of two numbers.
fn lane() -> Result<String> {
    let mut object = MaybeUninit::uninit();
    let skel = bpf::load(&mut object)?;
    let lanes = Lanes::map(skel.maps.lanes.as_fd(), machine::CPUS)?;
    let lane = lanes.iter().next().context("no lane")?;
    let (mut cursor, mut next, mut wrong) = (Cursor::default(), 0, 0u64);
    let mut read = |cursor: &mut Cursor| {
        lane.read(cursor, |record: &Record| {
            let number = record[0];
            wrong += u64::from(record[1] != number & u64::from(u32::MAX) || number < next);
            next = number + 1;
        });
    };
    let (_, written) = beside(skel.progs.lane_array.as_fd(), EVENTS, || {
        read(&mut cursor);
        Ok(())
    })?;
    read(&mut cursor);
    let Cursor { read, lost, .. } = cursor;
    ensure!(wrong == 0, "{wrong} of {read} events torn or out of order");
    ensure!(
        read + lost == written && read > 0,
        "{written} events: {read} read and {lost} lost"
    );
    Ok(format!("{written} events, {read} read whole, {lost} lost"))
}

/// Every sum of one snapshot is the same number.
fn torn_snapshots() -> Result<String> {
    let mut object = MaybeUninit::uninit();
    let skel = bpf::load(&mut object)?;
    let data = skel.maps.bss_snap_data.as_ref().context("no .bss.snap")?;
    let memory = addr_of!(data.snap).cast();
    let mut last = 0;
    let (read, written) = beside(skel.progs.snapshot_of_equals.as_fd(), SNAPSHOTS, || {
        let Snapshot { at_ns, sums } = settled(memory)?;
        ensure!(
            sums.iter().all(|sum| *sum == at_ns) && at_ns >= last,
            "a torn snapshot: {at_ns} after {last}, {sums:?}"
        );
        last = at_ns;
        Ok(())
    })?;
    Ok(format!("{written} written, {read} read, none torn"))
}

/// Reads until the writer, which never rests here, leaves a gap.
fn settled(memory: *const intf::snapshot) -> Result<Snapshot> {
    loop {
        // SAFETY: a mapped section of the skeleton, which outlives the call.
        if let Ok(snap) = unsafe { snapshot::read(memory) } {
            return Ok(snap);
        }
    }
}

/// One CPU counts, the other sums: no sum goes back, and none is missing at last.
fn counters() -> Result<String> {
    let mut object = MaybeUninit::uninit();
    let skel = bpf::load(&mut object)?;
    let data = skel.maps.bss_snap_data.as_ref().context("no .bss.snap")?;
    let memory = addr_of!(data.snap).cast();
    let mut last = [0; intf::counter_NR_COUNTERS as usize];
    let mut sum = || -> Result<()> {
        run::repeat(skel.progs.snapshot_now.as_fd(), 1)?;
        let sums = settled(memory)?.sums;
        let back = sums.iter().zip(last).any(|(now, before)| *now < before);
        ensure!(!back, "a sum went back: {last:?}, then {sums:?}");
        last = sums;
        Ok(())
    };
    let (taken, counted) = beside(skel.progs.count_all.as_fd(), SNAPSHOTS, &mut sum)?;
    sum()?;
    let exact = last.iter().all(|sum| *sum == counted);
    ensure!(exact, "{counted} of each counted, {last:?} summed");
    Ok(format!(
        "{counted} of each counted, {taken} sums meanwhile, exact"
    ))
}
