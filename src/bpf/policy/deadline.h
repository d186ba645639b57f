/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deadlines. One rule: deadline = now + relative deadline, and the earliest
 * deadline runs. The relative deadline of a class is its starvation bound: what
 * has waited that long is earlier than anything that wakes up now.
 */
#ifndef PHOTON_POLICY_DEADLINE_H
#define PHOTON_POLICY_DEADLINE_H

#include "fair.h"

enum {
	/* No relative deadline is longer; waits stay under 100 ms with the queue. */
	RELATIVE_MAX_NS = 80 * NSEC_PER_MSEC_,
	/*
	 * Of work of nice 0 that is ahead of its share: before work of a low weight, which
	 * always is.
	 */
	FAIR_RELATIVE_MAX_NS = 70 * NSEC_PER_MSEC_,
	/*
	 * By which work comes earlier that is behind its share. Half of the deadline of a
	 * hog: in an overload, where deadlines are seconds, half would be overdue at once.
	 */
	FAIR_SOONER_MAX_NS = 30 * NSEC_PER_MSEC_,
	/* Threads bound to a CPU: ksoftirqd and kworkers do everyone's work. */
	KERNEL_DEADLINE_NS = 2 * NSEC_PER_MSEC_,
	/*
	 * The longest of any other kernel thread, also of one of nice 19: others wait
	 * for what it does and for the locks it holds. One that never sleeps so gets a
	 * third of a CPU, a slice that ends at a tick, 4 ms, every 12, whatever its share would be.
	 */
	KTHREAD_DEADLINE_MAX_NS = 8 * NSEC_PER_MSEC_,
	/*
	 * A frame task that on average runs shorter than this is due in half the time
	 * of others: an audio mixer of 0.6 ms among workers of 5 ms.
	 */
	FRAME_SHORT_NS = 1 * NSEC_PER_MSEC_,
	/* Shares of a crowd's round are fractions of this. */
	CROWD_SHARE_ONE = 1024,
	/* EEVDF: deadline = request / share. Short requests come first ... */
	FAIR_BURST_FACTOR = 8,
	/* ... but not before frames. */
	FAIR_DEADLINE_MIN_NS = 6 * NSEC_PER_MSEC_,
};

/* Does it run for a slice or longer at a time? */
static inline bool is_hog(const volatile struct tunables *pr,
			  const struct task_ctx *t)
{
	return max_u64(t->burst, t->used) >= us_to_ns(pr->slice_us);
}

/* By burst. Who never sleeps has no burst but what it has used so far. */
static inline u64 fair_deadline(const volatile struct tunables *pr,
				const struct task_ctx *t,
				const struct fair_clock *fc)
{
	u64 longest = us_to_ns(pr->fair_deadline_us);
	u64 burst = max_u64(t->burst, t->used);

	if (fc->round > longest && is_hog(pr, t))
		return fc->round;
	return clamp_u64(burst * FAIR_BURST_FACTOR, FAIR_DEADLINE_MIN_NS,
			 longest);
}

/* Of a frame task: are its stints too long for half a deadline? */
static inline bool is_long(const struct task_ctx *t)
{
	return t->burst >= FRAME_SHORT_NS;
}

/* Known to be short: not a new thread, whose first job may be any. */
static inline bool is_short(const struct task_ctx *t)
{
	return t->burst && !is_long(t);
}

/*
 * ns from now; in (0, RELATIVE_MAX_NS], or a round of slices where that is longer.
 */
