// SPDX-License-Identifier: GPL-2.0-only
/* policy/link.h: who starts, passes and ends a chain, and what it makes of him. */
#include "check.h"

static struct tunables tun;
static const u64 T0 = 1000 * NSEC_PER_SEC;

static struct task_ctx fresh(void)
{
	return (struct task_ctx){ .class = CLASS_FAIR };
}

static struct wake from(u8 source)
{
	return (struct wake){ .now = T0, .weight = WEIGHT_NICE0, .source = source };
}

static struct wake from_task(u64 waker_until, u8 waker_source, u8 waker_depth)
{
	struct wake w = from(SRC_TASK);

	w.waker_until = waker_until;
	w.waker_source = waker_source;
	w.waker_depth = waker_depth;
	w.waker = 77;
	return w;
}

struct start_case {
	u8 source;
	bool facing;
	u64 window_ns; /* 0: starts no chain */
	u8 class;
};

/* A task without history, by who wakes it. */
static void starts(void)
{
	u64 input = us_to_ns(tun.input_window_us);
	u64 frame = us_to_ns(tun.frame_window_us);
	u64 display = us_to_ns(tun.display_window_us);
	const struct start_case cases[] = {
		{ SRC_INPUT, false, input, CLASS_INPUT },
		{ SRC_INPUT, true, input, CLASS_INPUT },
		{ SRC_DISPLAY, false, display, CLASS_FRAME },
		{ SRC_DISPLAY, true, display, CLASS_FRAME },
		{ SRC_RT, false, frame, CLASS_FRAME },
		{ SRC_RT, true, frame, CLASS_FRAME },
		{ SRC_IRQ, false, 0, CLASS_FAIR },
		{ SRC_IRQ, true, frame, CLASS_FRAME },
		{ SRC_TASK, false, 0, CLASS_FAIR },
		{ SRC_TASK, true, 0, CLASS_FRAME },
		{ SRC_NONE, false, 0, CLASS_FAIR },
	};

	for (u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct task_ctx t = fresh();
		struct wake w = from(cases[i].source);

		check_case = i;
		w.facing = cases[i].facing;
		link_wake(&tun, &t, &w);
		CHECK_EQ(t.class, cases[i].class);
		CHECK_EQ(t.woken_at, T0);
		CHECK_EQ(!!(t.flags & TASK_WOKEN_BY_INPUT), w.source == SRC_INPUT);
		CHECK_EQ(in_chain(&t, T0), cases[i].window_ns != 0);
		if (!cases[i].window_ns)
			continue;
		CHECK_EQ(t.chain_until, T0 + cases[i].window_ns);
		CHECK_EQ(t.source, cases[i].source);
		CHECK_EQ(t.depth, 0);
	}
	check_case = 0;
}

static void passes(void)
{
	struct task_ctx t = fresh();
	struct wake w = from_task(T0 + MS, SRC_INPUT, 4);

	link_wake(&tun, &t, &w);
	CHECK_EQ(t.chain_until, T0 + MS); /* handed on, never prolonged */
	CHECK_EQ(t.source, SRC_INPUT);
	CHECK_EQ(t.depth, 5);
	CHECK_EQ(t.class, CLASS_FRAME);
	CHECK(!(t.flags & TASK_WOKEN_BY_INPUT));
	CHECK_EQ(t.waker, w.waker);
	w = from(SRC_IRQ); /* nobody did */
	link_wake(&tun, &t, &w);
	CHECK_EQ(t.waker, 0);
}

/* Expired, too deep, or none: the chain ends, and so does an older one. */
static void ends(void)
{
	const struct wake dead[] = {
		from_task(T0, SRC_INPUT, 0),
		from_task(T0 - 1, SRC_INPUT, 0),
		from_task(T0 + MS, SRC_INPUT, tun.chain_depth),
		from_task(0, SRC_NONE, 0),
		from(SRC_IRQ),
		from(SRC_NONE),
	};

	for (u32 i = 0; i < sizeof(dead) / sizeof(dead[0]); i++) {
		struct task_ctx t = fresh();

		check_case = i;
		t.chain_until = T0 + 5 * MS;
		link_wake(&tun, &t, &dead[i]);
		CHECK(!in_chain(&t, T0));
		CHECK_EQ(t.class, CLASS_FAIR);
	}
	check_case = 0;
}

