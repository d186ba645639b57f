// SPDX-License-Identifier: GPL-2.0-only
//! Which CPUs frames try first, and the order of all, on the machines of `tests/fixtures/machines/`. A fixture is a line a
//! CPU; here it becomes a tree of files as in /sys, and scx_photon looks at that by scx_utils' `SCX_SYSFS_PREFIX`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A machine: what is expected of it, and the columns of every CPU by name.
struct Machine {
    name: String,
    expected: Vec<String>,
    cpus: Vec<BTreeMap<String, String>>,
}

fn parse(path: &Path) -> Machine {
    let text = std::fs::read_to_string(path).unwrap();
    let expected = text.lines().filter_map(|l| l.strip_prefix("= "));
    let mut rows = text.lines().filter(|l| !l.starts_with(['#', '=']));
    let columns: Vec<&str> = rows.next().unwrap().split_whitespace().collect();
    let cpu = |row: &str| {
        let cells = row.split_whitespace().map(String::from);
        columns.iter().map(|c| c.to_string()).zip(cells).collect()
    };
    Machine {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        expected: expected.map(String::from).collect(),
        cpus: rows.map(cpu).collect(),
    }
}

fn machines() -> Vec<Machine> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/machines");
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|p| parse(p)).collect()
}

/// By what tells it from others: the CPUs that share it.
type Shared = BTreeMap<[String; 2], String>;

/// A directory that is gone with it.
struct Tree(PathBuf);

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Tree {
    fn new(machine: &Machine) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("photon-machine-{}-{number}", std::process::id());
        let tree = Tree(std::env::temp_dir().join(name));
        let last = machine.cpus.len() - 1;
        tree.write("system/cpu/online", &format!("0-{last}"));
        let smt = machine
            .shared("core")
            .values()
            .any(|cpus| cpus.contains(','));
        tree.write("system/cpu/smt/active", if smt { "1" } else { "0" });
        let caches = [2, 3].map(|level| machine.shared(&format!("l{level}")));
        for cpu in &machine.cpus {
            tree.add(machine, &caches, cpu);
        }
        let large = machine
            .cpus
            .iter()
            .filter(|c| c.get("performance").is_some_and(|p| p == "yes"));
        let large: Vec<&str> = large.map(|c| c["cpu"].as_str()).collect();
        if !large.is_empty() {
            tree.write("cpu_core/cpus", &large.join(","));
        }
        tree
    }

    /// What scx_photon says of it.
    fn check(&self, flags: &[&str]) -> Value {
        let out = Command::new(env!("CARGO_BIN_EXE_scx_photon"))
            .args(flags)
            .args(["check", "--json"])
            .env("SCX_SYSFS_PREFIX", &self.0)
            .output()
            .unwrap();
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join("sys/devices").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("{text}\n")).unwrap();
    }

    fn add(&self, machine: &Machine, caches: &[Shared; 2], cpu: &BTreeMap<String, String>) {
        let (number, node) = (&cpu["cpu"], &cpu["node"]);
        self.write(&format!("system/node/node{node}/cpu{number}/online"), "1");
        self.write(&format!("system/node/node{node}/distance"), "10 20");
        let file =
            |path: &str, text: &str| self.write(&format!("system/cpu/cpu{number}/{path}"), text);
        file("topology/core_id", &cpu["core"]);
        file("topology/physical_package_id", &cpu["package"]);
        file("topology/cluster_id", "-1");
        for (level, cache) in [2, 3].into_iter().zip(caches) {
            let column = format!("l{level}");
            file(&format!("cache/index{level}/id"), &cpu[&column]);
            let shared = &cache[&machine.place(cpu, &column)];
            file(&format!("cache/index{level}/shared_cpu_list"), shared);
        }
        file("cache/index3/size", &cpu["l3_size"]);
        for name in ["cpuinfo_max_freq", "scaling_max_freq"] {
            file(&format!("cpufreq/{name}"), &cpu["max_khz"]);
        }
        for (column, text) in cpu.iter().filter(|(column, _)| column.contains('/')) {
            file(column, text);
        }
    }
}

impl Machine {
    /// What tells a core or a cache from all others.
    fn place(&self, cpu: &BTreeMap<String, String>, column: &str) -> [String; 2] {
        [cpu["package"].clone(), cpu[column].clone()]
    }

    /// The CPUs of every one of them, as a list.
    fn shared(&self, column: &str) -> Shared {
        let mut lists: BTreeMap<[String; 2], Vec<&str>> = BTreeMap::new();
        for cpu in &self.cpus {
            lists
                .entry(self.place(cpu, column))
                .or_default()
                .push(&cpu["cpu"]);
        }
        lists
            .into_iter()
            .map(|(place, cpus)| (place, cpus.join(",")))
            .collect()
    }

    /// The same report as in the fixture's head.
    fn seen(&self, flags: &[&str]) -> (Vec<String>, Value) {
        let report = Tree::new(self).check(flags);
        let text = |key: &str| report["cpus"][key].as_str().map(String::from);
        let mut seen = vec![format!("first {}", text("first").unwrap_or("-".into()))];
        seen.extend(text("why").map(|why| format!("why {why}")));
        if report["cpus"]["whole_cores"] == true {
            seen.push("whole cores".into());
        }
        seen.push(format!("order {}", text("order").unwrap_or_default()));
        (seen, report)
    }
}

#[test]
fn every_machine_is_seen_as_it_should() {
    let machines = machines();
    assert!(machines.len() >= 6, "{} fixtures", machines.len());
    for machine in &machines {
        let (seen, report) = machine.seen(&[]);
        assert_eq!(seen, machine.expected, "{}: {report}", machine.name);
    }
}

/// With SMT switched off the siblings keep their directories: 16 CPUs were said to be there.
#[test]
fn cpus_that_are_offline_are_not_counted() {
    let machines = machines();
    let desktop = machines.iter().find(|m| m.name == "desktop_8c16t").unwrap();
    let tree = Tree::new(desktop);
    assert_eq!(tree.check(&[])["topology"], "16 CPUs, 1 LLC, SMT");
    tree.write("system/cpu/online", "0-7");
    tree.write("system/cpu/smt/active", "0");
    let report = tree.check(&[]);
    assert_eq!(report["topology"], "8 CPUs, 1 LLC", "{report}");
    assert_eq!(report["cpus"]["order"], "1,3,0,2,5,4,7,6", "{report}");
}

#[test]
fn the_flag_comes_before_the_topology() {
    let machines = machines();
    let x3d = machines.iter().find(|m| m.name == "dual_ccd_x3d").unwrap();
    let (seen, _) = x3d.seen(&["--prefer-cpus", "none"]);
    assert_eq!(seen[0], "first -");
    let (seen, _) = x3d.seen(&["--prefer-cpus", "8-15,24-31"]);
    assert_eq!(seen[..2], ["first 8-15,24-31", "why --prefer-cpus"]);
    // All of them is none of them.
    let (seen, _) = x3d.seen(&["--prefer-cpus", "0-31"]);
    assert_eq!(seen[0], "first -");
    let (_, report) = x3d.seen(&["--prefer-cpus", "0,30-33"]);
    let why = report["why_not"].as_str().unwrap_or_default();
    assert!(why.contains("CPUs 32-33 are not online"), "{report}");
}
