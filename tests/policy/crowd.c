// SPDX-License-Identifier: GPL-2.0-only
/* When a crowd waits for a CPU, and how long the turns of its tasks are. */
#include "check.h"
#include "policy/crowd.h"
#include "policy/slice.h"

enum {
	CASES = 200000,
	WATCHDOG_MS = 5000,
	/* HZ=100, the longest there is. */
	LONGEST_TICK_MS = 10,
	/* As many as there are contexts. */
	MOST = 1 << 16,
};

static void none(void)
{
	struct tunables tun = default_tunables();

	CHECK_EQ(crowd_turn(&tun, 0), 0);
	CHECK_EQ(crowd_turn(&tun, CROWD_LEAST - 1), 0);
	CHECK_LT(0, crowd_turn(&tun, CROWD_LEAST));
	/* Without one slices end at ticks, and all are through in time. */
	CHECK_LT((CROWD_LEAST - 1) * LONGEST_TICK_MS, WATCHDOG_MS);
}

/* With any slice, and where frames take every other slice of the CPU. */
static void rounds(void)
{
	struct rng rng = { .state = 20261201 };

	for (u32 i = 0; i < CASES; i++) {
		struct tunables tun = default_tunables();
		u64 waiting = rnd_in(&rng, CROWD_LEAST, MOST), turn, shorter;

		check_case = i;
		tun.slice_us = rnd_in(&rng, 500, 20000);
		turn = crowd_turn(&tun, waiting);
		shorter = crowd_turn(&tun, waiting + 1);
		CHECK_LE(TURN_MIN_NS, turn);
		CHECK_LE(turn, us_to_ns(tun.slice_us));
		CHECK_LE(shorter, turn);
		if (turn > TURN_MIN_NS)
			CHECK_LE(2 * waiting * turn, WATCHDOG_MS * MS / 2);
		CHECK_LT(waiting * turn, WATCHDOG_MS * MS);
	}
}

static void counts(void)
{
	CHECK_EQ(crowd_waiting(3, 40, 4, false), 13);
	CHECK_EQ(crowd_waiting(3, 40, 4, true), 43);
	/* A cache that has lost its CPUs since. */
	CHECK_EQ(crowd_waiting(3, 40, 0, false), 43);
}

/* Has who ran for `before` and then for `ran` ns under one deadline had its turn? */
static bool used(u64 turn, u8 class, u64 before, u64 ran)
{
	struct tunables tun = default_tunables();
	struct task_ctx t = { .class = class };

	task_ask(&tun, &t);
	t.used += before + ran;
	return turn_used(&tun, turn, &t, ran);
}

/* Urgent work keeps its CPU; and nobody loses it before his turn is over. */
static void ends(void)
{
	u64 turn = 200 * 1000, now = NSEC_PER_SEC;

	for (u8 class = CLASS_NONE; class < NR_CLASSES; class ++) {
		check_case = class;
		CHECK_EQ(turn_ends(turn, class, now - turn, now), class >= CLASS_GAME);
		CHECK(!turn_ends(turn, class, now - turn + 1, now));
		CHECK(!turn_ends(0, class, 0, now));
		CHECK_EQ(used(turn, class, 0, turn), class >= CLASS_GAME);
	}
	/* Who lost it after its turn asks anew, whatever interrupts took; who was preempted keeps its place. */
	CHECK(used(turn, CLASS_FAIR, 0, turn / 2));
	CHECK(!used(turn, CLASS_FAIR, 0, turn / 2 - 1));
	CHECK(!used(0, CLASS_FAIR, 0, NSEC_PER_SEC));
	/* In many stints, as one that yields has it. */
	CHECK(used(turn, CLASS_FAIR, turn / 2 - 1, 1));
	CHECK(!used(turn, CLASS_FAIR, turn / 2 - 2, 1));
}

/* Beside frames a crowd has as much of a CPU as a hog has. */
static void beside_frames(void)
{
	struct tunables tun = default_tunables();
	u64 slice = us_to_ns(tun.slice_us), began = NSEC_PER_SEC;

	CHECK(turns_go_on(&tun, TURN_MIN_NS, began, began));
	CHECK(turns_go_on(&tun, TURN_MIN_NS, began, began + slice - 1));
	CHECK(!turns_go_on(&tun, TURN_MIN_NS, began, began + slice));
	CHECK(!turns_go_on(&tun, 0, began, began));
}

int main(void)
{
	none();
	rounds();
	counts();
	ends();
	beside_frames();
	return check_done();
}
