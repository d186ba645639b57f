/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ops.running, ops.stopping, ops.tick, ops.update_idle: what runs where, since
 * when, and what it is charged.
 */
#ifndef PHOTON_ACCOUNT_BPF_H
#define PHOTON_ACCOUNT_BPF_H

/* Wake-to-run delay of an input-woken task, once a wakeup. */
static __always_inline void note_delay(s32 cpu, u64 delay)
{
	struct cpu_delays *d = &delays[cpu & (MAX_CPUS - 1)];

	d->bucket[hist_bucket(delay) & (HIST_BUCKETS - 1)]++;
	if (delay > d->max)
		d->max = delay;
}

/* Asks the CPU to choose again, before whom it has chosen runs. */
static __always_inline void leave_at_once(s32 cpu)
{
#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_KEEP_CPU)
		return;
#endif
	count(CNT_give_way);
	scx_bpf_kick_cpu(cpu, SCX_KICK_PREEMPT);
}

/*
 * As give_way(), for one that is bound to this CPU, a reader or kernel thread: it waits in the
 * CPU's own queue, and after a real-time task nobody has looked there either.
 */
static __always_inline void give_way_to_bound(const struct task_ctx *t,
					      struct cpu_ctx *c, s32 cpu)
{
	u64 head;

	if (t->class < CLASS_GAME || !READ_ONCE(c->pinned))
		return;
	head = head_key(cpu_dsq(cpu));
	if (!gives_way(t->class, head, c->answered_bound) ||
	    class_of_key(head) > CLASS_KERNEL ||
	    !before_u64(head, queue_key(0, t->deadline)))
		return;
	c->answered_bound = head;
	leave_at_once(cpu);
}

/* The reader that the others give way to runs; or p, before it has run, gives way. */
static __always_inline void give_way(const struct task_ctx *t,
				     struct cpu_ctx *c, s32 cpu)
{
	u64 asked = READ_ONCE(shared.hurry);

	if (asked && t->class == CLASS_INPUT)
		WRITE_ONCE(shared.hurry, 0);
	if (!gives_way(t->class, asked, c->answered)) {
		give_way_to_bound(t, c, cpu);
		return;
	}
	c->answered = asked;
	leave_at_once(cpu);
}

/*
 * Is it the same stint, of a task whose affinity or priority was changed? Who changes
 * itself each millisecond would else be for ever in the first one, which is protected,
 * and have a lift for each.
 */
static __always_inline bool goes_on(struct cpu_ctx *c,
				    const struct task_struct *p)
{
	u32 changed = c->changed;

	if (!changed)
		return false;
	c->changed = 0;
	return changed == p->pid;
}

/*
 * This and the next may be called on another CPU, whose thread changes the running
 * task's priority or affinity: what is published is of the task's own CPU, whose rq
 * lock is held. Frequencies asked for the CPU that is not locked ended the scheduler.
 */
void BPF_STRUCT_OPS(photon_running, struct task_struct *p)
{
	struct task_ctx *t = task_ctx(p);
	s32 cpu = cpu_of(p);
	struct cpu_ctx *c = cpu_ctx(cpu);
	u64 now = scx_bpf_now();

	why_running(p, t, now);
	c->deadline = t->deadline;
	c->counted = now;
	if (is_urgent(c->last) && !is_urgent(t->class))
		c->turn_began = now;
	c->last = t->class;
	/* Of a waiter that did not wait after all: the holder has let go. */
	if (cpu == this_cpu()) {
		c->lock_holder = 0;
		/* A fence that a kernel thread has signalled has no say in whom this one wakes. */
		c->source_until = 0;
	}
	WRITE_ONCE(c->is_long, is_long(t) && !(t->flags & TASK_LIFTED));
	WRITE_ONCE(c->class, t->class);
	if (!goes_on(c, p)) {
		c->started = now;
		WRITE_ONCE(c->claim, 0);
		WRITE_ONCE(c->lock_until, 0);
	}
	if (looks_idle(cpu))
		mark_idle(cpu, false);
	give_way(t, c, cpu);
	frequency_running(cpu, t->class, now);
	if (t->flags & TASK_WOKEN) {
		u64 delay = sub_sat(now, t->woken_at);

		if (t->flags & TASK_WOKEN_BY_INPUT)
			note_delay(cpu, delay);
		link_run(t, delay);
	}
}

/*
 * Kernels before 7.1 keep a task that a real-time one drives off its CPU in that
 * CPU's local queue, where nobody else can take it, for as long as the burst lasts.
 * With nothing left of its slice it goes to enqueue instead, and waits where every
 * CPU of the LLC looks: its own again, if the burst was a short one, as most are.
 * That costs an enqueue and a dispatch. From 7.1 on the heartbeat can move it, and
 * has to for the long bursts alone.
 *
 * If core scheduling has the CPU go idle then, the kernel warns of a scheduler that has
 * not said that it takes such tasks back: hence SCX_OPS_ENQ_LAST in the loader.
 */
