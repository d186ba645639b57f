/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ops.select_cpu and ops.enqueue. A wakeup is decided where its waker is known,
 * in select_cpu, which dispatches directly: to an idle CPU, to a victim, or to
 * the queue of the LLC. enqueue sees what is left: tasks bound to one CPU, and
 * stints that end by expiry or preemption.
 */
#ifndef PHOTON_ENQUEUE_BPF_H
#define PHOTON_ENQUEUE_BPF_H

/* ns, or for ever. */
static __always_inline u64 stint_slice(const struct task_ctx *t)
{
#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_ENDLESS_SLICE && t->class == CLASS_FAIR)
		return SCX_SLICE_INF;
#endif
	return task_slice(t);
}

/* Without a wakeup. By slot and global: verified once, whoever calls it. */
__noinline int set_deadline(u32 slot, u64 now)
{
	give_deadline(&tasks[slot & (MAX_TASKS - 1)], now);
	return 0;
}

/*
 * A CPU went idle while we decided: an idle CPU has no tick, and looks at no queue.
 * The other half of this is in photon_update_idle(). The kernel only notes what we
 * say and queues the task when we have returned: who goes idle in that microsecond is
 * not seen, and sees nothing. The next switch anywhere in the LLC, or at worst the
 * rescue, ends the wait; see docs/DESIGN.md for what was tried.
 */
static __always_inline void wake_idle_cpu(const struct task_struct *p)
{
	s32 cpu;

	if (!any_idle())
		return;
	cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
	if (cpu < 0)
		return;
	count(CNT_kick_idle);
	scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
}

/* Other LLCs look at this before they look at our queue: see dispatch_late(). */
static __always_inline void mark_urgent(u64 llc)
{
	u64 bit = llc_bit(llc);

	if (!(READ_ONCE(shared.urgent_llcs) & bit))
		__sync_fetch_and_or(&shared.urgent_llcs, bit);
}

/* Any CPU of the LLC takes it, earliest deadline first. */
static __always_inline void insert_llc(struct task_struct *p,
				       const struct task_ctx *t, s32 cpu)
{
	bool urgent = is_urgent(t->class);
	u64 dsq = urgent ? urgent_dsq(cpu) : llc_dsq(cpu);

	if (urgent && nr_llcs > 1)
		mark_urgent(dsq - DSQ_URGENT_BASE);
#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_DROP_TASK && t->class == CLASS_BATCH &&
	    t->used)
		return;
	if (sabotage == SABOTAGE_DEAD_QUEUE && t->class == CLASS_BATCH &&
	    !(t->flags & TASK_KTHREAD))
		dsq = DSQ_CPU_BASE + MAX_CPUS;
#endif
	scx_bpf_dsq_insert_vtime(p, dsq, stint_slice(t),
				 queue_key(task_slot(p), queued_deadline(t)),
				 0);
	count(urgent ? CNT_queue_urgent : CNT_queue_llc);
}

/* The same, for nobody in particular. */
static __always_inline void queue_llc(struct task_struct *p,
				      const struct task_ctx *t, s32 cpu)
{
	insert_llc(p, t, cpu);
	wake_idle_cpu(p);
}

/* Only `cpu` takes it; it is told apart from an empty queue by a flag. */
static __always_inline void queue_cpu(struct task_struct *p,
				      const struct task_ctx *t, s32 cpu)
{
	bool flag = true;

#ifdef PHOTON_SABOTAGE
	flag = sabotage != SABOTAGE_LOST_PINNED &&
	       sabotage != SABOTAGE_LOST_PINNED_NO_RESCUE;
#endif
	if (flag)
		WRITE_ONCE(cpu_ctx(cpu)->pinned, 1);
	scx_bpf_dsq_insert_vtime(p, cpu_dsq(cpu), stint_slice(t),
				 queue_key(task_slot(p), queued_deadline(t)),
				 0);
	count(CNT_queue_cpu);
}

static __always_inline void insert_on(struct task_struct *p,
				      const struct task_ctx *t, s32 cpu,
				      u64 flags)
{
	scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL_ON | cpu, stint_slice(t), flags);
}

