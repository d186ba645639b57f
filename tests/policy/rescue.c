// SPDX-License-Identifier: GPL-2.0-only
/* Who is overdue, and which CPU is told. */
#include "check.h"
#include "policy/rescue.h"

enum { CASES = 200000 };

static void margin(void)
{
	CHECK(!overdue(-(s64)RELATIVE_MAX_NS));
	CHECK(!overdue(0));
	CHECK(!overdue(RESCUE_MARGIN_NS));
	CHECK(overdue(RESCUE_MARGIN_NS + 1));
	/* The cap that the documents promise: bound, margin, period of the timer. */
	CHECK_LE(RELATIVE_MAX_NS + RESCUE_MARGIN_NS + HEARTBEAT_NS, 120 * MS);
	/* Not during the longest stint that a healthy machine runs. */
	CHECK_LE(us_to_ns(default_tunables().frame_budget_us), RESCUE_MARGIN_NS);
}

/* A game of 10 frames a second keeps the timer fast, an hour of idling does not. */
static void fast_timer(void)
{
	CHECK_EQ(FACED_LATELY_NS, SNAPSHOT_NS);
	for (u8 last = CLASS_NONE; last < NR_CLASSES; last++) {
		bool faces = last == CLASS_FRAME || last == CLASS_INPUT;

		check_case = last;
		CHECK_EQ(faced_lately(last, NSEC_PER_SEC, NSEC_PER_SEC), faces);
		CHECK_EQ(faced_lately(last, NSEC_PER_SEC, NSEC_PER_SEC + FACED_LATELY_NS - 1), faces);
		CHECK(!faced_lately(last, NSEC_PER_SEC, NSEC_PER_SEC + FACED_LATELY_NS));
		CHECK(!faced_lately(last, 0, 3600 * NSEC_PER_SEC));
	}
}

static void order(void)
{
	u64 now = 1000 * MS, late = 30 * MS;
	struct running earlier = { .deadline = now - 40 * MS, .class = CLASS_FAIR };
	struct running same = { .deadline = now - late, .class = CLASS_FAIR };
	struct running frame = { .deadline = now + 4 * MS, .class = CLASS_FRAME };
	struct running hog = { .deadline = now + 60 * MS, .class = CLASS_FAIR };
	struct running none = { .class = CLASS_NONE, .started = now };
	struct running off = { .class = CLASS_NONE };

	CHECK_EQ(rescue_rank(&earlier, false, now, late), 0);
	CHECK_EQ(rescue_rank(&same, false, now, late), 0);
	CHECK_EQ(rescue_rank(&off, false, now, late), 0);
	CHECK_LT(0, rescue_rank(&none, false, now, late));
	CHECK_LT(rescue_rank(&none, false, now, late), rescue_rank(&frame, false, now, late));
	CHECK_LT(rescue_rank(&frame, false, now, late), rescue_rank(&hog, false, now, late));
	CHECK_LT(rescue_rank(&hog, false, now, late), rescue_rank(&none, true, now, late));
}

/* All are due before it, and it is as late as no overload makes it: the longest stint ends, but rather who is due later. */
static void last_resort(void)
{
	u64 now = 10000 * MS, late = RESCUE_ANY_NS + MS;
	struct running fresh = { .deadline = now - 2 * late, .started = now - MS, .class = CLASS_FAIR };
	struct running old = { .deadline = now - 3 * late, .started = now - 9 * MS, .class = CLASS_FAIR };
	struct running later = { .deadline = now, .started = now, .class = CLASS_FAIR };

	CHECK_EQ(rescue_rank(&old, false, now, RESCUE_ANY_NS), 0);
	CHECK_LT(rescue_rank(&fresh, false, now, late), rescue_rank(&old, false, now, late));
	CHECK_LT(rescue_rank(&old, false, now, late), rescue_rank(&later, false, now, late));
}

/* Whoever is useless was due before; no class is exempt. */
static void any(void)
{
	struct rng rng = { .state = 20261125 };

	for (u32 i = 0; i < CASES; i++) {
		u64 now = rnd_in(&rng, NSEC_PER_SEC, 1ULL << 47), late = rnd_log(&rng, 30);
		struct running r = {
			.deadline = now + rnd_log(&rng, 28) - rnd_log(&rng, 28),
			.started = now - 1,
			.class = rnd_in(&rng, CLASS_NONE, CLASS_BATCH),
		};
		u64 rank = rescue_rank(&r, false, now, late);

		check_case = i;
		CHECK_EQ(rank == 0, r.class != CLASS_NONE && r.deadline <= now - late);
	}
}

int main(void)
{
	margin();
	fast_timer();
	order();
	last_resort();
	any();
	return check_done();
}
