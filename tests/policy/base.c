// SPDX-License-Identifier: GPL-2.0-only
/* policy/base.h: arithmetic at its edges. */
#include "check.h"

static void saturating(void)
{
	CHECK_EQ(sub_sat(5, 3), 2);
	CHECK_EQ(sub_sat(3, 5), 0);
	CHECK_EQ(sub_sat(0, ~0ULL), 0);
	CHECK_EQ(sub_sat(~0ULL, 0), ~0ULL);
	CHECK_EQ(min_u64(1, ~0ULL), 1);
	CHECK_EQ(max_u64(1, ~0ULL), ~0ULL);
	CHECK_EQ(clamp_u64(5, 1, 3), 3);
	CHECK_EQ(clamp_u64(0, 1, 3), 1);
	CHECK_EQ(clamp_u64(2, 1, 3), 2);
	CHECK_EQ(div_or(7, 2, 9), 3);
	CHECK_EQ(div_or(7, 0, 9), 9);
}

/* The clock may wrap; order holds within half its range. */
static void wrap(void)
{
	CHECK(before_u64(1, 2));
	CHECK(!before_u64(2, 1));
	CHECK(!before_u64(2, 2));
	CHECK(before_u64(~0ULL, 0));
	CHECK(before_u64(~0ULL - 5, 5));
	CHECK(!before_u64(5, ~0ULL - 5));
	CHECK(before_u64(0, (1ULL << 63) - 1));
	CHECK(!before_u64((1ULL << 63) - 1, 0));
}

/* How many samples of `goal` until the average is exactly that, at most `most`. */
static u32 converge(u64 from, u64 goal, u32 shift, u32 most)
{
	u64 avg = from;
	u32 n = 0;

	while (avg != goal && n < most) {
		u64 next = ewma(avg, goal, shift);

		/* Towards the goal, and never beyond it. */
		if (from < goal)
			CHECK(next > avg && next <= goal);
		else
			CHECK(next < avg && next >= goal);
		avg = next;
		n++;
	}
	CHECK_EQ(avg, goal);
	return n;
}

static void average(void)
{
	static const u64 values[] = { 0, 1, 2, 7, 1000, 1ULL << 32, 1ULL << 62 };
	u32 n = sizeof(values) / sizeof(values[0]);

	for (u32 shift = 0; shift <= 6; shift++)
		for (u32 i = 0; i < n; i++)
			for (u32 k = 0; k < n; k++)
				converge(values[i], values[k], shift, 64 << shift);
	CHECK_EQ(ewma(100, 100, 3), 100);
	CHECK_EQ(ewma(0, 80, 3), 10);
	CHECK_EQ(ewma(80, 0, 3), 70);
	CHECK_EQ(ewma(5, 42, 0), 42);
}

int main(void)
{
	saturating();
	wrap();
	average();
	return check_done();
}
