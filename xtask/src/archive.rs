// SPDX-License-Identifier: GPL-2.0-only
//! Which package archive this machine is set up to use. Everything we fetch comes from there, so a mirror in the
//! next rack or a proxy keeps working, and no host name is written down here.

use anyhow::{Context, Result, bail};
use std::path::Path;

const SOURCES_LIST: &str = "/etc/apt/sources.list";
const SOURCES_DIR: &str = "/etc/apt/sources.list.d";
const DEBIAN_KEYRINGS: &[&str] = &[
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
];
/// Names a base suite may have besides its codename.
const SUITE_ALIASES: &[&str] = &["stable", "oldstable", "testing", "unstable", "sid"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    pub uri: String,
    /// A keyring file; none lets apt use the machine's trusted keys.
    pub signed_by: Option<String>,
}

pub struct System {
    /// `debian`, `ubuntu`, `fedora`, `arch`, ...
    pub id: String,
    pub like: String,
    pub codename: String,
}

impl System {
    pub fn detect() -> Self {
        let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let field = |name: &str| os_release_field(&text, name).unwrap_or_default();
        System {
            id: field("ID"),
            like: field("ID_LIKE"),
            codename: field("VERSION_CODENAME"),
        }
    }

    pub fn uses_apt(&self) -> bool {
        self.is("debian") || self.is("ubuntu")
    }

    pub fn is(&self, id: &str) -> bool {
        self.id == id || self.like.split(' ').any(|l| l == id)
    }
}

fn os_release_field(text: &str, name: &str) -> Option<String> {
    let value = text
        .lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches(|c| c == '"' || c == '\'').to_string())
}

/// The archive this machine gets its own packages from.
pub fn own(system: &System) -> Result<Archive> {
    let mut files = vec![std::path::PathBuf::from(SOURCES_LIST)];
    if let Ok(entries) = std::fs::read_dir(SOURCES_DIR) {
        files.extend(entries.flatten().map(|e| e.path()));
    }
    files.sort();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        let found = match file.extension().and_then(|e| e.to_str()) {
            Some("list") => parse_one_line(&text, &system.codename),
            Some("sources") => parse_deb822(&text, &system.codename),
            _ => None,
        };
        if let Some(archive) = found {
            return Ok(archive);
        }
    }
    bail!(
        "no entry of {SOURCES_LIST} or {SOURCES_DIR} gives the main archive of {}",
        system.codename
    )
}

/// The Debian archive, where the stock kernels for the test machines are.
pub fn debian(system: &System, mirror: Option<&str>) -> Result<Archive> {
    let keyring = DEBIAN_KEYRINGS.iter().find(|k| Path::new(k).exists());
    let signed_by = keyring.map(|k| k.to_string());
    if let Some(uri) = mirror {
        let signed_by = Some(signed_by.context("the package debian-archive-keyring is missing")?);
        return Ok(Archive {
            uri: uri.to_string(),
            signed_by,
        });
    }
    if system.id != "debian" {
        bail!(
            "the test kernels are Debian's and this machine is set up for {}: name a Debian mirror with --mirror URL",
            system.id
        );
    }
    let archive = own(system)?;
    Ok(Archive {
        signed_by: archive.signed_by.or(signed_by),
        ..archive
    })
}

fn is_base_suite(suite: &str, codename: &str) -> bool {
    suite == codename || SUITE_ALIASES.contains(&suite)
}

/// `deb [options] URI SUITE COMPONENT...`
fn parse_one_line(text: &str, codename: &str) -> Option<Archive> {
    text.lines().find_map(|line| {
        let line = line.split('#').next()?.trim();
        let mut rest = line.strip_prefix("deb ")?.trim();
        let mut signed_by = None;
        if let Some(options) = rest.strip_prefix('[') {
            let (options, after) = options.split_once(']')?;
            signed_by = options
                .split_whitespace()
                .find_map(|o| o.strip_prefix("signed-by="));
            rest = after.trim();
        }
        let mut words = rest.split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        let wanted = is_base_suite(suite, codename) && words.any(|c| c == "main");
        wanted.then(|| Archive {
            uri: uri.to_string(),
            signed_by: signed_by.map(str::to_string),
        })
    })
}

/// Stanzas of `Field: value`, values continued on indented lines.
fn parse_deb822(text: &str, codename: &str) -> Option<Archive> {
    text.replace('\r', "").split("\n\n").find_map(|stanza| {
        let has = |name: &str, word: &str| deb822_field(stanza, name).iter().any(|w| w == word);
        let suites = deb822_field(stanza, "suites");
        let wanted = has("types", "deb")
            && has("components", "main")
            && !has("enabled", "no")
            && suites.iter().any(|s| is_base_suite(s, codename));
        let uri = deb822_field(stanza, "uris").into_iter().next()?;
        // A key may be written out instead of named; apt's own trusted keys then have to do.
        let signed_by = deb822_field(stanza, "signed-by")
            .into_iter()
            .next()
            .filter(|s| s.starts_with('/'));
        wanted.then_some(Archive { uri, signed_by })
    })
}

/// The words of a field's value.
fn deb822_field(stanza: &str, name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut inside = false;
    for line in stanza.lines().filter(|l| !l.starts_with('#')) {
        let value = if line.starts_with([' ', '\t']) {
            inside.then_some(line)
        } else {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            inside = field.trim().eq_ignore_ascii_case(name);
            inside.then_some(value)
        };
        words.extend(value.unwrap_or("").split_whitespace().map(str::to_string));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEB822: &str = "\
# comment
Types: deb deb-src
# http://old.example/debian
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/k.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
";

    #[test]
    fn deb822_takes_the_base_suite() {
        let archive = parse_deb822(DEB822, "bookworm").unwrap();
        assert_eq!(archive.uri, "http://mirror.example/debian");
        assert_eq!(
            archive.signed_by.as_deref(),
            Some("/usr/share/keyrings/k.gpg")
        );
        assert_eq!(parse_deb822(DEB822, "trixie"), None);
        assert_eq!(
            parse_deb822(&format!("Enabled: no\n{}", &DEB822[10..]), "bookworm"),
            None
        );
    }

    #[test]
    fn one_line_with_and_without_options() {
        let text = "\
# deb http://commented.example/debian trixie main
deb http://sec.example/debian-security trixie-security main
deb-src http://src.example/debian trixie main
deb [arch=amd64 signed-by=/k.gpg] mirror+file:/etc/apt/mirrors/debian.list trixie main contrib # ours
";
        let archive = parse_one_line(text, "trixie").unwrap();
        assert_eq!(archive.uri, "mirror+file:/etc/apt/mirrors/debian.list");
        assert_eq!(archive.signed_by.as_deref(), Some("/k.gpg"));
        assert!(parse_one_line("deb http://a.example/x stable non-free", "trixie").is_none());
        assert_eq!(
            parse_one_line("deb http://a.example/x stable main", "trixie")
                .unwrap()
                .signed_by,
            None
        );
    }

    #[test]
    fn inline_key_is_left_to_apt() {
        let text = "Types: deb\nURIs: http://a.example/d\nSuites: trixie\nComponents: main\nSigned-By:\n -----BEGIN PGP\n";
        assert_eq!(parse_deb822(text, "trixie").unwrap().signed_by, None);
    }

    #[test]
    fn os_release_is_unquoted() {
        let text = "ID=debian\nVERSION_CODENAME=\"trixie\"\n";
        assert_eq!(
            os_release_field(text, "VERSION_CODENAME").as_deref(),
            Some("trixie")
        );
        assert_eq!(os_release_field(text, "ID_LIKE"), None);
    }
}
