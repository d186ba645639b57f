/* SPDX-License-Identifier: GPL-2.0-only */
/* How long a task may run before the queue is asked again. */
#ifndef PHOTON_POLICY_SLICE_H
#define PHOTON_POLICY_SLICE_H

#include "params.h"
#include "task.h"

/* Not yet, nor ever by this clock. */
#define DUE_NEVER (~0ULL)

enum {
	/* A clock step or a suspend must not become a debt of minutes. */
	STINT_MAX_NS = 200 * NSEC_PER_MSEC_,
	/* Shorter stints are all switching. */
	SLICE_MIN_NS = 100 * NSEC_PER_USEC_,
	/* What a u32 of ns can hold with room for one more stint. */
	USED_MAX_NS = 4000000000U,
};

/*
 * What one deadline buys. A frame task gets what is left of its budget in one
 * piece: cutting it at a tick would only hand its CPU to work with a later
 * deadline. Others rotate. The kernel enforces slices at the tick, so at HZ=250
 * in steps of 4 ms.
 */
static inline u64 task_request(const volatile struct tunables *pr,
			       const struct task_ctx *t)
{
	u64 slice = us_to_ns(pr->slice_us);

	if (t->class != CLASS_FRAME && t->class != CLASS_INPUT)
		return slice;
	return max_u64(sub_sat(us_to_ns(pr->frame_budget_us), t->used), slice);
}

/*
 * Does a task that is queued anew without a wakeup ask for another deadline? Not if
 * it is merely moved to another mask or weight while it waits: who is changed each
 * millisecond would wait for ever.
 */
static inline bool asks_again(const struct task_ctx *t)
{
	return (t->flags & TASK_EXPIRED) || !t->deadline;
}

/*
 * What a task keeps whatever becomes of its class, because who is made batch work and
 * back would else ask anew: its place, and no more than is left of what that buys. Not
 * a frame's place, once it is none.
 */
struct place {
	u64 due; /* ns */
	u64 left; /* ns */
};

static inline struct place task_place(const struct task_ctx *t)
{
	struct place place = {
		.due = asks_again(t) || is_urgent(t->class) ? DUE_NEVER :
							      t->deadline,
		.left = sub_sat(t->request_end, t->used),
	};

	return place;
}

/*
 * A deadline was given: note what it buys. Who has not slept for seconds has a
 * `used` near its end; it is folded back before it sticks there, to a value that
 * is still far above every budget.
 */
static inline void task_ask(const volatile struct tunables *pr,
			    struct task_ctx *t)
{
	if (t->used > USED_MAX_NS / 2)
		t->used = USED_MAX_NS / 4;
	t->flags &= ~TASK_EXPIRED;
	t->request_end = t->used + task_request(pr, t);
}

/* A new deadline was asked for; the old one stands if it is earlier. */
static inline void task_keep(struct task_ctx *t, struct place old)
{
	if (old.due >= t->deadline)
		return;
	t->deadline = old.due;
	t->request_end = t->used + old.left;
}

/* The rest of the request, for another stint after a preemption. */
static inline u64 task_slice(const struct task_ctx *t)
{
	return max_u64(sub_sat(t->request_end, t->used), SLICE_MIN_NS);
}

/*
 * Counted over all stints under one deadline, or a task that is preempted every
 * millisecond would keep the earliest deadline of all and never be charged.
 */
static inline bool request_used(const struct task_ctx *t)
{
	return t->used + SLICE_MIN_NS >= t->request_end;
}

#endif /* PHOTON_POLICY_SLICE_H */
