/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPU of a frame task that falls asleep on a lock takes the lock's holder,
 * if that waits for a CPU: probes/lock.bpf.c has left its number. Done where the
 * waiter's CPU looks for its next task anyway, so nobody is preempted for it.
 *
 * A holder that runs keeps its CPU at the end of its slice, and if it is driven off
 * it waits as a frame task does. Left to its luck, 16 frames of 1,080 were late in
 * the scenario `locks`, 5 since.
 */
#ifndef PHOTON_LOCK_BPF_H
#define PHOTON_LOCK_BPF_H

enum {
	/*
	 * Tasks of a queue that are looked at: those due first. A holder behind more
	 * than these is one of an overload that no lift would mend.
	 */
	LOCK_SCAN = 64,
};

/* Global: verified once. Returns true if the holder is in the CPU's local queue now. */
__noinline int take_lock_holder(s32 cpu, u32 pid,
				struct task_struct *waiter __arg_trusted)
{
	u64 now = scx_bpf_now();
	struct task_struct *p;
	u32 seen = 0;

	bpf_for_each(scx_dsq, p, llc_dsq(cpu), 0)
	{
		if (++seen > LOCK_SCAN)
			break;
		if (p->pid != pid)
			continue;
		/*
		 * A mask is narrowed only after the task has been queued. Slot 0 would
		 * lift all who share it.
		 */
		if (!task_slot(p) || !bpf_cpumask_test_cpu(cpu, p->cpus_ptr) ||
		    p->migration_disabled)
			break;
		scx_bpf_dsq_move_set_slice(BPF_FOR_EACH_ITER,
					   us_to_ns(tun.lock_lift_us));
		if (!scx_bpf_dsq_move(BPF_FOR_EACH_ITER, p, SCX_DSQ_LOCAL, 0))
			break;
		/* Its run queue is ours now, and locked: nobody else writes. */
		lock_lift(&tun, task_ctx(p), task_ctx(waiter), now);
		count(CNT_lock_lift);
		return 1;
	}
	return 0;
}

static __always_inline bool dispatch_lock_holder(struct cpu_ctx *c, s32 cpu,
						 struct task_struct *prev)
{
	u32 pid = c->lock_holder;

	/* Core scheduling asks for a sibling too: the local queue is not its. */
	if (!pid || cpu != this_cpu())
		return false;
	c->lock_holder = 0;
	return prev && take_lock_holder(cpu, pid, prev);
}

/* lock_wanted() of the task that runs here. Mostly nobody wants any: spares the clock. */
static __always_inline u64 wanted_here(const struct cpu_ctx *c,
				       const struct task_ctx *t)
{
	u64 until = READ_ONCE(c->lock_until);

	if (until <= LOCK_DONE)
		return 0;
	return lock_wanted(until, t->class, scx_bpf_now());
}

/* Runnable, fair, and about to lose its CPU to input, a real-time task or its slice. */
static __always_inline void lift_stopped(const struct task_struct *p,
					 struct task_ctx *t,
					 const struct cpu_ctx *c)
{
	if (!wanted_here(c, t) || !task_slot(p))
		return;
	lock_lift_stopped(&tun, t, scx_bpf_now());
	count(CNT_lock_lift);
}

/* The wanted task's slice is at its end, and nobody urgent waits. */
static __always_inline bool keep_lock_holder(struct cpu_ctx *c,
					     struct task_struct *prev)
{
	u64 wanted;

	if (!prev || !(prev->scx.flags & SCX_TASK_QUEUED))
		return false;
	wanted = wanted_here(c, task_ctx(prev));
	if (!wanted)
		return false;
	WRITE_ONCE(c->lock_until, LOCK_DONE);
	scx_bpf_task_set_slice(prev, lock_slice(wanted));
	count(CNT_lock_lift);
	return true;
}

/*
 * The lock is free, or somebody else has work: the holder's CPU may be taken again.
 * A claim made since by somebody else is lost with the lock's, which costs one
 * preemption.
 */
static __always_inline void lower_lock_holder(const struct task_ctx *waker)
{
	struct cpu_ctx *c = cpu_ctx(this_cpu());

	if (waker->flags & TASK_LIFTED)
		WRITE_ONCE(c->class, CLASS_FAIR);
	if (READ_ONCE(c->lock_until) > LOCK_DONE) {
		WRITE_ONCE(c->lock_until, LOCK_DONE);
		WRITE_ONCE(c->claim, 0);
	}
}

#endif /* PHOTON_LOCK_BPF_H */
