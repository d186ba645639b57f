/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records for `scx_photon why` (src/bpf/why.h). Who is no frame thread pays two
 * comparisons at each switch, a frame thread the length of its wait; everything
 * else happens once a wait of a millisecond, or once a turn of the one process
 * that the daemon watches.
 */
#ifndef PHOTON_WHY_BPF_H
#define PHOTON_WHY_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WHY_RING_BYTES);
} why_ring SEC(".maps");

/* The process whose turns are all recorded; written by the daemon. 0: none. */
volatile u32 why_watch SEC(".bss.watch");

/*
 * When a frame thread lost its CPU, by slot, in units of 2^10 ns: wraps after 73
 * minutes, and waits end within a second. Written and read under its rq lock.
 */
enum { WHY_SINCE_SHIFT = 10 };
u32 why_since[MAX_TASKS] SEC(".bss.why");

/* Records of this CPU in the running window. */
struct why_budget {
	u64 since; /* ns */
	u32 waits;
	u32 turns;
	u32 samples;
} __attribute__((aligned(64)));
struct why_budget why_budgets[MAX_CPUS] SEC(".bss.budgets");

/* One stint that was long enough to keep somebody waiting. */
struct why_stint {
	u64 at; /* ns: its end */
	u32 ran; /* ns */
	u32 pid;
	u32 tgid;
	u8 class; /* enum task_class */
	bool pinned;
	char comm[WHY_COMM_LEN];
};

/* Written and read with its CPU's rq lock held. */
struct why_history {
	struct why_stint stints[WHY_STINTS];
	u32 next;
} __attribute__((aligned(64)));
struct why_history why_histories[MAX_CPUS] SEC(".bss.stints");

static __always_inline struct why_history *why_history(s32 cpu)
{
	return &why_histories[cpu & (MAX_CPUS - 1)];
}

static __always_inline struct why_budget *why_budget(u64 now)
{
	struct why_budget *b = &why_budgets[this_cpu() & (MAX_CPUS - 1)];

	if (sub_sat(now, b->since) >= WHY_WINDOW_NS) {
		b->since = now;
		b->waits = 0;
		b->turns = 0;
		b->samples = 0;
	}
	return b;
}

/*
 * A link of a frame now, or learnt as one: what has run longer than the frame
 * budget is fair work, and yet the frame waits for it.
 */
static __always_inline bool why_concerns(const struct task_ctx *t)
{
	/* Lifted in the midst of its wait, whose begin nobody noted. */
	if (t->flags & TASK_LIFTED)
		return false;
	return t->class == CLASS_FRAME || t->class == CLASS_INPUT ||
	       ((t->flags & TASK_LEARNT) && t->class != CLASS_KERNEL);
}

static void why_submit(struct why_record *r)
{
	u64 waiting = bpf_ringbuf_query(&why_ring, BPF_RB_AVAIL_DATA);

	bpf_ringbuf_submit(r, waiting >= WHY_WAKEUP_BYTES ?
				      BPF_RB_FORCE_WAKEUP :
				      BPF_RB_NO_WAKEUP);
}

