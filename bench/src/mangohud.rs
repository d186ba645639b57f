// SPDX-License-Identifier: GPL-2.0-only
//! A run in the columns of a MangoHud log, so that the tools players use can read it. What the
//! bench does not know (temperatures, clocks) is 0, as MangoHud writes for a missing sensor.

use crate::metrics::cell::Frame;
use std::fmt::Write;

const HEADER: &str = "os,cpu,gpu,ram,kernel,driver,cpuscheduler";
const COLUMNS: &str = "fps,frametime,cpu_load,cpu_power,gpu_load,cpu_temp,gpu_temp,\
gpu_core_clock,gpu_mem_clock,gpu_vram_used,gpu_power,ram_used,swap_used,process_rss,cpu_mhz,elapsed";
const NS_PER_MS: f64 = 1e6;

/// One row a presented frame after the first: MangoHud measures between presents.
pub fn csv(frames: &[Frame], kernel: &str, scheduler: Option<&str>) -> String {
    let presents: Vec<u64> = frames.iter().filter_map(|f| f.present_ns).collect();
    csv_of_presents(&presents, kernel, scheduler.unwrap_or("none"))
}

/// The same from the times of the presents alone, nanoseconds.
pub fn csv_of_presents(presents: &[u64], kernel: &str, scheduler: &str) -> String {
    let mut text =
        format!("{HEADER}\nphoton-bench,model,model,0,{kernel},,{scheduler}\n{COLUMNS}\n");
    for pair in presents.windows(2) {
        let ms = pair[1].saturating_sub(pair[0]) as f64 / NS_PER_MS;
        let elapsed = pair[1].saturating_sub(presents[0]);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:.4},{ms:.4},0,0,0,0,0,0,0,0,0,0,0,0,0,{elapsed}",
            1000.0 / ms
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_columns() {
        let frame = |number, ms: u64| Frame {
            number,
            present_ns: Some(ms * 1_000_000),
            ..Frame::default()
        };
        let dropped = Frame::default();
        let text = csv(&[frame(0, 5), dropped, frame(2, 25)], "7.3", None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "photon-bench,model,model,0,7.3,,none");
        assert_eq!(
            lines[3],
            "50.0000,20.0000,0,0,0,0,0,0,0,0,0,0,0,0,0,20000000"
        );
        assert_eq!(lines[2].split(',').count(), lines[3].split(',').count());
        assert_eq!(lines.len(), 4);
    }
}
