// SPDX-License-Identifier: GPL-2.0-only
//! Common random numbers. Every draw is a pure function of (seed, role, activation, index), so
//! frame 100 of the render thread costs the same under every scheduler, however late frame 99 was.

/// Draws of a lognormal are cut at this many standard deviations of its logarithm: at 5 seeds of
/// 600 frames a rarer draw would decide the maximum by luck.
const MAX_SIGMA: f64 = 3.0;

/// The random stream of one role.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: u64,
}

/// The finalizer of SplitMix64: every input bit reaches every output bit.
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Stream {
    /// `role` names the stream ("render", "worker", ...); `instance` tells equal roles apart.
    pub fn new(seed: u64, role: &str, instance: u64) -> Self {
        let named = role.bytes().fold(mix(seed), |h, b| mix(h ^ u64::from(b)));
        Self {
            key: mix(named ^ mix(instance)),
        }
    }

    pub fn bits(&self, activation: u64, index: u64) -> u64 {
        mix(mix(self.key ^ mix(activation)) ^ mix(index.wrapping_mul(2).wrapping_add(1)))
    }

    /// Uniform in (0, 1).
    pub fn unit(&self, activation: u64, index: u64) -> f64 {
        ((self.bits(activation, index) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Uniform integer in `lo..=hi`.
    pub fn range(&self, activation: u64, index: u64, lo: u64, hi: u64) -> u64 {
        lo + self.bits(activation, index) % (hi - lo + 1)
    }

    /// Lognormal with the given mean and coefficient of variation, in the unit of `mean`.
    pub fn lognormal(&self, activation: u64, index: u64, mean: u64, cv: f64) -> u64 {
        if cv <= 0.0 || mean == 0 {
            return mean;
        }
        let variance = (1.0 + cv * cv).ln();
        let (u, v) = (
            self.unit(activation, 2 * index),
            self.unit(activation, 2 * index + 1),
        );
        let z = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        let z = z.clamp(-MAX_SIGMA, MAX_SIGMA);
        (mean as f64 * (z * variance.sqrt() - variance / 2.0).exp()).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_do_not_depend_on_order() {
        let a = Stream::new(1, "render", 0);
        let forwards: Vec<u64> = (0..10).map(|k| a.lognormal(k, 0, 1000, 0.2)).collect();
        let b = Stream::new(1, "render", 0);
        let backwards: Vec<u64> = (0..10)
            .rev()
            .map(|k| b.lognormal(k, 0, 1000, 0.2))
            .collect();
        assert!(forwards.iter().eq(backwards.iter().rev()));
    }

    #[test]
    fn streams_differ() {
        let bits = |s: Stream| s.bits(0, 0);
        let base = bits(Stream::new(1, "render", 0));
        assert_ne!(base, bits(Stream::new(2, "render", 0)));
        assert_ne!(base, bits(Stream::new(1, "rhi", 0)));
        assert_ne!(base, bits(Stream::new(1, "render", 1)));
    }

    #[test]
    fn lognormal_has_its_mean_and_spread() {
        let s = Stream::new(7, "test", 0);
        let n = 20_000;
        let xs: Vec<f64> = (0..n)
            .map(|k| s.lognormal(k, 0, 100_000, 0.3) as f64)
            .collect();
        let mean = xs.iter().sum::<f64>() / n as f64;
        let sd = (xs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
        assert!((mean / 100_000.0 - 1.0).abs() < 0.01, "mean {mean}");
        assert!((sd / mean - 0.3).abs() < 0.02, "cv {}", sd / mean);
    }

    #[test]
    fn range_stays_inside() {
        let s = Stream::new(3, "range", 0);
        assert!((0..1000).all(|k| (5..=9).contains(&s.range(k, 0, 5, 9))));
    }
}
