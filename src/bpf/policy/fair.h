/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shares. The fair clock is the service, at weight 100, that a task would have
 * got had everyone been served at once (the fluid schedule of GPS; Parekh and
 * Gallager, 1993). A task whose own vtime leads the clock has had more than its
 * share: its deadline moves back by the time the clock needs to catch up. So
 * who sleeps a little and runs a lot wins nothing over who never sleeps.
 *
 * The clock is the mean vtime of the fair work that is served. The BPF timer moves
 * it on at the rate it has seen and corrects both by the mean lead, a tracking
 * filter of second order (alpha-beta; Benedict and Bordner, 1962); in between it
 * is read by extrapolation. Work of low weight does not count: it is ahead of the
 * clock for ever, because its class promises it more than its weight does.
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
	/* Of the mean lead, the clock takes a quarter at once ... */
	FAIR_GAIN_SHIFT = 2,
	/* ... and its rate a 32nd a period: gain^2 / (2 - gain), where it does not swing. */
	FAIR_RATE_GAIN_SHIFT = 5,
	/* Where nothing is served, back to the rate of an idle machine in 40 ms. */
	FAIR_RATE_EWMA_SHIFT = 2,
	/* A lead beyond this comes from a past load and pulls no harder. */
	FAIR_PULL_MAX_NS = 32 * NSEC_PER_MSEC_,
	/*
	 * What has been denied to a task longer ago than this is forgotten, longer than any
	 * deadline that it could move. One that never
	 * sleeps would else be owed without end, for the time in which it shared one CPU
	 * with many, and take it back from whoever comes later.
	 */
	FAIR_MEMORY_NS = 100 * NSEC_PER_MSEC_,
	/* Of CPU time: more than two requests, far more than a fork and an exec. */
	FAIR_GROWN_NS = 8 * NSEC_PER_MSEC_,
	/* Extrapolate at most this far if the timer is late. */
	FAIR_STALE_NS = 200 * NSEC_PER_MSEC_,
	/*
	 * A round takes twice as long where urgent work takes half of the machine, and
	 * slices end at a tick, often a third late.
	 */
	FAIR_ROUND_SLACK = 3,
	/*
	 * What a sleeper may bring along, at weight 100. EEVDF lets a task keep
	 * one slice of lag; this is ours.
	 */
	FAIR_CREDIT_NS = 4 * NSEC_PER_MSEC_,
};

/*
 * Of wall time: a hog is due 18 ms later than a new thread, and later still who is behind;
 * but who has made one that was far ahead has no more to make good.
 */
#define FAIR_BEQUEST_MAX_NS (48ULL * NSEC_PER_MSEC_)

/*
 * More tasks than make this have shorter turns: see crowd.h. With it, who is due then and
 * waits for a round of those that are not known as hogs yet is through before 5 s, when the
 * kernel's watchdog ends the scheduler.
 */
#define FAIR_ROUND_MAX_NS (2000ULL * NSEC_PER_MSEC_)

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

/* What `ran` ns are to an account. */
static inline u64 fair_cost(u64 ran, u64 weight)
{
	return weight == WEIGHT_NICE0 ? ran :
					div_or(ran * WEIGHT_NICE0, weight, ran);
}

/*
 * The account of a new task: the clock, or the debt of who made it and has run for
 * `ran` ns since its account was made up. Urgent work keeps none. Hogs that went on in
 * a new thread every 2 ms got 5.8 times the share of those that did not. Bad for the
 * first threads of a program whose first one has computed for long: as late as that one.
 */
static inline u64 fair_born(u64 fair_vtime, const struct task_ctx *maker,
			    u64 ran, u64 weight)
{
	u64 owes = maker->vtime + fair_cost(ran, weight);

	if (is_urgent(maker->class) || before_u64(owes, fair_vtime))
		return fair_vtime;
	return owes;
}

/* Has a task run for so long, ns in all, that who it makes is of its own making? */
static inline bool is_grown(u64 ran)
{
	return ran >= FAIR_GROWN_NS;
}

/*
 * The vtime of the maker of a task after that one's end: at least as far ahead of the clock,
 * by weight. Somebody who makes a thread for each 2 ms of work and waits for it got 5.7 times
 * a hog's share. None counts as less than nice 0, which it may have been until its last
 * moment. Bad for one who makes low work, which is ahead for ever, and for one who makes
 * something for many: by this much at the most.
 */
static inline u64 fair_bequeathed(const struct task_ctx *t, u64 weight,
				  u64 maker_vtime, u64 maker_weight,
				  const struct fair_clock *fc, u64 now)
{
	u64 most = (FAIR_BEQUEST_MAX_NS * fc->rate) >> FAIR_RATE_SHIFT;
	u64 clock = fair_now(fc, now);
	u64 lead = t->vtime - clock;
	u64 owes;

	if (t->class < CLASS_FAIR || (s64)lead <= 0)
		return maker_vtime;
	lead = min_u64(lead, most) * max_u64(weight, WEIGHT_NICE0);
	owes = clock + min_u64(div_or(lead, maker_weight, 0), most);
	return before_u64(maker_vtime, owes) ? owes : maker_vtime;
}