/* What both kinds of record have in common. */
static struct why_record *why_reserve(struct task_struct *p,
				      const struct task_ctx *t, u64 from,
				      u64 now)
{
	struct why_record *r = bpf_ringbuf_reserve(&why_ring, sizeof(*r), 0);

	if (!r) {
		count(CNT_why_dropped);
		return NULL;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->from = from;
	r->at = now;
	r->chain_until = t->chain_until;
	r->pid = p->pid;
	r->tgid = p->tgid;
	r->used = t->used;
	r->cpu = this_cpu();
	r->class = t->class;
	r->source = t->source;
	r->depth = t->depth;
	if (p->nr_cpus_allowed == 1)
		r->flags = WHY_PINNED;
	bpf_probe_read_kernel(r->comm, sizeof(r->comm), p->comm);
	return r;
}

/*
 * Of a real-time task nobody keeps account. At most this: what has passed since the last
 * of our stints here.
 */
static u64 why_real_time_ran(const struct why_record *r)
{
	const struct why_history *h = why_history(r->cpu);
	const struct why_stint *last = &h->stints[(h->next - 1) % WHY_STINTS];

	return min_u64(sub_sat(r->at, last->at), r->at - r->from);
}

/*
 * The task that has the CPU until the switch that is being made: still the
 * current one when ops.running is called for the next.
 */
static void why_other(struct why_record *r)
{
	const struct task_struct *other = bpf_get_current_task_btf();

	/* Who else could it be: not whoever moves the tasks. */
	if ((r->flags & WHY_MOVED) && other->prio >= MAX_RT_PRIO_)
		return;
	if (!other->pid) {
		r->flags |= WHY_OTHER_IDLE;
		return;
	}
	r->other_pid = other->pid;
	r->other_tgid = other->tgid;
	if (other->prio < MAX_RT_PRIO_) {
		r->flags |= WHY_OTHER_RT;
		r->other_ran = why_real_time_ran(r);
	} else {
		r->other_class = task_ctx(other)->class;
		r->other_ran = min_u64(task_ctx(other)->used, r->at - r->from);
	}
	if (other->nr_cpus_allowed == 1)
		r->flags |= WHY_OTHER_PINNED;
	bpf_probe_read_kernel(r->other_comm, sizeof(r->other_comm),
			      other->comm);
}

/* Global: verified once. Called once a stint of a millisecond. */
__noinline int why_stint(struct task_struct *p __arg_trusted, u64 ran)
{
	struct why_history *h = why_history(scx_bpf_task_cpu(p));
	struct why_stint *s = &h->stints[h->next++ % WHY_STINTS];

	s->at = scx_bpf_now();
	s->ran = min_u64(ran, USED_MAX_NS);
	s->pid = p->pid;
	s->tgid = p->tgid;
	s->class = task_ctx(p)->class;
	s->pinned = p->nr_cpus_allowed == 1;
	bpf_probe_read_kernel(s->comm, sizeof(s->comm), p->comm);
	return 0;
}

/* Who came last gives way to who had the CPU for most of the wait. */
static void why_longest(struct why_record *r)
{
	const struct why_history *h = why_history(r->cpu);

	for (int i = 0; i < WHY_STINTS; i++) {
		const struct why_stint *s = &h->stints[i];
		u64 ran = min_u64(s->ran, sub_sat(s->at, r->from));

		if (ran <= r->other_ran)
			continue;
		r->other_ran = ran;
		r->other_pid = s->pid;
		r->other_tgid = s->tgid;
		r->other_class = s->class;
		r->flags &= ~(WHY_OTHER_IDLE | WHY_OTHER_RT | WHY_OTHER_PINNED);
		if (s->pinned)
			r->flags |= WHY_OTHER_PINNED;
		__builtin_memcpy(r->other_comm, s->comm, sizeof(s->comm));
	}
}

/* Global: verified once. Called once a wait that is worth a record. */
__noinline int why_waited(struct task_struct *p __arg_trusted, u64 from,
			  u64 now, u32 flags)
{
	const struct task_ctx *t = task_ctx(p);
	struct why_budget *b = why_budget(now);
	struct why_record *r;

	if (b->waits >= WHY_WAITS_MAX) {
		count(CNT_why_dropped);
		return 0;
	}
	b->waits++;
	r = why_reserve(p, t, from, now);
	if (!r)
		return 0;
	r->kind = WHY_WAIT;
	r->flags |= flags;
	if (flags & WHY_MOVED)
		r->cpu = scx_bpf_task_cpu(p);
	why_other(r);
	if (!(r->flags & WHY_MOVED))
		why_longest(r);
	why_submit(r);
	count(CNT_why_waits);
	return 0;
}

/* Since when a task that gets a CPU now has wanted one. */
static __always_inline u64 why_from(const struct task_struct *p,
				    const struct task_ctx *t, u64 now)
{
	u32 ago;

	if (!t->used)
		return t->woken_at;
	ago = (u32)(now >> WHY_SINCE_SHIFT) - why_since[task_slot(p)];
	return now - ((u64)ago << WHY_SINCE_SHIFT);
}

/*
 * From ops.enqueue: p is taken from behind a higher class that has its CPU. The
 * current task is that one where the kernel does this on the CPU itself.
 */
static __always_inline void why_moved(struct task_struct *p, u64 now)
{
	const struct task_ctx *t = task_ctx(p);
	u64 from = why_from(p, t, now);

	if (why_concerns(t) && sub_sat(now, from) >= WHY_WAIT_NS &&
	    task_slot(p))
		why_waited(p, from, now, WHY_MOVED | (t->used ? WHY_AGAIN : 0));
}

/* From ops.running, before the CPU is published as the task's. */
static __always_inline void why_running(struct task_struct *p,
					const struct task_ctx *t, u64 now)
{
	u64 from, limit;

	if (!why_concerns(t))
		return;
	from = why_from(p, t, now);
	limit = t->class == CLASS_INPUT ? WHY_WAIT_INPUT_NS : WHY_WAIT_NS;
	if (sub_sat(now, from) >= limit && task_slot(p))
		why_waited(p, from, now, t->used ? WHY_AGAIN : 0);
}

/* A turn has ended. Global: verified once. */
__noinline int why_slept(struct task_struct *task __arg_trusted)
{
	const struct task_ctx *t = task_ctx(task);
	u64 now = scx_bpf_now();
	struct why_budget *b = why_budget(now);
	struct why_record *r;

	if (task->tgid == why_watch) {
		/* A report is read in microseconds, thousands of times a second. */
		if (t->class == CLASS_INPUT && t->used < INPUT_REQUEST_NS)
			return 0;
		if (b->turns++ >= WHY_TURNS_MAX) {
			count(CNT_why_dropped);
			return 0;
		}
	} else if (b->samples++ >= WHY_SAMPLES_MAX) {
		return 0;
	}
	r = why_reserve(task, t, t->woken_at, now);
	if (!r)
		return 0;
	r->kind = WHY_TURN;
	r->waker = t->waker;
	r->sleep = task->__state;
	if (BPF_CORE_READ_BITFIELD(task, in_iowait))
		r->flags |= WHY_IOWAIT;
	why_submit(r);
	count(CNT_why_turns);
	return 0;
}

/* From ops.stopping, when the account is up to date. */
static __always_inline void why_stopping(struct task_struct *p,
					 const struct task_ctx *t, u64 ran,
					 bool runnable)
{
	if (ran >= WHY_WAIT_NS)
		why_stint(p, ran);
	if (!why_concerns(t))
		return;
	/* Not runnable and yet awake: its affinity or priority is changed. */
	if (runnable || !p->__state)
		why_since[task_slot(p)] = scx_bpf_now() >> WHY_SINCE_SHIFT;
	else
		why_slept(p);
}

#endif /* PHOTON_WHY_BPF_H */
