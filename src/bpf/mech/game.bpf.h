/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the daemon's decision to the policy's roles. The daemon says who plays, and
 * says it again every second. A game counts for as long as it is said and the
 * player's input reaches it: of a daemon that is dead or stopped, and of a game
 * that is left for another window, nothing remains a few seconds later.
 */
#ifndef PHOTON_GAME_BPF_H
#define PHOTON_GAME_BPF_H

enum {
	/* A daemon that has not got a CPU for three of its beats is none. */
	GAME_LEASE_NS = 3000ULL * NSEC_PER_MSEC_,
	TASK_NEW_ = 0x800, /* include/linux/sched.h: forked, never woken */
};

/* The timer's own. */
struct game_lease {
	u64 until; /* ns */
	u32 beat; /* the daemon's last */
};

static bool game_is_played(struct game_lease *lease, u64 now)
{
	u32 beat = READ_ONCE(game.beat);
	u32 main = READ_ONCE(game.main);

#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_KEEP_GAME && shared.playing)
		return true;
#endif
	if (beat != lease->beat) {
		lease->beat = beat;
		lease->until = now + GAME_LEASE_NS;
	}
	return main && before_u64(now, lease->until) &&
	       link_facing(process_ctx(main), main, now);
}

/* From the timer. Every wakeup reads this line: not dirtied without need. */
static void game_beat(struct game_lease *lease, u64 now)
{
	bool played = game_is_played(lease, now);

	if (shared.playing != played)
		WRITE_ONCE(shared.playing, played);
}

/* By the daemon's word, or by birth. */
static __always_inline bool is_family(const struct task_struct *p)
{
	u32 tgid = p->tgid;

	if (READ_ONCE(game.family[tgid & (FAMILY_SLOTS - 1)]) == tgid)
		return true;
	return kin_is_unseen(&kin[tgid & (FAMILY_SLOTS - 1)], tgid,
			     p->self_exec_id, READ_ONCE(game.look));
}

/*
 * A process joins the scheduler while a game is played. If the parent, which runs
 * here, has just forked it, it is of the family if the parent is. One that is not
 * takes nothing over from the last process of its number.
 */
static void inherit_family(const struct task_struct *p)
{
	struct kin *k = &kin[p->tgid & (FAMILY_SLOTS - 1)];

	if (p->pid != p->tgid || p->__state != TASK_NEW_)
		return;
	if (is_family(bpf_get_current_task_btf())) {
		k->look = READ_ONCE(game.look);
		k->execs = p->self_exec_id;
		/* The number last: nobody takes what the last owner left for his. */
		WRITE_ONCE(k->tgid, p->tgid);
	} else if (k->tgid == p->tgid) {
		WRITE_ONCE(k->tgid, 0);
	}
}

/* One load where nobody plays. */
static __always_inline u8 role_of(const struct task_struct *p, u64 now)
{
	u32 tgid = p->tgid;

	if (!READ_ONCE(shared.playing))
		return ROLE_NONE;
	if (is_family(p))
		return ROLE_GAME;
	return link_facing(process_ctx(tgid), tgid, now) ? ROLE_NONE :
							   ROLE_BESIDE;
}

#endif /* PHOTON_GAME_BPF_H */
