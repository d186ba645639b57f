/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whom to preempt: the running task with the latest deadline, if it is later
 * than the newcomer's by a margin.
 */
#ifndef PHOTON_POLICY_PREEMPT_H
#define PHOTON_POLICY_PREEMPT_H

#include "deadline.h"
#include "link.h"

enum {
	/*
	 * A claimed CPU that never came to run the claimant is free again. Longer than an
	 * IPI and a switch take, shorter than a frame would notice.
	 */
	CLAIM_NS = 500 * NSEC_PER_USEC_,
	/* In a claim's time: it is for the waiter of a lock, see lock.h. */
	CLAIM_OF_LOCK = 1,
	/*
	 * CPUs looked at beyond the previous and the waking one, each some 60 instructions:
	 * as many as share most last-level caches.
	 */
	VICTIM_SCAN = 8,
	/*
	 * And of the next LLC, if all of the own run what must not be preempted. Fewer: who
	 * goes there leaves its cache, and the queue is the other way.
	 */
	VICTIM_SCAN_FAR = 4,
	/* Tasks of a queue that are asked whether they may run here. */
	QUEUE_SCAN = 8,
};

/* What a CPU publishes about the task it runs. */
struct running {
	u64 deadline; /* ns */
	u64 started; /* ns */
	u8 class; /* enum task_class; CLASS_NONE: do not preempt */
};

/*
 * Later than that: no better victim is worth looking for. The game's work is
 * judged by it, so that frames get through, but look for work of others first.
 */
static inline u64 good_enough(const volatile struct tunables *pr, u64 now)
{
	return now + 2 * us_to_ns(pr->frame_deadline_us);
}

/*
 * The deadline by which a running task is judged now by a newcomer of a class; 0
 * if it must not be preempted by that class. It is judged as if it asked again,
 * so that what is more urgent by class always gets through. Protected are the
 * short classes for one request; frames from frames for min_run_us, and after it
 * from all but the short ones, or two of them would throw each other off the CPUs
 * for ever; and, from frames, fair work that had waited
 * past its deadline before it got the CPU, for min_run_us.
 */
static inline u64 running_deadline(const volatile struct tunables *pr,
				   const struct running *r, u64 now,
				   u8 newcomer)
{
	u64 ran = sub_sat(now, r->started);
	u64 again = now + us_to_ns(pr->frame_deadline_us);

	if (r->class == CLASS_NONE)
		return 0;
	if (r->class == CLASS_INPUT || r->class == CLASS_KERNEL)
		return ran < INPUT_REQUEST_NS ? 0 : again;
	if (r->class == CLASS_FRAME && newcomer == CLASS_FRAME)
		return ran < us_to_ns(pr->min_run_us) ? 0 : again;
	if (r->class == CLASS_FRAME)
		return again;
	if (r->class == CLASS_GAME)
		return good_enough(pr, now);
	if (newcomer == CLASS_FRAME && before_u64(r->deadline, r->started) &&
	    ran < us_to_ns(pr->min_run_us))
		return 0;
	return max_u64(r->deadline, now + us_to_ns(pr->fair_deadline_us));
}

/* ns: a newcomer with this deadline may preempt what is due later than that. */
static inline u64 preempts_from(const volatile struct tunables *pr,
				u64 newcomer)
{
	return newcomer + us_to_ns(pr->preempt_margin_us);
}

static inline bool may_preempt(const volatile struct tunables *pr, u64 running,
			       u64 newcomer)
{
	return running > preempts_from(pr, newcomer);
}

/* So late that no better victim is worth looking for. */
static inline bool victim_is_good(const volatile struct tunables *pr,
				  u64 running, u64 now)
{
	return running > good_enough(pr, now);
}

/*
 * Must another CPU be found now, be it another task's? Not for a frame that input or
 * a real-time task has driven off its CPU: that is free again in some microseconds,
 * and the frame is the first in the queue of all CPUs. Beside ten pairs of ping-pong,
 * where frames looked for a victim each time, 29 of 120 were late; 8 since.
 */
static inline bool seeks_cpu(u8 class, bool was_running)
{
	return is_urgent(class) && !(was_running && class == CLASS_FRAME);
}

/*
 * Does it look for a victim in another LLC, where its own has none? Where two CPUs share a
 * cache, frames waited there for each other while the others compiled: up to 90 of 90
 * were late. Only short ones: of long jobs those that stay at home are done earlier.
 */
static inline bool seeks_far(const struct task_ctx *t)
{
	return !is_long(t);
}

/*
 * Does a long frame that has just begun leave its CPU to a short one at once? In a small
 * cache every CPU may run one of these, and a sound mixer would miss its period. Not one
 * that is overdue: it has waited for this CPU. Nor a short one: those are over soon, and
 * threw each other off beside a compile.
 */
static inline bool yields_to_short(u64 deadline, u64 now)
{
	return !before_u64(deadline, now);
}

/*
 * Does a CPU, after a stint of class `last`, take urgent work from another LLC before its
 * own fair work? Only what is overdue there: a frame that input drives off its CPU is back
 * on it in microseconds, with a warm cache. Readers of input count as overdue from the
 * start, see queued_deadline(): 50 us in a cold cache are less than a wait. And not after
 * urgent work, so that it starves nobody.
 */
static inline bool takes_late(u8 last, u64 deadline, u64 now)
{
	return !is_urgent(last) && before_u64(deadline, now);
}

/*
 * Does who gets a CPU now give it back at once? An input reader has found no victim
 * at `asked`, ns (0: none waits), or one that is bound there waits under that key, because real-time tasks had the CPUs or they were
 * between two tasks. It waits in the queue; but a CPU that a real-time task gives
 * back goes on with whom that had driven off, for a slice, and looks at no queue.
 * Once a CPU and reader, or a CPU that this one may not use would never come to run
 * anything. Bad where a real-time task comes back in no time: one switch more.
 */
static inline bool gives_way(u8 class, u64 asked, u64 answered)
{
	return asked && asked != answered && class > CLASS_KERNEL;
}

/*
 * Does fair work come before the urgent work that waits? Only if it is overdue and due
 * before that, and after a stint of urgent work: so with a thousand hogs a frame still
 * gets every other turn of a CPU, and so do they. Were it not due before, a reader of
 * input that waits would wait for a slice after each stint of those who wake up later.
 * `urgent_deadline` is 0 if none was found that may run here.
 */
static inline bool turn_of_fair(u8 last, u64 fair_deadline, u64 urgent_deadline,
				u64 now)
{
	return is_urgent(last) && before_u64(fair_deadline, now) &&
	       (!urgent_deadline || before_u64(fair_deadline, urgent_deadline));
}

/*
 * The same for work of a class that is bound to the CPU and due before the urgent work:
 * of a crowd that is bound to one CPU somebody is always overdue, and a frame that came
 * there would wait for all of it.
 */
static inline bool bound_has_turn(u8 last, u8 bound)
{
	return is_urgent(bound) || is_urgent(last);
}

#endif /* PHOTON_POLICY_PREEMPT_H */
