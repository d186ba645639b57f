/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the scheduler remembers of a task: one cache line, in a slot of the
 * page-aligned pool (mech/slots.bpf.h), never in task storage, whose values
 * start at 8 or 16 modulo 64 whatever the struct asks for.
 *
 * Writers: the waker's CPU under p->pi_lock while the task sleeps, the CPU that
 * holds the task's rq lock otherwise. `submits` and `submitted`: the waker, and the
 * task itself while it runs. `vtime`: also a task that it made, when that ends.
 */
#ifndef PHOTON_POLICY_TASK_H
#define PHOTON_POLICY_TASK_H

#include "base.h"

enum task_class {
	CLASS_NONE = 0, /* nothing of ours runs: idle, or a higher class */
	CLASS_INPUT, /* woken by an input report */
	CLASS_KERNEL, /* kernel thread bound to one CPU */
	CLASS_FRAME, /* on the way from a source to the screen */
	CLASS_GAME, /* other work of the game that is played */
	CLASS_FAIR, /* everything else */
	CLASS_BATCH, /* nice above 0, SCHED_BATCH, SCHED_IDLE; heavy work beside a game */
	NR_CLASSES,
};

/* Preempts, and is queued before fair work. */
static inline bool is_urgent(u8 class)
{
	return class == CLASS_INPUT || class == CLASS_FRAME ||
	       class == CLASS_KERNEL;
}

enum source {
	SRC_NONE = 0,
	SRC_INPUT, /* an input report, stamped by its probe */
	SRC_DISPLAY, /* vblank or GPU fence, stamped by its probe */
	SRC_RT, /* a real-time task: compositor, audio server, irq thread */
	SRC_IRQ, /* any other interrupt: timers, disks, network */
	SRC_TASK, /* an ordinary task */
	NR_SOURCES,
};

enum task_flags {
	TASK_LEARNT = 1 << 0, /* takes part in chains again and again */
	TASK_EXPIRED = 1 << 1, /* has had what its deadline was for */
	TASK_WOKEN_BY_INPUT = 1 << 2, /* its wake-to-run delay is measured */
	TASK_WOKEN = 1 << 3, /* and has not run since */
	TASK_KTHREAD = 1 << 4, /* does everyone's work; set once, at enable */
	TASK_DEMOTED = 1 << 5, /* fair work, batch beside a game */
	TASK_LIFTED = 1 << 6, /* runs for a frame that waits for its lock */
};

struct task_ctx {
	u64 deadline; /* 0: ns, wall clock: queued or running under this */
	u64 vtime; /* 8: ns of service at weight 100 */
	u64 sum_exec; /* 16: ns, se.sum_exec_runtime when last charged */
	u64 woken_at; /* 24: ns, wall clock of the last wakeup */
	u64 chain_until; /* 32: ns, the chain it carries ends here */
	u32 waker; /* 40: pid of the ordinary task that woke it; 0: none did */
	u32 request_end; /* 44: ns of `used` at which the deadline is used up */
	u32 used; /* 48: ns of CPU since the last wakeup */
	u32 burst; /* 52: ns, average CPU per wakeup */
	u16 score; /* 56: 0..SCORE_ONE, how often it is a link of a chain */
	u8 class; /* 58: enum task_class */
	u8 source; /* 59: enum source of the chain it carries */
	u8 depth; /* 60: links between it and the source */
	u8 flags; /* 61: enum task_flags */
	u8 submits; /* 62: moments at which it gave the GPU work, see submit.h */
	u8 submitted; /* 63: the last of them */
};

/*
 * What the scheduler remembers of a process, found by the low bits of its tgid:
 * a leader may be real-time or gone, and has no context then. Entries are never
 * freed; they expire, and another process takes them over. Written by wakers of
 * any thread of the process: plain stores, and a lost one costs at most a late
 * renewal, because the next link of the chain stores again.
 */
struct process_ctx {
	u32 tgid;
	u32 facing_until; /* coarse time: see facing_ms */
	u32 faces; /* how often in a row a chain has reached it */
	u32 reserved;
};

/*
 * A process that one of the played game's family has forked, found by the low bits
 * of its tgid; written at the fork, by the parent. See kin_is_unseen().
 */
struct kin {
	u32 tgid; /* 0: none */
	u32 look; /* the daemon's last look at all processes, then */
	u32 execs; /* how many programs it and its forebears had executed */
	u32 reserved;
};

/* Who made a task, by its slot: see mech/birth.bpf.h. */
struct birth {
	u32 pid; /* whose slot it is; 0: nobody's */
	u32 maker; /* slot; 0: not known */
	u32 maker_pid; /* whose slot that was */
	u16 maker_weight;
	u8 maker_is_root;
	u8 reserved;
};

#define CACHE_LINE 64

_Static_assert(sizeof(struct task_ctx) == CACHE_LINE,
	       "task_ctx is one cache line");
#ifdef PHOTON_SABOTAGE_LAYOUT
_Static_assert(__builtin_offsetof(struct task_ctx, deadline) >= CACHE_LINE,
	       "sabotage: this assertion must fail");
#endif
#define ASSERT_OFFSET(type, field, off)                               \
	_Static_assert(__builtin_offsetof(struct type, field) == off, \
		       #type "." #field " moved")
ASSERT_OFFSET(task_ctx, deadline, 0);
ASSERT_OFFSET(task_ctx, chain_until, 32);
ASSERT_OFFSET(task_ctx, used, 48);
ASSERT_OFFSET(task_ctx, flags, 61);

#endif /* PHOTON_POLICY_TASK_H */
