/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler of the simulated machine: the policy headers, driven the way
 * mech/ drives them. Names and order of steps are those of mech/ and of the
 * kernel's ext.c: select_cpu, enqueue, dispatch, running, stopping.
 */
#ifndef PHOTON_TESTS_SIM_SCHED_H
#define PHOTON_TESTS_SIM_SCHED_H

#include "sim_types.h"

/* A class whose bound does not hold: as if not urgent, or, if it is not, due ten times as late. */
#ifndef SABOTAGE_BOUND
#define SABOTAGE_BOUND CLASS_NONE
#endif

static inline bool counts_as_urgent(const struct sim_task *t)
{
	return is_urgent(t->ctx.class) && t->ctx.class != SABOTAGE_BOUND;
}

/* ext.c: update_curr_scx() */
static inline void update_curr(struct sim *s, struct sim_cpu *c)
{
	struct sim_task *t = &s->tasks[c->curr];
	u64 ran = sub_sat(s->now, c->since);

	c->since = s->now;
	t->sum_exec += ran;
	t->left = sub_sat(t->left, ran);
	t->slice = sub_sat(t->slice, ran);
}

static inline void set_deadline(struct sim *s, struct sim_task *t)
{
	t->ctx.deadline = s->now + relative_deadline(&s->tun, &t->ctx, &s->clock, s->now);
	task_ask(&s->tun, &t->ctx);
	if (t->ctx.class == SABOTAGE_BOUND && !is_urgent(t->ctx.class))
		t->ctx.deadline += 9 * (t->ctx.deadline - s->now);
}

static inline void insert_local(struct sim *s, struct sim_task *t, s32 cpu, bool preempt)
{
	struct sim_cpu *c = &s->cpus[cpu];
	u32 at = preempt ? 0 : c->nr_local;

	for (u32 i = c->nr_local++; i > at; i--)
		c->local[i] = c->local[i - 1];
	c->local[at] = task_id(s, t);
	t->state = LOCAL;
	t->cpu = cpu;
	t->slice = task_slice(&t->ctx);
	if (preempt && c->curr >= 0)
		s->tasks[c->curr].slice = 0;
	c->idle = false;
	resched(s, cpu);
}

static inline void insert_queue(struct sim_task *t)
{
	t->slice = task_slice(&t->ctx);
	t->state = QUEUED;
	t->key = queued_deadline(&t->ctx);
	t->ahead = NEVER;
}

static inline s32 pick_idle(struct sim *s, const struct sim_task *t)
{
	if (s->cpus[t->cpu].idle && allowed(t, t->cpu))
		return t->cpu;
	for (u32 i = 0; i < s->nr_cpus; i++)
		if (s->cpus[i].idle && allowed(t, i))
			return i;
	return -1;
}

static inline u64 victim_deadline(const struct sim *s, s32 cpu, u8 newcomer)
{
	const struct cpu_ctx *c = &s->cpus[cpu].ctx;
	struct running r = { .deadline = c->deadline, .started = c->started, .class = c->class };

	if (sub_sat(s->now, c->claim) < CLAIM_NS)
		return 0;
	return running_deadline(&s->tun, &r, s->now, newcomer);
}

static inline s32 pick_victim(struct sim *s, const struct sim_task *t, s32 waking_cpu)
{
	u64 best = 0;
	s32 found = -1;

	if (!counts_as_urgent(t))
		return -1;
	for (s32 i = -2; i < VICTIM_SCAN; i++) {
		s32 cpu = i == -2 ? t->cpu : i == -1 ? waking_cpu : (t->cpu + 1 + i) % (s32)s->nr_cpus;
		u64 d = allowed(t, cpu) ? victim_deadline(s, cpu, t->ctx.class) : 0;

		if (i >= 0 && cpu == t->cpu)
			break;
		if (d > best) {
			best = d;
			found = cpu;
		}
		if (victim_is_good(&s->tun, best, s->now))
			break;
	}
	if (found < 0 || !may_preempt(&s->tun, best, t->ctx.deadline)) {
		if (t->ctx.class == CLASS_INPUT && t->bound < 0)
			s->hurry = s->now;
		return -1;
	}
	s->cpus[found].ctx.claim = s->now;
	return found;
}

static inline void wake_idle_cpu(struct sim *s, const struct sim_task *t)
{
	s32 cpu = pick_idle(s, t);

	if (cpu < 0)
		return;
	s->cpus[cpu].idle = false;
	resched(s, cpu);
}

/* An idle CPU, a victim, or the queue: the end of select_cpu and of enqueue. */
static inline void place(struct sim *s, struct sim_task *t, s32 waking_cpu, bool wakeup)
{
	bool seeks = t->bound >= 0 || seeks_cpu(t->ctx.class, !wakeup);
	s32 cpu = wakeup || seeks ? pick_idle(s, t) : -1;

	if (cpu >= 0) {
		insert_local(s, t, cpu, false);
		return;
	}
	cpu = seeks ? pick_victim(s, t, waking_cpu) : -1;
	if (cpu >= 0) {
		insert_local(s, t, cpu, true);
		return;
	}
	insert_queue(t);
	if (!wakeup && t->bound < 0)
		wake_idle_cpu(s, t);
}

