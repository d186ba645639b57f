// SPDX-License-Identifier: GPL-2.0-only
/* policy/preempt.h: who has to go, and who is left alone. */
#include "check.h"

static struct tunables tun;
static const u64 NOW = 9 * NSEC_PER_SEC;

static struct running running(u8 class, u64 deadline, u64 ran)
{
	return (struct running){ .class = class, .deadline = deadline, .started = NOW - ran };
}

static u64 relative(u8 class)
{
	const u64 ns[NR_CLASSES] = {
		[CLASS_INPUT] = us_to_ns(tun.input_deadline_us), [CLASS_KERNEL] = KERNEL_DEADLINE_NS,
		[CLASS_FRAME] = us_to_ns(tun.frame_deadline_us), [CLASS_GAME] = us_to_ns(tun.game_deadline_us),
		[CLASS_FAIR] = us_to_ns(tun.fair_deadline_us),	 [CLASS_BATCH] = us_to_ns(tun.batch_deadline_us),
	};

	return ns[class];
}

static bool preempts(struct running r, u8 newcomer)
{
	return may_preempt(&tun, running_deadline(&tun, &r, NOW, newcomer), NOW + relative(newcomer));
}

/* Who is more urgent by class goes first, however late the other one is. */
static void by_class(void)
{
	for (u8 old = CLASS_INPUT; old < NR_CLASSES; old++)
		for (u8 new = CLASS_INPUT; new <= CLASS_FRAME; new ++) {
			bool rank = old > CLASS_KERNEL && new < old;

			check_case = old * NR_CLASSES + new;
			CHECK_EQ(preempts(running(old, NOW + relative(old), 0), new), rank);
		}
	check_case = 0;
	CHECK(!preempts(running(CLASS_NONE, NOW + 60 * MS, 0), CLASS_INPUT));
}

/* A close deadline is not worth a switch. */
static void close_deadlines(void)
{
	u64 margin = us_to_ns(tun.preempt_margin_us);

	CHECK(!may_preempt(&tun, 0, NOW));
	CHECK(!may_preempt(&tun, NOW, NOW));
	CHECK(!may_preempt(&tun, NOW + margin, NOW));
	CHECK(may_preempt(&tun, NOW + margin + 1, NOW));
	CHECK(!may_preempt(&tun, NOW, NOW + margin + 1));
}

/* Who got the CPU only past his deadline is safe from frames, for a while. */
static void protection(void)
{
	u64 min_run = us_to_ns(tun.min_run_us);
	u64 late = NOW - 30 * MS;

	for (u8 class = CLASS_FAIR; class <= CLASS_BATCH; class ++) {
		CHECK(!preempts(running(class, late, min_run - 1), CLASS_FRAME));
		CHECK(preempts(running(class, late, min_run), CLASS_FRAME));
		CHECK(preempts(running(class, late, 0), CLASS_INPUT));
		CHECK(preempts(running(class, late, 0), CLASS_KERNEL));
		/* In time when he got it, whatever the time is now. */
		CHECK(preempts(running(class, NOW - US, min_run - 1), CLASS_FRAME));
	}
	for (u8 class = CLASS_INPUT; class <= CLASS_KERNEL; class ++) {
		CHECK(!preempts(running(class, late, INPUT_REQUEST_NS - 1), CLASS_INPUT));
		CHECK(preempts(running(class, late, INPUT_REQUEST_NS), CLASS_INPUT));
	}
}

static void rejudged(void)
{
	struct running r = running(CLASS_FAIR, NOW + 70 * MS, 2 * MS);

	/* A later deadline stays: asking again never helps. */
	CHECK_EQ(running_deadline(&tun, &r, NOW, CLASS_FRAME), NOW + 70 * MS);
	r.deadline = NOW + MS;
	CHECK_EQ(running_deadline(&tun, &r, NOW, CLASS_FRAME), NOW + 60 * MS);
	r.class = CLASS_FRAME;
	CHECK_EQ(running_deadline(&tun, &r, NOW, CLASS_INPUT), NOW + 4 * MS);
	/* A CPU whose clock is ahead: the stint has not begun. */
	r.started = NOW + MS;
	CHECK_EQ(running_deadline(&tun, &r, NOW, CLASS_INPUT), NOW + 4 * MS);
}

/* Frames run one after the other, whatever the time; input goes before them. */
static void input_and_frames(void)
{
	for (u64 ran = 0; ran < 20 * MS; ran += 50 * US) {
		struct running r = running(CLASS_FRAME, NOW - ran + relative(CLASS_FRAME), ran);

		CHECK(!preempts(r, CLASS_FRAME));
		CHECK(preempts(r, CLASS_INPUT));
	}
	/* Two reports: the first reader finishes. */
	CHECK(!preempts(running(CLASS_INPUT, NOW + 50 * US, 50 * US), CLASS_INPUT));
}

