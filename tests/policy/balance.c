// SPDX-License-Identifier: GPL-2.0-only
/* Which queue is long, and that moving a task comes to an end. */
#include "../../src/bpf/policy/balance.h"
#include "check.h"

static void examples(void)
{
	struct llc_load none = { 0, 4 }, four = { 4, 4 }, eight = { 8, 4 }, wide = { 8, 8 }, off = { 3, 0 };
	struct llc_load one = { 1, 4 }, one_of_eight = { 1, 8 }, nobody = { 0, 0 };

	CHECK(is_longer(&eight, &four) && !is_longer(&four, &eight));
	CHECK(!is_longer(&wide, &four) && !is_longer(&four, &wide));
	CHECK(is_longer(&off, &four)); /* real-time tasks have all of its CPUs */
	/* Nothing of ours in the first LLC, and the others were never evened out. */
	CHECK(is_longer(&four, &nobody) && !is_longer(&nobody, &four) && !is_longer(&nobody, &nobody));
	CHECK(is_uneven(&eight, &four) && !is_uneven(&four, &four) && !is_uneven(&none, &none));
	CHECK(!is_uneven(&four, &off));
	/* Five hogs beside four take turns; nine on a cache of eight CPUs are better off there. */
	CHECK(is_uneven(&one, &none) && !is_uneven(&none, &one));
	CHECK(!is_uneven(&one_of_eight, &none));
}

/* From any two queues: nobody is moved to where he waits for longer, and soon they are even or take turns. */
static void it_settles(void)
{
	struct rng rng = { .state = 20261129 };

	for (u32 i = 0; i < 100000; i++) {
		struct llc_load from = { rnd_in(&rng, 0, 2000), rnd_in(&rng, 1, 64) };
		struct llc_load to = { rnd_in(&rng, 0, 2000), rnd_in(&rng, 1, 64) };
		u32 moves = 0;

		check_case = i;
		for (; is_uneven(&from, &to); moves++) {
			struct llc_load before = from;

			from.queued--;
			to.queued++;
			CHECK(!is_longer(&to, &before));
			if (is_uneven(&to, &from))
				break;
		}
		CHECK_LE(moves, 2000);
	}
}

int main(void)
{
	examples();
	it_settles();
	return check_done();
}
