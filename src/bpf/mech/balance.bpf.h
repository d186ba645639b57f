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

/* Has a game the better CPUs of a machine whose CPUs are not alike? They take nothing. */
static bool is_the_games(s32 cpu)
{
	return asymmetric && shared.playing && is_preferred(cpu);
}

/*
 * The CPU that takes p, which waits in the LLC `from`, at the next switch at which it
 * looks for fair work: of those that may run it, in the LLC with the shortest queue; or -1.
 */
static s32 find_taker(const struct llc_loads *loads, u32 from,
		      const struct task_struct *p)
{
	const struct llc_load *longest = &loads->of[from & (MAX_LLCS - 1)];
	const struct llc_load *best = longest;
	s32 taker = -1;
	u32 i;

	bpf_for(i, 0, nr_cpus) {
		const struct llc_load *load =
			&loads->of[cpu_llc[i] & (MAX_LLCS - 1)];

		if (load == longest ||
		    READ_ONCE(cpu_ctx(i)->class) < CLASS_GAME ||
		    !is_uneven(longest, load) || !is_longer(best, load) ||
		    is_the_games(i) || !bpf_cpumask_test_cpu(i, p->cpus_ptr))
			continue;
		best = load;
		taker = i;
	}
	return taker;
}

static void take_from(const struct llc_loads *loads, u32 from)
{
	u64 dsq = DSQ_LLC_BASE + from;
	struct task_struct *p = __COMPAT_scx_bpf_dsq_peek(dsq);
	s32 taker = p ? find_taker(loads, from, p) : -1;

	if (taker < 0)
		return;
	WRITE_ONCE(cpu_ctx(taker)->foreign, dsq);
	count(CNT_balance_llc);
}

static void balance_llcs(struct llc_loads *loads)
{
	u32 i, longest = 0;

	count_loads(loads);
	bpf_for(i, 1, nr_llcs)
		if (is_longer(&loads->of[i & (MAX_LLCS - 1)],
			      &loads->of[longest & (MAX_LLCS - 1)]))
			longest = i;
	if (!loads->of[longest & (MAX_LLCS - 1)].queued)
		return;
	bpf_rcu_read_lock();
	take_from(loads, longest);
	bpf_rcu_read_unlock();
}

#endif /* PHOTON_BALANCE_BPF_H */
