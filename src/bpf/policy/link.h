/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains. A wakeup from a source starts one, a task in a live chain that wakes
 * another passes it on, one link deeper. Being a link again and again makes a
 * task a frame task, and a process that an input or display chain has reached
 * again and again counts as facing the player for a few seconds: in it the timers
 * that a game paces itself with are sources too, and its short bursts are frame
 * work even where the chain broke, as it does in a game that is late or uncapped
 * and so waits for no source.
 *
 * When it is bad: a process that a person is not looking at but that takes
 * input (a terminal with a build in the foreground) is treated as a game. All
 * it gains is bounded by the frame budget per wakeup.
 */
#ifndef PHOTON_POLICY_LINK_H
#define PHOTON_POLICY_LINK_H

#include "device.h"
#include "game.h"
#include "params.h"
#include "submit.h"
#include "task.h"

enum {
	SCORE_ONE = 1024,
	SCORE_LEARN = SCORE_ONE / 2, /* above: learnt */
	SCORE_FORGET = SCORE_ONE / 4, /* below: forgotten; between: unchanged */
	SCORE_SHIFT = 4, /* 16 wakeups to learn or forget, mostly */
	/*
	 * Input reaches the game through the compositor, the game its Wine server:
	 * source, reader, compositor, game. Deeper links are helpers.
	 */
	DEPTH_FACING = 3,
	/*
	 * Links in a row that make a process face the player, and the longest gap
	 * between two of them. A quarter of a second at 60 Hz; what coincidence
	 * brings, a wakeup in the wrong context, comes once.
	 */
	FACES_LEAST = 16,
	FACES_GAP_NS = 250 * NSEC_PER_MSEC_,
	BURST_SHIFT = 3, /* average over 8 wakeups */
	/* A chain that waits longer is dead: nobody looks at that frame any more. */
	RUN_DELAY_MAX_NS = 100 * NSEC_PER_MSEC_,
	/* What an input reader needs at most: a report is read in 3-20 us. */
	INPUT_REQUEST_NS = 300 * NSEC_PER_USEC_,
};

struct wake {
	u64 now; /* ns */
	u64 waker_until; /* ns: end of the waker's chain, 0 without one */
	u32 weight; /* of the woken task */
	u32 waker; /* pid of the ordinary task that wakes; 0: none does */
	u8 source; /* enum source: who wakes */
	u8 waker_source; /* enum source of the waker's chain */
	u8 waker_depth;
	u8 device; /* enum device_class, if the source is an input report */
	u8 role; /* enum role of the woken task's process */
	bool facing; /* the woken task's process faces the player */
	bool batch; /* SCHED_BATCH or SCHED_IDLE */
	bool kernel; /* kernel thread bound to one CPU */
};

static inline void chain_start(struct task_ctx *t, u8 source, u64 until)
{
	t->source = source;
	t->depth = 0;
	t->chain_until = until;
}

static inline void chain_pass(struct task_ctx *t, const struct wake *w)
{
	t->source = w->waker_source;
	t->depth = w->waker_depth + 1;
	t->chain_until = w->waker_until;
}

/* How long a chain that an input report of this device starts stays alive. */
static inline u64 input_window(const volatile struct tunables *pr, u8 device)
{
	u64 us = pr->input_window_us;

	if (device == DEVICE_MOUSE)
		us = min_u64(us, pr->mouse_window_us);
	else if (device == DEVICE_KEYBOARD)
		us = min_u64(us, pr->keyboard_window_us);
	else if (device == DEVICE_PAD)
		us = min_u64(us, pr->pad_window_us);
	else if (device == DEVICE_TOUCH || device == DEVICE_TABLET)
		us = min_u64(us, pr->touch_window_us);
	return us_to_ns(us);
}

/* Says itself that it is no work of the foreground. */
static inline bool is_background(const struct wake *w)
{
	return w->batch || w->weight < WEIGHT_NICE0;
}

/* Start, pass on or end the chain of the task that wakes up. */
static inline void link_chain(const volatile struct tunables *pr,
			      struct task_ctx *t, const struct wake *w)
{
	if (w->source == SRC_INPUT)
		chain_start(t, SRC_INPUT, w->now + input_window(pr, w->device));
	else if (w->source == SRC_DISPLAY)
		chain_start(t, SRC_DISPLAY,
			    w->now + us_to_ns(pr->display_window_us));
	else if (w->source == SRC_RT)
		chain_start(t, SRC_RT, w->now + us_to_ns(pr->frame_window_us));
	else if (w->source == SRC_IRQ &&
		 ((w->facing && !is_background(w)) ||
		  submits_frames(pr, t, is_background(w), w->role)))
		chain_start(t, SRC_IRQ, w->now + us_to_ns(pr->frame_window_us));
	else if (w->source == SRC_TASK && before_u64(w->now, w->waker_until) &&
		 w->waker_depth < pr->chain_depth)
		chain_pass(t, w);
	else
		t->chain_until = 0;
}

static inline bool in_chain(const struct task_ctx *t, u64 now)
{
	return before_u64(now, t->chain_until);
}