/* mech/enqueue.bpf.h: of who asks anew on the one CPU that it may use. */
static inline void stretch_bound(struct sim *s, struct sim_task *t)
{
	u32 queued = 0;

	for (u32 i = 0; t->bound >= 0 && i < s->nr_tasks; i++)
		queued += s->tasks[i].state == QUEUED && s->tasks[i].bound == t->bound;
	t->ctx.deadline += crowd_stretch(&s->tun, &t->ctx, &s->clock, fair_round(&s->tun, queued));
}

/* mech/wake.bpf.h: wake_task(), then select_cpu. `waker` may be NULL. */
static inline void sim_wake(struct sim *s, struct sim_task *t, const struct sim_task *waker, s32 waking_cpu)
{
	struct process_ctx *ps = &s->processes[t->process];
	struct wake w = {
		.now = s->now,
		.weight = t->weight,
		.source = waker ? SRC_TASK : t->wake_source,
		.facing = link_facing(ps, t->process, s->now),
		.batch = t->batch,
		.kernel = t->kernel,
	};

	if (t->state != ASLEEP)
		return;
	if (waker) {
		w.waker_until = waker->ctx.chain_until;
		w.waker_source = waker->ctx.source;
		w.waker_depth = waker->ctx.depth;
	}
	fair_wake(&t->ctx, fair_now(&s->clock, s->now));
	link_wake(&s->tun, &t->ctx, &w);
	if (link_faces(&t->ctx, s->now))
		link_face(&s->tun, ps, t->process, 0, s->now);
	if (!t->left)
		t->left = rnd_in(&s->rng, t->run_lo, t->run_hi);
	t->waits_since = s->now;
	set_deadline(s, t);
	stretch_bound(s, t);
	if (s->on_wake)
		s->on_wake(s, t);
	place(s, t, waking_cpu, true);
}

/* mech/enqueue.bpf.h, without a wakeup */
static inline void requeue(struct sim *s, struct sim_task *t, s32 cpu)
{
	u8 class = link_class_again(&s->tun, &t->ctx, t->weight, t->batch, ROLE_NONE);
	bool again = asks_again(&t->ctx);
	struct place old = task_place(&t->ctx);

	t->waits_since = s->now;
	if (again || class != t->ctx.class) {
		t->ctx.class = class;
		set_deadline(s, t);
		task_keep(&t->ctx, old);
	} else {
		leave_crowd(&t->ctx, &s->clock, s->now);
	}
	if (again)
		stretch_bound(s, t);
	place(s, t, cpu, false);
}

/* mech/account.bpf.h */
static inline void charge(struct sim *s, struct sim_cpu *c, struct sim_task *t)
{
	u64 ran = min_u64(sub_sat(t->sum_exec, t->ctx.sum_exec), STINT_MAX_NS);

	t->ctx.sum_exec = t->sum_exec;
	t->ctx.used = min_u64(t->ctx.used + ran, USED_MAX_NS);
	if (is_urgent(t->ctx.class))
		return;
	fair_charge(&t->ctx, ran, t->weight);
	fair_forget(&t->ctx, &s->clock);
	if (t->ctx.class == CLASS_FAIR) {
		c->ctx.fair_served += ran;
		c->ctx.fair_pulls += fair_pull(&t->ctx, &s->clock, ran);
	}
}

static inline void stopping(struct sim *s, struct sim_cpu *c, struct sim_task *t, bool runnable)
{
	charge(s, c, t);
	c->ctx.class = CLASS_NONE;
	if (!runnable)
		return;
	if (request_used(&t->ctx))
		t->ctx.flags |= TASK_EXPIRED;
	else
		t->ctx.flags &= ~TASK_EXPIRED;
}

static inline bool is_earlier(const struct sim_task *a, const struct sim_task *b)
{
	return a && (!b || before_u64(a->key, b->key));
}

/* The head of the queue of what is bound to the CPU. */
static inline struct sim_task *first_bound(struct sim *s, s32 cpu)
{
	struct sim_task *first = NULL;

	for (u32 i = 0; i < s->nr_tasks; i++) {
		struct sim_task *t = &s->tasks[i];

		if (t->bound == cpu && t->state == QUEUED && is_earlier(t, first))
			first = t;
	}
	return first;
}

/* mech/account.bpf.h: to a reader or kernel thread that is bound to the CPU. */
static inline bool gives_way_to_bound(struct sim *s, struct sim_cpu *c, const struct sim_task *t)
{
	const struct sim_task *head = t->ctx.class < CLASS_GAME ? NULL : first_bound(s, c - s->cpus);
	u64 key = head ? head->key : 0;

	if (!gives_way(t->ctx.class, key, c->ctx.answered_bound) || head->ctx.class > CLASS_KERNEL ||
	    !before_u64(key, t->ctx.deadline))
		return false;
	c->ctx.answered_bound = key;
	return true;
}

