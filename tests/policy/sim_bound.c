// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bound of policy/deadline.h, on hundreds of random machines: nothing waits
 * past its deadline longer than those before it need to get out of the way, and
 * with at most six tasks a CPU nothing waits longer than 100 ms. Compiled with
 * SABOTAGE_BOUND the deadline of batch work is ten times as long, and this
 * program has to find out (tests/policy_headers.rs sees to it).
 */
#include "sim.h"

enum {
	MACHINES = 240,
	TASKS_PER_CPU = 6,
	WAIT_MAX_NS = 100 * NSEC_PER_MSEC_,
	/* Beside tasks that fake frames: one more stint of one of them. */
	WAIT_MAX_FAKED_NS = 118 * NSEC_PER_MSEC_,
	MIN_RUN_LEAST_US = 500,
	/* IPIs, and wakeups that arrive in the same instant. */
	SLACK_NS = 1 * NSEC_PER_MSEC_,
};
static const u64 MACHINE_TIME = 3 * NSEC_PER_SEC;

enum kind {
	HOG,
	BATCH_HOG,
	PINNED_HOG,
	SLEEPER,
	KTHREAD,
	INPUT_READER,
	FRAME,
	WORKER,
	FRAME_FAKER, /* all CPU it can get, in bursts as long as the budget lets */
	NR_KINDS,
};

static struct sim sim;
static u64 longest;
static bool fakers, shipped;

/* Longest stint of whoever is ahead: its request, up to the next tick. */
static u64 stint_max(const struct sim *s)
{
	return max_u64(us_to_ns(s->tun.frame_budget_us), us_to_ns(s->tun.slice_us)) + TICK_NS;
}

/*
 * A turn: someone ahead has his request. Each time he has run what he is sure
 * of, a newcomer may preempt him and have the CPU for one stint.
 */
static u64 turn_max(const struct sim *s)
{
	u64 preempted = 1 + s->tun.slice_us / s->tun.min_run_us;

	return preempted * stint_max(s) + us_to_ns(s->tun.slice_us);
}

static void on_run(struct sim *s, struct sim_task *t, u64 waited)
{
	/* In an overload a deadline is as long as a round of slices. */
	u64 most = fair_stretch(&s->clock, RELATIVE_MAX_NS);
	u64 due = min_u64(sub_sat(t->ctx.deadline, t->waits_since), most);
	u64 ahead = t->ahead == NEVER ? 0 : t->ahead;
	u64 cpus = t->bound < 0 ? s->nr_cpus : 1;

	longest = max_u64(longest, waited);
	CHECK_LE(waited, due + (ahead / cpus + 2) * turn_max(s) + SLACK_NS);
	if (shipped)
		CHECK_LE(waited, fakers ? WAIT_MAX_FAKED_NS : WAIT_MAX_NS);
}

static void shape_sleeping(struct sim_task *t, struct rng *r, enum kind kind)
{
	t->run_lo = 3 * US;
	t->run_hi = rnd_in(r, 20 * US, 10 * MS);
	t->sleep_lo = 20 * US;
	t->sleep_hi = rnd_in(r, 20 * US, 20 * MS);
	switch (kind) {
	case KTHREAD:
		t->kernel = true;
		t->bound = rnd(r) % sim.nr_cpus;
		t->run_hi = 500 * US;
		t->sleep_lo = MS;
		t->sleep_hi = 10 * MS;
		break;
	case INPUT_READER:
		t->wake_source = SRC_INPUT;
		t->run_hi = rnd_in(r, 20 * US, MS);
		t->sleep_lo = t->sleep_hi = rnd_in(r, 125 * US, 8 * MS);
		break;
	case FRAME:
		t->wake_source = rnd_once_in(r, 2) ? SRC_DISPLAY : SRC_RT;
		t->sleep_lo = t->sleep_hi = rnd_in(r, 2 * MS, 16 * MS);
		t->run_hi = rnd_in(r, MS, 6 * MS);
		break;
	case WORKER:
		t->sleep_lo = t->sleep_hi = NEVER;
		break;
	case FRAME_FAKER:
		t->wake_source = SRC_RT;
		t->run_lo = MS;
		t->run_hi = rnd_in(r, MS, 13 * MS);
		t->sleep_lo = US;
		t->sleep_hi = rnd_in(r, US, 100 * US);
		break;
	default:
		break;
	}
}

