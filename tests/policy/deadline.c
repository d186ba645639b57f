// SPDX-License-Identifier: GPL-2.0-only
/* policy/deadline.h and policy/slice.h: who is due when, and for how long. */
#include "check.h"

static struct tunables tun;
static const u64 NOW = 77 * NSEC_PER_SEC;
static const struct fair_clock clock_at_half = {
	.vtime = 50 * NSEC_PER_SEC,
	.at = NOW,
	.rate = FAIR_RATE_ONE / 2,
	.inverse = 2 * FAIR_RATE_ONE,
};

static u64 relative(u8 class, u32 burst, s64 lead)
{
	struct task_ctx t = {
		.class = class,
		.burst = burst,
		.vtime = clock_at_half.vtime + lead,
	};

	return relative_deadline(&tun, &t, &clock_at_half, NOW);
}

static void classes(void)
{
	CHECK_EQ(relative(CLASS_INPUT, 0, 0), 100 * US);
	CHECK_EQ(relative(CLASS_KERNEL, 0, 0), 2 * MS);
	CHECK_EQ(relative(CLASS_FRAME, FRAME_SHORT_NS, 0), 4 * MS);
	CHECK_EQ(relative(CLASS_FRAME, FRAME_SHORT_NS - 1, 0), 2 * MS);
	CHECK_EQ(relative(CLASS_FAIR, 0, 0), 6 * MS);
	CHECK_EQ(relative(CLASS_FAIR, ~0U, 0), 60 * MS);
	CHECK_EQ(relative(CLASS_BATCH, 0, 0), 75 * MS);
	CHECK_EQ(relative(CLASS_NONE, 0, 0), 6 * MS); /* slot 0 is ordinary work */
	/* The order of the classes is the order of their deadlines. */
	for (u8 c = CLASS_INPUT; c + 1 < NR_CLASSES; c++)
		CHECK_LE(relative(c, FRAME_SHORT_NS - 1, 0), relative(c + 1, FRAME_SHORT_NS - 1, 0));
}

/* Urgent classes owe nobody; others pay for what they had too much. */
static void lead(void)
{
	CHECK_EQ(relative(CLASS_INPUT, 0, 1000 * MS), 100 * US);
	CHECK_EQ(relative(CLASS_FRAME, FRAME_SHORT_NS, 1000 * MS), 4 * MS);
	/* At half speed the clock needs 10 ms to catch up with 5. */
	CHECK_EQ(relative(CLASS_FAIR, 0, 5 * MS), 16 * MS);
	CHECK_EQ(relative(CLASS_FAIR, 0, -5 * (s64)MS), 6 * MS);
	CHECK_EQ(relative(CLASS_FAIR, 0, 1000 * MS), FAIR_RELATIVE_MAX_NS);
	/* Who has had less than its share comes earlier, but never before frames. */
	CHECK_EQ(relative(CLASS_FAIR, 5 * MS, -5 * (s64)MS), 30 * MS);
	CHECK_EQ(relative(CLASS_FAIR, 5 * MS, -1000 * (s64)MS), 20 * MS);
	CHECK_EQ(relative(CLASS_FAIR, MS, -1000 * (s64)MS), FAIR_DEADLINE_MIN_NS);
	CHECK_EQ(relative(CLASS_BATCH, 0, 2 * MS), 79 * MS);
	CHECK_EQ(relative(CLASS_BATCH, 0, 5 * MS), RELATIVE_MAX_NS);
	CHECK_EQ(relative(CLASS_BATCH, 0, 1LL << 62), RELATIVE_MAX_NS);
}

static void short_bursts_first(void)
{
	u64 before = 0;

	for (u32 burst = 0; burst < 20 * MS; burst += 10 * US) {
		u64 rel = relative(CLASS_FAIR, burst, 0);

		CHECK_LE(before, rel);
		CHECK_LE(4 * MS, rel); /* no fair task before a frame */
		before = rel;
	}
	CHECK_EQ(relative(CLASS_FAIR, MS, 0), 8 * MS);
	CHECK_EQ(relative(CLASS_FAIR, 5 * MS, 0), 40 * MS);
}

