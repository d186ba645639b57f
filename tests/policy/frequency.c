/* SPDX-License-Identifier: GPL-2.0-only */
/* From load and frames to a frequency: by hand, and over random windows. */
#include "check.h"
#include "policy/frequency.h"

static const u64 T0 = 1000 * NSEC_PER_SEC;

static struct cpu_load begun(u32 load)
{
	return (struct cpu_load){ .since = T0, .load = load };
}

static void by_hand(void)
{
	struct tunables pr = default_tunables();
	struct cpu_load l = { 0 };

	/* Nobody knows how busy it has been: as the kernel leaves it. */
	load_close(&l, 0, FREQUENCY_TOP, T0);
	CHECK_EQ(l.load, FREQUENCY_TOP);

	/* Half of the time at half of the speed. */
	l = begun(0);
	CHECK_EQ(load_is_due(&l, T0 + LOAD_WINDOW_NS - 1), false);
	CHECK_EQ(load_is_due(&l, T0 + LOAD_WINDOW_NS), true);
	load_close(&l, LOAD_WINDOW_NS / 2, FREQUENCY_TOP / 2, T0 + LOAD_WINDOW_NS);
	CHECK_EQ(l.load, FREQUENCY_TOP / 4);
	CHECK_EQ(l.busy, 0);

	/* No idle time at the least speed: anything may be needed. */
	l = begun(0);
	load_close(&l, LOAD_WINDOW_NS, 100, T0 + LOAD_WINDOW_NS);
	CHECK_EQ(l.load, FREQUENCY_TOP);

	/* Falls by a quarter; after a long sleep, at once. */
	l = begun(1000);
	load_close(&l, 0, FREQUENCY_TOP, T0 + LOAD_WINDOW_NS);
	CHECK_EQ(l.load, 750);
	l = begun(1000);
	load_close(&l, 0, FREQUENCY_TOP, T0 + LOAD_OLD_NS);
	CHECK_EQ(l.load, 0);

	/* A stint that began before the window counts from its begin. */
	l = begun(0);
	CHECK_EQ(load_stint(&l, T0 - MS, T0 + MS), MS);
	CHECK_EQ(load_stint(&l, T0 + MS, T0 + 3 * MS), 2 * MS);

	/* Frames of a game hold it up, for a while; they say so once. */
	l = begun(100);
	CHECK_EQ(frequency_wanted(&pr, &l, T0), 100);
	CHECK_EQ(load_frame(&l, T0), true);
	CHECK_EQ(load_frame(&l, T0 + MS), false);
	CHECK_EQ(frequency_wanted(&pr, &l, T0 + MS + FRAME_HOLD_NS - 1), FREQUENCY_TOP);
	CHECK_EQ(frequency_wanted(&pr, &l, T0 + MS + FRAME_HOLD_NS), 100);
	pr.frame_frequency = 50;
	CHECK_EQ(frequency_wanted(&pr, &l, T0), FREQUENCY_TOP / 2);
	l.load = 700;
	CHECK_EQ(frequency_wanted(&pr, &l, T0), 700);
	pr.load_frequency = 0;
	CHECK_EQ(frequency_wanted(&pr, &l, T0 + NSEC_PER_SEC), FREQUENCY_TOP);
}

static void who_draws(void)
{
	for (u8 c = CLASS_NONE; c < NR_CLASSES; c++) {
		CHECK_EQ(draws_frames(c, false), false);
		CHECK_EQ(draws_frames(c, true), c == CLASS_INPUT || c == CLASS_FRAME);
	}
}

/* A steady load of any size is reached from anywhere, and never overshot for long. */
static void settles(void)
{
	struct rng r = { .state = check_seed };

	for (u32 i = 0; i < 100000; i++) {
		u64 share = rnd_in(&r, 0, LOAD_FULL - 1);
		struct cpu_load l = begun(rnd_in(&r, 0, FREQUENCY_TOP));
		u64 now = T0;

		check_case = i;
		for (u32 window = 0; window < 30; window++) {
			u64 length = rnd_in(&r, LOAD_WINDOW_NS, 2 * LOAD_WINDOW_NS);

			now += length;
			load_close(&l, length * share / FREQUENCY_TOP, FREQUENCY_TOP, now);
			CHECK_LE(l.load, FREQUENCY_TOP);
		}
		CHECK_LE(l.load, share + 4);
		CHECK_LE(share, l.load + 4);
	}
}

int main(void)
{
	by_hand();
	who_draws();
	settles();
	return check_done();
}
