// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each tunable does: a decision of the policy under its least, its shipped and
 * its greatest value, all others as shipped. A tunable without a case is a function
 * that is declared and not defined: this file does not compile then.
 */
#include "check.h"
#include "policy/frequency.h"
#include "policy/lock.h"

enum {
	/* Loops that look for an end give up here. */
	STEPS_MAX = 1000,
	/* More than any budget, window or time of facing. */
	LONG_MS = 100000,
};

static const u64 T0 = 1000 * NSEC_PER_SEC;
static const struct fair_clock idle = { .rate = FAIR_RATE_ONE, .inverse = FAIR_RATE_ONE };

/* A case returns what the help says grows with the value. */
#define CASE(name) static u64 case_##name(const struct tunables *pr)
#define TUNABLE(name, dfl, lo, hi, unit, help) CASE(name);
#include "tunables.def.h"
#ifdef PHOTON_SABOTAGE_TUNABLE
TUNABLE(forgotten_us, 1, 0, 2, "us", "has no case")
#endif
#undef TUNABLE

static u64 due(const struct tunables *pr, u8 class)
{
	struct task_ctx t = { .class = class, .burst = 50 * MS, .used = 50 * MS };

	return relative_deadline(pr, &t, &idle, T0);
}

CASE(input_deadline_us)
{
	return due(pr, CLASS_INPUT);
}

CASE(frame_deadline_us)
{
	return due(pr, CLASS_FRAME);
}

CASE(game_deadline_us)
{
	return due(pr, CLASS_GAME);
}

CASE(fair_deadline_us)
{
	return due(pr, CLASS_FAIR);
}

CASE(batch_deadline_us)
{
	return due(pr, CLASS_BATCH);
}

CASE(slice_us)
{
	struct task_ctx t = { .class = CLASS_FAIR, .used = 50 * MS };

	task_ask(pr, &t);
	return task_slice(&t);
}

/* How long the chain lives that a wakeup starts; without one it is no link of a frame. */
static u64 chain_life(const struct tunables *pr, struct wake w)
{
	struct task_ctx t = { .class = CLASS_FAIR };

	w.now = T0;
	w.weight = WEIGHT_NICE0;
	link_wake(pr, &t, &w);
	CHECK_EQ(in_chain(&t, T0), t.class == CLASS_INPUT || t.class == CLASS_FRAME);
	return sub_sat(t.chain_until, T0);
}

static u64 report_life(const struct tunables *pr, u8 device)
{
	return chain_life(pr, (struct wake){ .source = SRC_INPUT, .device = device });
}

CASE(input_window_us)
{
	u64 life = report_life(pr, DEVICE_OTHER);

	/* The bound of all, whatever their own says. */
	for (u8 device = DEVICE_MOUSE; device <= DEVICE_TABLET; device++)
		CHECK_LE(report_life(pr, device), life);
	return life;
}

CASE(mouse_window_us)
{
	return report_life(pr, DEVICE_MOUSE);
}

CASE(keyboard_window_us)
{
	return report_life(pr, DEVICE_KEYBOARD);
}

CASE(pad_window_us)
{
	return report_life(pr, DEVICE_PAD);
}

CASE(touch_window_us)
{
	CHECK_EQ(report_life(pr, DEVICE_TOUCH), report_life(pr, DEVICE_TABLET));
	return report_life(pr, DEVICE_TOUCH);
}

CASE(display_window_us)
{
	return chain_life(pr, (struct wake){ .source = SRC_DISPLAY });
}

CASE(frame_window_us)
{
	struct task_ctx t = { .class = CLASS_FAIR };
	struct wake timer = { .now = T0, .weight = WEIGHT_NICE0, .source = SRC_IRQ, .facing = true };

	/* The timers of a process that faces the player as well. */
	link_wake(pr, &t, &timer);
	CHECK_EQ(sub_sat(t.chain_until, T0), chain_life(pr, (struct wake){ .source = SRC_RT }));
	return sub_sat(t.chain_until, T0);
}

/* Links until the chain ends, each at once after the one before. */
CASE(chain_depth)
{
	struct wake w = { .now = T0, .weight = WEIGHT_NICE0, .source = SRC_RT };
	u64 links = 0;

	while (links < STEPS_MAX) {
		struct task_ctx t = { .class = CLASS_FAIR };

		link_wake(pr, &t, &w);
		if (!in_chain(&t, T0))
			break;
		links++;
		w.source = SRC_TASK;
		w.waker_until = t.chain_until;
		w.waker_source = t.source;
		w.waker_depth = t.depth;
	}
	return links;
}

