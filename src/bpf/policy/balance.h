/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the queues of two last-level caches are uneven. A CPU takes from another LLC
 * only when nothing waits in its own, so with enough work in both each would keep its
 * own for ever: 8 hogs in one and 12 in the other, on 4 CPUs each, had half of a CPU and a
 * third.
 *
 * When it is bad: a task that is moved finds a cold cache. It is one a beat of the timer.
 */
#ifndef PHOTON_POLICY_BALANCE_H
#define PHOTON_POLICY_BALANCE_H

#include "base.h"

struct llc_load {
	u32 queued; /* fair work that waits */
	u32 cpus; /* that run anything of ours */
};

/* Does more wait for each CPU of a than of b? Where nothing waits, none is shorter. */
static inline bool is_longer(const struct llc_load *a, const struct llc_load *b)
{
	if (!b->queued)
		return a->queued;
	return (u64)a->queued * b->cpus > (u64)b->queued * a->cpus;
}

/*
 * Will the one that is moved wait for no more, though it stands in the other queue then?
 * If it is the same, they take turns: five hogs beside four would else have four fifths
 * of what those have.
 */
static inline bool is_uneven(const struct llc_load *from,
			     const struct llc_load *to)
{
	struct llc_load then = { .queued = to->queued + 1, .cpus = to->cpus };

	return from->queued && !is_longer(&then, from);
}

#endif /* PHOTON_POLICY_BALANCE_H */
