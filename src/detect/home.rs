// SPDX-License-Identifier: GPL-2.0-only
//! Where a process was started: under a launcher of games, or by a desktop entry
//! that says it is one.

use super::tree::{Proc, Tree};

/// A started game: the processes under one starting point belong together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Home {
    /// Tells it apart from others: `steam 570`, `lutris 4711`.
    pub key: String,
    pub why: Why,
}

/// The evidence that made a starting point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    Rule,
    Registered,
    SteamScope,
    SteamReaper,
    Lutris,
    Heroic,
    Umu,
    Gamescope,
    DesktopEntry,
    WineAlone,
}

impl Why {
    pub fn text(self) -> &'static str {
        match self {
            Why::Rule => "a rule in the configuration names it",
            Why::Registered => "it was started by `scx_photon run`",
            Why::SteamScope => "its cgroup is that of a Steam game",
            Why::SteamReaper => "Steam's reaper started it",
            Why::Lutris => "Lutris started it",
            Why::Heroic => "Heroic started it",
            Why::Umu => "umu started it",
            Why::Gamescope => "gamescope started it",
            Why::DesktopEntry => "its desktop entry is in the category Game",
            Why::WineAlone => "a Windows program that draws and takes input",
        }
    }
}

/// Steam makes `app-steam-app570-12345.scope`; a shortcut to a program that is
/// not from Steam has an id of more than 32 bits.
fn steam_scope(cgroup: &str) -> Option<&str> {
    let unit = cgroup
        .rsplit('/')
        .find(|u| u.starts_with("app-steam-app"))?;
    let id = unit.strip_prefix("app-steam-app")?;
    let end = id.find(|c: char| !c.is_ascii_digit()).unwrap_or(id.len());
    (end > 0).then(|| &id[..end])
}

/// `reaper SteamLaunch AppId=570 -- ...`
fn reaper(proc: &Proc) -> Option<&str> {
    if proc.program() != "reaper" || !proc.has_arg("SteamLaunch") {
        return None;
    }
    proc.args.iter().find_map(|a| a.strip_prefix("AppId="))
}

/// A starting point that a process itself is, for all below it.
fn point(proc: &Proc) -> Option<Home> {
    let program = proc.program();
    let home = |kind: &str, why| {
        Some(Home {
            key: format!("{kind} {}", proc.pid),
            why,
        })
    };
    if let Some(id) = reaper(proc) {
        return Some(Home {
            key: format!("steam {id}"),
            why: Why::SteamReaper,
        });
    }
    let starts = |word: &str| proc.has_arg(word);
    match program.as_str() {
        _ if proc.comm.starts_with("lutris-wrapper") || proc.mentions("lutris-wrapper") => {
            home("lutris", Why::Lutris)
        }
        "legendary" | "gogdl" | "nile" if starts("launch") => home("heroic", Why::Heroic),
        "umu-run" => home("umu", Why::Umu),
        _ if proc.args.len() > 1 && proc.args[1].ends_with("/umu-run") => home("umu", Why::Umu),
        "gamescope" | "gamescope-wl"
            if proc.has_arg("--") && !proc.has_arg("--steam") && !proc.has_arg("-e") =>
        {
            home("gamescope", Why::Gamescope)
        }
        _ => None,
    }
}

/// The game that a process was started for, if any. The outermost starting point
/// counts: gamescope inside Steam's reaper is a part of the Steam game.
pub fn home_of(tree: &Tree<'_>, proc: &Proc) -> Option<Home> {
    if let Some(id) = steam_scope(&proc.cgroup) {
        return Some(Home {
            key: format!("steam {id}"),
            why: Why::SteamScope,
        });
    }
    let up = tree.ancestors(proc);
    let own = up.iter().take_while(|a| a.uid == proc.uid);
    if let Some(home) = own.filter_map(|a| tree.point(a, point)).last() {
        return Some(home);
    }
    let is_game = |p: &Proc| p.categories.split(';').any(|c| c == "Game");
    // Of the cgroup's processes the topmost stands for the entry.
    let entry = up
        .iter()
        .take_while(|a| a.cgroup == proc.cgroup)
        .last()
        .copied();
    is_game(proc).then(|| Home {
        key: format!("entry {}", entry.unwrap_or(proc).pid),
        why: Why::DesktopEntry,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steam_scopes() {
        let base = "/user.slice/user-1000.slice/user@1000.service/app.slice";
        assert_eq!(
            steam_scope(&format!("{base}/app-steam-app570-99.scope")),
            Some("570")
        );
        assert_eq!(steam_scope(&format!("{base}/app-steam-99.scope")), None);
        assert_eq!(steam_scope(&format!("{base}/app-steam-app-99.scope")), None);
        assert_eq!(steam_scope(""), None);
    }
}
