// SPDX-License-Identifier: GPL-2.0-only
/* policy/submit.h: who counts as giving the GPU work, since when, until when, and what it makes of him. */
#include "check.h"

static struct tunables tun;
static const u64 T0 = 1000 * NSEC_PER_SEC;
static const u64 MOMENT = 1ULL << SUBMIT_SHIFT;

/* A thread that has submitted once in each of `n` moments from T0 on; `end` is behind them. */
static struct task_ctx submitted(u32 n, u64 *end)
{
	struct task_ctx t = { .class = CLASS_FAIR };
	u64 now = T0;

	for (u32 i = 0; i < n; i++, now += MOMENT)
		submit_note(&t, now);
	*end = now;
	return t;
}

static struct task_ctx submitter(u64 *end)
{
	struct task_ctx t = submitted(SUBMITS_LEAST, end);

	CHECK_EQ(is_submitter(&t), true);
	return t;
}

static struct wake at(u64 now, u8 source)
{
	return (struct wake){ .now = now, .weight = WEIGHT_NICE0, .source = source };
}

/* It takes a quarter of a second, however many submissions that are. */
static void learnt_by_moments(void)
{
	struct task_ctx t = { .class = CLASS_FAIR };
	u64 end;

	for (u64 now = T0; now < T0 + 200 * MS; now += 10 * US)
		submit_note(&t, now);
	CHECK_EQ(is_submitter(&t), false);
	t = submitted(SUBMITS_LEAST - 1, &end);
	CHECK_EQ(is_submitter(&t), false);
	submit_note(&t, end);
	CHECK_EQ(is_submitter(&t), true);
	submit_note(&t, end + MOMENT);
	CHECK_EQ(is_submitter(&t), true);
}

/* At 8 frames a second it is learnt, at 3 it is not. */
static void not_by_gaps(void)
{
	struct task_ctx slow = { .class = CLASS_FAIR }, rare = slow;

	for (u64 i = 0; i < 3 * SUBMITS_LEAST; i++) {
		submit_note(&slow, T0 + i * NSEC_PER_SEC / 8);
		submit_note(&rare, T0 + i * NSEC_PER_SEC / 3);
	}
	CHECK_EQ(is_submitter(&slow), true);
	CHECK_EQ(is_submitter(&rare), false);
}

/* A second without a submission ends it, and it must be learnt again from the beginning. */
static void forgotten(void)
{
	u64 end, now;
	struct task_ctx t = submitter(&end);

	for (now = end; now < end + 900 * MS; now += 3 * MS)
		submit_forget(&t, now);
	CHECK_EQ(is_submitter(&t), true);
	for (; now < end + 1100 * MS; now += 3 * MS)
		submit_forget(&t, now);
	CHECK_EQ(t.submits, 0);
	/* Nor do the moments come back when they begin anew. */
	for (; now < end + 60 * NSEC_PER_SEC; now += 3 * MS) {
		submit_forget(&t, now);
		CHECK_EQ(t.submits, 0);
	}
}

/* Frame work with no chain and nobody who looks; its interrupts start chains, tasks that wake it do not. */
static void frame_work(void)
{
	const u8 sources[] = { SRC_TASK, SRC_IRQ };

	for (u32 i = 0; i < sizeof(sources); i++) {
		u64 now;
		struct task_ctx t = submitter(&now), other = { .class = CLASS_FAIR };
		struct wake w = at(now, sources[i]);

		link_wake(&tun, &t, &w);
		link_wake(&tun, &other, &w);
		CHECK_EQ(t.class, CLASS_FRAME);
		CHECK_EQ(other.class, CLASS_FAIR);
		CHECK_EQ(in_chain(&t, now), sources[i] == SRC_IRQ);
		CHECK_EQ(link_faces(&t, now), false);
	}
}

/* A fence that wakes it is its source, and shows that its process faces the player. */
static void fence_is_its_source(void)
{
	u64 now;
	struct task_ctx t = submitter(&now);
	struct wake w = at(now, SRC_DISPLAY);

	link_wake(&tun, &t, &w);
	CHECK_EQ(t.source, SRC_DISPLAY);
	CHECK_EQ(t.depth, 0);
	CHECK_EQ(link_faces(&t, now), true);
}

/* Wakes up by a timer and by a task; neither may make frame work of it. */
static void gains_nothing(const struct tunables *with, struct task_ctx t, struct wake w)
{
	struct task_ctx again = t;

	w.source = SRC_IRQ;
	link_wake(with, &t, &w);
	CHECK_OP(t.class, !=, CLASS_FRAME);
	CHECK_EQ(in_chain(&t, w.now), false);
	w.source = SRC_TASK;
	link_wake(with, &again, &w);
	CHECK_OP(again.class, !=, CLASS_FRAME);
}

/* What bounds it. */
static void bounded(void)
{
	struct tunables off = tun;
	u64 now;
	struct task_ctx t = submitter(&now), heavy = t;
	struct wake w = at(now, SRC_TASK), nice = w, batch = w, beside = w;

	off.display_window_us = 0;
	gains_nothing(&off, t, w);
	nice.weight = WEIGHT_NICE0 - 1;
	gains_nothing(&tun, t, nice);
	batch.batch = true;
	gains_nothing(&tun, t, batch);
	beside.role = ROLE_BESIDE;
	gains_nothing(&tun, t, beside);
	/* Empty jobs of a thread that computes. */
	heavy.burst = 2 * us_to_ns(tun.frame_budget_us);
	CHECK_EQ(link_class(&tun, &heavy, &w), CLASS_FAIR);
	t.class = CLASS_FRAME;
	t.used = us_to_ns(tun.frame_budget_us);
	CHECK_EQ(link_class_again(&tun, &t, WEIGHT_NICE0, false, ROLE_NONE), CLASS_FAIR);
}

int main(void)
{
	tun = default_tunables();
	learnt_by_moments();
	not_by_gaps();
	forgotten();
	frame_work();
	fence_is_its_source();
	bounded();
	return check_done();
}
