/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ops.dispatch: what a CPU runs next. Urgent work of its LLC, unless fair work has
 * its turn, and of other LLCs if it is overdue; then the LLC's fair work; bound work when
 * it is due before either; then the other LLCs; then whoever ran before.
 */
#ifndef PHOTON_DISPATCH_BPF_H
#define PHOTON_DISPATCH_BPF_H

/* Key of the queue's head; 0, which no deadline makes, if it is empty. */
static u64 head_key(u64 dsq)
{
	struct task_struct *p = __COMPAT_scx_bpf_dsq_peek(dsq);

	return p ? p->scx.dsq_vtime : 0;
}

static u8 class_of_key(u64 key)
{
	return tasks[key & (MAX_TASKS - 1)].class;
}

/*
 * Key of the first of the queue that this CPU may run, or 0: of some, for a crowd that is
 * bound elsewhere may stand before it. Global: verified once.
 */
__noinline u64 scan_here(u64 dsq, s32 cpu)
{
	struct task_struct *p;
	u32 seen = 0;

	bpf_for_each(scx_dsq, p, dsq, 0)
	{
		if (++seen > QUEUE_SCAN)
			break;
		if (bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
			return p->scx.dsq_vtime;
	}
	return 0;
}

/* The same; mostly it is the head, which is cheaper to look at. */
static u64 first_here(u64 dsq, s32 cpu)
{
	struct task_struct *p = __COMPAT_scx_bpf_dsq_peek(dsq);

	if (!p)
		return 0;
	if (bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
		return p->scx.dsq_vtime;
	return scan_here(dsq, cpu);
}

/* What ran before this turn: see turns_go_on(). */
static u8 last_class(const struct cpu_ctx *c)
{
	u64 turn = READ_ONCE(c->turn);

	if (turn && turns_go_on(&tun, turn, c->turn_began, scx_bpf_now()))
		return CLASS_FRAME;
	return c->last;
}

/*
 * Is `own`, the head of the CPU's own queue, due before what its LLC has for it? Before
 * urgent work it needs a turn as well: see bound_has_turn(). Who may not run here, many
 * that are bound elsewhere, must not stand before it for ever.
 */
static bool own_queue_first(const struct cpu_ctx *c, s32 cpu, u64 own,
			    bool any_urgent)
{
	u64 rival = any_urgent ? first_here(urgent_dsq(cpu), cpu) : 0;

	if (rival && !bound_has_turn(last_class(c), class_of_key(own)))
		return false;
	if (!rival)
		rival = first_here(llc_dsq(cpu), cpu);
	return !rival || before_u64(own, rival);
}

/* Asked only when urgent work waits: see turn_of_fair(). */
static bool is_turn_of_fair(const struct cpu_ctx *c, s32 cpu)
{
	u8 last = last_class(c);
	u64 fair;

	if (!is_urgent(last))
		return false;
	fair = first_here(llc_dsq(cpu), cpu);
	return fair &&
	       turn_of_fair(last, fair, first_here(urgent_dsq(cpu), cpu),
			    queue_key(0, scx_bpf_now()));
}

static __always_inline bool dispatch_urgent(s32 cpu)
{
	if (!scx_bpf_dsq_move_to_local(urgent_dsq(cpu), 0))
		return false;
	count(CNT_dispatch_urgent);
	return true;
}

static __always_inline bool dispatch_llc(s32 cpu, bool turn)
{
	if (!scx_bpf_dsq_move_to_local(llc_dsq(cpu), 0))
		return false;
	count(turn ? CNT_dispatch_turn : CNT_dispatch_llc);
	return true;
}

/* The timer has found the queue of another LLC longer than ours. */
static __always_inline bool dispatch_foreign(struct cpu_ctx *c)
{
	u64 dsq = READ_ONCE(c->foreign);

	if (!dsq)
		return false;
	WRITE_ONCE(c->foreign, 0);
	return scx_bpf_dsq_move_to_local(dsq, 0);
}

/*
 * Bound tasks. The flag is cleared before the queue is looked at, and both this
 * and queue_cpu() hold the rq lock, so an insertion is never missed.
 */
static __always_inline bool dispatch_own(struct cpu_ctx *c, s32 cpu,
					 bool urgent)
{
	u64 own;

	if (!READ_ONCE(c->pinned))
		return false;
	WRITE_ONCE(c->pinned, 0);
	own = head_key(cpu_dsq(cpu));
	if (!own)
		return false;
	WRITE_ONCE(c->pinned, 1);
	if (!own_queue_first(c, cpu, own, urgent))
		return false;
	if (!scx_bpf_dsq_move_to_local(cpu_dsq(cpu), 0))
		return false;
	count(CNT_dispatch_cpu);
	return true;
}

/* The timer has found somebody who waits too long. */
static __always_inline bool dispatch_overdue(struct cpu_ctx *c)
{
	u64 dsq = READ_ONCE(c->overdue);

	if (!dsq)
		return false;
	WRITE_ONCE(c->overdue, 0);
	return scx_bpf_dsq_move_to_local(dsq, 0);
}

/* The i-th LLC after this one, around the machine: not the same first one for all. */
static __always_inline u32 llc_after(u32 own, u32 i)
{
	u32 llc = own + i;

	return llc >= nr_llcs ? llc - nr_llcs : llc;
}

static __always_inline bool take_late(const struct cpu_ctx *c, s32 cpu, u32 llc,
				      u64 now)
{
	u64 dsq = DSQ_URGENT_BASE + llc;
	u64 key = first_here(dsq, cpu);

	if (!key || !takes_late(c->last, key, now))
		return false;
	return scx_bpf_dsq_move_to_local(dsq, 0);
}

/*
 * Overdue urgent work of another LLC, before fair work of the own: else a game that fills
 * its cache's CPUs with frames waits for itself while the others compile.
 */
static __always_inline bool dispatch_late(const struct cpu_ctx *c, s32 cpu)
{
	u32 own = cpu_llc[cpu & (MAX_CPUS - 1)];
	u64 others = READ_ONCE(shared.urgent_llcs) & ~llc_bit(own);
	u32 i, llc;
	u64 now;

#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_OWN_LLC)
		return false;
#endif
	if (!others || is_urgent(c->last))
		return false;
	now = queue_key(0, scx_bpf_now());
	bpf_for(i, 1, nr_llcs) {
		llc = llc_after(own, i);
		if (others & llc_bit(llc) && take_late(c, cpu, llc, now)) {
			count(CNT_dispatch_steal);
			return true;
		}
	}
	return false;
}

/*
 * Work conservation across LLCs: an idle CPU takes what others cannot run now. One that
 * could go on with its own takes urgent work alone: with a hog more than CPUs each
 * switch would carry one into another cache. The timer evens out fair work.
 */
static __always_inline bool dispatch_steal(s32 cpu, bool goes_idle)
{
	u32 own = cpu_llc[cpu & (MAX_CPUS - 1)];
	u32 i, llc;

	bpf_for(i, 1, nr_llcs) {
		llc = llc_after(own, i);
		if (scx_bpf_dsq_move_to_local(DSQ_URGENT_BASE + llc, 0) ||
		    (goes_idle &&
		     scx_bpf_dsq_move_to_local(DSQ_LLC_BASE + llc, 0))) {
			count(CNT_dispatch_steal);
			return true;
		}
	}
	return false;
}

/*
 * Nobody waits here: the running task starts another stint where it is. The kernel calls
 * neither `stopping` nor `running` for it, so it is charged here. Left out, a hog that had
 * been alone was owed the whole of that time, and the reader of an input report that
 * computes never used up its 300 us.
 */
static __always_inline void keep_running(struct task_struct *prev,
					 struct cpu_ctx *c, s32 cpu)
{
	struct task_ctx *t = task_ctx(prev);
	u64 now = scx_bpf_now();

	charge(prev, t, c);
	/* Somebody has come into the local queue since the kernel looked there. */
	if (scx_bpf_dsq_nr_queued(SCX_DSQ_LOCAL_ON | cpu) > 0)
		return;
	if (looks_idle(cpu))
		mark_idle(cpu, false);
	if (t->flags & TASK_LIFTED)
		lock_drop(t);
	t->class = class_again(prev, t, now);
	set_deadline(task_slot(prev), now);
	scx_bpf_task_set_slice(prev, stint_slice(t));
	frequency_stopping(cpu, c->counted);
	c->deadline = t->deadline;
	c->started = now;
	c->counted = now;
	c->class = t->class;
	c->last = t->class;
	WRITE_ONCE(c->lock_until, 0);
	frequency_running(cpu, t->class, now);
	count(CNT_dispatch_keep);
}

void BPF_STRUCT_OPS(photon_dispatch, s32 cpu, struct task_struct *prev)
{
	struct cpu_ctx *c = cpu_ctx(cpu);
	/* Mostly there is none, and then nothing else has to look for it. */
	bool urgent = scx_bpf_dsq_nr_queued(urgent_dsq(cpu)) > 0;
	bool turn = urgent && is_turn_of_fair(c, cpu);
	bool goes_on = prev && (prev->scx.flags & SCX_TASK_QUEUED);

	if (dispatch_overdue(c))
		return;
	if (!urgent && keep_lock_holder(c, prev))
		return;
	if (dispatch_lock_holder(c, cpu, goes_on ? NULL : prev))
		return;
	if (dispatch_own(c, cpu, urgent))
		return;
	if (urgent && !turn && dispatch_urgent(cpu))
		return;
	if (nr_llcs > 1 && (dispatch_late(c, cpu) || dispatch_foreign(c)))
		return;
	if (dispatch_llc(cpu, turn))
		return;
	/* The LLC queue is empty, or holds nothing for this CPU. */
	if (READ_ONCE(c->pinned) &&
	    scx_bpf_dsq_move_to_local(cpu_dsq(cpu), 0)) {
		count(CNT_dispatch_cpu);
		return;
	}
	if (turn && dispatch_urgent(cpu))
		return;
	if (nr_llcs > 1 && dispatch_steal(cpu, !goes_on))
		return;
	if (goes_on)
		keep_running(prev, c, cpu);
}

#endif /* PHOTON_DISPATCH_BPF_H */
