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

/* One load where nobody plays. */
static __always_inline u8 role_of(const struct task_struct *p, u64 now)
{
	u32 tgid = p->tgid;

	if (!READ_ONCE(shared.playing))
		return ROLE_NONE;
	if (READ_ONCE(game.family[tgid & (FAMILY_SLOTS - 1)]) == tgid)
		return ROLE_GAME;
	return link_facing(process_ctx(tgid), tgid, now) ? ROLE_NONE :
							   ROLE_BESIDE;
}

#endif /* PHOTON_GAME_BPF_H */
