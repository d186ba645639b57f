// SPDX-License-Identifier: GPL-2.0-only
/* What holds for every task under every setting: a million random cases. */
#include "check.h"

enum {
	CASES = 1000000,
	CASES_PER_TUNABLES = 16, /* wakeups and stints of one task in a row */
};

static struct rng rng = { .state = 20261123 };
static struct tunables tun;
static struct fair_clock fc;
static struct task_ctx t;
static u64 now;

static void new_task(void)
{
	tun = random_tunables(&rng);
	now = rnd_in(&rng, NSEC_PER_SEC, 1ULL << 47);
	fc = (struct fair_clock){
		.vtime = rnd_log(&rng, 60),
		.at = now - rnd_log(&rng, 29),
		.rate = rnd_in(&rng, FAIR_RATE_MIN, FAIR_RATE_ONE),
	};
	fc.inverse = FAIR_RATE_ONE * FAIR_RATE_ONE / fc.rate;
	t = (struct task_ctx){
		.vtime = fc.vtime + rnd_log(&rng, 40) - rnd_log(&rng, 40),
		.used = min_u64(rnd_log(&rng, 32), USED_MAX_NS),
		.burst = rnd_log(&rng, 32),
		.score = rnd_in(&rng, 0, SCORE_ONE),
		.class = rnd_in(&rng, CLASS_INPUT, CLASS_BATCH),
		.source = rnd(&rng) % NR_SOURCES,
		.depth = rnd_in(&rng, 0, tun.chain_depth),
	};
}

static struct wake random_wake(void)
{
	return (struct wake){
		.now = now,
		.waker_until = rnd_once_in(&rng, 3) ? 0 : now + rnd_log(&rng, 28) - rnd_log(&rng, 28),
		.weight = rnd_in(&rng, 1, 10000),
		.source = rnd(&rng) % NR_SOURCES,
		.waker_source = rnd(&rng) % NR_SOURCES,
		.waker_depth = rnd_in(&rng, 0, tun.chain_depth),
		.role = rnd_in(&rng, ROLE_NONE, ROLE_BESIDE),
		.facing = rnd_once_in(&rng, 2),
		.batch = rnd_once_in(&rng, 4),
		.kernel = rnd_once_in(&rng, 4),
	};
}

static void wakes(void)
{
	struct wake w = random_wake();
	u64 vtime = t.vtime, fair = fair_now(&fc, now);
	u64 window = us_to_ns(max_u64(tun.input_window_us, max_u64(tun.frame_window_us, tun.display_window_us)));

	fair_wake(&t, fair);
	/* Time is forgiven to one credit behind the clock, never given back. */
	CHECK(t.vtime == vtime || t.vtime == fair - FAIR_CREDIT_NS);
	CHECK(!before_u64(t.vtime, vtime));
	link_wake(&tun, &t, &w);
	CHECK_LE(t.score, SCORE_ONE);
	CHECK_LE(t.depth, tun.chain_depth);
	CHECK(t.class > CLASS_NONE && t.class < NR_CLASSES);
	CHECK_EQ(t.used, 0);
	CHECK(!(t.flags & TASK_EXPIRED));
	if (in_chain(&t, now))
		CHECK_LE(t.chain_until, max_u64(now + window, w.waker_until));
	/* Only a source, a chain, a face or a habit makes one urgent. */
	if (t.class == CLASS_FRAME)
		CHECK(in_chain(&t, now) || w.facing || (t.flags & TASK_LEARNT));
	if (t.class == CLASS_INPUT)
		CHECK_EQ(w.source, SRC_INPUT);
}

static void is_due(void)
{
	u64 rel = relative_deadline(&tun, &t, &fc, now);

	CHECK_LT(0, rel);
	CHECK_LE(rel, max_u64(RELATIVE_MAX_NS, fc.round));
	if (t.class >= CLASS_GAME)
		CHECK_LE(FAIR_DEADLINE_MIN_NS, rel);
	t.deadline = now + rel;
	task_ask(&tun, &t);
	CHECK_LE(us_to_ns(tun.slice_us), task_request(&tun, &t));
	CHECK_LE(SLICE_MIN_NS, task_slice(&t));
	CHECK_LE(task_slice(&t), max_u64(us_to_ns(tun.slice_us), us_to_ns(tun.frame_budget_us)));
	/* Whatever it has used before: a deadline just given buys something. */
	CHECK(!request_used(&t));
}

