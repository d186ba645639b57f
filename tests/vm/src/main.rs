// SPDX-License-Identifier: GPL-2.0-only
//! `photon-guest` is two programs in one static file: PID 1 of the test VM, which boots a bare initramfs, runs the
//! jobs it finds there and powers off; and `photon-guest scenario NAME ARGS`, which runs one scenario as root on any
//! machine. PID 1 runs the second as its child, so both ways take the same path through a scenario.

mod asked;
mod baseline;
mod bench;
mod bpf;
mod btf;
mod device;
mod disk;
mod documents;
mod effects;
mod fault;
mod game;
mod gpu;
mod init;
mod killed;
mod kmsg;
mod kthreads;
mod latch;
mod load;
mod neighbour;
mod oneshot;
mod photon;
mod programs;
#[allow(dead_code)] // `parse` is the host's
mod protocol;
mod release;
mod sample;
mod scenario;
mod scenarios;
mod screen;
mod server;
mod service;
mod setup;
mod subject;
mod tour;

use std::process::ExitCode;

fn main() -> ExitCode {
    // PID 1 gets whatever words of the kernel command line the kernel did not know, so its arguments mean nothing.
    if std::process::id() == 1 {
        init::run();
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => {
            for (name, _) in scenario::SCENARIOS {
                println!("{name}");
            }
            ExitCode::SUCCESS
        }
        ["hold", "play"] => scenarios::family::game(),
        ["hold", "paced"] => scenarios::frequency::game(),
        ["hold", "kin"] => scenarios::kin::game(),
        ["hold", "work"] => scenarios::kin::work(),
        ["hold", "draw"] => gpu::draw(),
        ["hold", "game"] => game::hold(),
        ["hold", ref rest @ ..] => scenarios::games::hold(rest),
        ["serve"] => server::serve(),
        ["neighbour", ref what @ ..] => neighbour::run(what),
        ["under-systemd", name] => service::run(name),
        ["scenario", name, ..] => scenario::run_one(name, &args[2..]),
        _ => {
            eprintln!("usage: photon-guest list | photon-guest scenario NAME [ARGS...]");
            ExitCode::from(2)
        }
    }
}
