/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Crowds: hundreds of tasks in turn for one CPU. A slice ends at a tick, so that a round
 * of 1,250 takes 5 s at HZ=250, and the kernel ejects a scheduler under which somebody
 * waits for that long. A timer of ours ends their turns: the more there are, the shorter.
 * Bad for what they get done: they switch more often.
 */
#ifndef PHOTON_POLICY_CROWD_H
#define PHOTON_POLICY_CROWD_H

#include "params.h"
#include "task.h"

enum {
	/* Waiting for one CPU. Fewer have their round in 3 s even where a tick is 10 ms. */
	CROWD_LEAST = 300,
	/* The shortest turn: a switch and the interrupt that ends it cost some us. */
	TURN_MIN_NS = 50 * NSEC_PER_USEC_,
};

/*
 * A round of turns, where urgent work takes nothing. Threads of 2,000 that were not known
 * as hogs yet came before those that were: with 1 s one of those waited for 4.8 s.
 */
#define CROWD_ROUND_NS (500ULL * NSEC_PER_MSEC_)

/*
 * How many wait for one CPU: those bound to it, and its part of those that any CPU of the
 * cache may take. If these are `late` all of them, for they may be bound to it, too, and
 * to some others: nobody counts that.
 */
static inline u64 crowd_waiting(u64 bound, u64 shared, u64 cpus, bool late)
{
	return bound + (late ? shared : div_or(shared, cpus, shared));
}

/* ns that each may have the CPU for; 0: no crowd, slices end by themselves. */
static inline u64 crowd_turn(const volatile struct tunables *pr, u64 waiting)
{
	if (waiting < CROWD_LEAST)
		return 0;
	return clamp_u64(div_or(CROWD_ROUND_NS, waiting, 0), TURN_MIN_NS,
			 us_to_ns(pr->slice_us));
}

/* Does the timer end the turn of a running task of this class? Not what preempts. */
static inline bool turn_ends(u64 turn, u8 class, u64 started, u64 now)
{
	return turn && class >= CLASS_GAME && sub_sat(now, started) >= turn;
}

/*
 * Has a task that ran for `ran` ns just now had its turn, and asks anew? Half of it is
 * enough: of what interrupts took in it the account knows nothing, and who kept its place
 * for that would be the next again. Counted over all stints under one deadline, or who
 * yields or is preempted all the time would keep its place for a whole request; and by
 * itself where the request is a longer one, of a frame that has become other work.
 */
static inline bool turn_used(const volatile struct tunables *pr, u64 turn,
			     const struct task_ctx *t, u64 ran)
{
	u64 left = sub_sat(t->request_end, t->used);
	u64 had = sub_sat(us_to_ns(pr->slice_us), left);

	return turn && t->class >= CLASS_GAME && max_u64(ran, had) >= turn / 2;
}

/*
 * Where urgent work waits, fair work has one turn after each stint of it. Of a crowd as
 * many as fill a slice: one of 50 us would leave them next to nothing of a CPU that
 * frames fill.
 */
static inline bool turns_go_on(const volatile struct tunables *pr, u64 turn,
			       u64 began, u64 now)
{
	return turn && sub_sat(now, began) < us_to_ns(pr->slice_us);
}

#endif /* PHOTON_POLICY_CROWD_H */
