/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ends the turns of a crowd: see policy/crowd.h. A timer of its own, which runs only while
 * there is one.
 */
#ifndef PHOTON_CROWD_BPF_H
#define PHOTON_CROWD_BPF_H

struct turns {
	struct bpf_timer timer;
	/* In memory, see struct heartbeat. */
	u64 shortest; /* ns; 0: no crowd anywhere */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct turns);
} turns SEC(".maps");

/* Is the first in this queue later than any overload makes it? */
static bool llc_is_late(u64 dsq, u64 now)
{
	struct task_struct *p;
	bool late;

	bpf_rcu_read_lock();
	p = __COMPAT_scx_bpf_dsq_peek(dsq);
	late = p && key_late(p->scx.dsq_vtime, now) > RESCUE_ANY_NS;
	bpf_rcu_read_unlock();
	return late;
}

static __noinline int set_turn(u32 cpu, u64 now)
{
	struct cpu_ctx *c = cpu_ctx(cpu);
	u64 dsq = llc_dsq(cpu);
	u64 bound = scx_bpf_dsq_nr_queued(cpu_dsq(cpu));
	u64 waiting = crowd_waiting(
		bound, scx_bpf_dsq_nr_queued(dsq),
		llc_cpus[cpu_llc[cpu & (MAX_CPUS - 1)] & (MAX_LLCS - 1)],
		llc_is_late(dsq, now));
	u32 turn = crowd_turn(&tun, waiting);

#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_LONG_TURNS)
		turn = 0;
#endif
	if (READ_ONCE(c->turn) != turn)
		WRITE_ONCE(c->turn, turn);
	return turn;
}

/* By the timer of heartbeat.bpf.h. Where few run at all it costs a comparison. */
static void find_crowds(u64 runnable, u64 now)
{
	u32 key = 0, i;
	struct turns *w = bpf_map_lookup_elem(&turns, &key);

	if (!w || (runnable < CROWD_LEAST && !w->shortest))
		return;
	w->shortest = 0;
	bpf_for(i, 0, nr_cpus) {
		u64 turn = set_turn(i, now);

		if (turn && (!w->shortest || turn < w->shortest))
			w->shortest = turn;
	}
	if (w->shortest)
		bpf_timer_start(&w->timer, w->shortest, 0);
}

static __always_inline void end_turn(s32 cpu, u64 now)
{
	const struct cpu_ctx *c = cpu_ctx(cpu);

	if (!turn_ends(READ_ONCE(c->turn), READ_ONCE(c->class),
		       READ_ONCE(c->started), now))
		return;
	count(CNT_turn_ended);
	scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
}

static int on_turn(void *map, u32 *key, struct turns *w)
{
	u64 now = scx_bpf_now();
	u32 i;

	if (READ_ONCE(uei.kind) || !w->shortest)
		return 0;
	bpf_for(i, 0, nr_cpus)
		end_turn(i, now);
	bpf_timer_start(&w->timer, w->shortest, 0);
	return 0;
}

static int prepare_turns(void)
{
	u32 key = 0;
	struct turns *w = bpf_map_lookup_elem(&turns, &key);
	int err;

	if (!w)
		return -ENOENT;
	err = bpf_timer_init(&w->timer, &turns, CLOCK_MONOTONIC);
	return err ?: bpf_timer_set_callback(&w->timer, on_turn);
}

#endif /* PHOTON_CROWD_BPF_H */
