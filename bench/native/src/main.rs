// SPDX-License-Identifier: GPL-2.0-only
//! `photon-native`: what pieces of the kernel part cost on this machine's own
//! kernel and CPU, by the kernel's test-run facility. Nanoseconds say little about
//! another machine; the ratios to an empty program of the same run say more.

mod bpf;
mod drain;
// The product's own reading ends, so that what is measured and stressed is them.
#[path = "../../../src/lane.rs"]
#[allow(dead_code)] // the statistics are the product's
mod lane;
#[path = "../../../src/lanes.rs"]
mod lanes;
mod litmus;
mod machine;
mod run;
#[path = "../../../src/snapshot.rs"]
mod snapshot;
mod subjects;
mod table;
mod wait;

use anyhow::Result;
use clap::Parser;
use std::process::ExitCode;

/// EX_UNAVAILABLE of sysexits.h: this machine cannot run the programs.
const EXIT_UNAVAILABLE: u8 = 69;

#[derive(Parser)]
#[command(about = "Nanoseconds of the kernel part's pieces on this machine")]
struct Cli {
    /// How often everything is measured, alternating
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only the stress tests of the publication protocols
    #[arg(long)]
    litmus: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(why) = machine::usable() {
        eprintln!("photon-native: not measured: {why}");
        return ExitCode::from(EXIT_UNAVAILABLE);
    }
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("photon-native: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    println!("{}", machine::describe()?);
    for (name, said) in litmus::all()? {
        println!("exact under load: {name}: {said}");
    }
    if cli.litmus {
        return Ok(());
    }
    let measured = subjects::measure(cli.rounds)?;
    print!("\n{}", table::of_subjects(&measured));
    print!("\n{}", table::of_drain(&drain::measure(cli.rounds)?));
    print!("\n{}", table::of_waits(&wait::measure()?));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subjects::{Measured, median};
    use std::time::Duration;

    /// Windows in which the host may show it; some run one of our CPUs at a time, for a while.
    const WINDOWS: usize = 10;
    const PAUSE: Duration = Duration::from_secs(1);
    const ROUNDS: u32 = 5;
    /// Of an empty run, how much more an event costs in a ring than in a lane; 0.85 was seen, 5.5 with two writers.
    const RING_MORE: f64 = 0.3;
    /// Likewise two counters in one line than apart; 0.15 was seen.
    const LINE_MORE: f64 = 0.05;

    /// The median over rounds of what `name` costs more than `than`, in empty runs. Within a round the host is mostly
    /// the same, so what it does to all of them does not count.
    fn more(all: &[Measured], name: &str, than: &str, writers: usize) -> f64 {
        let rounds = |name: &str| {
            let one = all.iter().find(|m| m.subject.name == name).unwrap();
            one.rounds[writers - 1].iter().copied()
        };
        let each = rounds(name).zip(rounds(than)).zip(rounds("empty"));
        let each: Vec<f64> = each
            .map(|((one, than), empty)| (one - than) / empty)
            .collect();
        median(&each)
    }

    /// What the machine did not show, of what every machine must.
    fn unlike_any_machine() -> Option<String> {
        let all = subjects::measure(ROUNDS).unwrap();
        let ring = [1, 2].map(|writers| more(&all, "ring_shared", "lane_array", writers));
        let line = more(&all, "count_one_line", "count_apart", 2);
        let shown = ring.iter().all(|more| *more > RING_MORE) && line > LINE_MORE;
        (!shown)
            .then(|| format!("ring more than lane {ring:.2?}, one line more than apart {line:.2}"))
    }

    /// Not how fast, which is the machine's; but what every machine must show, by
    /// margins that are a small part of what was seen.
    #[test]
    fn the_protocols_hold_and_the_order_is_as_said() {
        if let Err(why) = machine::usable() {
            println!("not tested: {why:#}");
            return;
        }
        assert_eq!(litmus::all().unwrap().len(), 3);
        let mut complaints = Vec::new();
        while let Some(complaint) = unlike_any_machine() {
            complaints.push(complaint);
            assert!(complaints.len() < WINDOWS, "{complaints:?}");
            std::thread::sleep(PAUSE);
        }
        assert!(drain::measure(3).unwrap().medians()[1] > 0.0);
    }
}