/* Of urgent and game work no account is kept that it could move. */
static inline bool takes_bequests(const struct task_ctx *maker)
{
	return maker->class >= CLASS_FAIR;
}

/*
 * Not for urgent work: it is bounded by its budget, and a game thread would else
 * have a debt of seconds the moment that its chain breaks.
 */
static inline void fair_charge(struct task_ctx *t, u64 ran, u64 weight)
{
	t->vtime += fair_cost(ran, weight);
}

/*
 * What has been denied to it too long ago, and what it had before others, but for as much
 * as moves a deadline at all: who was alone on a CPU for a minute, beside others with too
 * many for theirs, has taken nothing from them. By the clock of its last step, which is
 * enough.
 */
static inline void fair_forget(struct task_ctx *t, const struct fair_clock *fc)
{
	u64 most = fc->vtime + max_u64(FAIR_MEMORY_NS, fc->round);

	if (before_u64(t->vtime, fc->vtime - FAIR_MEMORY_NS))
		t->vtime = fc->vtime - FAIR_MEMORY_NS;
	else if (before_u64(most, t->vtime))
		t->vtime = most;
}

/* Whose service is the fair clock: fair work, also where it waits as batch work does. */
static inline bool makes_the_clock(const struct task_ctx *t)
{
	return t->class == CLASS_FAIR || (t->flags & TASK_DEMOTED);
}

/* Of a game's work no account is kept: it ends with neither debt nor credit. */
static inline void fair_excuse(struct task_ctx *t, u64 fair_vtime)
{
	t->vtime = fair_vtime;
}

/*
 * Wall time by which the task's deadline moves back, at most `later`; negative, down
 * to `-sooner`, for one that has had less than its share.
 */
static inline s64 fair_shift(const struct task_ctx *t,
			     const struct fair_clock *fc, u64 now, u64 sooner,
			     u64 later)
{
	s64 lead = t->vtime - fair_now(fc, now);
	u64 most = lead < 0 ? sooner : later;
	u64 size = lead < 0 ? -(u64)lead : (u64)lead;

	/* First, so that the product fits. */
	if (size < most)
		most = min_u64((size * fc->inverse) >> FAIR_RATE_SHIFT, most);
	return lead < 0 ? -(s64)most : (s64)most;
}

/*
 * What a stint of `ran` ns adds to the sum of leads. Against the clock as it was at
 * its last step: fair_step() knows how far it has moved on since.
 */
static inline s64 fair_pull(const struct task_ctx *t,
			    const struct fair_clock *fc, u64 ran)
{
	const s64 most = FAIR_PULL_MAX_NS;
	s64 lead = t->vtime - fc->vtime;

	return (lead > most ? most : lead < -most ? -most : lead) * (s64)ran;
}

/* Rounds towards zero. BPF has no signed division before version 4. */
static inline s64 divide_s64(s64 a, u64 b)
{
	return a < 0 ? -(s64)div_or(-(u64)a, b, 0) : (s64)div_or(a, b, 0);
}

/*
 * One step of the clock. In the period fair tasks got `served` ns of CPU; `pulls` is
 * the sum of their fair_pull().
 */
static inline void fair_step(struct fair_clock *fc, u64 now, u64 served,
			     s64 pulls)
{
	u64 period = sub_sat(now, fc->at);
	s64 moved = fair_now(fc, now) - fc->vtime;
	s64 rate = fc->rate;
	s64 lead;

	if (!period)
		return;
	if (served) {
		/* Stints end anywhere in the period, on average at its middle. */
		lead = divide_s64(pulls, served) - moved / 2;
		moved += lead >> FAIR_GAIN_SHIFT;
		rate += divide_s64(lead * FAIR_RATE_ONE, period) >>
			FAIR_RATE_GAIN_SHIFT;
	} else {
		rate = ewma(rate, FAIR_RATE_ONE, FAIR_RATE_EWMA_SHIFT);
	}
	if (rate < FAIR_RATE_MIN)
		rate = FAIR_RATE_MIN;
	fc->rate = min_u64(rate, FAIR_RATE_ONE);
	fc->inverse =
		div_or(FAIR_RATE_ONE * FAIR_RATE_ONE, fc->rate, FAIR_RATE_ONE);
	if (moved > 0)
		fc->vtime += moved;
	fc->at = now;
}

/* ns for this many slices on one CPU. */
static inline u64 fair_round(const volatile struct tunables *pr, u64 slices)
{
	return min_u64(slices * us_to_ns(pr->slice_us) * FAIR_ROUND_SLACK,
		       FAIR_ROUND_MAX_NS);
}

/*
 * How long a round of slices takes if urgent work leaves half of the machine. When
 * it is longer than the deadlines, these cannot be kept: see fair_stretch().
 */
static inline void fair_count(const volatile struct tunables *pr,
			      struct fair_clock *fc, u64 runnable, u64 cpus)
{
	fc->round = fair_round(pr, div_or(runnable, cpus, runnable));
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