/* CPU after which a frame task is one no more; one that needs so much is none at its next wakeup. */
CASE(frame_budget_us)
{
	struct task_ctx t = { .class = CLASS_FRAME };
	struct wake w = { .now = T0, .weight = WEIGHT_NICE0, .source = SRC_RT };

	while (t.used < LONG_MS * US && link_class_again(pr, &t, WEIGHT_NICE0, false, ROLE_NONE) == CLASS_FRAME)
		t.used += 100 * US;
	t.burst = t.used;
	CHECK_EQ(link_class(pr, &t, &w), CLASS_FAIR);
	return t.used;
}

/* What the holder of a lock runs for the frame. */
CASE(lock_lift_us)
{
	struct task_ctx waiter = { .class = CLASS_FRAME, .chain_until = T0 + 10 * MS };
	struct task_ctx holder = { .class = CLASS_FAIR, .used = 300 * MS };

	lock_lift(pr, &holder, &waiter, T0);
	return holder.request_end - holder.used;
}

CASE(game_class)
{
	struct task_ctx t = { .class = CLASS_FAIR };

	return link_class_again(pr, &t, WEIGHT_NICE0, false, ROLE_GAME) == CLASS_GAME;
}

CASE(batch_demotion)
{
	struct task_ctx t = { .class = CLASS_FAIR, .used = HEAVY_NS };

	return link_class_again(pr, &t, WEIGHT_NICE0, false, ROLE_BESIDE) == CLASS_BATCH;
}

/* What a CPU asks for that draws frames and has little to do. */
static u64 frequency(const struct tunables *pr, bool playing)
{
	struct cpu_load l = { .since = T0 - LOAD_WINDOW_NS };

	load_close(&l, 0, FREQUENCY_TOP, T0);
	if (draws_frames(CLASS_FRAME, playing))
		load_frame(&l, T0);
	return frequency_wanted(pr, &l, T0);
}

CASE(frame_frequency)
{
	return frequency(pr, true);
}

/* How much below the highest a CPU without load or frames may be. */
CASE(load_frequency)
{
	return FREQUENCY_TOP - frequency(pr, false);
}

/* How much later a running task's deadline must be, to be preempted. */
CASE(preempt_margin_us)
{
	u64 later = 0;

	while (later < LONG_MS * US && !may_preempt(pr, T0 + later, T0))
		later += 10 * US;
	return later;
}

/* How long work that had waited past its deadline runs before a frame preempts it. */
CASE(min_run_us)
{
	struct running r = { .class = CLASS_FAIR, .deadline = T0 - MS, .started = T0 };
	u64 ran = 0;

	while (ran < LONG_MS * US &&
	       !may_preempt(pr, running_deadline(pr, &r, T0 + ran, CLASS_FRAME), T0 + ran + 4 * MS))
		ran += 10 * US;
	return ran;
}

/* How long a process faces the player after the last link, ms. */
CASE(facing_ms)
{
	const u32 tgid = 77;
	struct process_ctx ps = { 0 };
	u64 ms = 0;

	for (u32 i = 0; i < FACES_LEAST; i++)
		link_face(pr, &ps, tgid, 0, T0);
	while (ms < LONG_MS && link_facing(&ps, tgid, T0 + ms * MS))
		ms += 10;
	return ms;
}

struct tunable_case {
	const char *name;
	u64 (*shows)(const struct tunables *pr);
	u64 offset; /* of the value in struct tunables */
	u64 least, shipped, most;
};

static const struct tunable_case cases[] = {
#define TUNABLE(name, dfl, lo, hi, unit, help) \
	{ #name, case_##name, __builtin_offsetof(struct tunables, name), lo, dfl, hi },
#include "tunables.def.h"
#ifdef PHOTON_SABOTAGE_TUNABLE
	{ "forgotten_us", case_forgotten_us, 0, 0, 1, 2 },
#endif
#undef TUNABLE
};

static u64 shown(const struct tunable_case *c, u64 value)
{
	struct tunables set = default_tunables();

	*(u64 *)((char *)&set + c->offset) = value;
	return c->shows(&set);
}

int main(void)
{
	for (u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tunable_case *c = &cases[i];
		u64 least = shown(c, c->least), shipped = shown(c, c->shipped), most = shown(c, c->most);

		check_case = i;
		if (!(least < most && least <= shipped && shipped <= most))
			fprintf(stderr, "%s: %llu at %llu, %llu at %llu, %llu at %llu\n", c->name, least, c->least,
				shipped, c->shipped, most, c->most);
		CHECK_LT(least, most);
		CHECK_LE(least, shipped);
		CHECK_LE(shipped, most);
		/* What 0 turns off is off. */
		if (!c->least && c->most > 1 && c->shows != case_preempt_margin_us)
			CHECK_EQ(least, 0);
	}
	return check_done();
}
