/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every native test of the policy shares: checks that say where and with
 * what values they failed, the shipped tunables, and random ones within their
 * ranges. Random means splitmix64 from a printed seed: a failure repeats.
 */
#ifndef PHOTON_TESTS_CHECK_H
#define PHOTON_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#include "intf.h"
#include "policy/deadline.h"
#include "policy/link.h"
#include "policy/preempt.h"
#include "policy/slice.h"

/* As vmlinux.h has them; stdbool.h would clash with the typedef of bool. */
enum { false, true };

#define NSEC_PER_SEC 1000000000ULL
#define MS ((u64)NSEC_PER_MSEC_)
#define US ((u64)NSEC_PER_USEC_)

static u64 checks_done;
/* What the random test was doing; printed with a failure. */
static u64 check_seed, check_case;

static inline void check_u64(const char *file, int line, const char *what, bool ok, u64 a, u64 b)
{
	checks_done++;
	if (ok)
		return;
	fprintf(stderr, "%s:%d: %s: %llu (%lld) and %llu (%lld), seed %llu case %llu\n", file, line, what, a, (s64)a, b,
		(s64)b, check_seed, check_case);
	exit(1);
}

#define CHECK_OP(a, op, b)                                                          \
	do {                                                                        \
		u64 a_ = (a), b_ = (b);                                             \
		check_u64(__FILE__, __LINE__, #a " " #op " " #b, a_ op b_, a_, b_); \
	} while (0)
#define CHECK_EQ(a, b) CHECK_OP(a, ==, b)
#define CHECK_LE(a, b) CHECK_OP(a, <=, b)
#define CHECK_LT(a, b) CHECK_OP(a, <, b)
#define CHECK(cond) check_u64(__FILE__, __LINE__, #cond, cond, 0, 0)

/* The last line of a test program is what the runner shows of it. */
static inline int check_done(void)
{
	printf("%llu checks\n", checks_done);
	return 0;
}

struct rng {
	u64 state;
};

/* splitmix64 (Steele, Lea and Flood, 2014). */
static inline u64 rnd(struct rng *r)
{
	u64 z = (r->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Within lo..hi, both included. */
static inline u64 rnd_in(struct rng *r, u64 lo, u64 hi)
{
	return lo + rnd(r) % (hi - lo + 1);
}

/* True once in n. */
static inline bool rnd_once_in(struct rng *r, u64 n)
{
	return rnd(r) % n == 0;
}

/* Every order of magnitude as likely as any other: small values matter. */
static inline u64 rnd_log(struct rng *r, u32 bits)
{
	return rnd(r) >> (64 - rnd_in(r, 1, bits));
}

static inline struct tunables default_tunables(void)
{
	return (struct tunables){
#define TUNABLE(name, dfl, lo, hi, unit, help) .name = (dfl),
#include "tunables.def.h"
#undef TUNABLE
	};
}

/* Each tunable at its least, its greatest, its default or in between. */
static inline u64 rnd_tunable(struct rng *r, u64 dfl, u64 lo, u64 hi)
{
	switch (rnd(r) % 4) {
	case 0:
		return lo;
	case 1:
		return hi;
	case 2:
		return dfl;
	default:
		return rnd_in(r, lo, hi);
	}
}

static inline struct tunables random_tunables(struct rng *r)
{
	return (struct tunables){
#define TUNABLE(name, dfl, lo, hi, unit, help) .name = rnd_tunable(r, dfl, lo, hi),
#include "tunables.def.h"
#undef TUNABLE
	};
}

#endif /* PHOTON_TESTS_CHECK_H */
