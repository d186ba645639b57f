// SPDX-License-Identifier: GPL-2.0-only
/* policy/preempt.h: who has to go, and who is left alone. */
#include "check.h"

static struct tunables tun;
static const u64 NOW = 9 * NSEC_PER_SEC;

static struct running running(u8 class, u64 deadline, u64 ran)
{
	return (struct running){ .class = class, .deadline = deadline, .started = NOW - ran };
}

static bool preempts(struct running r, u64 relative)
{
	return may_preempt(&tun, running_deadline(&tun, &r, NOW), NOW + relative);
}

/* A newcomer's deadline against the running task's. */
static void close_deadlines(void)
{
	u64 frame = us_to_ns(tun.frame_deadline_us);
	u64 margin = us_to_ns(tun.preempt_margin_us);

	for (u8 class = CLASS_INPUT; class < NR_CLASSES; class++) {
		u64 d = NOW + frame;

		check_case = class;
		CHECK(!preempts(running(class, d, 0), frame));
		CHECK(!preempts(running(class, d - MS, 0), frame));
		CHECK(!preempts(running(class, NOW - 50 * MS, 0), frame));
		CHECK(!preempts(running(class, d + margin, 0), frame));
		CHECK(preempts(running(class, d + margin + 1, 0), frame));
	}
	check_case = 0;
}

/* Who waited past his deadline keeps his request, and no more. */
static void request(void)
{
	u64 min_run = us_to_ns(tun.min_run_us);
	u64 overdue = NOW - 30 * MS;
	u64 frame = us_to_ns(tun.frame_deadline_us);

	for (u8 class = CLASS_FAIR; class <= CLASS_BATCH; class++) {
		CHECK(!preempts(running(class, overdue, min_run - 1), frame));
		CHECK(preempts(running(class, overdue, min_run), frame));
		/* Not even input. */
		CHECK(!preempts(running(class, overdue, min_run - 1), 100 * US));
		CHECK(preempts(running(class, overdue, min_run), 100 * US));
	}
	for (u8 class = CLASS_INPUT; class <= CLASS_KERNEL; class++) {
		CHECK(!preempts(running(class, overdue, INPUT_REQUEST_NS - 1), 100 * US));
		CHECK(preempts(running(class, overdue, INPUT_REQUEST_NS), 100 * US));
	}
}

static void rejudged(void)
{
	struct running r = running(CLASS_FAIR, NOW + 70 * MS, 2 * MS);

	/* A later deadline stays: asking again never helps. */
	CHECK_EQ(running_deadline(&tun, &r, NOW), NOW + 70 * MS);
	r.deadline = NOW + MS;
	CHECK_EQ(running_deadline(&tun, &r, NOW), NOW + 60 * MS);
	r.class = CLASS_FRAME;
	CHECK_EQ(running_deadline(&tun, &r, NOW), NOW + 4 * MS);
	r.deadline = NOW + 5 * MS;
	CHECK_EQ(running_deadline(&tun, &r, NOW), NOW + 5 * MS);
	/* A CPU whose clock is ahead: the stint has not begun. */
	r.started = NOW + MS;
	CHECK_EQ(running_deadline(&tun, &r, NOW), NOW + 5 * MS);
}

static void input_and_frames(void)
{
	u64 frame = us_to_ns(tun.frame_deadline_us);

	/* Input goes before a frame that has had its request, and before a fresh one. */
	CHECK(preempts(running(CLASS_FRAME, NOW + frame, 0), 100 * US));
	CHECK(preempts(running(CLASS_FRAME, NOW - MS, 2 * MS), 100 * US));
	/* Frames run one after the other, whatever the time. */
	for (u64 ran = 0; ran < 20 * MS; ran += 50 * US)
		CHECK(!preempts(running(CLASS_FRAME, NOW - ran + frame, ran), frame));
	/* No frame goes before input that just began; one does after 300 us. */
	CHECK(!preempts(running(CLASS_INPUT, NOW + 50 * US, 50 * US), frame));
	/* Two reports: the first reader finishes. */
	CHECK(!preempts(running(CLASS_INPUT, NOW + 50 * US, 50 * US), 100 * US));
}

static void wishes(void)
{
	CHECK(wants_preemption(CLASS_INPUT));
	CHECK(wants_preemption(CLASS_FRAME));
	CHECK(wants_preemption(CLASS_KERNEL));
	CHECK(!wants_preemption(CLASS_FAIR));
	CHECK(!wants_preemption(CLASS_BATCH));
	CHECK(!wants_preemption(CLASS_NONE));
	CHECK(!victim_is_good(&tun, NOW + 8 * MS, NOW));
	CHECK(victim_is_good(&tun, NOW + 8 * MS + 1, NOW));
	/* What is called good is preempted by every class that wants to. */
	CHECK(may_preempt(&tun, NOW + 8 * MS + 1, NOW + us_to_ns(tun.frame_deadline_us)));
	CHECK(may_preempt(&tun, NOW + 8 * MS + 1, NOW + KERNEL_DEADLINE_NS));
}

int main(void)
{
	tun = default_tunables();
	close_deadlines();
	request();
	rejudged();
	input_and_frames();
	wishes();
	return check_done();
}
