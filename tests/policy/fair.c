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

/* Tasks that are served at this rate pull the clock for so many beats. */
static void follow(struct fair_clock *fc, u64 *vtime, u64 permille, u32 beats)
{
	const u64 served = 4 * BEAT;

	for (u32 i = 0; i < beats; i++) {
		u64 step = BEAT * permille / 1000;
		struct task_ctx middle = { .vtime = *vtime + step / 2 };
		s64 pulls = 0;

		for (u32 k = 0; k < 4; k++)
			pulls += fair_pull(&middle, fc, served / 4);
		*vtime += step;
		fair_step(fc, fc->at + BEAT, served, pulls);
	}
}

static u64 distance(const struct fair_clock *fc, u64 vtime)
{
	return vtime > fc->vtime ? vtime - fc->vtime : fc->vtime - vtime;
}

static void follows_who_is_served(void)
{
	static const u64 permille[] = { 1000, 500, 333, 100, 20 };

	for (u32 i = 0; i < sizeof(permille) / sizeof(permille[0]); i++) {
		struct fair_clock fc = stopped_at(0);
		u64 vtime = 0;

		check_case = i;
		follow(&fc, &vtime, permille[i], 300);
		/* A tenth of what a beat brings, after three seconds. */
		CHECK_LE(distance(&fc, vtime), BEAT / 10);
		CHECK_LE(fc.rate * 1000 / FAIR_RATE_ONE, permille[i] + 40);
		CHECK_LE(permille[i], fc.rate * 1000 / FAIR_RATE_ONE + 40);
		CHECK_EQ(fc.inverse, FAIR_RATE_ONE * FAIR_RATE_ONE / fc.rate);
		/* And it stays: no drift in an hour. */
		follow(&fc, &vtime, permille[i], 360000);
		CHECK_LE(distance(&fc, vtime), BEAT / 20);
	}
	check_case = 0;
}

static void nothing_served(void)
{
	struct fair_clock fc = stopped_at(0);

	fc.rate = FAIR_RATE_MIN;
	for (u32 i = 0; i < 30; i++)
		fair_step(&fc, fc.at + BEAT, 0, 0);
	CHECK_EQ(fc.rate, FAIR_RATE_ONE);
}