/* Does this link show that the process faces the player? */
static inline bool link_faces(const struct task_ctx *t, u64 now)
{
	return in_chain(t, now) && t->source != SRC_IRQ &&
	       t->depth <= DEPTH_FACING;
}

/* Does the process face the player? `ps` is the entry where its number leads. */
static inline bool link_facing(const struct process_ctx *ps, u32 tgid, u64 now)
{
	return ps->tgid == tgid && ps->faces >= FACES_LEAST &&
	       lies_ahead(ps->facing_until, coarse(now));
}

/*
 * A link that faces the player has reached a thread of this process. Whose entry
 * is in use is not put out of it: two processes of one number that both face the
 * player are rarer than a fork loop that would like to wash the game out. But by the
 * game: thousands of processes that sit in all places would keep it out.
 */
static inline void link_face(const volatile struct tunables *pr,
			     struct process_ctx *ps, u32 tgid, u32 game,
			     u64 now)
{
	bool live = lies_ahead(ps->facing_until, coarse(now));
	bool taken = live && ps->tgid != tgid;
	u64 stays = FACES_GAP_NS;
	u32 until;

	if (taken && tgid != game)
		return;
	if (!live || taken)
		ps->faces = 0;
	if (ps->faces < FACES_LEAST)
		ps->faces++;
	if (ps->faces == FACES_LEAST)
		stays = pr->facing_ms * NSEC_PER_MSEC_;
	until = coarse(now + stays);
	/* Every wakeup of the process reads this line: not dirtied without need. */
	if (ps->facing_until != until)
		ps->facing_until = until;
	if (ps->tgid != tgid)
		ps->tgid = tgid;
}

static inline void link_learn(struct task_ctx *t, bool linked)
{
	t->score = ewma(t->score, linked ? SCORE_ONE : 0, SCORE_SHIFT);
	if (t->score >= SCORE_LEARN)
		t->flags |= TASK_LEARNT;
	else if (t->score < SCORE_FORGET)
		t->flags &= ~TASK_LEARNT;
}

/* The burst that has just ended enters the average. */
static inline void link_burst(struct task_ctx *t)
{
	t->burst = ewma(t->burst, t->used, BURST_SHIFT);
	t->used = 0;
}

/*
 * The first run after a wakeup, `delay` ns later. Waiting for a CPU does not age
 * a chain: one frame that is late would else lose its class halfway, and then
 * wait behind everything else.
 */
static inline void link_run(struct task_ctx *t, u64 delay)
{
	t->flags &= ~(TASK_WOKEN | TASK_WOKEN_BY_INPUT);
	if (t->class == CLASS_FRAME && t->chain_until)
		t->chain_until += min_u64(delay, RUN_DELAY_MAX_NS);
}

static inline u8 link_class(const volatile struct tunables *pr,
			    const struct task_ctx *t, const struct wake *w)
{
	u64 budget = us_to_ns(pr->frame_budget_us);

	if (w->source == SRC_INPUT && input_window(pr, w->device))
		return CLASS_INPUT;
	if (t->burst < budget &&
	    (in_chain(t, w->now) ||
	     (!is_background(w) && (w->facing || (t->flags & TASK_LEARNT))) ||
	     submits_frames(pr, t, is_background(w), w->role)))
		return CLASS_FRAME;
	if (w->kernel)
		return CLASS_KERNEL;
	return work_class(pr, t, is_background(w), w->role);
}

/* All of a wakeup that is decided before a CPU is looked for. */
static inline void link_wake(const volatile struct tunables *pr,
			     struct task_ctx *t, const struct wake *w)
{
	submit_forget(t, w->now);
	link_chain(pr, t, w);
	link_learn(t, in_chain(t, w->now));
	link_burst(t);
	t->woken_at = w->now;
	t->waker = w->waker;
	t->class = link_class(pr, t, w);
	t->flags &= ~(TASK_EXPIRED | TASK_WOKEN_BY_INPUT);
	t->flags |= TASK_WOKEN;
	if (w->source == SRC_INPUT)
		t->flags |= TASK_WOKEN_BY_INPUT;
}

/*
 * The class for another stint without a wakeup: the budget may be used up, a task
 * that never sleeps may have been reniced, a game begun.
 */
static inline u8 link_class_again(const volatile struct tunables *pr,
				  const struct task_ctx *t, u32 weight,
				  bool batch, u8 role)
{
	bool in_budget = t->used < us_to_ns(pr->frame_budget_us);

	if (t->class == CLASS_KERNEL && in_budget)
		return CLASS_KERNEL;
	if (t->flags & TASK_LIFTED)
		return CLASS_FRAME;
	if (t->class == CLASS_INPUT && t->used < INPUT_REQUEST_NS)
		return CLASS_INPUT;
	if ((t->class == CLASS_INPUT || t->class == CLASS_FRAME) && in_budget)
		return CLASS_FRAME;
	return work_class(pr, t, batch || weight < WEIGHT_NICE0, role);
}

#endif /* PHOTON_POLICY_LINK_H */
