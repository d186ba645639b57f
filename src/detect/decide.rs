// SPDX-License-Identifier: GPL-2.0-only
//! Who plays: a pure function from a snapshot of processes to a decision with a
//! reason for each process that was considered. In doubt nobody plays.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::home::{Home, Why, home_of};
use super::names;
use super::rules::{self, Rule};
use super::tree::{Proc, Tree};

/// Slower than that is no game that a scheduler could help.
const SUBMITS_MIN: f64 = 20.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The process that is played.
    Game,
    /// Works for it.
    Family,
    /// Part of what was started, and left alone: launchers, crash handlers,
    /// anticheat, wrappers.
    Beside,
    /// A game, but not the one that is played now.
    Waiting,
    /// Looked at and left alone.
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub pid: u32,
    pub name: String,
    pub role: Role,
    pub why: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Decision {
    /// The process that is played.
    pub game: Option<u32>,
    /// It and its family, in the order of their numbers.
    pub members: Vec<u32>,
    pub verdicts: Vec<Verdict>,
}

/// What was started together.
struct Group<'a> {
    home: Home,
    procs: Vec<&'a Proc>,
    main: Option<&'a Proc>,
}

/// Decides for one moment.
pub fn decide(procs: &[Proc], rules: &[Rule]) -> Decision {
    let tree = Tree::new(procs);
    let mut decision = Decision::default();
    // By user too: nobody gets into another user's game by what he calls himself.
    let mut groups: BTreeMap<(String, u32), Group<'_>> = BTreeMap::new();
    for proc in procs {
        match place(&tree, rules, proc) {
            Ok(Some(home)) => {
                let key = (home.key.clone(), proc.uid);
                let why = home.why;
                let group = groups.entry(key).or_insert_with(|| Group {
                    home,
                    procs: Vec::new(),
                    main: None,
                });
                // The strongest of several reasons, in whatever order they come.
                group.home.why = group.home.why.min(why);
                group.procs.push(proc);
            }
            Ok(None) => {}
            Err(why) => decision.note(proc, Role::Other, why),
        }
    }
    let mut groups: Vec<Group<'_>> = groups.into_values().collect();
    for group in &mut groups {
        group.main = main_of(&tree, rules, group);
    }
    let played = foreground(rules, &groups);
    for group in &groups {
        decision.add(rules, group, played);
    }
    decision.members.sort_unstable();
    decision.verdicts.sort_by_key(|v| v.pid);
    decision
}

/// Where a process belongs. An error is a reason to leave it alone that is worth
/// telling.
fn place(tree: &Tree<'_>, rules: &[Rule], proc: &Proc) -> Result<Option<Home>, String> {
    if rules::verdict(rules, proc) == Some(false) {
        return Err("a rule in the configuration says that it is no game".into());
    }
    if let Some(home) = asked_for(tree, rules, proc) {
        return Ok(Some(home));
    }
    if let Some(home) = home_of(tree, proc) {
        return Ok(Some(home));
    }
    let windows = names::is_windows_program(proc) && !names::is_wine_system(proc);
    if windows && !names::is_helper(proc) && !names::is_launcher(proc) {
        if plays(proc) {
            let key = format!("wine {}", proc.pid);
            return Ok(Some(Home {
                key,
                why: Why::WineAlone,
            }));
        }
        return Err("a Windows program that does not both draw and take input".into());
    }
    if plays(proc) && names::is_no_game(proc) {
        return Err("draws and takes input, and is known to be no game".into());
    }
    if plays(proc) {
        return Err("draws and takes input, and nothing says that it is a game".into());
    }
    Ok(None)
}

/// By a rule or by `scx_photon run`: the process itself or who started it.
fn asked_for(tree: &Tree<'_>, rules: &[Rule], proc: &Proc) -> Option<Home> {
    let asks = |p: &Proc| {
        if p.seen.registered {
            return Some(Why::Registered);
        }
        (rules::verdict(rules, p) == Some(true)).then_some(Why::Rule)
    };
    let up = tree.ancestors(proc);
    let own = up.iter().take_while(|a| a.uid == proc.uid);
    let line = std::iter::once(proc).chain(own.copied());
    let (root, why) = line.filter_map(|p| Some((p, asks(p)?))).last()?;
    // What a launcher started is one game, also what left the tree: a wineserver.
    let home = home_of(tree, root).map(|h| h.key);
    Some(Home {
        key: home.unwrap_or_else(|| format!("asked {}", root.pid)),
        why,
    })
}