/* From hand to hand: no chain is longer than chain_depth links or its window. */
static void dies_by_depth_and_time(void)
{
	struct task_ctx waker = fresh(), next;
	struct wake w = from(SRC_DISPLAY);
	u32 links = 0;

	link_wake(&tun, &waker, &w);
	for (;;) {
		next = fresh();
		w = from_task(waker.chain_until, waker.source, waker.depth);
		link_wake(&tun, &next, &w);
		if (!in_chain(&next, T0))
			break;
		waker = next;
		links++;
		CHECK_LE(links, tun.chain_depth);
	}
	CHECK_EQ(links, tun.chain_depth);

	w = from(SRC_DISPLAY);
	link_wake(&tun, &waker, &w);
	CHECK(in_chain(&waker, T0 + us_to_ns(tun.display_window_us) - 1));
	CHECK(!in_chain(&waker, T0 + us_to_ns(tun.display_window_us)));
}

static void windows_of_zero(void)
{
	struct tunables off = tun;
	struct task_ctx t = fresh();
	struct wake w = from(SRC_INPUT);

	off.input_window_us = 0;
	off.frame_window_us = 0;
	off.display_window_us = 0;
	link_wake(&off, &t, &w);
	CHECK(!in_chain(&t, T0));
	CHECK_EQ(t.class, CLASS_FAIR);
	w = from(SRC_DISPLAY);
	link_wake(&off, &t, &w);
	CHECK_EQ(t.class, CLASS_FAIR);
}

/* Wakeups of one kind until TASK_LEARNT is as wanted. */
static u32 wakeups_until(struct task_ctx *t, bool linked, bool learnt)
{
	u32 n = 0;

	while (!!(t->flags & TASK_LEARNT) != learnt && n < 1000) {
		link_learn(t, linked);
		CHECK_LE(t->score, SCORE_ONE);
		n++;
	}
	return n;
}

static void learning(void)
{
	struct task_ctx t = fresh();

	/* 16 ln 2 = 11.1: above one half after 11. */
	CHECK_EQ(wakeups_until(&t, true, true), 11);
	for (int i = 0; i < 1000; i++)
		link_learn(&t, true);
	CHECK_EQ(t.score, SCORE_ONE);
	/* 16 ln 4 = 22.2: below one quarter. Rounding helps it along. */
	CHECK_EQ(wakeups_until(&t, false, false), 22);
	for (int i = 0; i < 1000; i++)
		link_learn(&t, false);
	CHECK_EQ(t.score, 0);
	/* Just learnt is not forgotten by one, nor just forgotten learnt by one. */
	wakeups_until(&t, true, true);
	CHECK_LT(8, wakeups_until(&t, false, false));
	CHECK_LT(4, wakeups_until(&t, true, true));
}

/* Between the thresholds nothing changes: no flapping at a steady ratio. */
static void hysteresis(void)
{
	for (int learnt = 0; learnt < 2; learnt++) {
		struct task_ctx t = fresh();

		for (int i = 0; i < 200; i++)
			link_learn(&t, learnt);
		for (int i = 0; i < 1000; i++)
			link_learn(&t, i % 8 < 3); /* a score around 3/8 */
		CHECK_EQ(!!(t.flags & TASK_LEARNT), learnt);
	}
}

