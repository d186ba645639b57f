// SPDX-License-Identifier: GPL-2.0-only
//! The packages without a program to put into them: paths, modes, papers. `dist/tests` installs one.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;

use crate::tree::{Flavour, Kind, Tree};
use crate::{debian, redhat, source, tarball};

fn tree(flavour: Flavour) -> Tree {
    let assets = [
        "_scx_photon",
        "scx_photon.1",
        "scx_photon.bash",
        "scx_photon.fish",
    ];
    let assets = assets.map(|name| (name.to_string(), name.as_bytes().to_vec()));
    Tree::from(b"\0GLIBC_2.36\0".to_vec(), assets.to_vec(), flavour).unwrap()
}

/// Path, mode and content of everything in a tar.
fn unpacked(gz: &[u8]) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut tar = tar::Archive::new(GzDecoder::new(gz));
    let mut all = BTreeMap::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let header = entry.header();
        assert_eq!(
            (header.uid().unwrap(), header.gid().unwrap()),
            (0, 0),
            "{path}"
        );
        let mode = header.mode().unwrap();
        let mut data = Vec::new();
        entry.read_to_end(&mut data).unwrap();
        assert!(all.insert(path, (mode, data)).is_none());
    }
    all
}

fn members(deb: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ar::Archive::new(deb);
    let mut all = BTreeMap::new();
    while let Some(member) = archive.next_entry() {
        let mut member = member.unwrap();
        let name = String::from_utf8(member.header().identifier().to_vec()).unwrap();
        let mut data = Vec::new();
        member.read_to_end(&mut data).unwrap();
        all.insert(name, data);
    }
    all
}

#[test]
fn a_deb_has_its_papers_and_files() {
    let deb = members(&debian::package(&tree(Flavour::Debian), "1").unwrap());
    assert_eq!(deb["debian-binary"], b"2.0\n");
    let files = unpacked(&deb["data.tar.gz"]);
    let expected = [
        ("./etc/default/scx_photon", 0o644),
        ("./usr/bin/scx_photon", 0o755),
        ("./usr/lib/systemd/system/scx_photon.service", 0o644),
        ("./usr/share/bash-completion/completions/scx_photon", 0o644),
        ("./usr/share/doc/scx-photon/CONTRIBUTING.md", 0o644),
        ("./usr/share/doc/scx-photon/README.md", 0o644),
        ("./usr/share/doc/scx-photon/THIRD-PARTY.gz", 0o644),
        ("./usr/share/doc/scx-photon/changelog.gz", 0o644),
        ("./usr/share/doc/scx-photon/copyright", 0o644),
        ("./usr/share/doc/scx-photon/docs/DESIGN.md", 0o644),
        ("./usr/share/doc/scx-photon/docs/top.svg", 0o644),
        (
            "./usr/share/doc/scx-photon/examples/50-scx_photon.rules",
            0o644,
        ),
        ("./usr/share/doc/scx-photon/examples/gamemode.ini", 0o644),
        ("./usr/share/doc/scx-photon/examples/scx.default", 0o644),
        ("./usr/share/doc/scx-photon/examples/scx_loader.toml", 0o644),
        ("./usr/share/doc/scx-photon/examples/scx_photon.toml", 0o644),
        (
            "./usr/share/fish/vendor_completions.d/scx_photon.fish",
            0o644,
        ),
        ("./usr/share/man/man1/scx_photon.1.gz", 0o644),
        ("./usr/share/zsh/vendor-completions/_scx_photon", 0o644),
    ];
    let plain = files.iter().filter(|(path, _)| !path.ends_with('/'));
    let got: Vec<(&str, u32)> = plain.map(|(p, (mode, _))| (p.as_str(), *mode)).collect();
    assert_eq!(got, expected);
    for (path, (mode, _)) in files.iter().filter(|(path, _)| path.ends_with('/')) {
        assert_eq!(*mode, 0o755, "{path}");
    }
    let papers = unpacked(&deb["control.tar.gz"]);
    let text = |name: &str| String::from_utf8(papers[name].1.clone()).unwrap();
    assert_eq!(text("./conffiles"), "/etc/default/scx_photon\n");
    assert!(
        text("./control").contains("Depends: libc6 (>= 2.36), "),
        "{}",
        text("./control")
    );
    assert_eq!(text("./md5sums").lines().count(), expected.len() - 1);
    for script in ["./preinst", "./postinst", "./prerm", "./postrm"] {
        assert_eq!(papers[script].0, 0o755);
    }
}

#[test]
fn an_rpm_has_its_files() {
    let bytes = redhat::package(&tree(Flavour::Redhat), "1").unwrap();
    let package = rpm::Package::parse(&mut bytes.as_slice()).unwrap();
    let entries = package.metadata.get_file_entries().unwrap();
    let mode = |path: &str| {
        let found = entries.iter().find(|e| e.path() == Path::new(path));
        found.map(|e| e.mode().permissions())
    };
    assert_eq!(mode("/usr/bin/scx_photon"), Some(0o755));
    assert_eq!(mode("/etc/default/scx_photon"), Some(0o644));
    assert_eq!(mode("/usr/share/licenses/scx_photon/LICENSE"), Some(0o644));
    let preset = "/usr/lib/systemd/system-preset/90-scx_photon.preset";
    assert_eq!(mode(preset), Some(0o644));
    let needs = package.metadata.get_requires().unwrap();
    assert!(
        needs
            .iter()
            .any(|d| d.name == "libc.so.6(GLIBC_2.36)(64bit)")
    );
}