fn plays(proc: &Proc) -> bool {
    proc.seen.faces && proc.seen.submits >= SUBMITS_MIN
}

fn is_shown(proc: &Proc) -> bool {
    proc.seen.faces || proc.seen.submits >= SUBMITS_MIN
}

/// Could this be the game itself?
fn is_candidate(rules: &[Rule], why: Why, proc: &Proc) -> bool {
    if rules::verdict(rules, proc) == Some(true) {
        return true;
    }
    // `run -- python3 game.py`: what wraps other games is seen to be none of these.
    let plays_itself = proc.seen.registered && is_shown(proc);
    (plays_itself || !names::is_wrapper(proc))
        && !names::is_wine_system(proc)
        && !names::is_helper(proc)
        && !names::is_launcher(proc)
        && !names::is_no_game(proc)
        // An entry in the category Game may be a shop or an editor of levels.
        && (why != Why::DesktopEntry || is_shown(proc))
}

/// The higher, the more a process is what is played: what was seen of it, then
/// what was said of it, then the last one started.
type Rank = (bool, u64, bool, u32);

fn rank(rules: &[Rule], proc: &Proc) -> Rank {
    let named = proc.seen.registered || rules::verdict(rules, proc) == Some(true);
    (proc.seen.faces, proc.seen.submits as u64, named, proc.pid)
}

fn main_of<'a>(tree: &Tree<'a>, rules: &[Rule], group: &Group<'a>) -> Option<&'a Proc> {
    let is_candidate = |p: &Proc| is_candidate(rules, group.home.why, p);
    let candidates = group.procs.iter().copied().filter(|p| is_candidate(p));
    let pids: HashSet<u32> = group.procs.iter().map(|p| p.pid).collect();
    // Of a game that forks the first process counts, unless another one draws.
    let forked = |p: &Proc| {
        let up = tree.ancestors(p);
        let mut kin = up.iter().filter(|a| pids.contains(&a.pid));
        kin.any(|a| {
            is_candidate(a)
                && a.program() == p.program()
                && rank(rules, a).1 >= rank(rules, p).1
                && a.seen.faces >= p.seen.faces
        })
    };
    candidates
        .filter(|p| !forked(p))
        .max_by_key(|p| rank(rules, p))
}

/// Of several games the one that the player's input reaches; then the one that
/// draws more; then the last one started. Of two users' games that no input has
/// reached yet neither.
fn foreground<'a>(rules: &[Rule], groups: &[Group<'a>]) -> Option<&'a Proc> {
    let mains = || groups.iter().filter_map(|g| g.main);
    let best = mains().max_by_key(|p| rank(rules, p))?;
    let certain = best.seen.faces || mains().all(|p| p.uid == best.uid);
    certain.then_some(best)
}

impl Decision {
    fn note(&mut self, proc: &Proc, role: Role, why: String) {
        self.verdicts.push(Verdict {
            pid: proc.pid,
            name: proc.comm.clone(),
            role,
            why,
        });
    }

    fn add(&mut self, rules: &[Rule], group: &Group<'_>, played: Option<&Proc>) {
        let is_played = group.main.is_some() && group.main.map(|m| m.pid) == played.map(|m| m.pid);
        for proc in &group.procs {
            let (role, why) = self.role(rules, group, proc, is_played);
            if matches!(role, Role::Game | Role::Family) {
                self.members.push(proc.pid);
            }
            self.note(proc, role, why);
        }
        if is_played {
            self.game = group.main.map(|m| m.pid);
        }
    }

    fn role(
        &self,
        rules: &[Rule],
        group: &Group<'_>,
        proc: &Proc,
        is_played: bool,
    ) -> (Role, String) {
        let Some(main) = group.main else {
            return (
                Role::Beside,
                format!("{}, but nothing in it is a game yet", group.home.why.text()),
            );
        };
        let kin = names::is_wine_system(proc) || is_candidate(rules, group.home.why, proc);
        match (is_played, proc.pid == main.pid, kin) {
            (true, true, _) => (Role::Game, group.home.why.text().into()),
            (true, false, true) => (Role::Family, format!("works for the game, {}", main.comm)),
            (false, true, _) => (
                Role::Waiting,
                format!("{}, but another game is played", group.home.why.text()),
            ),
            _ => (
                Role::Beside,
                format!("stands beside the game, {}", main.comm),
            ),
        }
    }
}