/* Who runs is judged by a deadline that is still to come, or left alone. */
static void is_judged(void)
{
	u64 later = now + rnd_log(&rng, 28);
	u8 newcomer = rnd_in(&rng, CLASS_INPUT, CLASS_FRAME);
	struct running r = { .deadline = t.deadline, .started = now, .class = t.class };
	u64 judged = running_deadline(&tun, &r, later, newcomer);

	CHECK(!judged || judged >= later);
	CHECK(!may_preempt(&tun, judged, judged));
	/* Frames do not preempt frames, but for the short ones, and not at once. */
	if (t.class == CLASS_FRAME) {
		u64 long_one = later + us_to_ns(tun.frame_deadline_us);

		judged = running_deadline(&tun, &r, later, CLASS_FRAME);
		CHECK(!may_preempt(&tun, judged, long_one));
		if (later - now < us_to_ns(tun.min_run_us))
			CHECK_EQ(judged, 0);
	}
	/* Who had to wait past his deadline is safe from frames for a while. */
	r.deadline = now - 1;
	if (later - now < us_to_ns(tun.min_run_us) && t.class >= CLASS_FAIR)
		CHECK_EQ(running_deadline(&tun, &r, later, CLASS_FRAME), 0);
	r.class = CLASS_NONE;
	CHECK_EQ(running_deadline(&tun, &r, later, newcomer), 0);
}

/* mech/account.bpf.h: stopping */
static void runs(void)
{
	u64 ran = min_u64(rnd_log(&rng, 40), STINT_MAX_NS);
	u64 vtime = t.vtime, request = task_request(&tun, &t);
	u32 weight = rnd_in(&rng, 1, 10000);
	u8 class;

	now += ran;
	t.used = min_u64(t.used + ran, USED_MAX_NS);
	fair_charge(&t, ran, weight);
	CHECK(!before_u64(t.vtime, vtime));
	CHECK_LE(t.used, USED_MAX_NS);
	if (ran >= request)
		CHECK(request_used(&t));
	class = link_class_again(&tun, &t, weight, false, ROLE_NONE);
	/* Running makes nobody more urgent, and the budget is the end of it. */
	if (t.class != CLASS_INPUT && t.class < CLASS_GAME)
		CHECK_LE(t.class, class);
	if (t.class >= CLASS_GAME)
		CHECK_LE(CLASS_GAME, class);
	if (t.used >= us_to_ns(tun.frame_budget_us) && t.used >= INPUT_REQUEST_NS)
		CHECK_LE(CLASS_GAME, class);
	t.class = class;
}

static void clock_advances(void)
{
	u64 before = fc.vtime;
	u64 served = rnd_log(&rng, 34);

	fair_step(&fc, now, served, rnd_once_in(&rng, 16) ? 0 : fair_pull(&t, &fc, served));
	fair_count(&tun, &fc, rnd_log(&rng, 16), rnd_in(&rng, 1, 512));
	CHECK_LE(fc.round, FAIR_ROUND_MAX_NS);
	CHECK(fc.rate >= FAIR_RATE_MIN && fc.rate <= FAIR_RATE_ONE);
	CHECK(fc.inverse >= FAIR_RATE_ONE && fc.inverse <= 64 * FAIR_RATE_ONE);
	CHECK(!before_u64(fc.vtime, before));
	CHECK_LE(fair_now(&fc, now + MS) - fair_now(&fc, now), MS);
}

int main(void)
{
	check_seed = rng.state;
	for (check_case = 0; check_case < CASES; check_case++) {
		if (check_case % CASES_PER_TUNABLES == 0)
			new_task();
		if (rnd_once_in(&rng, 2))
			wakes();
		is_due();
		is_judged();
		runs();
		clock_advances();
	}
	printf("seed %llu, %u cases, ", check_seed, CASES);
	return check_done();
}
