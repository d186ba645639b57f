/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who gives the GPU work. A thread that does so again and again is on the way to
 * the screen, also where no chain reaches it: in a benchmark that nobody touches,
 * in a game that never waits for its frames. It is a frame task then, and the
 * interrupts that wake it are sources.
 *
 * Learnt by 16 submissions in as many moments with no gap of 250 ms, so that a
 * burst at the start of a program is none; forgotten after a second without one.
 *
 * When it is bad: whoever may open a GPU may submit empty jobs. He gains what a
 * link of a chain gains, within the frame budget of each wakeup, and nothing
 * beside a game that is played.
 */
#ifndef PHOTON_POLICY_SUBMIT_H
#define PHOTON_POLICY_SUBMIT_H

#include "game.h"

enum {
	/* A moment: 2^24 ns, 17 ms, a frame of 60 Hz. A byte of them lasts 4.3 s. */
	SUBMIT_SHIFT = 24,
	SUBMITS_LEAST = 16,
	SUBMIT_GAP = 15, /* moments: a quarter of a second, as for facing */
	SUBMIT_STAYS = 60, /* moments: a second, a game that loads a level */
};

static inline u8 submit_moment(u64 now)
{
	return now >> SUBMIT_SHIFT;
}

static inline bool is_submitter(const struct task_ctx *t)
{
	return t->submits == SUBMITS_LEAST;
}

/* Moments since the last submission; after 4.3 s they begin anew. */
static inline u8 submit_age(const struct task_ctx *t, u64 now)
{
	return submit_moment(now) - t->submitted;
}

/*
 * At every wakeup. Who sleeps for 4.3 s, or a multiple, to the moment keeps for a
 * second what he had.
 */
static inline void submit_forget(struct task_ctx *t, u64 now)
{
	u8 stays = is_submitter(t) ? SUBMIT_STAYS : SUBMIT_GAP;

	if (t->submits && submit_age(t, now) > stays)
		t->submits = 0;
}

/* The running thread submits. Many times in one moment count once. */
static inline void submit_note(struct task_ctx *t, u64 now)
{
	submit_forget(t, now);
	if (t->submits && !submit_age(t, now))
		return;
	if (t->submits < SUBMITS_LEAST)
		t->submits++;
	t->submitted = submit_moment(now);
}

/*
 * Is it frame work for this alone? Not with the display boost off, not if it says
 * itself that it is background work, and not beside a game.
 */
static inline bool submits_frames(const volatile struct tunables *pr,
				  const struct task_ctx *t, bool background,
				  u8 role)
{
	return is_submitter(t) && pr->display_window_us && !background &&
	       role != ROLE_BESIDE;
}

#endif /* PHOTON_POLICY_SUBMIT_H */
