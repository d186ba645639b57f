/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last net but the kernel's own, off the hot path: once a beat the timer
 * looks at the head of every queue. One that is overdue gets a CPU told to look
 * at its queues now, and is counted. A healthy scheduler without real-time hogs
 * counts nothing here.
 */
#ifndef PHOTON_RESCUE_BPF_H
#define PHOTON_RESCUE_BPF_H

#include "../policy/rescue.h"

/* ns by which the key's deadline has passed: see slots.bpf.h for its wrap. */
static __always_inline s64 key_late(u64 key, u64 now)
{
	return (s64)((now << SLOT_BITS) - key) >> SLOT_BITS;
}

/*
 * The timer's own, the best that it has found so far. In memory, see struct heartbeat:
 * on 6.12 it was more than the verifier reads.
 */
struct rescuer {
	u64 rank; /* 0: none found */
	s32 cpu;
} rescuer;

static __always_inline void try_rescuer(s32 cpu, u64 now, u64 late)
{
	const struct cpu_ctx *c = cpu_ctx(cpu);
	struct running r = {
		.deadline = READ_ONCE(c->deadline),
		.started = READ_ONCE(c->started),
		.class = READ_ONCE(c->class),
	};
	u64 rank = rescue_rank(&r, looks_idle(cpu), now, late);

	if (rank > rescuer.rank) {
		rescuer.rank = rank;
		rescuer.cpu = cpu;
	}
}

/* The best of all CPUs that p may use, or -1. */
static s32 find_rescuer(struct task_struct *p, u64 now, u64 late)
{
	u32 i;

	rescuer.rank = 0;
	rescuer.cpu = -1;
	/* One that is told already has another queue to serve. */
	bpf_for(i, 0, nr_cpus)
		if (bpf_cpumask_test_cpu(i, p->cpus_ptr) &&
		    !READ_ONCE(cpu_ctx(i)->overdue))
			try_rescuer(i, now, late);
	return rescuer.cpu;
}

/*
 * Makes the CPU take from this queue first. Left to its own order it would compare
 * heads, one of which may be bound to other CPUs, and never come to this one.
 */
static __always_inline void rescue_on(s32 cpu, u64 dsq)
{
	if (cpu < 0)
		return;
	WRITE_ONCE(cpu_ctx(cpu)->overdue, dsq);
	/* In case that the flag is what was lost. */
	WRITE_ONCE(cpu_ctx(cpu)->pinned, 1);
	count(CNT_rescue_overdue);
	scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
}

/* `cpu` is the only one that may take from this queue, or negative. */
static __noinline int rescue_queue(u64 dsq, s32 cpu, u64 now)
{
	struct task_struct *p;
	s64 late;

	if (scx_bpf_dsq_nr_queued(dsq) <= 0)
		return 0;
	bpf_rcu_read_lock();
	p = __COMPAT_scx_bpf_dsq_peek(dsq);
	if (p) {
		late = key_late(p->scx.dsq_vtime, now);
		if (overdue(late))
			rescue_on(cpu >= 0 ? cpu : find_rescuer(p, now, late),
				  dsq);
	}
	bpf_rcu_read_unlock();
	return 0;
}

static void rescue_overdue(u64 now)
{
	u32 i;

#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_LOST_PINNED_NO_RESCUE)
		return;
#endif
	bpf_for(i, 0, nr_llcs) {
		rescue_queue(DSQ_URGENT_BASE + i, -1, now);
		rescue_queue(DSQ_LLC_BASE + i, -1, now);
	}
	bpf_for(i, 0, nr_cpus)
		rescue_queue(DSQ_CPU_BASE + i, i, now);
}

#endif /* PHOTON_RESCUE_BPF_H */
