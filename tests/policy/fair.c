// SPDX-License-Identifier: GPL-2.0-only
/* policy/fair.h: the fair clock, what is charged and what is forgiven. */
#include "check.h"

static const u64 T0 = 5 * NSEC_PER_SEC;
static const u64 BEAT = HEARTBEAT_NS;

static struct fair_clock stopped_at(u64 vtime)
{
	return (struct fair_clock){
		.vtime = vtime,
		.at = T0,
		.rate = FAIR_RATE_ONE,
		.inverse = FAIR_RATE_ONE,
	};
}

/* Feeds a steady load for a second; the clock's speed over the last beat. */
static u64 speed_after(u64 served_per_beat, u64 runnable, struct fair_clock *fc)
{
	u64 before = 0;

	for (u32 i = 1; i <= 100; i++) {
		before = fc->vtime;
		fair_step(fc, T0 + i * BEAT, served_per_beat, runnable);
	}
	return (fc->vtime - before) * 1000 / BEAT;
}

static void speed(void)
{
	const struct {
		u64 cpus, tasks, permille;
	} cases[] = {
		{ 4, 4, 1000 }, { 4, 8, 500 },	{ 4, 12, 333 },
		{ 1, 10, 100 }, { 4, 400, 15 }, { 4, 2, 1000 }, /* never faster than the wall clock */
		{ 0, 0, 1000 }, /* nobody wants to run */
		{ 0, 3, 15 }, /* everybody starves: still moves */
	};

	for (u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fair_clock fc = stopped_at(0);

		u64 speed = speed_after(cases[i].cpus * BEAT, cases[i].tasks, &fc);

		check_case = i;
		CHECK_LE(speed, cases[i].permille + 1);
		CHECK_LE(cases[i].permille, speed + 1);
		CHECK_EQ(fc.inverse, FAIR_RATE_ONE * FAIR_RATE_ONE / fc.rate);
		CHECK(fc.rate >= FAIR_RATE_MIN && fc.rate <= FAIR_RATE_ONE);
	}
	check_case = 0;
}

static void follows_a_load_change(void)
{
	struct fair_clock fc = stopped_at(0);
	u32 beats = 0;

	while (fc.rate > FAIR_RATE_ONE / 3 && beats < 100) {
		beats++;
		fair_step(&fc, T0 + beats * BEAT, BEAT, 4);
	}
	CHECK_LE(beats, 8); /* 80 ms to come near a quarter */
}

static void extrapolation(void)
{
	struct fair_clock fc = stopped_at(100);

	CHECK_EQ(fair_now(&fc, T0), 100);
	CHECK_EQ(fair_now(&fc, T0 + 7 * MS), 100 + 7 * MS);
	fc.rate = FAIR_RATE_ONE / 4;
	CHECK_EQ(fair_now(&fc, T0 + 8 * MS), 100 + 2 * MS);
	/* A clock of another CPU behind ours, and a timer that came late. */
	CHECK_EQ(fair_now(&fc, T0 - MS), 100);
	CHECK_EQ(fair_now(&fc, T0 + 3600 * NSEC_PER_SEC), fair_now(&fc, T0 + FAIR_STALE_NS));
	/* A step at the same instant, or back in time, changes nothing. */
	fair_step(&fc, T0, BEAT, 1);
	fair_step(&fc, T0 - MS, BEAT, 1);
	CHECK_EQ(fc.vtime, 100);
	CHECK_EQ(fc.at, T0);
}

static void charge(void)
{
	struct task_ctx t = {};

	fair_charge(&t, MS, WEIGHT_NICE0);
	CHECK_EQ(t.vtime, MS);
	fair_charge(&t, MS, 200);
	CHECK_EQ(t.vtime, MS + MS / 2);
	t.vtime = 0;
	fair_charge(&t, MS, 1); /* nice 19 */
	CHECK_EQ(t.vtime, 100 * MS);
	t.vtime = 0;
	fair_charge(&t, MS, 10000);
	CHECK_EQ(t.vtime, MS / 100);
	t.vtime = 0;
	fair_charge(&t, MS, 0); /* no weight: BPF would divide by 0 to 0 */
	CHECK_EQ(t.vtime, MS);
}

/* A day of sleep is worth one credit; a debt stays. */
static void sleepers(void)
{
	struct task_ctx t = { .vtime = 0 };
	u64 now_v = 86400 * NSEC_PER_SEC;

	fair_wake(&t, now_v);
	CHECK_EQ(t.vtime, now_v - FAIR_CREDIT_NS);
	t.vtime = now_v - FAIR_CREDIT_NS + 1;
	fair_wake(&t, now_v);
	CHECK_EQ(t.vtime, now_v - FAIR_CREDIT_NS + 1);
	t.vtime = now_v + 50 * MS;
	fair_wake(&t, now_v);
	CHECK_EQ(t.vtime, now_v + 50 * MS);
}

static void lead(void)
{
	struct fair_clock fc = stopped_at(1000 * MS);
	struct task_ctx t = { .vtime = 1000 * MS };

	CHECK_EQ(fair_lead(&t, &fc, T0, 90 * MS), 0);
	t.vtime += 10 * MS;
	CHECK_EQ(fair_lead(&t, &fc, T0, 90 * MS), 10 * MS);
	CHECK_EQ(fair_lead(&t, &fc, T0 + 4 * MS, 90 * MS), 6 * MS);
	CHECK_EQ(fair_lead(&t, &fc, T0 + 20 * MS, 90 * MS), 0);
	fc.rate = FAIR_RATE_ONE / 2;
	fc.inverse = FAIR_RATE_ONE * 2;
	CHECK_EQ(fair_lead(&t, &fc, T0, 90 * MS), 20 * MS);
	fc.inverse = FAIR_RATE_ONE * 64;
	CHECK_EQ(fair_lead(&t, &fc, T0, 90 * MS), 90 * MS);
	t.vtime = fc.vtime + (1ULL << 62);
	CHECK_EQ(fair_lead(&t, &fc, T0, 90 * MS), 90 * MS);
}

int main(void)
{
	speed();
	follows_a_load_change();
	extrapolation();
	charge();
	sleepers();
	lead();
	return check_done();
}
