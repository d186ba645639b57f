/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who wakes whom. Fills the policy's view of a wakeup from the context it
 * happens in and lets the policy place the task in its chain and class.
 */
#ifndef PHOTON_WAKE_BPF_H
#define PHOTON_WAKE_BPF_H

enum {
	MAX_RT_PRIO_ = 100, /* include/linux/sched/prio.h */
	SCHED_BATCH_ = 3, /* uapi/linux/sched.h */
	SCHED_IDLE_ = 5,
	PF_NO_SETAFFINITY_ = 0x04000000, /* include/linux/sched.h */
};

/*
 * Where the preempt count keeps its hard interrupt count: bits 16-19, and since
 * the kernel also counts disabled interrupts, bits 24-27. Nothing in BTF tells,
 * so the first tick in a hard interrupt finds out. Until then both places count.
 * Not every tick is one: nohz_full has those of its CPUs done by a kernel thread.
 */
enum {
	HARDIRQ_BITS_OLD = 0xf << 16,
	HARDIRQ_BITS_NEW = 0xf << 24,
};

static u32 hardirq_bits = HARDIRQ_BITS_OLD | HARDIRQ_BITS_NEW;

static __always_inline void learn_hardirq_bits(const struct task_struct *ticked)
{
	bool new = get_preempt_count() & HARDIRQ_BITS_NEW;

	/* Every wakeup reads this line: written once. */
	if (hardirq_bits != (HARDIRQ_BITS_OLD | HARDIRQ_BITS_NEW) ||
	    bpf_get_current_task_btf() != ticked)
		return;
	hardirq_bits = new ? HARDIRQ_BITS_NEW : HARDIRQ_BITS_OLD;
}

/*
 * Entering a BPF program counts as a migrate_disable() of the current task; from 6.18 on
 * not where RCU cannot be preempted. A current task without any shows which it is: until
 * its tick, there, one that is in such a section alone counts as free to move.
 * Not static: clang would make it a bool, whose BTF no kernel takes.
 */
u32 own_migrate_disable = 1;

static __always_inline void learn_migrate_disable(
	const struct task_struct *ticked)
{
	if (own_migrate_disable && !ticked->migration_disabled &&
	    bpf_get_current_task_btf() == ticked)
		own_migrate_disable = 0;
}

/*
 * In a migrate_disable() section: such as a system call's way through seccomp filters,
 * which anybody can have last for ever. Its mask says so only after the switch.
 */
static __always_inline bool is_stuck(const struct task_struct *p)
{
	u32 disabled = p->migration_disabled;

	return disabled > own_migrate_disable ||
	       (disabled && bpf_get_current_task_btf() != p);
}

/* Serving a soft or hard interrupt? By the preempt count. */
static __always_inline bool in_interrupt(u32 context)
{
	return context & (hardirq_bits | SOFTIRQ_OFFSET);
}

/*
 * An input or display stamp on this CPU covers what is woken under it, in the
 * context it was made in: not by an interrupt that came in between.
 */
static __always_inline u8 stamped_source(const struct cpu_ctx *c, u64 now,
					 u32 context)
{
	if (in_interrupt(c->source_context ^ context))
		return SRC_NONE;
	return before_u64(now, c->source_until) ? c->source : SRC_NONE;
}

/* One of those that the kernel has for each CPU. */
static __always_inline bool is_per_cpu_kthread(const struct task_struct *p)
{
	const struct kthread *k;

	if (!(p->flags & PF_NO_SETAFFINITY_) || p->nr_cpus_allowed != 1)
		return false;
	k = p->worker_private;
	return BPF_CORE_READ(k, flags) & (1 << KTHREAD_IS_PER_CPU);
}

/*
 * A real-time task stands for something a person perceives: a compositor, an
 * audio server, an irq or vblank thread. Not the threads of the kernel that are
 * real-time to move tasks about (migration/N). Since 6.19 irq threads are bound like
 * those, and told apart by a flag.
 */
static __always_inline bool is_rt_source(const struct task_struct *p)
{
	return p->prio < MAX_RT_PRIO_ && !is_per_cpu_kthread(p);
}

