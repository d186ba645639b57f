// SPDX-License-Identifier: GPL-2.0-only
/* policy/histogram.h: the edges the daemon computes are the edges we count by. */
#include "check.h"

enum {
	SUBS = 1 << HIST_SUB_SHIFT,
	LAST = HIST_OCTAVES * SUBS,
};

/* bucket_floor() of src/model.rs, in integers: every edge is a whole number. */
static u64 bucket_floor(u32 bucket)
{
	u32 octave, sub;

	if (!bucket)
		return 0;
	octave = HIST_MIN_SHIFT + ((bucket - 1) >> HIST_SUB_SHIFT);
	sub = (bucket - 1) & (SUBS - 1);
	return (1ULL << octave) + ((1ULL << octave) >> HIST_SUB_SHIFT) * sub;
}

static void logarithm(void)
{
	CHECK_EQ(ilog2_u64(0), 0);
	for (u32 bit = 0; bit < 64; bit++) {
		CHECK_EQ(ilog2_u64(1ULL << bit), bit);
		CHECK_EQ(ilog2_u64((1ULL << bit) | ((1ULL << bit) - 1)), bit);
	}
}

static void edges(void)
{
	for (u32 b = 1; b <= LAST; b++) {
		CHECK_EQ(hist_bucket(bucket_floor(b)), b);
		CHECK_EQ(hist_bucket(bucket_floor(b) - 1), b - 1);
		CHECK_LT(b, HIST_BUCKETS);
	}
	CHECK_EQ(hist_bucket(0), 0);
	CHECK_EQ(hist_bucket(255), 0);
	CHECK_EQ(hist_bucket(256), 1);
	CHECK_EQ(hist_bucket(1ULL << 35), LAST);
	CHECK_EQ(hist_bucket(1ULL << 63), LAST);
	CHECK_EQ(hist_bucket(~0ULL), LAST);
}

static void monotone(void)
{
	struct rng r = { .state = check_seed = 41 };

	for (check_case = 0; check_case < 200000; check_case++) {
		u64 a = rnd_log(&r, 64), b = rnd_log(&r, 64);

		CHECK_LE(hist_bucket(min_u64(a, b)), hist_bucket(max_u64(a, b)));
		if (a < bucket_floor(LAST)) {
			CHECK_LE(bucket_floor(hist_bucket(a)), a);
			CHECK_LT(a, bucket_floor(hist_bucket(a) + 1));
		}
	}
}

int main(void)
{
	logarithm();
	edges();
	monotone();
	return check_done();
}