/* One from a past load pulls no harder than FAIR_PULL_MAX_NS; never backwards. */
static void pull_is_bounded(void)
{
	struct fair_clock fc = stopped_at(1ULL << 50);
	struct task_ctx ahead = { .vtime = fc.vtime + (1ULL << 40) };
	struct task_ctx behind = { .vtime = 0 };
	u64 before = fc.vtime;

	CHECK_EQ(fair_pull(&ahead, &fc, MS), (s64)FAIR_PULL_MAX_NS * (s64)MS);
	CHECK_EQ(fair_pull(&behind, &fc, MS), -(s64)FAIR_PULL_MAX_NS * (s64)MS);
	fair_step(&fc, T0 + BEAT, BEAT, fair_pull(&behind, &fc, BEAT));
	CHECK_LE(fc.vtime - before, BEAT / 10);
	fair_step(&fc, T0 + 2 * BEAT, BEAT, -(1LL << 62));
	CHECK_LE(fc.vtime - before, BEAT / 10); /* it stands still */
	CHECK(fc.rate >= FAIR_RATE_MIN && fc.rate < FAIR_RATE_ONE);
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
	fair_step(&fc, T0, BEAT, MS);
	fair_step(&fc, T0 - MS, BEAT, MS);
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

static void shift(void)
{
	struct fair_clock fc = stopped_at(1000 * MS);
	struct task_ctx t = { .vtime = 1000 * MS };
	const u64 sooner = 30 * MS, later = 90 * MS;

	CHECK_EQ(fair_shift(&t, &fc, T0, sooner, later), 0);
	t.vtime += 10 * MS;
	CHECK_EQ(fair_shift(&t, &fc, T0, sooner, later), (s64)(10 * MS));
	CHECK_EQ(fair_shift(&t, &fc, T0 + 4 * MS, sooner, later), (s64)(6 * MS));
	CHECK_EQ(fair_shift(&t, &fc, T0 + 20 * MS, sooner, later), -(s64)(10 * MS));
	CHECK_EQ(fair_shift(&t, &fc, T0 + 100 * MS, sooner, later), -(s64)sooner);
	fc.rate = FAIR_RATE_ONE / 2;
	fc.inverse = FAIR_RATE_ONE * 2;
	CHECK_EQ(fair_shift(&t, &fc, T0, sooner, later), (s64)(20 * MS));
	CHECK_EQ(fair_shift(&t, &fc, T0 + 40 * MS, sooner, later), -(s64)(20 * MS));
	fc.inverse = FAIR_RATE_ONE * 64;
	CHECK_EQ(fair_shift(&t, &fc, T0, sooner, later), (s64)later);
	t.vtime = fc.vtime + (1ULL << 62);
	CHECK_EQ(fair_shift(&t, &fc, T0, sooner, later), (s64)later);
	t.vtime = fc.vtime - (1ULL << 62);
	CHECK_EQ(fair_shift(&t, &fc, T0, sooner, later), -(s64)sooner);
}

/* Who goes on in a new thread keeps its debt; who has none gives none. */
static void a_thread_is_born_with_its_makers_debt(void)
{
	struct task_ctx maker = { .class = CLASS_FAIR, .vtime = 1003 * MS };

	CHECK_EQ(fair_born(1000 * MS, &maker, 0, WEIGHT_NICE0), 1003 * MS);
	CHECK_EQ(fair_born(1000 * MS, &maker, 2 * MS, WEIGHT_NICE0), 1005 * MS);
	CHECK_EQ(fair_born(1006 * MS, &maker, 2 * MS, WEIGHT_NICE0), 1006 * MS);
	maker.class = CLASS_FRAME;
	CHECK_EQ(fair_born(1000 * MS, &maker, 2 * MS, WEIGHT_NICE0), 1000 * MS);
	CHECK_EQ(fair_cost(3 * MS, WEIGHT_NICE0), 3 * MS);
	CHECK_EQ(fair_cost(3 * MS, 2 * WEIGHT_NICE0), 3 * MS / 2);
	CHECK_EQ(fair_cost(3 * MS, 0), 3 * MS);
}

#define NOW (50ULL * NSEC_PER_SEC)

/* Beside one hog a CPU. */
static const struct fair_clock of_two = { .vtime = 1000 * MS, .at = NOW, .rate = FAIR_RATE_ONE / 2 };

/* What of a lead of 6 ms at the end of `t` its maker owes, beyond the clock. */
static s64 left(u8 class, u64 weight, u64 maker_weight)
{
	struct task_ctx t = { .class = class, .vtime = 1006 * MS };

	return fair_bequeathed(&t, weight, 990 * MS, maker_weight, &of_two, NOW) - 1000 * MS;
}

static void a_maker_owes_what_its_thread_has_left(void)
{
	struct task_ctx behind = { .class = CLASS_FAIR, .vtime = 999 * MS };
	struct task_ctx ahead = { .class = CLASS_FAIR, .vtime = 2000 * MS };

	CHECK_EQ(left(CLASS_FAIR, WEIGHT_NICE0, WEIGHT_NICE0), 6 * MS);
	CHECK_EQ(left(CLASS_FAIR, 2 * WEIGHT_NICE0, WEIGHT_NICE0), 12 * MS);
	CHECK_EQ(left(CLASS_FAIR, WEIGHT_NICE0, 2 * WEIGHT_NICE0), 3 * MS);
	/* nice 19 in its last moment */
	CHECK_EQ(left(CLASS_FAIR, 1, WEIGHT_NICE0), 6 * MS);
	CHECK_EQ(left(CLASS_FAIR, WEIGHT_NICE0, 0), 0);
	for (u8 class = CLASS_INPUT; class < NR_CLASSES; class ++) {
		struct task_ctx maker = { .class = class };

		check_case = class;
		CHECK_EQ(left(class, WEIGHT_NICE0, WEIGHT_NICE0), class >= CLASS_FAIR ? 6 * MS : -10 * MS);
		CHECK_EQ(takes_bequests(&maker), class >= CLASS_FAIR);
	}
	/* As much of wall time in every overload. */
	CHECK_EQ(fair_bequeathed(&ahead, 86 * WEIGHT_NICE0, 0, WEIGHT_NICE0, &of_two, NOW),
		 1000 * MS + FAIR_BEQUEST_MAX_NS / 2);
	/* Never less than it owes, and nothing for who has had too little. */
	CHECK_EQ(fair_bequeathed(&behind, WEIGHT_NICE0, 1009 * MS, WEIGHT_NICE0, &of_two, NOW), 1009 * MS);
	behind.vtime = 1003 * MS;
	CHECK_EQ(fair_bequeathed(&behind, WEIGHT_NICE0, 1009 * MS, WEIGHT_NICE0, &of_two, NOW), 1009 * MS);
	CHECK(!is_grown(FAIR_GROWN_NS - 1) && is_grown(FAIR_GROWN_NS));
}

int main(void)
{
	follows_who_is_served();
	nothing_served();
	pull_is_bounded();
	extrapolation();
	charge();
	sleepers();
	shift();
	a_thread_is_born_with_its_makers_debt();
	a_maker_owes_what_its_thread_has_left();
	return check_done();
}
