// SPDX-License-Identifier: GPL-2.0-only
//! The memory layout of the built kernel part, from its BTF, against the table of
//! who writes what (`src/bpf/layout.def.h`).
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use libbpf_rs::btf::types::{MemberAttr, Struct};
use libbpf_rs::btf::{Btf, BtfType};
use libbpf_rs::{HasSize, ReferencesType};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

const LINE: usize = 64;
const TABLE: &str = include_str!("../src/bpf/layout.def.h");
/// Structures in the table and not in the scheduler's object are in a probe's.
const OBJECTS: [&str; 3] = ["main.bpf.o", "input.bpf.o", "display.bpf.o"];

#[derive(Clone, Debug)]
struct Field {
    name: String,
    line: usize,
    writer: String,
}

#[derive(Clone, Debug)]
struct Layout {
    name: String,
    bytes: usize,
    apart: usize,
    padding: usize,
    fields: Vec<Field>,
}

/// The arguments of `MACRO(a, b, ...)` on a line.
fn arguments<'t>(line: &'t str, name: &str) -> Option<Vec<&'t str>> {
    let inside = line.strip_prefix(name)?.strip_prefix('(')?;
    Some(
        inside
            .strip_suffix(')')?
            .split(',')
            .map(str::trim)
            .collect(),
    )
}

fn parse(table: &str) -> Vec<Layout> {
    let mut layouts: Vec<Layout> = Vec::new();
    for line in table.lines() {
        if let Some(a) = arguments(line, "LAYOUT") {
            let number = |i: usize| a[i].parse().unwrap();
            layouts.push(Layout {
                name: a[0].into(),
                bytes: number(1),
                apart: number(2),
                padding: number(3),
                fields: Vec::new(),
            });
        } else if let Some(a) = arguments(line, "FIELD") {
            let layout = layouts.last_mut().expect("a LAYOUT before its fields");
            assert_eq!(a[0], layout.name, "{line} stands under another struct");
            layout.fields.push(Field {
                name: a[1].into(),
                line: a[2].parse().unwrap(),
                writer: a[3].into(),
            });
        }
    }
    assert!(!layouts.is_empty());
    layouts
}

/// The members of a struct as they lie in memory, and its size.
struct Found {
    members: BTreeMap<String, Range<usize>>,
    bytes: usize,
}

fn size_of_type(ty: BtfType<'_>) -> usize {
    libbpf_rs::btf_type_match!(match ty {
        BtfKind::Array(a) => a.capacity() * size_of_type(a.contained_type()),
        BtfKind::Typedef(t) => size_of_type(t.referenced_type()),
        BtfKind::Volatile(t) => size_of_type(t.referenced_type()),
        BtfKind::Const(t) => size_of_type(t.referenced_type()),
        BtfKind::Ptr(_t) => size_of::<u64>(),
        BtfKind::Int(t) => usize::from(t.bits) / 8,
        BtfKind::Enum(t) => t.size(),
        BtfKind::Struct(t) => t.size(),
        BtfKind::Union(t) => t.size(),
        _ => panic!("a member of an unexpected type: {ty:?}"),
    })
}

fn look_up(btf: &Btf<'_>, name: &str) -> Option<Found> {
    let found: Struct<'_> = btf.type_by_name(name)?;
    let members = found.iter().map(|m| {
        let MemberAttr::Normal { offset } = m.attr else {
            panic!("{name} has a bit field");
        };
        let begin = offset as usize / 8;
        let size = size_of_type(btf.type_by_id(m.ty).unwrap());
        let name = m.name.unwrap().to_string_lossy().into_owned();
        (name, begin..begin + size)
    });
    Some(Found {
        members: members.collect(),
        bytes: found.size(),
    })
}

fn lines(bytes: &Range<usize>) -> Range<usize> {
    bytes.start / LINE..bytes.end.div_ceil(LINE)
}