/* An audio mixer of 0.6 ms does not wait for a worker's 5 ms, but for its first one. */
static void short_frames(void)
{
	u64 min_run = us_to_ns(tun.min_run_us);
	u64 due = NOW + us_to_ns(tun.frame_deadline_us) / 2;

	for (u64 ran = 0; ran < 20 * MS; ran += 50 * US) {
		struct running r = running(CLASS_FRAME, NOW - ran + relative(CLASS_FRAME), ran);

		CHECK_EQ(may_preempt(&tun, running_deadline(&tun, &r, NOW, CLASS_FRAME), due), ran >= min_run);
	}
}

static void turns(void)
{
	for (u8 last = CLASS_NONE; last < NR_CLASSES; last++) {
		CHECK_EQ(turn_of_fair(last, NOW - 1, NOW, NOW), is_urgent(last));
		CHECK(!turn_of_fair(last, NOW, NOW + 1, NOW));
		CHECK_EQ(turn_of_fair(last, NOW - 1, 0, NOW), is_urgent(last));
		/* Who waits in the urgent queue and was due before it. */
		CHECK(!turn_of_fair(last, NOW - 1, NOW - 1, NOW));
		CHECK_EQ(bound_has_turn(last, CLASS_FAIR), is_urgent(last));
		CHECK(bound_has_turn(last, CLASS_KERNEL));
	}
}

/* From another LLC a CPU takes only what is overdue there, and never twice in a row; only short tasks go there. */
static void far_away(void)
{
	struct task_ctx t = { .class = CLASS_FRAME };

	for (u8 last = CLASS_NONE; last < NR_CLASSES; last++) {
		CHECK_EQ(takes_late(last, NOW - 1, NOW), !is_urgent(last));
		CHECK(!takes_late(last, NOW, NOW));
	}
	for (t.burst = 0; t.burst < 2 * FRAME_SHORT_NS; t.burst += FRAME_SHORT_NS / 8)
		CHECK_EQ(seeks_far(&t), t.burst < FRAME_SHORT_NS);
	for (t.burst = 0; t.burst < 2 * FRAME_SHORT_NS; t.burst += FRAME_SHORT_NS / 8)
		CHECK_EQ(is_short(&t), t.burst && t.burst < FRAME_SHORT_NS);
	CHECK(yields_to_short(NOW, NOW));
	CHECK(!yields_to_short(NOW - 1, NOW));
}

/* Once a CPU and reader, and never those who are as urgent. */
static void giving_way(void)
{
	for (u8 class = CLASS_INPUT; class < NR_CLASSES; class ++) {
		check_case = class;
		CHECK_EQ(gives_way(class, NOW, NOW - MS), class > CLASS_KERNEL);
		CHECK_EQ(gives_way(class, NOW, 0), class > CLASS_KERNEL);
		CHECK(!gives_way(class, NOW, NOW));
		CHECK(!gives_way(class, 0, NOW));
		CHECK(!gives_way(class, 0, 0));
	}
	check_case = 0;
}

static void wishes(void)
{
	CHECK(is_urgent(CLASS_INPUT));
	CHECK(is_urgent(CLASS_FRAME));
	CHECK(is_urgent(CLASS_KERNEL));
	CHECK(!is_urgent(CLASS_GAME));
	CHECK(!is_urgent(CLASS_FAIR));
	CHECK(!is_urgent(CLASS_BATCH));
	CHECK(!is_urgent(CLASS_NONE));
	for (u8 class = CLASS_NONE; class < NR_CLASSES; class ++) {
		CHECK_EQ(seeks_cpu(class, false), is_urgent(class));
		CHECK_EQ(seeks_cpu(class, true), class == CLASS_INPUT || class == CLASS_KERNEL);
	}
	CHECK(!victim_is_good(&tun, NOW + 8 * MS, NOW));
	CHECK(victim_is_good(&tun, NOW + 8 * MS + 1, NOW));
	/* What is called good is preempted by every class that wants to. */
	CHECK(may_preempt(&tun, NOW + 8 * MS + 1, NOW + us_to_ns(tun.frame_deadline_us)));
	CHECK(may_preempt(&tun, NOW + 8 * MS + 1, NOW + KERNEL_DEADLINE_NS));
}

int main(void)
{
	tun = default_tunables();
	by_class();
	close_deadlines();
	protection();
	rejudged();
	input_and_frames();
	short_frames();
	turns();
	far_away();
	giving_way();
	wishes();
	return check_done();
}
