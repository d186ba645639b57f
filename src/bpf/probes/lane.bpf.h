/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The writing end of a lane: no lock, no atomic, no look at the reader. One
 * writer, because a lane is a CPU's and BPF runs a tracing program once at a
 * time on a CPU. The reading end is src/lane.rs.
 *
 * Order. `head` publishes what was written before it, and what is written after
 * it must not be seen before it, or the reader would take a slot that is being
 * overwritten for a whole one. x86 keeps stores in order (TSO), so that only the
 * compiler has to be held; BPF has store-release from Linux 6.15 on and clang
 * from 20 on, and it would emit the same plain store there. Elsewhere an
 * exchange, which is a full barrier on both sides.
 */
#ifndef PHOTON_LANE_BPF_H
#define PHOTON_LANE_BPF_H

#if defined(__TARGET_ARCH_x86)
#define publish(word, value)                  \
	({                                    \
		barrier();                    \
		WRITE_ONCE(*(word), (value)); \
		barrier();                    \
	})
#else
#define publish(word, value) ((void)__sync_lock_test_and_set((word), (value)))
#endif

/* Macros, because memory of an arena has a type of its own. */
#define lane_put(lane, report)                                     \
	({                                                         \
		u64 seq_ = (lane)->head;                           \
		(lane)->slot[seq_ & (LANE_EVENTS - 1)] = (report); \
		publish(&(lane)->head, seq_ + 1);                  \
		seq_ + 1;                                          \
	})

#endif /* PHOTON_LANE_BPF_H */
