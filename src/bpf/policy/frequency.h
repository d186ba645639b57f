/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How fast a CPU shall be, where the governor asks the scheduler: by its load, as
 * without a scheduler of ours, and more while it draws the frames of the game that
 * is played. A kernel whose scheduler says nothing runs every CPU at its highest,
 * on an idle desktop too.
 *
 * When it is bad: a load that comes suddenly is seen after a window of it. The
 * frames of a game that nobody has found run at the frequency that their CPU's load
 * asks for, as they would without us.
 */
#ifndef PHOTON_POLICY_FREQUENCY_H
#define PHOTON_POLICY_FREQUENCY_H

#include "params.h"
#include "task.h"

enum {
	/* SCX_CPUPERF_ONE: the highest frequency, and the CPU's whole time. */
	FREQUENCY_TOP = 1024,
	/*
	 * Load is measured over this. A frame at 144 Hz and the pause after it fit in,
	 * and what begins to compute is seen within a frame at 60 Hz.
	 */
	LOAD_WINDOW_NS = 10 * NSEC_PER_MSEC_,
	/* What was measured so many windows ago says nothing of now. */
	LOAD_OLD_NS = 10 * LOAD_WINDOW_NS,
	/*
	 * A load that falls is believed by a quarter a window: half of it in 24 ms,
	 * where the kernel's own average (PELT) takes 32. One that rises, at once.
	 */
	LOAD_FALL_SHIFT = 2,
	/*
	 * Of FREQUENCY_TOP: a CPU with less idle time than 5 % may need any
	 * frequency, and its load is no measure of how much.
	 */
	LOAD_FULL = 973,
	/*
	 * How long a CPU counts as one that draws frames, from the last: three frames
	 * at 30 Hz. A change takes time, so it must not follow each frame.
	 */
	FRAME_HOLD_NS = 100 * NSEC_PER_MSEC_,
};

/* Of one CPU. Zero at first: busy for longer than anybody remembers. */
struct cpu_load {
	u64 since; /* ns: begin of the window */
	u64 busy; /* ns in it, without the stint that goes on */
	u64 frames_until; /* ns: draws frames until then */
	u32 load; /* of FREQUENCY_TOP, by the last windows */
	u8 reserved0[100];
	u64 rested; /* the timer's: the window that it has already seen as old */
	u8 reserved1[120];
};

static inline bool load_is_due(const struct cpu_load *l, u64 now)
{
	return sub_sat(now, l->since) >= LOAD_WINDOW_NS;
}

/* The stint that began at `started` goes on, or ends, now. */
static inline u64 load_stint(const struct cpu_load *l, u64 started, u64 now)
{
	return sub_sat(now, max_u64(started, l->since));
}

/*
 * Ends the window, which ran at `speed` of FREQUENCY_TOP: at half of it, a CPU that is
 * busy for half of the time has a load of a quarter.
 */
static inline void load_close(struct cpu_load *l, u64 busy, u64 speed, u64 now)
{
	u64 length = sub_sat(now, l->since);
	u64 share = div_or(busy * FREQUENCY_TOP, length, FREQUENCY_TOP);
	u64 load = share >= LOAD_FULL ? FREQUENCY_TOP :
					share * speed / FREQUENCY_TOP;

	if (!l->since)
		load = FREQUENCY_TOP;
	if (load < l->load && length < LOAD_OLD_NS)
		load = ewma(l->load, load, LOAD_FALL_SHIFT);
	l->load = min_u64(load, FREQUENCY_TOP);
	l->since = now;
	l->busy = 0;
}

/* Does a CPU that runs this class draw frames? */
static inline bool draws_frames(u8 class, bool playing)
{
	return playing && (class == CLASS_INPUT || class == CLASS_FRAME);
}

/* A CPU draws frames. Returns whether it had not for a while. */
static inline bool load_frame(struct cpu_load *l, u64 now)
{
	bool first = before_u64(l->frames_until, now);

	l->frames_until = now + FRAME_HOLD_NS;
	return first;
}

/* Has the CPU been idle for so long that its last load must not bind others? */
static inline bool load_is_old(const struct cpu_load *l, u64 now)
{
	return sub_sat(now, l->since) >= LOAD_OLD_NS;
}

/* What to ask for, of FREQUENCY_TOP. */
static inline u32 frequency_wanted(const volatile struct tunables *pr,
				   const struct cpu_load *l, u64 now)
{
	u64 frames = pr->frame_frequency * FREQUENCY_TOP / 100;

	if (!pr->load_frequency)
		return FREQUENCY_TOP;
	if (!before_u64(now, l->frames_until))
		return l->load;
	return max_u64(l->load, min_u64(frames, FREQUENCY_TOP));
}

#endif /* PHOTON_POLICY_FREQUENCY_H */