/* A kernel thread that never sleeps (cryptomgr_test, once 77 ms) waits no longer than this. */
static void kernel_threads_are_not_kept_waiting(void)
{
	struct task_ctx t = {
		.class = CLASS_FAIR,
		.flags = TASK_KTHREAD,
		.used = NSEC_PER_SEC,
		.vtime = clock_at_half.vtime + NSEC_PER_SEC,
	};

	CHECK_EQ(relative_deadline(&tun, &t, &clock_at_half, NOW), 8 * MS);
	t.class = CLASS_BATCH; /* khugepaged, nice 19, once 21 ms: with the lock of a game's memory, maybe */
	CHECK_EQ(relative_deadline(&tun, &t, &clock_at_half, NOW), 8 * MS);
}

/* Eight hundred hogs on four CPUs: they wait a round, and a short burst does not. */
static void overload(void)
{
	struct fair_clock fc = clock_at_half;
	struct task_ctx hog = { .class = CLASS_FAIR, .used = NSEC_PER_SEC, .vtime = fc.vtime };
	struct task_ctx shell = { .class = CLASS_FAIR, .burst = MS, .vtime = fc.vtime };
	struct task_ctx batch = { .class = CLASS_BATCH, .vtime = fc.vtime };
	u64 round = 3 * 200 * us_to_ns(tun.slice_us);

	fair_count(&tun, &fc, 800, 4);
	CHECK_EQ(fc.round, round);
	CHECK_EQ(relative_deadline(&tun, &hog, &fc, NOW), round);
	CHECK_EQ(relative_deadline(&tun, &batch, &fc, NOW), round);
	CHECK_EQ(relative_deadline(&tun, &shell, &fc, NOW), 8 * MS);
	shell.vtime += 2 * NSEC_PER_SEC; /* and pays like others if it was not short */
	CHECK_EQ(relative_deadline(&tun, &shell, &fc, NOW), round);
	fair_count(&tun, &fc, 24, 4); /* nothing changes where deadlines can be kept */
	CHECK_EQ(relative_deadline(&tun, &hog, &fc, NOW), 60 * MS);
	fair_count(&tun, &fc, 1000000, 1);
	CHECK_EQ(fc.round, FAIR_ROUND_MAX_NS);
}

static void slices(void)
{
	struct task_ctx t = { .class = CLASS_FAIR };
	u64 slice = us_to_ns(tun.slice_us);

	CHECK_EQ(task_request(&tun, &t), slice);
	t.class = CLASS_BATCH;
	CHECK_EQ(task_request(&tun, &t), slice);
	t.class = CLASS_KERNEL;
	CHECK_EQ(task_request(&tun, &t), slice);
	for (u8 class = CLASS_INPUT; class <= CLASS_FRAME; class += CLASS_FRAME - CLASS_INPUT) {
		t.class = class;
		t.used = 0;
		CHECK_EQ(task_request(&tun, &t), 14 * MS);
		t.used = 9 * MS;
		CHECK_EQ(task_request(&tun, &t), 5 * MS);
		t.used = 13 * MS; /* never less than anybody else's */
		CHECK_EQ(task_request(&tun, &t), slice);
		t.used = USED_MAX_NS;
		CHECK_EQ(task_request(&tun, &t), slice);
	}
}

/* A deadline is good for one request, in however many pieces. */
static void requests(void)
{
	struct task_ctx t = { .used = 30 * MS, .request_end = 34 * MS };

	CHECK_EQ(task_slice(&t), 4 * MS);
	CHECK(!request_used(&t));
	t.used += 3 * MS;
	CHECK_EQ(task_slice(&t), MS);
	CHECK(!request_used(&t));
	t.used = t.request_end - SLICE_MIN_NS;
	CHECK_EQ(task_slice(&t), SLICE_MIN_NS);
	CHECK(request_used(&t));
	t.used = t.request_end + 4 * MS;
	CHECK_EQ(task_slice(&t), SLICE_MIN_NS);
	CHECK(request_used(&t));
}

