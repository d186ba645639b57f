// SPDX-License-Identifier: GPL-2.0-only
//! Frames of known causes.

use super::*;
use crate::why::record::tests::{turn, wait};

const MS: u64 = 1_000_000;
const CPUS: usize = 4;
const FRAME: Frame = Frame {
    start: 100 * MS,
    next: 150 * MS,
    done: 140 * MS,
};
const USUAL: Split = Split {
    ran: 8 * MS,
    waited: 0,
    slept: 0,
};

fn cause(records: &[Record]) -> Cause {
    let scene = Scene::new(records.iter(), FRAME, (1, End::LastLink), CPUS);
    scene.cause(&USUAL, 33 * MS)
}

fn woken(waker: u32, turn: Record) -> Record {
    Record { waker, ..turn }
}

fn behind(class: u32, flags: u32) -> Behind {
    let records = [
        wait(2, 104 * MS, 130 * MS, class, flags),
        turn(1, 100 * MS, 104 * MS, 4 * MS),
        woken(1, turn(2, 104 * MS, 140 * MS, 10 * MS)),
    ];
    match cause(&records) {
        Cause::Waited { behind, wait } => {
            assert_eq!((wait.pid, wait.us), (2, 26_000));
            behind
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wait_is_blamed_on_who_was_there() {
    let (fair, frame) = (intf::task_class_CLASS_FAIR, intf::task_class_CLASS_FRAME);
    assert_eq!(behind(0, intf::why_flags_WHY_OTHER_RT), Behind::RealTime);
    assert_eq!(behind(fair, intf::why_flags_WHY_MOVED), Behind::RealTime);
    assert_eq!(behind(0, intf::why_flags_WHY_OTHER_IDLE), Behind::Scheduler);
    assert_eq!(behind(frame, intf::why_flags_WHY_PINNED), Behind::Pinned);
    assert_eq!(behind(frame, 0), Behind::OtherFrame);
    assert_eq!(behind(intf::task_class_CLASS_KERNEL, 0), Behind::Kernel);
    assert_eq!(behind(fair, 0), Behind::Scheduler);
}

#[test]
fn long_work_is_work() {
    let got = cause(&[turn(1, 100 * MS, 140 * MS, 40 * MS)]);
    assert!(matches!(got, Cause::Ran { pid: 1, ms: 40, .. }), "{got:?}");
}

#[test]
fn a_crowd_is_more_threads_than_cpus_behind_each_other() {
    let mut records = vec![turn(1, 100 * MS, 101 * MS, MS)];
    for pid in 2..10 {
        let end = 100 * MS + u64::from(pid) * 4 * MS;
        records.push(woken(1, turn(pid, 101 * MS, end, 4 * MS)));
        let mut w = wait(pid, 101 * MS, end - 4 * MS, 3, 0);
        (w.other_pid, w.other_tgid) = (pid % 3 + 2, 1);
        records.push(w);
    }
    // The pacer goes on when the last one is done.
    records.push(woken(9, turn(1, 136 * MS, 140 * MS, 4 * MS)));
    let got = cause(&records);
    assert_eq!(
        got,
        Cause::Crowded {
            threads: 9,
            cpus: 4
        }
    );
}

/// A reader's turns are too short to be recorded, and it is the game's own all the same.
#[test]
fn a_thread_without_turns_is_its_own_by_its_process() {
    let mut w = wait(2, 104 * MS, 130 * MS, intf::task_class_CLASS_FRAME, 0);
    w.other_tgid = 1;
    w.other_ran = 40_000;
    let records = [
        w,
        turn(1, 100 * MS, 104 * MS, 4 * MS),
        woken(1, turn(2, 104 * MS, 140 * MS, 10 * MS)),
    ];
    let Cause::Waited { behind, wait } = cause(&records) else {
        panic!("no wait");
    };
    assert_eq!((behind, wait.and_others), (Behind::Itself, true));
}

#[test]
fn silence_is_sleep_of_a_kind() {
    let slept = |change: &dyn Fn(&mut Record)| {
        let mut before = woken(1, turn(2, 104 * MS, 106 * MS, 2 * MS));
        change(&mut before);
        let after = turn(2, 138 * MS, 140 * MS, 2 * MS);
        let records = [turn(1, 100 * MS, 104 * MS, 4 * MS), before, after];
        match cause(&records) {
            Cause::Slept { why, .. } => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(slept(&|_| ()), Asleep::Other);
    assert_eq!(slept(&|r| r.sleep = 4), Asleep::Stopped);
    assert_eq!(slept(&|r| r.sleep = 2), Asleep::Driver);
    assert_eq!(
        slept(&|r| r.flags = intf::why_flags_WHY_IOWAIT as u8),
        Asleep::Disk
    );
}

#[test]
fn the_wait_of_another_process_may_be_the_cause() {
    let mut server = wait(7, 104 * MS, 138 * MS, 0, intf::why_flags_WHY_OTHER_RT);
    server.tgid = 70;
    let answered = woken(7, turn(1, 139 * MS, 140 * MS, MS));
    let got = cause(&[turn(1, 100 * MS, 104 * MS, 4 * MS), server, answered]);
    assert!(matches!(got, Cause::Waited { behind: Behind::RealTime, wait } if wait.pid == 7));
}

#[test]
fn who_was_moved_blames_whom_it_was_moved_from() {
    let mut moved = wait(1, 104 * MS, 124 * MS, 0, intf::why_flags_WHY_MOVED);
    moved.other_comm = "rt".into();
    let idle = intf::why_flags_WHY_OTHER_IDLE;
    let records = [
        turn(1, 100 * MS, 140 * MS, 8 * MS),
        moved,
        wait(1, 104 * MS, 136 * MS, 0, idle),
    ];
    let Cause::Waited { behind, wait } = cause(&records) else {
        panic!("no wait");
    };
    assert_eq!(behind, Behind::RealTime);
    assert_eq!((wait.us, wait.other.as_str()), (32_000, "rt"));
}
