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

    fn net(all: &[Measured], name: &str, writers: usize) -> f64 {
        let ns = |m: &Measured| median(&m.rounds[writers - 1]);
        let one = all.iter().find(|m| m.subject.name == name).unwrap();
        ns(one) - ns(&all[0])
    }

    fn unlike_any_machine() -> Result<(), String> {
        let all = subjects::measure(5).map_err(|e| format!("{e:#}"))?;
        for writers in [1, 2] {
            let ring = net(&all, "ring_shared", writers);
            let lane = net(&all, "lane_array", writers);
            if ring <= 2.0 * lane {
                return Err(format!("{writers} writers: ring {ring}, lane {lane} ns"));
            }
        }
        let one = net(&all, "count_one_line", 2);
        let apart = net(&all, "count_apart", 2);
        match one > apart {
            true => Ok(()),
            false => Err(format!("one line {one}, apart {apart} ns")),
        }
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
        // A host that gives us one CPU at a time for a while can spoil a turn.
        let complaints: Vec<String> = (0..3).map_while(|_| unlike_any_machine().err()).collect();
        assert!(complaints.len() < 3, "{complaints:?}");
        assert!(drain::measure(3).unwrap().medians()[1] > 0.0);
    }
}
