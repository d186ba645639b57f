/* SPDX-License-Identifier: GPL-2.0-only */
/* The simulated machine: its tasks, its CPUs, and what both remember. */
#ifndef PHOTON_TESTS_SIM_TYPES_H
#define PHOTON_TESTS_SIM_TYPES_H

#include "check.h"

enum {
	SIM_CPUS = 8,
	SIM_TASKS = 64,
	TICK_NS = 4 * NSEC_PER_MSEC_, /* HZ=250 */
	IPI_MAX_NS = 20 * NSEC_PER_USEC_,
};
#define NEVER (~0ULL >> 1)

enum sim_state { ASLEEP, QUEUED, LOCAL, RUNNING };

struct sim_task {
	struct task_ctx ctx;
	/* Behaviour: run this long, sleep that long, wake others at the end. */
	u64 run_lo, run_hi;
	u64 sleep_lo, sleep_hi; /* both 0: never sleeps; NEVER: until woken */
	s32 wakes, wakes_too; /* tasks, or -1 */
	u32 weight;
	s32 bound; /* the one CPU it may use, or -1 */
	u8 wake_source; /* of its own timer */
	u8 process;
	bool batch, kernel;
	/* State. */
	u8 state;
	s32 cpu;
	u64 slice, sum_exec, left, wake_at;
	u64 key; /* ns: where it stands in its queue */
	u64 waits_since; /* ns: runnable and not running since */
	u64 ahead; /* tasks due before it when its deadline passed */
	u64 longest_wait;
};

struct sim_cpu {
	struct cpu_ctx ctx;
	s32 curr; /* task or -1 */
	s32 local[SIM_TASKS];
	u32 nr_local;
	u64 since; /* curr is charged up to here */
	u64 tick_at, resched_at;
	bool idle;
};

struct sim {
	struct tunables tun;
	struct rng rng;
	struct sim_cpu cpus[SIM_CPUS];
	struct sim_task tasks[SIM_TASKS];
	struct process_ctx processes[SIM_TASKS]; /* do they face the player? */
	struct fair_clock clock;
	u64 served, beat_at;
	s64 pulls;
	u64 hurry; /* ns, when an input reader found no victim; 0: none waits */
	u64 now, steps;
	u32 nr_cpus, nr_tasks;
	void (*on_wake)(struct sim *s, struct sim_task *t); /* before it has a place */
	void (*on_run)(struct sim *s, struct sim_task *t, u64 waited);
};

static inline s32 task_id(const struct sim *s, const struct sim_task *t)
{
	return t - s->tasks;
}

static inline bool allowed(const struct sim_task *t, s32 cpu)
{
	return t->bound < 0 || t->bound == cpu;
}

static inline void resched(struct sim *s, s32 cpu)
{
	struct sim_cpu *c = &s->cpus[cpu];

	c->resched_at = min_u64(c->resched_at, s->now + rnd_in(&s->rng, 1, IPI_MAX_NS));
}

#endif /* PHOTON_TESTS_SIM_TYPES_H */