/// Everything that is wrong with a struct.
fn complaints(layout: &Layout, found: &Found) -> Vec<String> {
    let mut all = Vec::new();
    let mut say = |what: String| all.push(format!("{}{what}", layout.name));
    if layout.bytes != 0 && layout.bytes != found.bytes {
        say(format!(" has {} bytes, not {}", found.bytes, layout.bytes));
    }
    if !found.bytes.is_multiple_of(layout.apart) {
        say(format!(": two share {} bytes", layout.apart));
    }
    let is_padding = |name: &str| name.starts_with("reserved");
    for name in found.members.keys().filter(|n| !is_padding(n)) {
        if !layout.fields.iter().any(|f| f.name == *name) {
            say(format!(".{name} is not in the table"));
        }
    }
    let mut writers: BTreeMap<usize, &Field> = BTreeMap::new();
    let mut used = 0;
    for field in &layout.fields {
        let Some(bytes) = found.members.get(&field.name) else {
            say(format!(".{} is in the table only", field.name));
            continue;
        };
        used += bytes.len();
        let lines = lines(bytes);
        if lines.start != field.line || (bytes.len() <= LINE && lines.len() > 1) {
            say(format!(".{} lies in lines {lines:?}", field.name));
        }
        for line in lines {
            let other = writers.entry(line).or_insert(field);
            if other.writer != field.writer {
                say(format!(
                    ".{} of {} and .{} of {} share line {line}",
                    other.name, other.writer, field.name, field.writer
                ));
            }
        }
    }
    let unused = found.bytes - used;
    if unused > layout.padding {
        say(format!(" wastes {unused} bytes, not {}", layout.padding));
    }
    all
}

fn built(name: &str) -> PathBuf {
    Path::new(env!("OUT_DIR")).join(name)
}

#[test]
fn the_built_objects_are_laid_out_as_said() {
    let objects = OBJECTS.map(|o| Btf::from_path(built(o)).unwrap());
    let mut wrong = Vec::new();
    for layout in parse(TABLE) {
        let found = objects.iter().find_map(|btf| look_up(btf, &layout.name));
        match found {
            Some(found) => wrong.extend(complaints(&layout, &found)),
            None => wrong.push(format!("{} is in no object", layout.name)),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Every per-CPU or shared structure that programs see as a section of its own.
#[test]
fn every_section_of_shared_memory_is_in_the_table() {
    let names: Vec<String> = parse(TABLE).into_iter().map(|l| l.name).collect();
    let source = [
        "mech/state.bpf.h",
        "probes/input.bpf.c",
        "probes/display.bpf.c",
    ]
    .map(|file| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/bpf")
            .join(file);
        std::fs::read_to_string(path).unwrap()
    });
    let mut sections = 0;
    for line in source.iter().flat_map(|s| s.lines()) {
        if line.starts_with("struct ") && line.contains("SEC(\".bss.") {
            let name = line.split_whitespace().nth(1).unwrap();
            assert!(
                names.iter().any(|n| n == name),
                "{name} is not in the table"
            );
            sections += 1;
        }
    }
    assert!(sections >= names.len() - 1, "{sections} sections found");
}

/// The twin: a struct that breaks every rule, through the same compiler.
#[test]
fn what_is_laid_out_wrong_is_found() {
    const SOURCE: &str = "struct bad { unsigned long own; unsigned long any; char reserved[100];
        unsigned short late[8]; unsigned long stray; } bad[2];";
    const BAD: &str = "LAYOUT(bad, 128, 64, 99)\nFIELD(bad, own, 0, OWN, ANY)\nFIELD(bad, any, 0, ANY, OWN)\n\
        FIELD(bad, late, 0, OWN, OWN)\nFIELD(bad, gone, 0, OWN, OWN)";
    let dir = std::env::temp_dir().join(format!("photon-layout-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("bad.c"), SOURCE).unwrap();
    let clang = std::env::var("BPF_CLANG").unwrap_or_else(|_| "clang".into());
    let compiled = Command::new(clang)
        .args(["-g", "-O2", "-target", "bpf", "-c", "bad.c", "-o", "bad.o"])
        .current_dir(&dir)
        .status()
        .unwrap();
    assert!(compiled.success());
    let found = look_up(&Btf::from_path(dir.join("bad.o")).unwrap(), "bad").unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    let said = complaints(&parse(BAD)[0], &found).join("\n");
    for wanted in [
        "has 144 bytes, not 128",
        "two share 64 bytes",
        "stray is not in the table",
        "gone is in the table only",
        "late lies in lines 1..3",
        "own of OWN and .any of ANY share line 0",
        "wastes",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}
