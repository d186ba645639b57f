// SPDX-License-Identifier: GPL-2.0-only
//! The schedulers under comparison.

use super::peers::{self, PEERS, Peer};
use crate::artifacts::Artifacts;
use anyhow::{Context, Result, bail};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// What everything is compared with.
pub const BASELINE: &str = "eevdf";
pub const OWN: &str = "photon";
/// EEVDF once more: whatever differs from the baseline here is the bench's own noise.
pub const CONTROL: &str = "aa";
/// scx_photon that never preempts: a bench that does not see it sees nothing.
pub const SABOTAGE: &str = "sabotage";
const SABOTAGE_FLAGS: &[&str] = &["--sabotage", "no-preempt"];
/// The control begins a little later, at another phase of every tick: begun at the same time it would be the very same
/// run, and show no noise where there is some. Later by this for each seed, since one phase for all would be a difference.
const CONTROL_DELAY_US: u64 = 1300;
const GAMING: &str = "-gaming";

#[derive(Clone, Copy)]
enum Kind {
    Eevdf,
    Photon,
    Sabotage,
    Peer(&'static Peer, &'static [&'static str]),
}

pub struct Arm {
    pub name: String,
    kind: Kind,
    /// The program for the guest, or why there is none.
    pub program: Result<PathBuf, String>,
}

impl Arm {
    pub fn parse(name: &str) -> Result<Arm> {
        let kind = match name {
            BASELINE | CONTROL => Kind::Eevdf,
            OWN => Kind::Photon,
            SABOTAGE => Kind::Sabotage,
            _ => peer_kind(name)?,
        };
        Ok(Arm {
            name: name.to_string(),
            kind,
            program: Err("not built".to_string()),
        })
    }

    /// A peer that cannot be built is a result, not the end of the run.
    pub fn obtain(&mut self, artifacts: &Artifacts) {
        self.program = match self.kind {
            Kind::Peer(peer, _) => peer
                .obtain()
                .map_err(|e| format!("could not be built: {e:#}")),
            _ => Ok(artifacts.scx_photon.clone()),
        };
    }

    pub fn needs_twin(&self) -> bool {
        matches!(self.kind, Kind::Sabotage)
    }

    /// What the kernel calls it; none is the kernel's own.
    pub fn ops(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Eevdf => None,
            Kind::Photon | Kind::Sabotage => Some(OWN),
            Kind::Peer(peer, _) => Some(peer.name),
        }
    }

    /// What differs between the seeds besides the seed.
    pub fn seed_arguments(&self, seed: u64) -> Vec<String> {
        match self.name == CONTROL {
            true => vec![
                "--delay-us".to_string(),
                (CONTROL_DELAY_US * seed).to_string(),
            ],
            false => Vec::new(),
        }
    }

    /// The arguments of the guest's scenario that say which scheduler to start, up to its own flags.
    pub fn arguments(&self, common: &[String]) -> Vec<String> {
        let (kind, flags) = match self.kind {
            Kind::Eevdf => ("eevdf", &[][..]),
            Kind::Photon => ("photon", &[][..]),
            Kind::Sabotage => ("photon", &[][..]),
            Kind::Peer(_, flags) => ("peer", flags),
        };
        let mut args = vec!["--kind".to_string(), kind.to_string()];
        if let Some(ops) = self.ops() {
            args.extend(["--ops".to_string(), ops.to_string()]);
        }
        args.extend_from_slice(common);
        if self.needs_twin() {
            args.extend(SABOTAGE_FLAGS.iter().map(|f| f.to_string()));
        }
        args.push("--".to_string());
        args.extend(flags.iter().map(|f| f.to_string()));
        args
    }

    /// Of all that its figures depend on and the plan does not say: the scheduler, its flags, and the bench. The guest's
    /// own program is left out: it starts these and waits, and every new scenario changes it.
    pub fn key(&self, artifacts: &Artifacts) -> Result<String> {
        let mut hasher = DefaultHasher::new();
        read(&artifacts.bench)?.hash(&mut hasher);
        self.arguments(&self.seed_arguments(1)).hash(&mut hasher);
        let scheduler = match self.kind {
            Kind::Eevdf => None,
            Kind::Sabotage => artifacts.sabotage.as_ref(),
            Kind::Photon | Kind::Peer(..) => self.program.as_ref().ok(),
        };
        if let Some(program) = scheduler {
            read(program)?.hash(&mut hasher);
        }
        Ok(format!("{:016x}", hasher.finish()))
    }

    /// For the reports.
    pub fn about(&self) -> String {
        match self.kind {
            Kind::Eevdf if self.name == CONTROL => "the kernel's own, once more".to_string(),
            Kind::Eevdf => "the kernel's own".to_string(),
            Kind::Photon => format!("scx_photon {}", env!("CARGO_PKG_VERSION")),
            Kind::Sabotage => format!(
                "scx_photon {}, broken: no preemption",
                env!("CARGO_PKG_VERSION")
            ),
            Kind::Peer(peer, flags) => {
                format!("scx_{} {} {}", peer.name, peer.version, flags.join(" "))
                    .trim_end()
                    .to_string()
            }
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| file.display().to_string())
}

fn peer_kind(name: &str) -> Result<Kind> {
    let (stem, gaming) = match name.strip_suffix(GAMING) {
        Some(stem) => (stem, true),
        None => (name, false),
    };
    let Some(peer) = peers::find(stem) else {
        let known: Vec<&str> = PEERS.iter().map(|p| p.name).collect();
        bail!(
            "no scheduler is called {name}; there are eevdf, photon, aa, sabotage, {}",
            known.join(", ")
        );
    };
    if gaming && peer.gaming.is_empty() {
        bail!("{name}: the gaming mode of {stem} is its default");
    }
    Ok(Kind::Peer(peer, if gaming { peer.gaming } else { &[] }))
}

/// Names of every peer, and of those with a gaming mode again in that.
pub fn all_peers() -> Vec<String> {
    let gaming = PEERS.iter().filter(|p| !p.gaming.is_empty());
    let gaming = gaming.map(|p| format!("{}{GAMING}", p.name));
    PEERS
        .iter()
        .map(|p| p.name.to_string())
        .chain(gaming)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_and_wrong_ones_do_not() {
        for name in all_peers()
            .iter()
            .map(String::as_str)
            .chain([BASELINE, OWN, CONTROL, SABOTAGE])
        {
            assert_eq!(Arm::parse(name).unwrap().name, name);
        }
        assert!(Arm::parse("cake-gaming").is_err());
        assert!(Arm::parse("nope").is_err());
    }

    #[test]
    fn the_schedulers_flags_come_last() {
        let common = vec!["--seed".to_string(), "1".to_string()];
        let args = Arm::parse("cosmos-gaming").unwrap().arguments(&common);
        assert_eq!(
            args,
            [
                "--kind", "peer", "--ops", "cosmos", "--seed", "1", "--", "-s", "700"
            ]
        );
        let twin = Arm::parse(SABOTAGE).unwrap().arguments(&common);
        assert_eq!(
            &twin[2..],
            [
                "--ops",
                "photon",
                "--seed",
                "1",
                "--sabotage",
                "no-preempt",
                "--"
            ]
        );
    }
}
