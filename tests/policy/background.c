// SPDX-License-Identifier: GPL-2.0-only
/* policy/link.h: who says that he is background is that in a process that faces the player, too. */
#include "check.h"

static struct tunables tun;
static const u64 T0 = 1000 * NSEC_PER_SEC;

/* A timer's wakeup, in such a process. */
static struct wake timer(bool batch)
{
	return (struct wake){
		.now = T0,
		.weight = batch ? WEIGHT_NICE0 : WEIGHT_NICE0 - 1,
		.source = SRC_IRQ,
		.facing = true,
		.batch = batch,
	};
}

static void is_no_frame_task(void)
{
	for (u32 batch = 0; batch < 2; batch++) {
		struct task_ctx t = { .class = CLASS_FAIR };
		struct wake w = timer(batch);

		check_case = batch;
		link_wake(&tun, &t, &w);
		CHECK(!in_chain(&t, T0));
		CHECK_EQ(t.class, CLASS_BATCH);
		t.flags |= TASK_LEARNT;
		t.score = SCORE_ONE;
		w.facing = false;
		link_wake(&tun, &t, &w);
		CHECK(t.flags & TASK_LEARNT);
		CHECK_EQ(t.class, CLASS_BATCH);
	}
	check_case = 0;
}

/* A frame waits for him all the same. */
static void but_in_a_chain(void)
{
	struct task_ctx t = { .class = CLASS_FAIR };
	struct wake w = timer(true);

	w.source = SRC_TASK;
	w.waker_until = T0 + MS;
	w.waker_source = SRC_INPUT;
	link_wake(&tun, &t, &w);
	CHECK_EQ(t.class, CLASS_FRAME);
}

int main(void)
{
	tun = default_tunables();
	is_no_frame_task();
	but_in_a_chain();
	return check_done();
}