/* mech/account.bpf.h: where a reader found no victim, who gets a CPU now gives it back. */
static inline void give_way(struct sim *s, struct sim_cpu *c, struct sim_task *t)
{
	u64 asked = s->hurry;

	if (t->ctx.class == CLASS_INPUT)
		s->hurry = 0;
	if (gives_way(t->ctx.class, asked, c->ctx.answered))
		c->ctx.answered = asked;
	else if (!gives_way_to_bound(s, c, t))
		return;
	t->slice = 0;
	resched(s, c - s->cpus);
}

static inline void running(struct sim *s, struct sim_cpu *c, struct sim_task *t)
{
	u64 waited = s->now - t->waits_since;

	t->state = RUNNING;
	t->cpu = c - s->cpus;
	c->curr = task_id(s, t);
	c->since = s->now;
	c->ctx.deadline = t->ctx.deadline;
	c->ctx.started = s->now;
	c->ctx.last = t->ctx.class;
	c->ctx.class = t->ctx.class;
	c->ctx.claim = 0;
	give_way(s, c, t);
	if (t->ctx.flags & TASK_WOKEN)
		link_run(&t->ctx, s->now - t->ctx.woken_at);
	t->longest_wait = max_u64(t->longest_wait, waited);
	s->steps++;
	if (s->on_run)
		s->on_run(s, t, waited);
}

enum sim_queue { URGENT, LLC, OWN, NR_QUEUES };

static inline enum sim_queue queue_of(const struct sim_task *t)
{
	if (t->bound >= 0)
		return OWN;
	return counts_as_urgent(t) ? URGENT : LLC;
}

/* mech/dispatch.bpf.h: bound work if it is first, urgent work unless it is the turn of fair. */
static inline struct sim_task *dispatch(struct sim *s, s32 cpu)
{
	struct sim_task *head[NR_QUEUES] = {};
	struct sim_task *llc;
	bool turn = false;

	for (u32 i = 0; i < s->nr_tasks; i++) {
		struct sim_task *t = &s->tasks[i];

		if (t->state == QUEUED && allowed(t, cpu) && is_earlier(t, head[queue_of(t)]))
			head[queue_of(t)] = t;
	}
	if (head[URGENT] && head[LLC])
		turn = turn_of_fair(s->cpus[cpu].ctx.last, head[LLC]->key, head[URGENT]->key, s->now);
	llc = head[URGENT] ?: head[LLC];
	if (is_earlier(head[OWN], llc) &&
	    (!head[URGENT] || bound_has_turn(s->cpus[cpu].ctx.last, head[OWN]->ctx.class)))
		return head[OWN];
	return turn ? head[LLC] : llc;
}

static inline void keep_running(struct sim *s, struct sim_cpu *c, struct sim_task *t)
{
	charge(s, c, t);
	t->ctx.class = link_class_again(&s->tun, &t->ctx, t->weight, t->batch, ROLE_NONE);
	set_deadline(s, t);
	t->slice = task_slice(&t->ctx);
	c->ctx.deadline = t->ctx.deadline;
	c->ctx.started = s->now;
	c->ctx.class = t->ctx.class;
	c->ctx.last = t->ctx.class;
}

/* mech/account.bpf.h, at a tick: is somebody who is bound to the CPU due before who runs there? */
static inline bool bound_is_due(struct sim *s, s32 cpu)
{
	const struct sim_task *head = first_bound(s, cpu);
	u64 due;

	if (!head)
		return false;
	if (!is_urgent(head->ctx.class) && sub_sat(s->now, s->cpus[cpu].ctx.started) < us_to_ns(s->tun.slice_us))
		return false;
	due = victim_deadline(s, cpu, CLASS_FAIR);
	return due && before_u64(head->key, due);
}

/* The next task of a CPU; `runnable` says whether curr wants to go on. */
static inline void schedule(struct sim *s, s32 cpu, bool runnable)
{
	struct sim_cpu *c = &s->cpus[cpu];
	struct sim_task *prev = c->curr >= 0 ? &s->tasks[c->curr] : NULL;
	struct sim_task *next = NULL;

	c->resched_at = NEVER;
	if (prev && runnable && prev->slice)
		return;
	if (c->nr_local) {
		next = &s->tasks[c->local[0]];
		c->nr_local--;
		for (u32 i = 0; i < c->nr_local; i++)
			c->local[i] = c->local[i + 1];
	} else {
		next = dispatch(s, cpu);
	}
	if (!next && prev && runnable) {
		keep_running(s, c, prev);
		return;
	}
	if (next)
		next->state = RUNNING;
	c->curr = -1;
	c->idle = !next;
	if (prev) {
		stopping(s, c, prev, runnable);
		if (runnable)
			requeue(s, prev, cpu);
	}
	if (next)
		running(s, c, next);
}

#endif /* PHOTON_TESTS_SIM_SCHED_H */
