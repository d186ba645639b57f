// SPDX-License-Identifier: GPL-2.0-only
//! The back channel: what the daemon decides and the kernel part reads. Each value
//! is written as a whole; its words are whole, and a mix of old and new ones lasts
//! for nanoseconds.

use std::ptr::addr_of;

use anyhow::{Context, Result};
use libbpf_rs::MapFlags;

use crate::bpf::intf;
use crate::loader::Scheduler;
use crate::tables::Values;

/// The only element of the map behind a section.
const SECTION: [u8; 4] = 0u32.to_ne_bytes();
const SLOTS: usize = intf::consts_FAMILY_SLOTS as usize;

/// Says who is played and what belongs to it, by the look of this number at all
/// processes; `None`: nobody is. To be said again every second. Returns how many
/// found no room.
pub fn play(
    scheduler: &Scheduler<'_>,
    beat: u32,
    look: u32,
    game: Option<(u32, &[u32])>,
) -> Result<usize> {
    let (value, left_out) = family_table(beat, look, game);
    // SAFETY: a struct of plain numbers without padding, as the kernel part has it.
    let bytes = unsafe {
        std::slice::from_raw_parts(addr_of!(value).cast::<u8>(), size_of::<intf::game>())
    };
    let map = scheduler.game_map();
    map.update(&SECTION, bytes, MapFlags::ANY)
        .context("telling the kernel part who plays")?;
    Ok(left_out)
}

/// Other values of the tunables.
pub fn tune(scheduler: &Scheduler<'_>, values: &Values) -> Result<()> {
    let bytes: Vec<u8> = values.0.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let map = scheduler.tunables_map();
    map.update(&SECTION, &bytes, MapFlags::ANY)
        .context("writing the tunables")
}

/// The values that the kernel part has now.
pub fn tunables(scheduler: &Scheduler<'_>) -> Result<Values> {
    let bytes = scheduler.tunables_map().lookup(&SECTION, MapFlags::ANY);
    let bytes = bytes.context("reading the tunables")?.unwrap_or_default();
    let (words, _) = bytes.as_chunks();
    Ok(Values(
        words.iter().map(|w| u64::from_ne_bytes(*w)).collect(),
    ))
}

/// The table of `mech/game.bpf.h`, and how many of the family found no room in it.
fn family_table(beat: u32, look: u32, game: Option<(u32, &[u32])>) -> (intf::game, usize) {
    let mut value = intf::game {
        beat,
        main: 0,
        look,
        reserved: [0; 13],
        family: [0; SLOTS],
    };
    let mut left_out = 0;
    if let Some((main, members)) = game {
        value.main = main;
        for tgid in std::iter::once(&main).chain(members) {
            let slot = &mut value.family[*tgid as usize % SLOTS];
            if *slot == 0 {
                *slot = *tgid;
            }
            left_out += usize::from(*slot != *tgid);
        }
    }
    (value, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_its_places() {
        let (table, left_out) =
            family_table(3, 7, Some((5000, &[5000, 5001, 5000 + SLOTS as u32])));
        assert_eq!((table.beat, table.look), (3, 7));
        assert_eq!((table.main, left_out), (5000, 1));
        assert_eq!(table.family[5001 % SLOTS], 5001);
        assert_eq!(table.family[5000 % SLOTS], 5000, "the game comes first");
        assert_eq!(table.family.iter().filter(|t| **t != 0).count(), 2);
    }

    #[test]
    fn nobody_has_none() {
        let (table, left_out) = family_table(4, 1, None);
        assert_eq!((table.main, left_out), (0, 0));
        assert!(table.family.iter().all(|t| *t == 0));
    }
}