static __always_inline void leave_cpu(struct task_struct *p)
{
	/* Some left, yet stopped: neither its own end nor our preemption. */
	if (__COMPAT_has_generic_reenq() || !p->scx.slice)
		return;
	count(CNT_rt_rescue);
	scx_bpf_task_set_slice(p, 0);
}

void BPF_STRUCT_OPS(photon_stopping, struct task_struct *p, bool runnable)
{
	struct task_ctx *t = task_ctx(p);
	s32 cpu = cpu_of(p);
	struct cpu_ctx *c = cpu_ctx(cpu);
	u64 ran = charge(p, t, c);

#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_WASTE)
		for (int i = 0; i < 100; i++)
			barrier_var(i); /* keeps the loop */
#endif
	WRITE_ONCE(c->class, CLASS_NONE);
	frequency_stopping(cpu, c->counted);
	/* Awake and yet not runnable: it is changed, and mostly goes on. */
	if (!runnable && !p->__state)
		c->changed = p->pid;
	if (!is_urgent(t->class)) {
		if (runnable)
			lift_stopped(p, t, c);
	} else if (t->flags & TASK_LIFTED) {
		if (!runnable || request_used(t))
			lock_drop(t);
	}
	why_stopping(p, t, ran, runnable);
	if (!runnable) {
		if (p->__state == TASK_DEAD_)
			bequeath(p, t, scx_bpf_now());
		return;
	}
	if (request_used(t) || turn_used(&tun, READ_ONCE(c->turn), t, ran))
		t->flags |= TASK_EXPIRED;
	else
		t->flags &= ~TASK_EXPIRED;
	leave_cpu(p);
}

/*
 * Is the first of those bound to the CPU due before the task that it runs? Of a crowd of
 * hogs somebody always is: they wait for a slice, so that a frame gets on.
 */
static __always_inline bool bound_is_due(s32 cpu)
{
	const struct cpu_ctx *c = cpu_ctx(cpu);
	u64 head, due, now;

	if (!READ_ONCE(c->pinned))
		return false;
	now = scx_bpf_now();
	head = head_key(cpu_dsq(cpu));
	if (!is_urgent(class_of_key(head)) &&
	    sub_sat(now, c->started) < us_to_ns(tun.slice_us))
		return false;
	due = victim_deadline(cpu, now, CLASS_FAIR);
	return head && due && before_u64(head, queue_key(0, due));
}

/*
 * A frame task holds its CPU for its whole budget. Tasks that no other CPU can take
 * must not wait for that: those in the local queue, and those bound to this CPU once
 * they are due first.
 */
void BPF_STRUCT_OPS(photon_tick, struct task_struct *p)
{
	/* Not this CPU: for one without ticks of its own another one asks. */
	s32 cpu = cpu_of(p);

	learn_hardirq_bits(p);
	learn_migrate_disable(p);
	if (task_ctx(p)->class >= CLASS_GAME)
		return;
	if (scx_bpf_dsq_nr_queued(SCX_DSQ_LOCAL_ON | cpu) ||
	    bound_is_due(cpu)) {
		scx_bpf_task_set_slice(p, 0);
		count(CNT_tick_yield);
	}
}

/*
 * Who queues a task looks for an idle CPU after it, who goes idle looks for a task
 * after it said so: one of both sees the other, and no task waits beside an idle CPU
 * for the next timer. What this CPU may not run is no reason: each look at nothing
 * would offer the CPU again, that a waker has claimed in the meantime.
 */
static __always_inline bool waits_here(u64 dsq, s32 cpu)
{
	return scx_bpf_dsq_nr_queued(dsq) > 0 && first_here(dsq, cpu);
}

/* In the other LLCs, in the order in which dispatch_steal() will. */
static bool waits_elsewhere(s32 cpu)
{
	u32 own = cpu_llc[cpu & (MAX_CPUS - 1)];
	u32 i, llc;

	bpf_for(i, 1, nr_llcs) {
		llc = llc_after(own, i);
		if (waits_here(DSQ_URGENT_BASE + llc, cpu) ||
		    waits_here(DSQ_LLC_BASE + llc, cpu))
			return true;
	}
	return false;
}

void BPF_STRUCT_OPS(photon_update_idle, s32 cpu, bool idle)
{
	mark_idle(cpu, idle);
	if (idle &&
	    (waits_here(urgent_dsq(cpu), cpu) ||
	     waits_here(llc_dsq(cpu), cpu) || READ_ONCE(cpu_ctx(cpu)->pinned) ||
	     (nr_llcs > 1 && waits_elsewhere(cpu)))) {
		count(CNT_kick_late);
		scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
	}
}

#endif /* PHOTON_ACCOUNT_BPF_H */
