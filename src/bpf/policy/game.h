/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What it changes that a game is played: the work of its processes that is no
 * link of a frame (loading, compiling shaders, jobs over the frame's budget) is due
 * earlier than the work of others, and what computes for long beside it counts as
 * batch work. Who plays is the daemon's to say; that it is still said, and that
 * the player's input still reaches the game, the kernel part's.
 *
 * When it is bad: whoever gets a process of his taken for the game that the player
 * looks at computes before others. They wait for their deadlines and no longer:
 * nothing here lengthens one beyond RELATIVE_MAX_NS, and the game's work waits in
 * the same queue and preempts nobody.
 */
#ifndef PHOTON_POLICY_GAME_H
#define PHOTON_POLICY_GAME_H

#include "params.h"
#include "task.h"

enum role {
	ROLE_NONE = 0, /* nobody plays, or the process faces the player */
	ROLE_GAME, /* a process of the game */
	ROLE_BESIDE, /* any other, while a game is played */
};

enum {
	/*
	 * CPU without a sleep that makes heavy work. Above what a browser needs to
	 * draw, a video encoder for a slice of its picture, a frame of most games.
	 */
	HEAVY_NS = 10 * NSEC_PER_MSEC_,
};

/*
 * Does a forked process belong to the game because its parent did? Until the daemon
 * has had a look at all processes that began after the fork: the one that was going
 * on may have missed it. Another program is for the daemon to judge.
 */
static inline bool kin_is_unseen(const struct kin *k, u32 tgid, u32 execs,
				 u32 look)
{
	return k->tgid == tgid && k->execs == execs && look - k->look <= 1;
}

/* Computes for long: on average, or now. */
static inline bool is_heavy(const struct task_ctx *t)
{
	return t->burst >= HEAVY_NS || t->used >= HEAVY_NS;
}

/*
 * Work of others that waits while a game is played. Not that of kernel threads,
 * which is everyone's, nor of what takes part in chains: a compositor, a recorder.
 */
static inline bool is_demoted(const volatile struct tunables *pr,
			      const struct task_ctx *t, u8 role)
{
	return role == ROLE_BESIDE && pr->batch_demotion && is_heavy(t) &&
	       !(t->flags & (TASK_KTHREAD | TASK_LEARNT));
}

/* Notes whether this is why it has the class that it was just given. */
static inline bool note_demotion(const volatile struct tunables *pr,
				 struct task_ctx *t, u8 class, u8 role)
{
	bool demoted = class == CLASS_BATCH && is_demoted(pr, t, role);

	if (demoted)
		t->flags |= TASK_DEMOTED;
	else
		t->flags &= ~TASK_DEMOTED;
	return demoted;
}

/* The class of work that no frame waits for. */
static inline u8 work_class(const volatile struct tunables *pr,
			    const struct task_ctx *t, bool batch, u8 role)
{
	if (batch || is_demoted(pr, t, role))
		return CLASS_BATCH;
	return role == ROLE_GAME && pr->game_class ? CLASS_GAME : CLASS_FAIR;
}

#endif /* PHOTON_POLICY_GAME_H */
