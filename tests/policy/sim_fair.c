// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shares, on a simulated machine: equal for equals, in the order of the weights,
 * for newcomers as for old hands, and no gain for who sleeps a little and runs a
 * lot.
 */
#include "sim.h"

static const u64 WARM_UP = 2 * NSEC_PER_SEC;
static const u64 MEASURED = 20 * NSEC_PER_SEC;
static struct sim sim;
static u64 start[SIM_TASKS];

static struct sim_task hog(u32 weight)
{
	return (struct sim_task){
		.run_lo = NSEC_PER_SEC,
		.run_hi = NSEC_PER_SEC,
		.weight = weight,
		.bound = -1,
		.wakes = -1,
		.wakes_too = -1,
		.wake_source = SRC_IRQ,
	};
}

static struct sim_task sleeper(u64 run, u64 sleep)
{
	struct sim_task t = hog(WEIGHT_NICE0);

	t.run_lo = t.run_hi = run;
	t.sleep_lo = t.sleep_hi = sleep;
	return t;
}

static void run_for(u64 ns)
{
	u64 end = sim.now + ns;

	while (sim.now < end)
		sim_step(&sim);
}

static void measure(void)
{
	run_for(WARM_UP);
	for (u32 i = 0; i < sim.nr_tasks; i++)
		start[i] = sim.tasks[i].sum_exec;
	run_for(MEASURED);
}

/* Of what each of n equal tasks would get, in permille. */
static u64 share(u32 task)
{
	u64 got = sim.tasks[task].sum_exec - start[task];

	return got * 1000 * sim.nr_tasks / (MEASURED * sim.nr_cpus);
}

static void begin(u64 seed, u32 cpus, u32 hogs)
{
	check_seed = seed;
	sim_init(&sim, seed, cpus);
	for (u32 i = 0; i < hogs; i++)
		sim_add(&sim, hog(WEIGHT_NICE0));
}

/* Permille of an equal share, from now on. */
static void all_have(u64 least, u64 most)
{
	measure();
	for (u32 i = 0; i < sim.nr_tasks; i++) {
		check_case = i;
		CHECK_LE(least, share(i));
		CHECK_LE(share(i), most);
	}
}

static void equal_hogs(void)
{
	for (u64 seed = 1; seed <= 20; seed++) {
		u32 cpus = 1u << (seed % 4);

		begin(seed, cpus, cpus + rnd_in(&(struct rng){ seed }, 1, 4 * cpus));
		all_have(970, 1030);
	}
}

/* One that has run for ten seconds without a sleep is no better than one new. */
static void late_newcomer(void)
{
	for (u64 seed = 1; seed <= 4; seed++) {
		begin(seed, 1u << (seed % 3), 0);
		for (u32 i = 0; i < 2 * sim.nr_cpus; i++)
			sim_add(&sim, hog(WEIGHT_NICE0));
		run_for(10 * NSEC_PER_SEC);
		sim_add(&sim, hog(WEIGHT_NICE0));
		measure();
		check_case = sim.nr_tasks - 1;
		CHECK_LE(900, share(sim.nr_tasks - 1));
		CHECK_LE(share(sim.nr_tasks - 1), 1100);
	}
}

/*
 * Whom nobody has disturbed is never stopped, and whom nobody was waiting for has taken
 * nothing from anybody: it neither owes for that time nor is it owed anything.
 */
static void after_being_alone(void)
{
	for (u64 seed = 1; seed <= 6; seed++) {
		u32 cpus = 1u << (seed % 3);

		begin(seed, cpus, cpus);
		run_for(60 * NSEC_PER_SEC);
		for (u32 i = 0; i < cpus; i++)
			sim_add(&sim, hog(WEIGHT_NICE0));
		all_have(900, 1100);
	}
}

/* Alone on its CPU, so that nothing ever stops it: what a report is worth is used up all the same. */
static void a_reader_that_computes(void)
{
	struct sim_task reader = hog(WEIGHT_NICE0);

	reader.wake_source = SRC_INPUT;
	begin(1, 1, 0);
	sim_add(&sim, reader);
	while (sim.tasks[0].state != RUNNING)
		sim_step(&sim);
	CHECK_EQ(sim.tasks[0].ctx.class, CLASS_INPUT);
	run_for(2 * us_to_ns(sim.tun.frame_budget_us));
	CHECK_EQ(sim.tasks[0].state, RUNNING);
	CHECK_EQ(sim.tasks[0].ctx.class, CLASS_FAIR);
}

