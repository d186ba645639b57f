/* SPDX-License-Identifier: GPL-2.0-only */
/* A lock's holder runs for the frame that waits, for a bounded time, and passes its chain back. */
#include "check.h"
#include "policy/lock.h"

static struct tunables tun;

static struct task_ctx waiter(u64 now)
{
	return (struct task_ctx){
		.class = CLASS_FRAME, .chain_until = now + 10 * MS, .source = SRC_DISPLAY, .depth = 5
	};
}

/* Whatever it has used since it slept: that is what made it no frame task. */
static void a_hog_is_lifted_once(void)
{
	u64 now = 1000 * MS;
	struct task_ctx w = waiter(now);
	struct task_ctx t = { .class = CLASS_FAIR, .used = 300 * MS, .deadline = now + 60 * MS };

	lock_lift(&tun, &t, &w, now);
	CHECK_EQ(t.class, CLASS_FRAME);
	CHECK_EQ(t.deadline, now + us_to_ns(tun.frame_deadline_us));
	CHECK_EQ(task_slice(&t), us_to_ns(tun.lock_lift_us));
	/* Preempted by input in between: still the frame's. */
	t.used += MS;
	CHECK(!request_used(&t));
	CHECK_EQ(link_class_again(&tun, &t, WEIGHT_NICE0, false, ROLE_NONE), CLASS_FRAME);
	t.used += us_to_ns(tun.lock_lift_us) - MS;
	CHECK(request_used(&t));
	lock_drop(&t);
	CHECK_EQ(link_class_again(&tun, &t, WEIGHT_NICE0, false, ROLE_NONE), CLASS_FAIR);
	CHECK_EQ(t.deadline, 0);
	CHECK(!(t.flags & TASK_LIFTED));
}

static void whom_it_wakes_is_the_next_link(void)
{
	u64 now = 1000 * MS;
	struct task_ctx w = waiter(now), holder = { .class = CLASS_FAIR, .used = 300 * MS };
	struct wake wake = { .now = now + MS, .weight = WEIGHT_NICE0, .source = SRC_TASK };

	lock_lift(&tun, &holder, &w, now);
	wake.waker_until = holder.chain_until;
	wake.waker_source = holder.source;
	wake.waker_depth = holder.depth;
	link_wake(&tun, &w, &wake);
	CHECK(in_chain(&w, wake.now));
	CHECK_EQ(w.source, SRC_DISPLAY);
	CHECK_EQ(w.depth, 6);
	lock_drop(&holder);
	CHECK(!in_chain(&holder, wake.now));
}

/* A claim lasts CLAIM_NS from the time it bears. */
static void who_runs_is_left_to_run(void)
{
	u64 now = 1000 * MS, until = lock_claim(&tun, now) + CLAIM_NS;

	CHECK_EQ(until & ~1ULL, now + us_to_ns(tun.lock_lift_us));
	for (u64 at = now; at < until + MS; at += 100 * US) {
		u64 claim = lock_claim(&tun, now);

		CHECK_EQ(is_claimed(claim, at, CLASS_FRAME), at < until);
		/* Who answers the player does not wait for somebody's lock. */
		CHECK(!is_claimed(claim, at, CLASS_INPUT));
	}
	CHECK(is_claimed(claim_from(now), now, CLASS_INPUT) && is_claimed(claim_from(now + 1), now + 1, CLASS_INPUT));
	CHECK(!is_claimed(claim_from(now - CLAIM_NS), now, CLASS_INPUT));
}

/* Who calls futex_wait() again and again keeps nobody on a CPU. */
static void a_running_holder_is_lifted_once_a_stint(void)
{
	u64 now = 1000 * MS, until = now + us_to_ns(tun.lock_lift_us);

	CHECK(lock_may_begin(0));
	CHECK(!lock_may_begin(until));
	CHECK(!lock_may_begin(LOCK_DONE));
	CHECK_EQ(lock_wanted(until, CLASS_FAIR, now), us_to_ns(tun.lock_lift_us));
	CHECK_EQ(lock_wanted(until, CLASS_GAME, until - 1), 1);
	CHECK_EQ(lock_wanted(until, CLASS_FAIR, until), 0);
	CHECK_EQ(lock_wanted(until, CLASS_FRAME, now), 0);
	CHECK_EQ(lock_wanted(LOCK_DONE, CLASS_FAIR, now), 0);
	CHECK_EQ(lock_slice(3 * MS), 3 * MS);
	CHECK_EQ(lock_slice(1), SLICE_MIN_NS);
}

int main(void)
{
	tun = default_tunables();
	a_hog_is_lifted_once();
	whom_it_wakes_is_the_next_link();
	who_runs_is_left_to_run();
	a_running_holder_is_lifted_once_a_stint();
	return check_done();
}
