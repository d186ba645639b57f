/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evens out what waits in the LLCs, one task a beat, off the hot path: a CPU of the
 * one with the shortest queue is told to take its next fair task from the longest.
 */
#ifndef PHOTON_BALANCE_BPF_H
#define PHOTON_BALANCE_BPF_H

#include "../policy/balance.h"

/* The timer's own: in memory, see struct heartbeat. */
struct llc_loads {
	struct llc_load of[MAX_LLCS];
};

static void count_loads(struct llc_loads *loads)
{
	u32 i;

	bpf_for(i, 0, nr_llcs) {
		struct llc_load *load = &loads->of[i & (MAX_LLCS - 1)];

		load->queued = scx_bpf_dsq_nr_queued(DSQ_LLC_BASE + i);
		load->cpus = 0;
	}
	bpf_for(i, 0, nr_cpus)
		if (READ_ONCE(cpu_ctx(i)->class) != CLASS_NONE)
			loads->of[cpu_llc[i] & (MAX_LLCS - 1)].cpus++;
}

/* The queue's head goes there at the next switch at which that looks for fair work. */
static void take_from(u32 llc, u64 longest)
{
	struct task_struct *p = __COMPAT_scx_bpf_dsq_peek(longest);
	u32 i;

	if (!p)
		return;
	bpf_for(i, 0, nr_cpus) {
		struct cpu_ctx *c = cpu_ctx(i);

		if (cpu_llc[i] != llc || READ_ONCE(c->class) < CLASS_GAME ||
		    !bpf_cpumask_test_cpu(i, p->cpus_ptr))
			continue;
		WRITE_ONCE(c->foreign, longest);
		count(CNT_balance_llc);
		return;
	}
}

/*
 * Not while a game has the better CPUs of a machine whose CPUs are not alike: it would
 * be driven out of its cache.
 */
static void balance_llcs(struct llc_loads *loads)
{
	u32 i, longest = 0, shortest = 0;

	if (nr_llcs < 2 || (asymmetric && shared.playing))
		return;
	count_loads(loads);
	bpf_for(i, 1, nr_llcs) {
		const struct llc_load *load = &loads->of[i & (MAX_LLCS - 1)];

		if (is_longer(load, &loads->of[longest & (MAX_LLCS - 1)]))
			longest = i;
		if (is_longer(&loads->of[shortest & (MAX_LLCS - 1)], load))
			shortest = i;
	}
	if (!is_uneven(&loads->of[longest & (MAX_LLCS - 1)],
		       &loads->of[shortest & (MAX_LLCS - 1)]))
		return;
	bpf_rcu_read_lock();
	take_from(shortest, DSQ_LLC_BASE + longest);
	bpf_rcu_read_unlock();
}

#endif /* PHOTON_BALANCE_BPF_H */
