/* SPDX-License-Identifier: GPL-2.0-only */
/* What a game that is played changes: its own work, and heavy work beside it. */
#include "check.h"

static struct tunables tun;

static const u8 ROLES[] = { ROLE_NONE, ROLE_GAME, ROLE_BESIDE };

static u8 again(struct tunables *with, struct task_ctx t, u8 role)
{
	return link_class_again(with, &t, WEIGHT_NICE0, false, role);
}

static struct task_ctx worker(u32 used)
{
	return (struct task_ctx){ .class = CLASS_FAIR, .used = used };
}

/* Only the game's own work, only long work beside it, and only while one is played. */
static void roles(void)
{
	for (u32 used = 0; used < 40 * MS; used += MS) {
		bool heavy = used >= HEAVY_NS;

		CHECK_EQ(again(&tun, worker(used), ROLE_NONE), CLASS_FAIR);
		CHECK_EQ(again(&tun, worker(used), ROLE_GAME), CLASS_GAME);
		CHECK_EQ(again(&tun, worker(used), ROLE_BESIDE), heavy ? CLASS_BATCH : CLASS_FAIR);
	}
}

/* A wakeup is judged by the average burst. */
static void wakeups(void)
{
	for (u64 i = 0; i < sizeof(ROLES); i++) {
		struct task_ctx heavy = { .class = CLASS_FAIR, .burst = 2 * HEAVY_NS };
		struct task_ctx light = { .class = CLASS_FAIR, .burst = MS };
		struct wake w = { .now = 1000 * MS, .weight = WEIGHT_NICE0, .source = SRC_TASK, .role = ROLES[i] };
		bool game = w.role == ROLE_GAME;

		link_wake(&tun, &heavy, &w);
		link_wake(&tun, &light, &w);
		CHECK_EQ(light.class, game ? CLASS_GAME : CLASS_FAIR);
		CHECK_EQ(heavy.class, game ? CLASS_GAME : w.role == ROLE_BESIDE ? CLASS_BATCH : CLASS_FAIR);
	}
}

/* A forked process is of the family for the look that was going on and not after the next, nor as another program. */
static void kin_for_a_look(void)
{
	const struct kin k = { .tgid = 4711, .look = 0xffffffff, .execs = 3 };

	CHECK_EQ(kin_is_unseen(&k, 4711, 3, k.look), true);
	CHECK_EQ(kin_is_unseen(&k, 4711, 3, k.look + 1), true);
	CHECK_EQ(kin_is_unseen(&k, 4711, 3, k.look + 2), false);
	CHECK_EQ(kin_is_unseen(&k, 4711, 3, k.look - 1), false);
	CHECK_EQ(kin_is_unseen(&k, 4711, 4, k.look), false);
	CHECK_EQ(kin_is_unseen(&k, 4711 + FAMILY_SLOTS, 3, k.look), false);
}

/* The game does not get its nice work forward, nor do others get theirs back. */
static void nice_stays_nice(void)
{
	struct task_ctx t = worker(20 * MS);

	for (u64 i = 0; i < sizeof(ROLES); i++) {
		CHECK_EQ(link_class_again(&tun, &t, WEIGHT_NICE0, true, ROLES[i]), CLASS_BATCH);
		CHECK_EQ(link_class_again(&tun, &t, WEIGHT_NICE0 - 1, false, ROLES[i]), CLASS_BATCH);
	}
}

/* Kernel threads work for the game too, and what takes part in chains shows it. */
static void not_demoted(void)
{
	struct task_ctx t = worker(20 * MS);

	t.flags = TASK_KTHREAD;
	CHECK_EQ(again(&tun, t, ROLE_BESIDE), CLASS_FAIR);
	t.flags = TASK_LEARNT;
	CHECK_EQ(again(&tun, t, ROLE_BESIDE), CLASS_FAIR);
}

/* Its service stays a part of the fair clock, or it would be behind it for ever. */
static void makes_the_clock_still(void)
{
	const struct fair_clock idle = { .rate = FAIR_RATE_ONE, .inverse = FAIR_RATE_ONE };
	struct task_ctx t = worker(20 * MS);

	t.class = CLASS_BATCH;
	CHECK(note_demotion(&tun, &t, CLASS_BATCH, ROLE_BESIDE));
	CHECK(makes_the_clock(&t));
	/* Never earlier than batch work is due. */
	t.vtime = -1000 * (s64)MS;
	CHECK_LE(us_to_ns(tun.batch_deadline_us), relative_deadline(&tun, &t, &idle, 0));
	CHECK(!note_demotion(&tun, &t, CLASS_BATCH, ROLE_NONE));
	CHECK(!makes_the_clock(&t));
	CHECK(!note_demotion(&tun, &t, CLASS_FRAME, ROLE_BESIDE));
}

static void switched_off(void)
{
	struct tunables off = tun;

	off.game_class = 0;
	CHECK_EQ(again(&off, worker(0), ROLE_GAME), CLASS_FAIR);
	CHECK_EQ(again(&off, worker(20 * MS), ROLE_BESIDE), CLASS_BATCH);
	off.game_class = 1;
	off.batch_demotion = 0;
	CHECK_EQ(again(&off, worker(0), ROLE_GAME), CLASS_GAME);
	CHECK_EQ(again(&off, worker(20 * MS), ROLE_BESIDE), CLASS_FAIR);
}

/* All that a faker gets: the game's deadline, whatever he did before. */
static void the_offset_is_bounded(void)
{
	const struct fair_clock fc = { .rate = FAIR_RATE_ONE, .inverse = FAIR_RATE_ONE };
	struct tunables later = tun;
	struct task_ctx t = worker(20 * MS);

	t.class = CLASS_GAME;
	t.vtime = 1000 * MS;
	CHECK_EQ(relative_deadline(&tun, &t, &fc, 0), us_to_ns(tun.game_deadline_us));
	later.game_deadline_us = 2 * tun.game_deadline_us;
	CHECK_EQ(relative_deadline(&later, &t, &fc, 0), us_to_ns(later.game_deadline_us));
	/* Short work keeps the deadline that it had. */
	t.used = 0;
	CHECK_EQ(relative_deadline(&tun, &t, &fc, 0), FAIR_DEADLINE_MIN_NS);
	/* And the game's end leaves neither debt nor credit. */
	fair_excuse(&t, 77);
	CHECK_EQ(t.vtime, 77);
}

/* Frames get through the game's other work, and take others' work first. */
static void frames_come_first(void)
{
	u64 now = 1000 * MS, frame = now + us_to_ns(tun.frame_deadline_us);
	struct running r = { .deadline = now - MS, .started = now, .class = CLASS_GAME };
	struct running hog = { .deadline = now + MS, .started = now, .class = CLASS_BATCH };
	u64 game = running_deadline(&tun, &r, now, CLASS_FRAME);

	CHECK(may_preempt(&tun, game, frame));
	CHECK(!victim_is_good(&tun, game, now));
	CHECK(victim_is_good(&tun, running_deadline(&tun, &hog, now, CLASS_FRAME), now));
}

int main(void)
{
	tun = default_tunables();
	roles();
	wakeups();
	nice_stays_nice();
	not_demoted();
	makes_the_clock_still();
	switched_off();
	the_offset_is_bounded();
	frames_come_first();
	kin_for_a_look();
	return check_done();
}