/* Who is queued anew without having run what it asked for keeps its place. */
static void no_new_deadline_without_a_run(void)
{
	struct task_ctx t = { .class = CLASS_FAIR, .deadline = NOW, .flags = TASK_EXPIRED };

	CHECK(asks_again(&t));
	CHECK_EQ(task_place(&t).due, DUE_NEVER);
	task_ask(&tun, &t);
	CHECK(!asks_again(&t));
	CHECK_EQ(task_place(&t).due, NOW);
	/* Batch work now, and has had 2 of 3 ms: due as before, for the last one. */
	t.used += 2 * MS;
	struct place old = task_place(&t);
	t.deadline = NOW + 75 * MS;
	task_ask(&tun, &t);
	task_keep(&t, old);
	CHECK_EQ(t.deadline, NOW);
	CHECK_EQ(task_slice(&t), us_to_ns(tun.slice_us) - 2 * MS);
	/* The new one is earlier: with all that it buys. */
	t.deadline = NOW - MS;
	task_ask(&tun, &t);
	task_keep(&t, old);
	CHECK_EQ(t.deadline, NOW - MS);
	CHECK_EQ(task_slice(&t), us_to_ns(tun.slice_us));
	t.class = CLASS_FRAME; /* its deadline was a frame's: not for what it becomes */
	CHECK_EQ(task_place(&t).due, DUE_NEVER);
	t.deadline = 0; /* was lifted */
	CHECK(asks_again(&t));
}

/* Readers and kernel threads before whatever is overdue by less than a frame's budget; nobody else moves. */
static void first_in_their_queues(void)
{
	struct task_ctx t = { .deadline = NOW };

	for (u8 class = CLASS_INPUT; class < NR_CLASSES; class ++) {
		t.class = class;
		CHECK_EQ(queued_deadline(&t), class <= CLASS_KERNEL ? NOW - 16 * MS : NOW);
	}
}

/* A machine that is one crowd: hogs without number, bound to its only CPU. */
static void crowd_is_within_the_watchdog(void)
{
	for (u64 round = 0; round <= FAIR_ROUND_MAX_NS; round += 50 * MS) {
		struct fair_clock fc = { .round = round, .inverse = FAIR_RATE_ONE };
		struct task_ctx hog = { .class = CLASS_FAIR, .used = us_to_ns(tun.slice_us), .vtime = NSEC_PER_SEC };
		u64 due = relative_deadline(&tun, &hog, &fc, NOW);

		check_case = round;
		CHECK_LE(due + crowd_stretch(&tun, &hog, &fc, FAIR_ROUND_MAX_NS), FAIR_ROUND_MAX_NS + RELATIVE_MAX_NS);
	}
}

/*
 * Hogs of a crowd on one CPU are due after its round, all by the same later, sleepers by less; nothing short, urgent or
 * of the kernel is.
 */
static void crowds(void)
{
	struct fair_clock fc = { .round = 9 * MS };
	u64 shipped = us_to_ns(tun.fair_deadline_us);

	for (u8 class = CLASS_INPUT; class < NR_CLASSES; class ++) {
		struct task_ctx hog = { .class = class, .used = us_to_ns(tun.slice_us) };
		struct task_ctx shell = { .class = class, .burst = us_to_ns(tun.slice_us) / 4 };
		struct task_ctx kthread = { .class = class, .used = hog.used, .flags = TASK_KTHREAD };

		check_case = class;
		CHECK_EQ(crowd_stretch(&tun, &hog, &fc, shipped), 0);
		CHECK_EQ(crowd_stretch(&tun, &hog, &fc, shipped + MS), class >= CLASS_FAIR ? MS : 0);
		CHECK_EQ(crowd_stretch(&tun, &shell, &fc, FAIR_ROUND_MAX_NS), 0);
		shell.burst = us_to_ns(tun.slice_us) * 5 / 8;
		CHECK_EQ(crowd_stretch(&tun, &shell, &fc, shipped + 2 * MS), class >= CLASS_FAIR ? MS : 0);
		CHECK_EQ(crowd_stretch(&tun, &kthread, &fc, 10 * shipped), 0);
	}
	crowd_is_within_the_watchdog();
	struct task_ctx t = { .class = CLASS_FAIR, .deadline = NOW + NSEC_PER_SEC };

	leave_crowd(&t, &fc, NOW);
	CHECK_EQ(t.deadline, NOW + RELATIVE_MAX_NS);
	leave_crowd(&t, &fc, NOW - MS);
	CHECK_EQ(t.deadline, NOW - MS + RELATIVE_MAX_NS);
	leave_crowd(&t, &fc, NOW);
	CHECK_EQ(t.deadline, NOW - MS + RELATIVE_MAX_NS);
}

int main(void)
{
	tun = default_tunables();
	classes();
	lead();
	short_bursts_first();
	kernel_threads_are_not_kept_waiting();
	overload();
	slices();
	requests();
	no_new_deadline_without_a_run();
	first_in_their_queues();
	crowds();
	return check_done();
}
