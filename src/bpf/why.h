/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel part tells `scx_photon why`: one record a wait that was too
 * long, and one a turn (wakeup to sleep) of the threads of the watched process.
 */
#ifndef PHOTON_WHY_H
#define PHOTON_WHY_H

enum why_consts {
	/* 6 % of a frame at 60 Hz: shorter waits make no stutter by themselves. */
	WHY_WAIT_NS = 1000 * 1000,
	/* What an input reader may wait unreported: five times its deadline. */
	WHY_WAIT_INPUT_NS = 500 * 1000,
	/* Records are bounded by CPU and by windows of this length, ns. */
	WHY_WINDOW_NS = 1000 * 1000 * 1000,
	/* A window's waits; more than that is one cause, many times. */
	WHY_WAITS_MAX = 250,
	/* A window's turns of the watched process: 8 threads at 500 Hz. */
	WHY_TURNS_MAX = 4000,
	/* A window's turns of all others: enough to see who makes frames. */
	WHY_SAMPLES_MAX = 64,
	/*
	 * A CPU's last stints of WHY_WAIT_NS and more, to name who had it during a
	 * wait: who came last may have had it for microseconds. Two fit into the
	 * 2 x 3 ms of a crowd at the default slice, longer waits see their end.
	 */
	WHY_STINTS = 4,
	WHY_COMM_LEN = 16, /* TASK_COMM_LEN */
	WHY_RING_BYTES = 256 * 1024,
	/* The daemon is woken for so much; else it looks once a second. */
	WHY_WAKEUP_BYTES = 64 * 1024,
};

enum why_kind {
	WHY_WAIT = 0, /* runnable, and not on a CPU */
	WHY_TURN, /* awake, from wakeup to sleep */
};

enum why_flags {
	WHY_PINNED = 1 << 0, /* may run on one CPU only */
	WHY_AGAIN = 1 << 1, /* had lost its CPU, as opposed to woken up */
	WHY_MOVED = 1 << 2, /* taken from behind a higher class, to elsewhere */
	WHY_OTHER_RT = 1 << 3, /* the other task is real-time or higher */
	WHY_OTHER_IDLE = 1 << 4, /* there was no other: the CPU idled */
	WHY_IOWAIT = 1 << 5, /* it sleeps for a disk */
	WHY_OTHER_PINNED = 1 << 6, /* the other may run there only */
};

struct why_record {
	u64 from; /* 0: ns, became runnable; turn: woke up */
	u64 at; /* 8: ns, got a CPU; turn: fell asleep */
	u64 chain_until; /* 16: ns, end of the chain it carries; 0: none */
	u32 pid; /* 24 */
	u32 tgid; /* 28 */
	u32 used; /* 32: ns of CPU since the wakeup */
	u32 other_pid; /* 36: wait: who had that CPU for longest */
	u16 cpu; /* 40 */
	u8 kind; /* 42: enum why_kind */
	u8 class; /* 43: enum task_class */
	u8 source; /* 44: enum source of its chain */
	u8 depth; /* 45: links between it and the source */
	u8 other_class; /* 46: enum task_class of the other; 0: not ours */
	u8 flags; /* 47: enum why_flags */
	char comm[WHY_COMM_LEN]; /* 48 */
	char other_comm[WHY_COMM_LEN]; /* 64 */
	u32 sleep; /* 80: turn: the task state it sleeps in */
	u32 waker; /* 84: turn: pid of the task that woke it; 0: none did */
	u32 other_tgid; /* 88: wait */
	u32 other_ran; /* 92: ns of the wait that the other ran; 0: unknown */
};

#endif /* PHOTON_WHY_H */