/* Many on one CPU, which are let go: what they were denied there is nobody else's debt. */
static void after_being_bound(void)
{
	for (u64 seed = 1; seed <= 4; seed++) {
		begin(seed, 4, 4);
		for (u32 i = 0; i < 8; i++) {
			struct sim_task t = hog(WEIGHT_NICE0);

			t.bound = 0;
			sim_add(&sim, t);
		}
		run_for(60 * NSEC_PER_SEC);
		for (u32 i = 0; i < sim.nr_tasks; i++)
			sim.tasks[i].bound = -1;
		all_have(900, 1100);
	}
}

/* One that had a CPU to itself, beside others with three hogs each, has taken nothing from them. */
static void after_being_alone_beside_many(void)
{
	for (u64 seed = 1; seed <= 4; seed++) {
		begin(seed, 4, 0);
		for (u32 i = 0; i < 10; i++) {
			struct sim_task t = hog(WEIGHT_NICE0);

			t.bound = (i + 2) / 3;
			sim_add(&sim, t);
		}
		run_for(60 * NSEC_PER_SEC);
		for (u32 i = 0; i < sim.nr_tasks; i++)
			sim.tasks[i].bound = -1;
		all_have(900, 1100);
	}
}

static void sleepers_gain_nothing(void)
{
	static const struct {
		u64 run, sleep;
	} kinds[] = { { MS, 50 * US }, { 200 * US, 20 * US }, { 3 * MS, 50 * US } };

	const u32 hogs = 4;

	for (u64 seed = 1; seed <= 12; seed++) {
		u32 kind = seed % 3;

		begin(seed, 4, hogs);
		for (u32 i = 0; i < 8; i++)
			sim_add(&sim, sleeper(kinds[kind].run, kinds[kind].sleep));
		measure();
		for (u32 i = 0; i < sim.nr_tasks; i++) {
			check_case = i;
			if (i < hogs)
				CHECK_LE(950, share(i));
			else
				CHECK_LE(share(i), 1050);
		}
	}
}

/* scx weights of nice 19, 10, 5, 1, 0, -5 and -10. */
static void weights_in_order(void)
{
	static const u32 weights[] = { 1, 11, 33, 80, 100, 305, 932 };
	u32 n = sizeof(weights) / sizeof(weights[0]);

	for (u64 seed = 1; seed <= 8; seed++) {
		begin(seed, 2, 0);
		for (u32 i = 0; i < n; i++)
			sim_add(&sim, hog(weights[i]));
		measure();
		for (u32 i = 0; i + 1 < n; i++) {
			check_case = i;
			CHECK_LE(share(i), share(i + 1) + 10);
		}
		/* Nice 0 gets more than nice 5, nice 5 than nice 19. */
		CHECK_LT(share(2), share(4));
		CHECK_LE(share(0), share(2) + 10);
		CHECK_LT(20, share(0)); /* and still runs */
	}
}

/*
 * Nice 19 is no fair share: a second of it is charged like 33 of nice 0. It keeps
 * what its deadline promises. And nice 0 stays fair among itself.
 */
static void nice_gives_way(void)
{
	const u32 fair = 8, all = 16;

	for (u64 seed = 1; seed <= 6; seed++) {
		begin(seed, 4, fair / 2);
		for (u32 i = 0; i < fair / 2; i++)
			sim_add(&sim, sleeper(MS, 50 * US));
		for (u32 i = fair; i < all; i++) {
			struct sim_task t = hog(3);

			t.batch = true;
			sim_add(&sim, t);
		}
		measure();
		for (u32 i = 0; i < all; i++) {
			check_case = i;
			if (i < fair)
				CHECK_LE(1400, share(i));
			else
				CHECK_LE(share(i), 600);
			CHECK_LE(100, share(i));
		}
	}
}

/* The clock does not drift: after five minutes all is as it was. */
static void still_fair_later(void)
{
	for (u64 seed = 1; seed <= 3; seed++) {
		begin(seed, 4, 4);
		for (u32 i = 0; i < 8; i++)
			sim_add(&sim, sleeper(MS, 50 * US));
		run_for(300 * NSEC_PER_SEC);
		all_have(970, 1030);
	}
}

int main(void)
{
	equal_hogs();
	sleepers_gain_nothing();
	weights_in_order();
	late_newcomer();
	after_being_alone();
	a_reader_that_computes();
	after_being_bound();
	after_being_alone_beside_many();
	nice_gives_way();
	still_fair_later();
	return check_done();
}
