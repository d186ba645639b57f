// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bound of policy/deadline.h, on hundreds of random machines: nothing waits
 * past its deadline longer than those before it need to get out of the way, and
 * with the shipped defaults and at most six tasks a CPU nothing waits longer than
 * its class's limit below. Compiled with SABOTAGE_BOUND=CLASS_... that class is
 * treated worse (see sim_sched.h), and this program has to find out
 * (tests/policy_headers.rs sees to it).
 */
#include "sim.h"
#include "policy/rescue.h"

enum {
	MACHINES = 240,
	TASKS_PER_CPU = 6,
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

/* Whose waits are compared with what: no fakers, some of them, other tunables. */
enum setting { DEFAULTS, FAKED, ANY_TUNABLES, NR_SETTINGS };

static struct sim sim;
static enum setting setting;
static u64 longest[NR_SETTINGS][NR_CLASSES];
static u32 nr_short; /* readers of input and kernel threads of this machine */
static bool prompt[SIM_TASKS]; /* it woke up where it had a victim */

enum {
	/* From policy/rescue.h: who is later is rescued, for a defect or an overload. */
	LATE_MAX_NS = RESCUE_MARGIN_NS,
	/* In their queues these two stand QUEUED_AHEAD_NS before their deadlines. */
	SHORT_LATE_MAX_NS = RESCUE_MARGIN_NS - QUEUED_AHEAD_NS,
	/* Of whom preempts: an IPI. No class's deadline is nearer than this. */
	PROMPT_WAIT_MAX_NS = 100 * NSEC_PER_USEC_,
	/*
	 * Of a reader, where no more of these and of kernel threads exist than CPUs: its
	 * deadline, and what is protected of the last one that has a CPU or is to get it.
	 */
	INPUT_FEW_WAIT_MAX_NS = 100 * NSEC_PER_USEC_ + INPUT_REQUEST_NS,
	/* One more stint of a task that fakes frames: its budget, to the next tick. */
	FAKED_NS = 18 * NSEC_PER_MSEC_,
};

/*
 * With the shipped defaults: the longest relative deadline of a class, and how late it may
 * be, which is a frame's budget up to a tick, or turns of overdue work, each a slice up to a
 * tick. A reader or a frame that waits is not let in at a tick, but a bound kernel thread
 * is, where a frame runs. Of the class game there is nothing here: nobody plays.
 *
 * As the policy stands, 9 of the first 20,000 seeds go past the limit of input, 23 past
 * that of kernel, 10 past that of frame, one past that of batch, by 1 ms beside fakers, and
 * none of the first MACHINES past any. Who wakes up preempts, who waits in a queue does not:
 * so those who wake up again and again pass by one who waits, and a reader that runs ends
 * his hurry, see give_way(). And bound work that is overdue by more than 14 ms has a slice
 * before a kernel thread that had to wait for another one (seed 7066, 7 ms). While fair
 * work had its turn after each urgent stint, whoever waited there, it was 28, 31 and 32.
 */
static const struct limit {
	const char *what;
	u64 most, faked; /* ns; `faked` more beside fakers */
} limits[NR_CLASSES] = {
	[CLASS_INPUT] = { "input waited <= limit", 100 * US + SHORT_LATE_MAX_NS, 0 },
	[CLASS_KERNEL] = { "kernel waited <= limit", KERNEL_DEADLINE_NS + SHORT_LATE_MAX_NS, 0 },
	[CLASS_FRAME] = { "frame waited <= limit", 4 * MS + LATE_MAX_NS, FAKED_NS },
	[CLASS_FAIR] = { "fair waited <= limit", FAIR_RELATIVE_MAX_NS + LATE_MAX_NS, FAKED_NS },
	[CLASS_BATCH] = { "batch waited <= limit", RELATIVE_MAX_NS + LATE_MAX_NS, FAKED_NS },
};

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

/* Does a CPU that it may use run what it may preempt, whatever is protected at first? */
static bool has_victim(const struct sim *s, const struct sim_task *t)
{
	for (u32 i = 0; i < s->nr_cpus; i++) {
		const struct cpu_ctx *c = &s->cpus[i].ctx;
		bool frame = t->ctx.class == CLASS_FRAME;
		u64 ran = s->now - c->started;

		if (!allowed(t, i) || s->cpus[i].nr_local || s->now - c->claim < CLAIM_NS)
			continue;
		if (frame ? c->class > CLASS_FRAME && ran >= us_to_ns(s->tun.min_run_us) : c->class >= CLASS_FRAME)
			return true;
	}
	return false;
}

static void on_wake(struct sim *s, struct sim_task *t)
{
	prompt[task_id(s, t)] = is_urgent(t->ctx.class) && has_victim(s, t);
}

static void check_limit(u8 class, bool prompt, u64 waited)
{
	const struct limit *limit = &limits[class];
	u64 most = limit->most + (setting == FAKED ? limit->faked : 0);

	if (class == CLASS_INPUT && nr_short <= sim.nr_cpus)
		most = INPUT_FEW_WAIT_MAX_NS;
	if (prompt)
		most = PROMPT_WAIT_MAX_NS;
	check_u64(__FILE__, __LINE__, limit->what, waited <= most, waited, most);
}

static void on_run(struct sim *s, struct sim_task *t, u64 waited)
{
	/* In an overload a deadline is as long as a round of slices. */
	u64 most = fair_stretch(&s->clock, RELATIVE_MAX_NS);
	u64 due = min_u64(sub_sat(t->ctx.deadline, t->waits_since), most);
	u64 ahead = t->ahead == NEVER ? 0 : t->ahead;
	u64 cpus = t->bound < 0 ? s->nr_cpus : 1;
	u64 *record = &longest[setting][t->ctx.class];

	*record = max_u64(*record, waited);
	if (setting != ANY_TUNABLES)
		check_limit(t->ctx.class, prompt[task_id(s, t)], waited);
	prompt[task_id(s, t)] = false;
	CHECK_LE(waited, due + (ahead / cpus + 2) * turn_max(s) + SLACK_NS);
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
	sim.on_wake = on_wake;
	sim.on_run = on_run;
	do {
		kinds = rnd(&sim.rng) % (1 << NR_KINDS);
	} while (!(kinds & ~(1 << PINNED_HOG)));
	setting = any_tunables ? ANY_TUNABLES : kinds & (1 << FRAME_FAKER) ? FAKED : DEFAULTS;
	nr_short = 0;
	nr_tasks = rnd_in(&sim.rng, sim.nr_cpus, TASKS_PER_CPU * sim.nr_cpus);
	for (u32 pinned = 0; sim.nr_tasks < nr_tasks;) {
		enum kind kind = rnd(&sim.rng) % NR_KINDS;

		if (!(kinds & (1 << kind)) || (kind == PINNED_HOG && pinned++ >= sim.nr_cpus))
			continue;
		add(kind, nr_tasks);
		nr_short += kind == INPUT_READER || kind == KTHREAD;
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

static void print_longest(const char *where, const u64 waits[NR_CLASSES])
{
	printf("%s input %llu, kernel %llu, frame %llu, fair %llu, batch %llu", where, waits[CLASS_INPUT] / US,
	       waits[CLASS_KERNEL] / US, waits[CLASS_FRAME] / US, waits[CLASS_FAIR] / US, waits[CLASS_BATCH] / US);
}

int main(void)
{
	u64 steps = 0;

	for (u64 seed = 1; seed <= 2 * MACHINES; seed++) {
		build(seed, seed > MACHINES);
		steps += run();
	}
	printf("%llu stints on %u machines, seeds 1 to %u; longest waits in us:", steps, 2 * MACHINES, 2 * MACHINES);
	print_longest("", longest[DEFAULTS]);
	print_longest("; beside fakers", longest[FAKED]);
	print_longest("; with any tunables", longest[ANY_TUNABLES]);
	printf("\n");
	return 0;
}
