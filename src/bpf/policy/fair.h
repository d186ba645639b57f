/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shares. The fair clock is the service, at weight 100, that a task would have
 * got had everyone been served at once (the fluid schedule of GPS; Parekh and
 * Gallager, 1993). A task whose own vtime leads the clock has had more than its
 * share: its deadline moves back by the time the clock needs to catch up. So
 * who sleeps a little and runs a lot wins nothing over who never sleeps.
 *
 * The clock is advanced by the BPF timer from the per-CPU sums of served time
 * and the number of runnable tasks, and read by extrapolation in between.
 */
#ifndef PHOTON_POLICY_FAIR_H
#define PHOTON_POLICY_FAIR_H

#include "params.h"
#include "task.h"

enum {
	FAIR_RATE_SHIFT = 10, /* rates are fractions of 1024 */
	FAIR_RATE_ONE = 1 << FAIR_RATE_SHIFT,
	/* 1/64: below that the lead is capped anyway, see LEAD_MAX_NS. */
	FAIR_RATE_MIN = FAIR_RATE_ONE / 64,
	/* Four periods: follows a load change in 40 ms. */
	FAIR_RATE_EWMA_SHIFT = 2,
	/* Extrapolate at most this far if the timer is late. */
	FAIR_STALE_NS = 200 * NSEC_PER_MSEC_,
	/* A round takes twice as long where urgent work takes half of the machine. */
	FAIR_ROUND_SLACK = 2,
	/* Well below the kernel's watchdog of 5 s. */
	FAIR_ROUND_MAX_NS = 2000 * NSEC_PER_MSEC_,
	/*
	 * What a sleeper may bring along, at weight 100. EEVDF lets a task keep
	 * one slice of lag; this is ours.
	 */
	FAIR_CREDIT_NS = 4 * NSEC_PER_MSEC_,
};

struct fair_clock {
	u64 vtime; /* ns at weight 100 */
	u64 at; /* ns, wall clock of this vtime */
	u32 rate; /* clock speed in 1/1024 of wall time */
	u32 inverse; /* wall time per clock time in 1/1024 */
	u32 round; /* ns until everyone who waits has had a slice */
	u32 reserved;
};

static inline u64 fair_now(const struct fair_clock *fc, u64 now)
{
	u64 dt = min_u64(sub_sat(now, fc->at), FAIR_STALE_NS);

	return fc->vtime + ((dt * fc->rate) >> FAIR_RATE_SHIFT);
}

/* Forget debts older than one credit when a task wakes up. */
static inline void fair_wake(struct task_ctx *t, u64 fair_vtime)
{
	if (before_u64(t->vtime, fair_vtime - FAIR_CREDIT_NS))
		t->vtime = fair_vtime - FAIR_CREDIT_NS;
}

/*
 * Not for urgent work: it is bounded by its budget, and a game thread would else
 * have a debt of seconds the moment that its chain breaks.
 */
static inline void fair_charge(struct task_ctx *t, u64 ran, u64 weight)
{
	t->vtime += weight == WEIGHT_NICE0 ?
			    ran :
			    div_or(ran * WEIGHT_NICE0, weight, ran);
}

/* Wall time by which the task's deadline moves back, at most max. */
static inline u64 fair_lead(const struct task_ctx *t,
			    const struct fair_clock *fc, u64 now, u64 max)
{
	s64 lead = t->vtime - fair_now(fc, now);

	if (lead <= 0)
		return 0;
	if ((u64)lead >= max)
		return max;
	return min_u64(((u64)lead * fc->inverse) >> FAIR_RATE_SHIFT, max);
}

/*
 * One step of the clock: `served` ns of CPU went to fair and batch work in
 * `period` ns while `runnable` such tasks wanted to run.
 */
static inline void fair_step(struct fair_clock *fc, u64 now, u64 served,
			     u64 runnable)
{
	u64 period = sub_sat(now, fc->at);
	u64 rate = FAIR_RATE_ONE;

	if (!period)
		return;
	if (runnable)
		rate = div_or(served << FAIR_RATE_SHIFT, period * runnable,
			      FAIR_RATE_ONE);
	rate = clamp_u64(rate, FAIR_RATE_MIN, FAIR_RATE_ONE);
	fc->vtime = fair_now(fc, now);
	fc->at = now;
	fc->rate = ewma(fc->rate, rate, FAIR_RATE_EWMA_SHIFT);
	fc->inverse =
		div_or(FAIR_RATE_ONE * FAIR_RATE_ONE, fc->rate, FAIR_RATE_ONE);
}

/*
 * How long a round of slices takes if urgent work leaves half of the machine. When
 * it is longer than the deadlines, these cannot be kept: see fair_stretch().
 */
static inline void fair_count(const volatile struct tunables *pr,
			      struct fair_clock *fc, u64 runnable, u64 cpus)
{
	u64 slices = div_or(runnable, cpus, runnable);

	fc->round = min_u64(slices * us_to_ns(pr->slice_us) * FAIR_ROUND_SLACK,
			    FAIR_ROUND_MAX_NS);
}

/*
 * The deadline of who runs without end, where there are too many of them for it.
 * Were it left as it is, all of them would be overdue, and overdue comes first: a
 * shell that needs a millisecond would wait for a thousand hogs.
 */
static inline u64 fair_stretch(const struct fair_clock *fc, u64 deadline)
{
	return max_u64(deadline, fc->round);
}

#endif /* PHOTON_POLICY_FAIR_H */