/*
 * An input reader that a real-time task keeps off the CPU it was sent to comes
 * back to enqueue at once instead of waiting there (from 7.1 on; 0 before). Not
 * a second time: the kernel ejects schedulers that insist. Not for frames: moved
 * at every real-time burst of 17 us they migrate 2.5 times as often and are no
 * earlier.
 */
static __always_inline u64 immediate(const struct task_ctx *t, u64 enq_flags)
{
	if (t->class != CLASS_INPUT || (enq_flags & SCX_ENQ_REENQ))
		return 0;
	return SCX_ENQ_IMMED;
}

s32 BPF_STRUCT_OPS(photon_select_cpu, struct task_struct *p, s32 prev_cpu,
		   u64 wake_flags)
{
	struct task_ctx *t = task_ctx(p);
	u64 now = scx_bpf_now();
	s32 cpu;

	wake_task(p, now);
#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_IGNORE_AFFINITY) {
		cpu = next_in_llc[prev_cpu & (MAX_CPUS - 1)];
		insert_on(p, t, cpu, 0);
		return prev_cpu;
	}
#endif
	/* Affinity changed in its sleep: enqueue sees it on a CPU it may use. */
	if (!bpf_cpumask_test_cpu(prev_cpu, p->cpus_ptr)) {
		t->woken_at = 0;
		return prev_cpu;
	}
	cpu = pick_idle(p, prev_cpu, t->class, true);
	if (cpu >= 0) {
		count(cpu == prev_cpu ? CNT_idle_prev : CNT_idle_other);
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, stint_slice(t),
				   immediate(t, 0));
		return cpu;
	}
	cpu = pick_victim(p, t, prev_cpu, now);
	if (cpu >= 0) {
		scx_bpf_dsq_insert(p, SCX_DSQ_LOCAL, stint_slice(t),
				   SCX_ENQ_PREEMPT | immediate(t, 0));
		return cpu;
	}
	queue_llc(p, t, prev_cpu);
	return prev_cpu;
}

/*
 * Another stint without a wakeup. A preempted task keeps the deadline it waited
 * for, unless it has had its request; an expired one asks again: true. One of another
 * class is due when the earlier of both is.
 */
static __always_inline bool requeue_deadline(struct task_struct *p,
					     struct task_ctx *t, u64 now)
{
	u8 class = class_again(p, t, now);
	bool again = asks_again(t);
	struct place old = task_place(t);

	count(again ? CNT_requeue_expired : CNT_requeue_preempted);
	if (!again && class == t->class) {
		leave_crowd(t, fair_clock(), now);
		return false;
	}
	t->class = class;
	set_deadline(task_slot(p), now);
	task_keep(t, old);
	return again;
}

/*
 * A round of those that are bound to one CPU may be longer than that of all CPUs, which
 * is what a deadline goes by.
 */
static __always_inline void stretch_bound(struct task_ctx *t, s32 cpu)
{
	u64 round;

	/* Not the queue's length for every kworker, or whatever else is short. */
	if (!crowd_share(&tun, t))
		return;
	round = fair_round(&tun, scx_bpf_dsq_nr_queued(cpu_dsq(cpu)));
	t->deadline += crowd_stretch(&tun, t, fair_clock(), round);
}

/*
 * Bound to one CPU: never behind a queue that another CPU must drain. An idle CPU is
 * claimed, or whoever wakes up until it has woken up is sent there too and stands in
 * line, beside idle CPUs; and of several bound tasks the second waits in the queue,
 * where the earliest deadline comes first.
 */
static __always_inline void enqueue_bound(struct task_struct *p,
					  struct task_ctx *t, s32 cpu, u64 now,
					  bool anew)
{
	if (looks_idle(cpu) && scx_bpf_test_and_clear_cpu_idle(cpu)) {
		insert_on(p, t, cpu, 0);
		return;
	}
	if (is_urgent(t->class) &&
	    may_preempt(&tun, victim_deadline(cpu, now, t->class),
			t->deadline) &&
	    claim_cpu(cpu, now, t->class)) {
		count_preempt(cpu, cpu);
		insert_on(p, t, cpu, SCX_ENQ_PREEMPT);
		return;
	}
	if (anew)
		stretch_bound(t, cpu);
	queue_cpu(p, t, cpu);
}

