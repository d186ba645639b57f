// SPDX-License-Identifier: GPL-2.0-only
//! When to look.

use super::*;

fn exec(comm: &str, parent: u32, cgroup: u64) -> Exec {
    Exec {
        pid: 100,
        parent,
        cgroup,
        comm: comm.into(),
        ..Exec::default()
    }
}

#[test]
fn a_build_is_not_worth_a_look() {
    let mut watch = Watch::new(None, Vec::new()).expect("an epoll set");
    watch.cgroups.insert((7, false));
    watch.tracked.insert(50);
    for comm in ["cc1", "as", "make", "sh", "ld"] {
        assert!(!watch.concerns(&exec(comm, 1, 7)), "{comm}");
    }
    assert!(
        watch.concerns(&exec("cc1", 50, 7)),
        "a child of what is tracked"
    );
    assert!(watch.concerns(&exec("cc1", 1, 8)), "a new cgroup");
    assert!(watch.concerns(&exec("eldenring.exe", 1, 7)));
    assert!(watch.concerns(&exec("reaper", 1, 7)));
}

/// GNOME's shell starts it where it has started others, and has it moved then.
#[test]
fn a_known_program_moved_into_a_new_cgroup_is_worth_a_look() {
    let mut watch = Watch::new(None, Vec::new()).expect("an epoll set");
    watch.cgroups.insert((7, false));
    let started = exec("supertuxkart", 1, 7);
    let moved = Exec {
        cgroup: 8,
        moved: true,
        ..started.clone()
    };
    assert!(!watch.concerns(&started));
    assert!(watch.concerns(&moved));
    watch.cgroups.insert((8, true));
    assert!(!watch.concerns(&moved), "to and fro");
    let inside = exec("supertuxkart-bin", 100, 8);
    assert!(watch.concerns(&inside), "what a script starts there");
}

#[test]
fn looks_come_at_once_and_again() {
    let mut watch = Watch::new(None, Vec::new()).expect("an epoll set");
    watch.looks.clear();
    assert_eq!(watch.timeout(), None);
    watch.look_soon();
    assert_eq!(watch.looks.len(), 1 + AGAIN.len());
    assert_eq!(watch.timeout(), Some(Duration::ZERO));
}

#[test]
fn the_end_of_a_game_is_noticed() {
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .expect("sleep");
    let mut watch = Watch::new(None, Vec::new()).expect("an epoll set");
    watch.playing = Some(Playing {
        pid: child.id(),
        name: "sleep".into(),
        program: "sleep".into(),
        why: String::new(),
        members: vec![child.id()],
        process: watch.wait_for(child.id()),
    });
    watch.ready().expect("no event yet");
    assert!(watch.playing().is_some());
    child
        .kill()
        .and_then(|()| child.wait().map(drop))
        .expect("its end");
    watch.ready().expect("its end");
    assert!(watch.playing().is_none());
}