static void facing(void)
{
	struct task_ctx t = fresh();

	t.chain_until = T0 + 1;
	t.source = SRC_INPUT;
	t.depth = DEPTH_FACING;
	CHECK(link_faces(&t, T0));
	CHECK(!link_faces(&t, T0 + 1));
	t.depth = DEPTH_FACING + 1;
	CHECK(!link_faces(&t, T0));
	t.depth = 0;
	t.source = SRC_IRQ; /* else a timer would keep itself facing for ever */
	CHECK(!link_faces(&t, T0));
	t.source = SRC_DISPLAY;
	CHECK(link_faces(&t, T0));
}

static const u32 GAME = 4711, OTHER = 815;

static u32 faces_until_facing(struct process_ctx *ps, u64 *now, u64 gap)
{
	u32 n = 0;

	while (!link_facing(ps, GAME, *now) && n++ < 1000) {
		*now += gap;
		link_face(&tun, ps, GAME, 0, *now);
	}
	return n;
}

/* Once is coincidence; a frame or a report after the other is not. */
static void a_process_faces(void)
{
	struct process_ctx ps = {};
	u64 now = T0;

	CHECK_EQ(faces_until_facing(&ps, &now, 16 * MS), FACES_LEAST);
	CHECK(link_facing(&ps, GAME, now + tun.facing_ms * MS - 2 * MS));
	CHECK(!link_facing(&ps, GAME, now + tun.facing_ms * MS + 2 * MS));
	/* Kept up by one link now and then ... */
	now += tun.facing_ms * MS / 2;
	link_face(&tun, &ps, GAME, 0, now);
	CHECK(link_facing(&ps, GAME, now + tun.facing_ms * MS - 2 * MS));
	/* ... and once lost, to be earned again. */
	now += 2 * tun.facing_ms * MS;
	link_face(&tun, &ps, GAME, 0, now);
	CHECK(!link_facing(&ps, GAME, now));
	ps = (struct process_ctx){};
	CHECK_EQ(faces_until_facing(&ps, &now, 300 * MS), 1001);
}

/* Real-time leaders once shared one entry: every process with one faced the player. */
static void faces_are_not_shared(void)
{
	struct process_ctx ps = {};
	u64 now = T0;

	faces_until_facing(&ps, &now, MS);
	CHECK(!link_facing(&ps, GAME + 4096, now));
	link_face(&tun, &ps, GAME + 4096, 0, now); /* in use: stays whose it is */
	CHECK(link_facing(&ps, GAME, now));
	/* But not from the game that the daemon names: it begins there, and comes to face. */
	struct process_ctx other = ps;
	u64 then = now;
	for (int i = 0; i < FACES_LEAST; i++, then += MS)
		link_face(&tun, &other, GAME + 4096, GAME + 4096, then);
	CHECK(!link_facing(&other, GAME, then));
	CHECK(link_facing(&other, GAME + 4096, then));
	now += 2 * tun.facing_ms * MS;
	link_face(&tun, &ps, GAME + 4096, 0, now);
	CHECK(!link_facing(&ps, GAME, now));
	CHECK(!link_facing(&ps, GAME + 4096, now));
}

static void budget(void)
{
	u64 ns = us_to_ns(tun.frame_budget_us);
	struct task_ctx t = fresh();
	struct wake w = from(SRC_TASK);

	w = from_task(T0 + MS, SRC_DISPLAY, 0);
	link_chain(&tun, &t, &w);
	t.burst = ns; /* long bursts on average: no frame task by a chain ... */
	CHECK_EQ(link_class(&tun, &t, &w), CLASS_FAIR);
	t.flags = TASK_LEARNT; /* ... nor by habit ... */
	CHECK_EQ(link_class(&tun, &t, &w), CLASS_FAIR);
	t.burst = ns - 1;
	CHECK_EQ(link_class(&tun, &t, &w), CLASS_FRAME);

	for (u8 class = CLASS_INPUT; class < NR_CLASSES; class ++) {
		bool link = class == CLASS_INPUT || class == CLASS_FRAME;
		u8 others = class == CLASS_KERNEL ? class : CLASS_FAIR;

		t.class = class;
		t.used = ns - 1;
		CHECK_EQ(link_class_again(&tun, &t, WEIGHT_NICE0, false, ROLE_NONE), link ? CLASS_FRAME : others);
		t.used = ns;
		CHECK_EQ(link_class_again(&tun, &t, WEIGHT_NICE0, false, ROLE_NONE), CLASS_FAIR);
		/* Reniced while it ran: the new weight counts. */
		CHECK_EQ(link_class_again(&tun, &t, WEIGHT_NICE0, true, ROLE_NONE), CLASS_BATCH);
		CHECK_EQ(link_class_again(&tun, &t, WEIGHT_NICE0 - 1, false, ROLE_NONE), CLASS_BATCH);
	}
}