static void add(enum kind kind, u32 nr_tasks)
{
	struct rng *r = &sim.rng;
	struct sim_task t = {
		.run_lo = NSEC_PER_SEC,
		.run_hi = NSEC_PER_SEC,
		.weight = WEIGHT_NICE0,
		.bound = -1,
		.wakes = -1,
		.wakes_too = -1,
		.wake_source = SRC_IRQ,
	};

	if (kind == BATCH_HOG)
		t.weight = rnd_in(r, 1, WEIGHT_NICE0 - 1);
	else if (kind == PINNED_HOG) /* one a CPU, or six is not six */
		t.bound = sim.nr_tasks % sim.nr_cpus;
	else if (kind != HOG)
		shape_sleeping(&t, r, kind);
	if (t.sleep_hi && rnd_once_in(r, 2))
		t.wakes = rnd(r) % nr_tasks;
	if (t.sleep_hi && rnd_once_in(r, 4))
		t.wakes_too = rnd(r) % nr_tasks;
	sim_add(&sim, t);
}

/* A machine of its own out of each seed. */
static void build(u64 seed, bool any_tunables)
{
	u32 nr_tasks, kinds;

	check_seed = seed;
	sim_init(&sim, seed, 1u << (seed % 4));
	if (any_tunables) {
		sim.tun = random_tunables(&sim.rng);
		/* Who sets this to 0 gives the bound up. */
		sim.tun.min_run_us = max_u64(sim.tun.min_run_us, MIN_RUN_LEAST_US);
	}
	sim.on_run = on_run;
	do {
		kinds = rnd(&sim.rng) % (1 << NR_KINDS);
	} while (!(kinds & ~(1 << PINNED_HOG)));
	fakers = kinds & (1 << FRAME_FAKER);
	shipped = !any_tunables;
	nr_tasks = rnd_in(&sim.rng, sim.nr_cpus, TASKS_PER_CPU * sim.nr_cpus);
	for (u32 pinned = 0; sim.nr_tasks < nr_tasks;) {
		enum kind kind = rnd(&sim.rng) % NR_KINDS;

		if (!(kinds & (1 << kind)) || (kind == PINNED_HOG && pinned++ >= sim.nr_cpus))
			continue;
		add(kind, nr_tasks);
	}
}

/* Runs it, and asks those who still wait at the end. */
static u64 run(void)
{
	u64 end = sim.now + MACHINE_TIME;

	while (sim.now < end) {
		check_case = sim.steps;
		sim_step(&sim);
	}
	for (u32 i = 0; i < sim.nr_tasks; i++) {
		struct sim_task *t = &sim.tasks[i];

		if (t->state == QUEUED || t->state == LOCAL)
			on_run(&sim, t, sim.now - t->waits_since);
	}
	return sim.steps;
}

int main(void)
{
	u64 steps = 0, longest_default;

	for (u64 seed = 1; seed <= MACHINES; seed++) {
		build(seed, false);
		steps += run();
	}
	longest_default = longest;
	for (u64 seed = MACHINES + 1; seed <= 2 * MACHINES; seed++) {
		build(seed, true);
		steps += run();
	}
	printf("%llu stints on %u machines, seeds 1 to %u; longest wait %llu us with the defaults, %llu us with any tunables\n",
	       steps, 2 * MACHINES, 2 * MACHINES, longest_default / US, longest / US);
	return 0;
}
