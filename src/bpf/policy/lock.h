/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lock holders. A frame task that waits for a lock waits for whoever holds it, and
 * that one may itself wait for a CPU behind work of all sorts, or be about to. So it
 * runs in the frame's stead: as a frame task, once, for lock_lift_us or until it
 * wakes somebody, which is mostly the waiter.
 *
 * When it is bad: a game whose frames wait for a lock all the time gives each
 * holder this much before the work of others. What the holder runs is charged to
 * it as ever, and overdue work has its turns.
 */
#ifndef PHOTON_POLICY_LOCK_H
#define PHOTON_POLICY_LOCK_H

#include "preempt.h"
#include "slice.h"

/* A holder that lost its CPU while a frame task waits for it. */
static inline void lock_lift_stopped(const volatile struct tunables *pr,
				     struct task_ctx *holder, u64 now)
{
	holder->class = CLASS_FRAME;
	holder->flags |= TASK_LIFTED;
	holder->deadline = now + us_to_ns(pr->frame_deadline_us);
	holder->request_end = holder->used + us_to_ns(pr->lock_lift_us);
}

/* The queued holder of a lock that the waiter, a frame task, is about to wait for. */
static inline void lock_lift(const volatile struct tunables *pr,
			     struct task_ctx *holder,
			     const struct task_ctx *waiter, u64 now)
{
	lock_lift_stopped(pr, holder, now);
	/* Whom it wakes is the next link of the waiter's chain. */
	holder->chain_until = waiter->chain_until;
	holder->source = waiter->source;
	holder->depth = waiter->depth;
}

enum {
	/*
	 * The running task has had its lift of this stint, or has woken somebody. Or
	 * who calls futex_wait() again and again would keep a hog on its CPU for ever,
	 * and behind it whoever is bound to that.
	 */
	LOCK_DONE = 1,
};

/* May a lift of the running task begin? It is at most one a stint. */
static inline bool lock_may_begin(u64 until)
{
	return until == 0;
}

/* ns for which a frame task still waits for a lock of the running task; mostly 0. */
static inline u64 lock_wanted(u64 until, u8 class, u64 now)
{
	return is_urgent(class) ? 0 : sub_sat(until, now);
}

/* ns: the holder's slice has ended, the wait for it has not. */
static inline u64 lock_slice(u64 wanted)
{
	return max_u64(wanted, SLICE_MIN_NS);
}

/*
 * The holder runs: when its CPU is to look preempted, so that nobody preempts it for
 * as long as a lift would last.
 */
static inline u64 lock_claim(const volatile struct tunables *pr, u64 now)
{
	return sub_sat(now + us_to_ns(pr->lock_lift_us), CLAIM_NS) |
	       CLAIM_OF_LOCK;
}

/* Of somebody who takes the CPU now. */
static inline u64 claim_from(u64 now)
{
	return now & ~(u64)CLAIM_OF_LOCK;
}

/*
 * Is the CPU another's victim already? One that is held for a lock's waiter is held from
 * frames, which may be who waits for it; not from who answers the player in 50 us.
 */
static inline bool is_claimed(u64 claim, u64 now, u8 newcomer)
{
	bool of_lock = claim & CLAIM_OF_LOCK;

	return sub_sat(now, claim) < CLAIM_NS &&
	       !(of_lock && newcomer == CLASS_INPUT);
}

/* It sleeps, or has had its time: ordinary work again. */
static inline void lock_drop(struct task_ctx *holder)
{
	holder->class = CLASS_FAIR;
	holder->deadline = 0; /* asks again */
	holder->flags &= ~TASK_LIFTED;
	holder->chain_until = 0;
}

#endif /* PHOTON_POLICY_LOCK_H */