/*
 * The victim's CPU takes it. Before 7.1 a kernel forgets SCX_ENQ_PREEMPT on the way
 * to another CPU (enqueue_task_scx() kept the low 32 bits of the flags): the task
 * lay behind the victim for a slice, and an input reader that real-time bursts
 * drove from CPU to CPU for 40 ms. There it goes to the queue, where it is when the
 * kick arrives.
 */
static __always_inline void preempt_for(struct task_struct *p,
					const struct task_ctx *t, s32 victim,
					u64 flags)
{
	if (SCX_ENQ_IMMED) {
		insert_on(p, t, victim, SCX_ENQ_PREEMPT | flags);
		return;
	}
	queue_llc(p, t, victim);
	scx_bpf_kick_cpu(victim, SCX_KICK_PREEMPT);
}

/*
 * The idle CPU takes it. Before 7.1 not by its name: the kernel inserts later, and ends
 * a scheduler whose task has become bound until then, or whose mask has changed. In the
 * queue it is when the kick arrives, and who may not run it leaves it there.
 */
static __always_inline void wake_for(struct task_struct *p,
				     const struct task_ctx *t, s32 cpu,
				     s32 idle, u64 flags)
{
	if (SCX_ENQ_IMMED || idle == cpu) {
		insert_on(p, t, idle, flags);
		return;
	}
	insert_llc(p, t, idle);
	scx_bpf_kick_cpu(idle, SCX_KICK_IDLE);
}

/* An urgent task that lost its CPU: another one, idle or not. */
static __always_inline bool enqueue_urgent(struct task_struct *p,
					   struct task_ctx *t, s32 cpu, u64 now,
					   u64 enq_flags)
{
	u64 flags = immediate(t, enq_flags);
	s32 target = pick_idle(p, cpu, t->class, false);

	if (target >= 0) {
		wake_for(p, t, cpu, target, flags);
		return true;
	}
	target = pick_victim(p, t, cpu, now);
	if (target < 0)
		return false;
	preempt_for(p, t, target, flags);
	return true;
}

void BPF_STRUCT_OPS(photon_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_ctx *t = task_ctx(p);
	s32 cpu = cpu_of(p);
	u64 now = scx_bpf_now();
	bool anew = enq_flags & SCX_ENQ_WAKEUP;
	bool was_running = !(enq_flags & (SCX_ENQ_WAKEUP | SCX_ENQ_REENQ));

	if (enq_flags & SCX_ENQ_WAKEUP) {
		if (t->woken_at)
			wake_task(p, now);
		else if (!t->deadline)
			set_deadline(task_slot(p), now);
		t->woken_at = now;
	} else if (enq_flags & SCX_ENQ_REENQ) {
		/*
		 * It was to run and has not: what it asked for stands. Asking again
		 * made who had waited for 70 ms begin anew. But from 7.1 on an input
		 * reader comes this way as well when a real-time task interrupts it: who
		 * has had what a report is worth is no reader any more.
		 */
		why_moved(p, now);
		if (t->class == CLASS_INPUT && t->used >= INPUT_REQUEST_NS) {
			requeue_deadline(p, t, now);
			was_running = true;
		}
	} else {
		/* Born where it may not run: see photon_select_cpu(). */
		if (!t->woken_at)
			t->woken_at = now;
		anew = requeue_deadline(p, t, now);
	}
	if (p->nr_cpus_allowed == 1 || is_stuck(p)) {
		enqueue_bound(p, t, cpu, now, anew);
		return;
	}
	if (seeks_cpu(t->class, was_running) &&
	    enqueue_urgent(p, t, cpu, now, enq_flags))
		return;
	queue_llc(p, t, cpu);
}

#endif /* PHOTON_ENQUEUE_BPF_H */
