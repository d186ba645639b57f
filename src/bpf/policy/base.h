/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Integer types and the few helpers every policy header needs.
 *
 * Everything under policy/ compiles for BPF and for the host. It sees plain
 * integers and plain structs, never a kernel object, and has no clock: `now`
 * is always an argument.
 */
#ifndef PHOTON_POLICY_BASE_H
#define PHOTON_POLICY_BASE_H

#ifndef __VMLINUX_H__
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;
#ifndef __cplusplus
typedef _Bool bool;
#endif
#endif

enum {
	NSEC_PER_USEC_ = 1000,
	NSEC_PER_MSEC_ = 1000000,
};

/* The weight of nice 0, as the kernel scales p->scx.weight. */
#define WEIGHT_NICE0 100ULL

static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

static inline u64 clamp_u64(u64 v, u64 lo, u64 hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* a - b, or 0 where the clock of another CPU is ahead of ours. */
static inline u64 sub_sat(u64 a, u64 b)
{
	return a > b ? a - b : 0;
}

/* BPF defines x / 0 as 0 and the host traps: never divide unguarded. */
static inline u64 div_or(u64 a, u64 b, u64 otherwise)
{
	return b ? a / b : otherwise;
}

/* True if a comes before b on a clock that may wrap. */
static inline bool before_u64(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

/*
 * Time in units of 2^20 ns, a millisecond and a bit, where eight bytes would be
 * a waste. Wraps after 52 days. No such time is ever set further ahead than
 * COARSE_AHEAD_MAX, 137 s.
 */
enum { COARSE_SHIFT = 20, COARSE_AHEAD_MAX = 1 << 17 };

static inline u32 coarse(u64 ns)
{
	return ns >> COARSE_SHIFT;
}

/*
 * Does `until` still lie ahead? Nobody may have renewed it for weeks: by the sign of
 * the difference an entry that was never used would lie ahead from the 26th day on.
 */
static inline bool lies_ahead(u32 until, u32 now)
{
	return until - now - 1 < COARSE_AHEAD_MAX;
}

/*
 * Exponentially weighted average with a weight of 1/2^shift for the sample.
 * Rounds towards the sample, so that a constant input is reached exactly.
 */
static inline u64 ewma(u64 avg, u64 sample, u32 shift)
{
	if (sample > avg)
		return avg + ((sample - avg + (1ULL << shift) - 1) >> shift);
	return avg - ((avg - sample + (1ULL << shift) - 1) >> shift);
}

#endif /* PHOTON_POLICY_BASE_H */