static __always_inline void wake_by_task(struct wake *w)
{
	const struct task_struct *waker = bpf_get_current_task_btf();
	const struct task_ctx *wt;

	if (is_rt_source(waker)) {
		w->source = SRC_RT;
		return;
	}
	w->source = SRC_TASK;
	w->waker = waker->pid;
	wt = task_ctx(waker);
	lower_lock_holder(wt);
	w->waker_until = wt->chain_until;
	w->waker_source = wt->source;
	w->waker_depth = wt->depth;
}

static __always_inline void give_deadline(struct task_ctx *t, u64 now)
{
	t->deadline = now + relative_deadline(&tun, t, fair_clock(), now);
	task_ask(&tun, t);
}

/* The class counters stand in the order of the classes. */
#define ASSERT_CLASS_COUNTER(name, class)                    \
	_Static_assert(CNT_class_##name - CNT_class_input == \
			       (int)(class) - CLASS_INPUT,   \
		       "counter class_" #name " is out of order")
ASSERT_CLASS_COUNTER(kernel, CLASS_KERNEL);
ASSERT_CLASS_COUNTER(frame, CLASS_FRAME);
ASSERT_CLASS_COUNTER(game, CLASS_GAME);
ASSERT_CLASS_COUNTER(fair, CLASS_FAIR);
ASSERT_CLASS_COUNTER(batch, CLASS_BATCH);

static __always_inline void count_wake(const struct wake *w,
				       const struct task_ctx *t)
{
	s32 this = this_cpu();

	count_on(this, CNT_wakeups);
	if (w->source == SRC_INPUT)
		count_on(this, CNT_wake_input);
	else if (w->source == SRC_DISPLAY)
		count_on(this, CNT_wake_display);
	else if (w->source == SRC_RT)
		count_on(this, CNT_wake_rt);
	else if (w->source == SRC_IRQ)
		count_on(this, CNT_wake_irq);
	else if (in_chain(t, w->now))
		count_on(this, CNT_wake_chain);
	if (is_submitter(t))
		count_on(this, CNT_wake_submitter);
	count_on(this, CNT_class_input + (t->class - CLASS_INPUT));
}

static __always_inline bool is_batch(const struct task_struct *p)
{
	return p->policy == SCHED_BATCH_ || p->policy == SCHED_IDLE_;
}

/* The class of p for another stint without a wakeup. */
static __always_inline u8 class_again(const struct task_struct *p,
				      struct task_ctx *t, u64 now)
{
	u8 role = role_of(p, now);
	u8 class = link_class_again(&tun, t, p->scx.weight, is_batch(p), role);

	if (note_demotion(&tun, t, class, role))
		count(CNT_game_demoted);
	return class;
}

/* The policy's verdict on a wakeup: class and deadline; and its counters. */
__noinline int link_task(u32 slot, struct wake *w)
{
	struct task_ctx *t = &tasks[slot & (MAX_TASKS - 1)];

	if (!w)
		return 0;
	fair_wake(t, fair_now(fair_clock(), w->now));
	/* Shared by all for whom there was no context: ordinary work, in no chain. */
	if (!slot) {
		t->class = CLASS_FAIR;
		count(CNT_ctx_missing);
		give_deadline(t, w->now);
		return 0;
	}
	link_wake(&tun, t, w);
	if (note_demotion(&tun, t, t->class, w->role))
		count(CNT_game_demoted);
	give_deadline(t, w->now);
	count_wake(w, t);
	return link_faces(t, w->now);
}

/* Global, so that the verifier looks at it once and not once a path to it. */
__noinline int wake_task(struct task_struct *p __arg_trusted, u64 now)
{
	const struct cpu_ctx *c = cpu_ctx(this_cpu());
	u32 tgid = p->tgid;
	u32 context = get_preempt_count();
	struct process_ctx *ps = process_ctx(tgid);
	struct wake w = {
		.now = now,
		.weight = p->scx.weight,
		.batch = is_batch(p),
		.kernel = (p->flags & PF_KTHREAD) && p->nr_cpus_allowed == 1,
		.facing = link_facing(ps, tgid, now),
		.role = role_of(p, now),
		.source = stamped_source(c, now, context),
		.device = c->device,
	};

	if (w.source == SRC_NONE) {
		if (in_interrupt(context))
			w.source = SRC_IRQ;
		else
			wake_by_task(&w);
	}
	if (link_task(task_slot(p), &w))
		link_face(&tun, ps, tgid, READ_ONCE(game.main), now);
	return 0;
}

#endif /* PHOTON_WAKE_BPF_H */
