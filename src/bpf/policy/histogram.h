/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log-linear histogram of delays: four buckets an octave, so a value is known
 * within 25 %, from 256 ns up to 2^35 ns (34 s).
 */
#ifndef PHOTON_POLICY_HISTOGRAM_H
#define PHOTON_POLICY_HISTOGRAM_H

#include "base.h"

enum {
	HIST_SUB_SHIFT = 2, /* 4 buckets an octave */
	HIST_MIN_SHIFT = 8, /* everything below 256 ns is bucket 0 */
	HIST_OCTAVES = 27,
	HIST_BUCKETS = 128, /* power of two >= 1 + 27 * 4, for the verifier */
};

static inline u32 ilog2_u64(u64 v)
{
	u32 r = 0;

	for (u32 step = 32; step; step >>= 1) {
		if (v >> step) {
			v >>= step;
			r += step;
		}
	}
	return r;
}

static inline u32 hist_bucket(u64 ns)
{
	u32 octave, sub;

	if (ns < (1ULL << HIST_MIN_SHIFT))
		return 0;
	octave = ilog2_u64(ns);
	sub = (ns >> (octave - HIST_SUB_SHIFT)) & ((1 << HIST_SUB_SHIFT) - 1);
	octave -= HIST_MIN_SHIFT;
	if (octave >= HIST_OCTAVES)
		return 1 + HIST_OCTAVES * 4 - 1;
	return 1 + (octave << HIST_SUB_SHIFT) + sub;
}

#endif /* PHOTON_POLICY_HISTOGRAM_H */