static inline u64 relative_deadline(const volatile struct tunables *pr,
				    const struct task_ctx *t,
				    const struct fair_clock *fc, u64 now)
{
	u64 most = RELATIVE_MAX_NS;
	u64 rel, sooner;

	switch (t->class) {
	case CLASS_INPUT:
		return us_to_ns(pr->input_deadline_us);
	case CLASS_KERNEL:
		return KERNEL_DEADLINE_NS;
	case CLASS_FRAME:
		rel = us_to_ns(pr->frame_deadline_us);
		return is_long(t) ? rel : rel / 2;
	case CLASS_GAME:
		/* No lead: what it had before others is not held against it. */
		return min_u64(us_to_ns(pr->game_deadline_us),
			       fair_deadline(pr, t, fc));
	case CLASS_BATCH:
		rel = fair_stretch(fc, us_to_ns(pr->batch_deadline_us));
		break;
	default:
		rel = fair_deadline(pr, t, fc);
		most = max_u64(FAIR_RELATIVE_MAX_NS,
			       us_to_ns(pr->fair_deadline_us));
	}
	most = fair_stretch(fc, most);
	if (t->flags & TASK_KTHREAD)
		most = KTHREAD_DEADLINE_MAX_NS;
	/* Who has had too little comes earlier, but not before frames. */
	sooner = min_u64(min_u64(rel / 2, FAIR_SOONER_MAX_NS),
			 sub_sat(rel, FAIR_DEADLINE_MIN_NS));
	/* Nor beside a game: there all of them have too little, by design. */
	if (t->flags & TASK_DEMOTED)
		sooner = 0;
	return min_u64(rel + fair_shift(t, fc, now, sooner, most), most);
}

/*
 * How much of the round of a crowd a task waits for, in 1024: a hog for all of it, what
 * runs for a quarter of a slice or less for nothing, and in between by as much as it is
 * longer: what is short there does not wait for hogs that somebody else has bound to its CPU.
 * Kernel threads and urgent work wait for no round.
 */
static inline u64 crowd_share(const volatile struct tunables *pr,
			      const struct task_ctx *t)
{
	u64 quarter = us_to_ns(pr->slice_us) / 4;
	u64 runs = min_u64(max_u64(t->burst, t->used), 4 * quarter);

	if (t->class < CLASS_FAIR || t->flags & TASK_KTHREAD)
		return 0;
	return div_or(sub_sat(runs, quarter) * CROWD_SHARE_ONE, 3 * quarter, 0);
}

/*
 * What the deadline of a task moves back by in a crowd that is bound to its CPU, whose round
 * is longer than that, ns. That of all hogs by the same, so that nice and debts still tell
 * them apart. Of sleepers, too: 32 that ran for 2.9 ms each, all of them overdue, came
 * before kernel threads and frames for 95 ms. Where the round of all CPUs has made it longer
 * already, by the rest: the sum of both is beyond the kernel's watchdog.
 */
static inline u64 crowd_stretch(const volatile struct tunables *pr,
				const struct task_ctx *t,
				const struct fair_clock *fc, u64 round)
{
	u64 most = sub_sat(round,
			   fair_stretch(fc, us_to_ns(pr->fair_deadline_us)));

	return most * crowd_share(pr, t) / CROWD_SHARE_ONE;
}

/* Let go from there, it waits no longer than others do, or than it would have. */
static inline void leave_crowd(struct task_ctx *t, const struct fair_clock *fc,
			       u64 now)
{
	u64 most = now + fair_stretch(fc, RELATIVE_MAX_NS);

	if (before_u64(most, t->deadline))
		t->deadline = most;
}

/*
 * By how much who is due in no time is put before its deadline if it has to wait, ns: as
 * much as a frame's budget and its deadline are.
 */
#define QUEUED_AHEAD_NS (16ULL * NSEC_PER_MSEC_)

/*
 * Where a task stands in its queue. Beside more frames than CPUs all of them are overdue,
 * and a reader of input that asks now would wait for each; so would a kernel thread beside
 * a crowd that is bound to its CPU.
 */
static inline u64 queued_deadline(const struct task_ctx *t)
{
	return t->class == CLASS_INPUT || t->class == CLASS_KERNEL ?
		       t->deadline - QUEUED_AHEAD_NS :
		       t->deadline;
}

#endif /* PHOTON_POLICY_DEADLINE_H */