#[test]
fn the_archive_is_below_usr_local_and_etc() {
    let files = unpacked(&tarball::archive(&tree(Flavour::Local)).unwrap());
    let unit = String::from_utf8(files["./etc/systemd/system/scx_photon.service"].1.clone());
    assert!(
        unit.unwrap()
            .contains("ExecStart=/usr/local/bin/scx_photon ")
    );
    assert!(!files.keys().any(|path| path.starts_with("./usr/bin")));
    // What is there already stays as it is: links, modes, an edited configuration.
    assert!(!files.keys().any(|path| path.ends_with('/')));
    assert!(!files.contains_key("./etc/default/scx_photon"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for _ in 0..2 {
        let make = || debian::package(&tree(Flavour::Debian), "1").unwrap();
        assert!(make() == make());
        let make = || redhat::package(&tree(Flavour::Redhat), "1").unwrap();
        assert!(make() == make());
    }
}

const FLAVOURS: [Flavour; 5] = [
    Flavour::Debian,
    Flavour::Redhat,
    Flavour::Arch,
    Flavour::Nix,
    Flavour::Local,
];

#[test]
fn every_flavour_has_one_program_and_one_unit() {
    for flavour in FLAVOURS {
        let tree = tree(flavour);
        let count = |end: &str| {
            tree.entries
                .iter()
                .filter(|e| e.path.ends_with(end))
                .count()
        };
        assert_eq!(
            (count("bin/scx_photon"), count(".service")),
            (1, 1),
            "{flavour:?}"
        );
        let config = tree.entries.iter().filter(|e| e.kind == Kind::Config);
        assert_eq!(config.count(), usize::from(flavour != Flavour::Nix));
    }
}

/// The files that a document links to, without the places in them.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|t| t.split(')').next());
    let files = targets.filter_map(|t| t.split('#').next());
    files
        .filter(|f| !f.is_empty() && !f.contains("://"))
        .collect()
}

#[test]
fn every_link_of_the_documents_is_in_the_package() {
    assert_eq!(
        links("[a](b.md#c) ![d](e/f) [g](#h) [i](https://j)"),
        ["b.md", "e/f"]
    );
    for flavour in FLAVOURS {
        let tree = tree(flavour);
        let documents = tree.entries.iter().filter(|e| e.path.ends_with(".md"));
        let mut seen = 0;
        for document in documents {
            let dir = Path::new(&document.path).parent().unwrap();
            for link in links(std::str::from_utf8(&document.data).unwrap()) {
                let is = |path: &str| Path::new(path) == dir.join(link);
                assert!(
                    tree.entries.iter().any(|e| is(&e.path)),
                    "{}: {link}",
                    document.path
                );
                seen += 1;
            }
        }
        assert!(seen >= 3, "{flavour:?}: {seen}");
    }
}

/// By name: makepkg puts files of its own beside them.
const SCRIPTS: [&str; 9] = [
    "dist/deb/preinst",
    "dist/deb/postinst",
    "dist/deb/prerm",
    "dist/deb/postrm",
    "dist/rpm/post",
    "dist/rpm/preun",
    "dist/rpm/postun",
    "dist/arch/PKGBUILD",
    "dist/arch/scx_photon.install",
];

/// What the unit, the examples and the scripts call things must be what the packages call them.
#[test]
fn the_scripts_are_sound() {
    for script in SCRIPTS {
        let shell = if script.ends_with("PKGBUILD") {
            "bash"
        } else {
            "sh"
        };
        let path = source::root().join(script);
        let checked = Command::new(shell).arg("-n").arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(checked.status.success(), "{script}: {said}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("scx_photon"), "{script}");
    }
}

#[test]
fn a_date_that_is_none_is_refused() {
    assert_eq!(source::seconds("1764540000").unwrap(), 1_764_540_000);
    for bad in ["", "yesterday", "-1", "4294967296"] {
        let error = source::seconds(bad).unwrap_err();
        assert!(error.to_string().contains(bad), "{error}");
    }
}

#[test]
fn versions_agree() {
    let pkgbuild = crate::tree::read("dist/arch/PKGBUILD").unwrap();
    assert!(pkgbuild.contains(&format!("\npkgver={}\n", source::VERSION)));
}

#[test]
fn what_is_linked_is_named_with_its_license() {
    let text = crate::notices::text().unwrap();
    let (list, texts) = text.split_once("\n\n---").unwrap();
    for linked in ["\nclap ", "\nlibbpf-rs ", "\nratatui "] {
        assert!(list.contains(linked), "{linked}");
    }
    // Tests need it, the program does not.
    assert!(!list.contains("\nproptest "));
    assert!(texts.contains("Permission is hereby granted, free of charge"));
    assert!(!list.contains("see its text"), "{list}");
}
