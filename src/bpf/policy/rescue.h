/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hard cap on waiting. A deadline is a class's bound; a queue whose head is
 * past it by a margin is looked after by the timer. That this is ever needed is
 * a defect, overload, or a real-time task's doing, and is counted.
 */
#ifndef PHOTON_POLICY_RESCUE_H
#define PHOTON_POLICY_RESCUE_H

#include "preempt.h"

enum {
	/*
	 * What running tasks may still have before them when a deadline passes: a
	 * frame's budget is the longest stint. With the longest deadline, 80 ms,
	 * and the timer's period nothing waits unnoticed for more than 120 ms.
	 */
	RESCUE_MARGIN_NS = 20 * NSEC_PER_MSEC_,
	/*
	 * Deadlines stretch with an overload. What is late by this in spite of it waits
	 * for some whose deadlines stand still, and at 5 s the kernel would eject.
	 */
	RESCUE_ANY_NS = 500 * NSEC_PER_MSEC_,
	/* As long as the longer of the timer's two periods. */
	FACED_LATELY_NS = 100 * NSEC_PER_MSEC_,
};

/* Above every time that a task has had a CPU, ns: 18 minutes. */
#define RANK_LATER (1ULL << 40)

/*
 * Has a CPU whose last stint, of this class, began at `started` run what a player waits for
 * lately? Then the next may come any moment, and a real-time task take its CPU. At 30
 * frames of 1 ms a second most beats see none.
 */
static inline bool faced_lately(u8 last, u64 started, u64 now)
{
	return (last == CLASS_FRAME || last == CLASS_INPUT) &&
	       before_u64(now - FACED_LATELY_NS, started);
}

/* ns by which a deadline has passed; below 0 while it is to come. */
static inline bool overdue(s64 late)
{
	return late > RESCUE_MARGIN_NS;
}

/*
 * How good a CPU is for an overdue task that was due `late` ns before now: 0 is
 * useless. Whoever runs there under an earlier deadline is rightly first; that is
 * overload, and moving tasks about makes it worse.
 */
static inline u64 rescue_rank(const struct running *r, bool idle, u64 now,
			      u64 late)
{
	u64 due = now - late, ran = sub_sat(now, r->started);

	if (idle)
		return ~0ULL;
	/*
	 * A real-time task, or a task between two: a hint that costs nothing. A CPU that has
	 * never run anything of ours may be off, and would keep the hint for ever.
	 */
	if (r->class == CLASS_NONE)
		return r->started ? 1 : 0;
	if (before_u64(due, r->deadline))
		return RANK_LATER + (r->deadline - due);
	/* No overload is that late: whoever has had a CPU for longest gives it up. */
	return late > RESCUE_ANY_NS ? min_u64(2 + ran, RANK_LATER) : 0;
}

#endif /* PHOTON_POLICY_RESCUE_H */