/* A chain ages while its tasks run and sleep, not while they wait for a CPU. */
static void waiting_does_not_age(void)
{
	struct task_ctx t = fresh();
	struct wake w = from(SRC_DISPLAY);
	u64 until;

	link_wake(&tun, &t, &w);
	CHECK(t.flags & TASK_WOKEN);
	until = t.chain_until;
	link_run(&t, 7 * MS);
	CHECK(!(t.flags & TASK_WOKEN));
	CHECK_EQ(t.chain_until, until + 7 * MS);
	link_run(&t, NSEC_PER_SEC);
	CHECK_EQ(t.chain_until, until + 7 * MS + RUN_DELAY_MAX_NS);
	t = fresh(); /* no chain: none begins */
	link_run(&t, 7 * MS);
	CHECK_EQ(t.chain_until, 0);
}

static void burst(void)
{
	struct task_ctx t = fresh();

	t.used = 800;
	link_burst(&t);
	CHECK_EQ(t.burst, 100);
	CHECK_EQ(t.used, 0);
	for (int i = 0; i < 200; i++) {
		t.used = USED_MAX_NS;
		link_burst(&t);
	}
	CHECK_EQ(t.burst, USED_MAX_NS);
}

static void ordinary_classes(void)
{
	struct task_ctx t = fresh();
	struct wake w = from(SRC_NONE);

	CHECK_EQ(link_class(&tun, &t, &w), CLASS_FAIR);
	w.weight = WEIGHT_NICE0 - 1;
	CHECK_EQ(link_class(&tun, &t, &w), CLASS_BATCH);
	w.weight = 10000;
	CHECK_EQ(link_class(&tun, &t, &w), CLASS_FAIR);
	w.batch = true;
	CHECK_EQ(link_class(&tun, &t, &w), CLASS_BATCH);
	w.kernel = true;
	CHECK_EQ(link_class(&tun, &t, &w), CLASS_KERNEL);
	w.source = SRC_INPUT;
	CHECK_EQ(link_class(&tun, &t, &w), CLASS_INPUT);
}

/* A time of 0 in an entry that was never used lay ahead from the 26th day on. */
static void a_machine_that_is_up_for_weeks(void)
{
	for (u64 day = 1; day < 120; day++) {
		struct process_ctx unused = {}, old = { .tgid = OTHER, .faces = FACES_LEAST };
		u64 now = day * 24 * 3600 * NSEC_PER_SEC;

		CHECK(!link_facing(&old, OTHER, now));
		CHECK_EQ(faces_until_facing(&unused, &now, 16 * MS), FACES_LEAST);
		old.tgid = GAME;
		old.faces = FACES_LEAST - 1;
		CHECK_EQ(faces_until_facing(&old, &now, 16 * MS), FACES_LEAST);
	}
}

int main(void)
{
	tun = default_tunables();
	starts();
	passes();
	ends();
	dies_by_depth_and_time();
	windows_of_zero();
	learning();
	hysteresis();
	facing();
	a_process_faces();
	faces_are_not_shared();
	a_machine_that_is_up_for_weeks();
	budget();
	burst();
	waiting_does_not_age();
	ordinary_classes();
	return check_done();
}
