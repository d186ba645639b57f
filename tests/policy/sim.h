/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine in a loop: the clock, the interrupts and what the tasks do. One LLC;
 * IPIs take some microseconds; slices end at ticks.
 */
#ifndef PHOTON_TESTS_SIM_H
#define PHOTON_TESTS_SIM_H

#include "sim_sched.h"

/* The end of a burst: wake others while still running, then sleep or go on. */
static inline void burst_ends(struct sim *s, s32 cpu)
{
	struct sim_task *t = &s->tasks[s->cpus[cpu].curr];

	if (t->wakes >= 0)
		sim_wake(s, &s->tasks[t->wakes], t, cpu);
	if (t->wakes_too >= 0)
		sim_wake(s, &s->tasks[t->wakes_too], t, cpu);
	if (!t->sleep_hi) {
		t->left = rnd_in(&s->rng, t->run_lo, t->run_hi);
		return;
	}
	t->wake_at = t->sleep_lo == NEVER ? NEVER : s->now + rnd_in(&s->rng, t->sleep_lo, t->sleep_hi);
	t->state = ASLEEP;
	schedule(s, cpu, false);
}

/* mech/heartbeat.bpf.h */
static inline void heartbeat(struct sim *s)
{
	u64 served = 0, runnable = 0;
	s64 pulls = 0;

	for (u32 i = 0; i < s->nr_cpus; i++) {
		served += s->cpus[i].ctx.fair_served;
		pulls += s->cpus[i].ctx.fair_pulls;
		runnable += s->cpus[i].ctx.class >= CLASS_GAME;
	}
	for (u32 i = 0; i < s->nr_tasks; i++)
		runnable += s->tasks[i].state == QUEUED;
	fair_step(&s->clock, s->now, served - s->served, pulls - s->pulls);
	fair_count(&s->tun, &s->clock, runnable, s->nr_cpus);
	s->served = served;
	s->pulls = pulls;
	s->beat_at = s->now + HEARTBEAT_NS;
}

static inline void tick(struct sim *s, s32 cpu)
{
	struct sim_cpu *c = &s->cpus[cpu];

	c->tick_at += TICK_NS;
	if (c->curr < 0)
		return;
	if (c->ctx.class < CLASS_GAME && (c->nr_local || bound_is_due(s, cpu)))
		s->tasks[c->curr].slice = 0;
	if (!s->tasks[c->curr].slice)
		schedule(s, cpu, true);
}

static inline u64 cpu_next(const struct sim *s, const struct sim_cpu *c)
{
	u64 at = min_u64(c->tick_at, c->resched_at);

	return c->curr < 0 ? at : min_u64(at, c->since + s->tasks[c->curr].left);
}

static inline u64 next_event(const struct sim *s)
{
	u64 at = s->beat_at;

	for (u32 i = 0; i < s->nr_cpus; i++)
		at = min_u64(at, cpu_next(s, &s->cpus[i]));
	for (u32 i = 0; i < s->nr_tasks; i++)
		if (s->tasks[i].state == ASLEEP)
			at = min_u64(at, s->tasks[i].wake_at);
	return at;
}

static inline void cpu_events(struct sim *s, s32 cpu)
{
	struct sim_cpu *c = &s->cpus[cpu];

	if (c->curr >= 0) {
		update_curr(s, c);
		if (!s->tasks[c->curr].left)
			burst_ends(s, cpu);
	}
	if (c->tick_at <= s->now)
		tick(s, cpu);
	if (c->resched_at <= s->now)
		schedule(s, cpu, true);
}

/* Waiting tasks whose deadline has just passed: who is still before them? */
static inline void note_overdue(struct sim *s)
{
	for (u32 i = 0; i < s->nr_tasks; i++) {
		struct sim_task *t = &s->tasks[i];

		if (t->state != QUEUED || t->ahead != NEVER || t->ctx.deadline > s->now)
			continue;
		t->ahead = 0;
		for (u32 k = 0; k < s->nr_tasks; k++)
			t->ahead += s->tasks[k].state == LOCAL ||
				    (s->tasks[k].state == QUEUED && is_earlier(&s->tasks[k], t));
	}
}

static inline void sim_step(struct sim *s)
{
	s->now = next_event(s);
	for (u32 i = 0; i < s->nr_cpus; i++)
		cpu_events(s, i);
	for (u32 i = 0; i < s->nr_tasks; i++)
		if (s->tasks[i].state == ASLEEP && s->tasks[i].wake_at <= s->now) {
			s->tasks[i].wake_at = NEVER;
			sim_wake(s, &s->tasks[i], NULL, rnd(&s->rng) % s->nr_cpus);
		}
	note_overdue(s);
	if (s->beat_at <= s->now)
		heartbeat(s);
}

static inline void sim_init(struct sim *s, u64 seed, u32 nr_cpus)
{
	*s = (struct sim){
		.tun = default_tunables(),
		.rng = { .state = seed },
		.nr_cpus = nr_cpus,
		.now = NSEC_PER_SEC,
		.beat_at = NSEC_PER_SEC + HEARTBEAT_NS,
		.clock = { .rate = FAIR_RATE_ONE, .inverse = FAIR_RATE_ONE, .at = NSEC_PER_SEC },
	};
	for (u32 i = 0; i < nr_cpus; i++) {
		s->cpus[i].curr = -1;
		s->cpus[i].idle = true;
		s->cpus[i].resched_at = NEVER;
		s->cpus[i].tick_at = s->now + rnd_in(&s->rng, 1, TICK_NS);
	}
}

/* A task like this one, asleep, that first wakes within 20 ms. */
static inline struct sim_task *sim_add(struct sim *s, struct sim_task like)
{
	struct sim_task *t = &s->tasks[s->nr_tasks];

	*t = like;
	t->state = ASLEEP;
	t->ctx.class = CLASS_FAIR;
	t->ctx.vtime = fair_now(&s->clock, s->now);
	t->wake_at = s->now + rnd_in(&s->rng, 0, 20 * MS);
	t->cpu = t->bound >= 0 ? t->bound : (s32)(rnd(&s->rng) % s->nr_cpus);
	t->process = s->nr_tasks++;
	return t;
}

#endif /* PHOTON_TESTS_SIM_H */
