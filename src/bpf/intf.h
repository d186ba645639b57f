/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel part and the daemon share. The Rust side gets these types
 * through bindgen; nothing is written down twice.
 */
#ifndef PHOTON_INTF_H
#define PHOTON_INTF_H

#include "policy/base.h"
#include "policy/task.h"
#include "policy/device.h"
#include "policy/histogram.h"
#include "policy/link.h"
#include "policy/params.h"
#include "why.h"

enum consts {
	MAX_CPUS = 512, /* power of two; a bigger machine is refused at start */
	MAX_LLCS = 64,
	MAX_TASKS = 65536, /* power of two: the slot fits in 16 bits */
	SLOT_BITS = 16,
	MAX_PROCESSES =
		4096, /* power of two: live ones rarely share an entry */
	/* Power of two: processes of one game have neighbouring numbers. */
	FAMILY_SLOTS = 1024,
	NR_RINGS = 16,
	/*
	 * What CPUs write in arrays is this far apart: a line and the one that the
	 * prefetcher takes with it. Inside cpu_ctx a writer has a line.
	 */
	FALSE_SHARING_RANGE = 128,
	/* DSQ ids: two a LLC, one a CPU. */
	DSQ_LLC_BASE = 0x1000,
	DSQ_URGENT_BASE = 0x2000,
	DSQ_CPU_BASE = 0x10000,
	SNAPSHOT_NS = 100 * 1000 * 1000, /* counters are summed this often */
	/*
	 * Period of the BPF timer. No multiple of a tick (4 ms at HZ=250): in step
	 * with the slices it would see the same task at the same point each time.
	 */
	HEARTBEAT_NS = 9700 * 1000,
};

enum counter {
#define COUNTER(name, help) CNT_##name,
#include "counters.def.h"
#undef COUNTER
	NR_COUNTERS,
};

/*
 * What the daemon has decided: who is played and what belongs to it. Written by
 * the daemon alone, as a whole, and again every second: see mech/game.bpf.h.
 */
struct game {
	u32 beat; /* another number each time */
	u32 main; /* tgid; 0: nobody plays */
	u32 look; /* number of the look at all processes that the rest is of */
	u32 reserved[13];
	u32 family[FAMILY_SLOTS]; /* tgids, by their low bits; 0: free */
};

enum sabotage {
	SABOTAGE_NONE = 0,
	SABOTAGE_NO_PREEMPT,
	SABOTAGE_DEAD_QUEUE, /* batch tasks rot, not khugepaged: who stalls is known */
	SABOTAGE_LOST_COUNTER,
	SABOTAGE_WASTE,
	SABOTAGE_LOST_PINNED, /* bound tasks rot; the rescue finds them */
	SABOTAGE_LOST_PINNED_NO_RESCUE,
	SABOTAGE_LEAK_CONTEXT,
	SABOTAGE_DROP_TASK,
	SABOTAGE_IGNORE_AFFINITY,
	SABOTAGE_KEEP_GAME, /* once a game, always a game */
	SABOTAGE_ENDLESS_SLICE, /* fair work keeps its CPU until it is preempted */
	SABOTAGE_KEEP_CPU, /* who gets a CPU keeps it, whoever waits */
	SABOTAGE_OWN_LLC, /* urgent work stays in its LLC */
	SABOTAGE_FAIL_INIT,
	SABOTAGE_LONG_TURNS, /* those of a crowd end at ticks */
	SABOTAGE_RING_BOUNDS, /* events past a lane's end, so into the next lane */
};

/* One input report. Holds nothing from which a key or a position could be told. */
struct input_report {
	u64 at; /* ns, the clock of the scheduler */
	u32 device; /* small number given at first sight; no address */
	u16 cpu;
	u8 device_class; /* enum device_class */
	u8 reserved;
};

/*
 * Per CPU. First line: written by the CPU itself, read by every waker. Second:
 * written by others. Third: the CPU's own, read by nobody else but the timer.
 * Fourth: the timer's own, which runs on any CPU. Who changes the task that runs
 * writes as the CPU itself, with its rq lock.
 */
struct cpu_ctx {
	/* line 0 */
	u64 deadline; /* 0: ns, of the running task */
	u64 started; /* 8: ns, when it got the CPU */
	u8 class; /* 16: enum task_class of the running task */
	u8 last; /* 17: enum task_class of the last stint */
	u8 is_long; /* 18: the running task's stints are, see yields_to_short() */
	u8 reserved0[5];
	u64 turn_began; /* 24: ns, when fair work had its turn after urgent work last */
	u8 reserved4[32];
	/* line 1: preempting CPUs, enqueue with the rq lock held, lock probe, timer */
	u64 claim; /* 64: ns, when somebody preempted this CPU; 0: free */
	u8 pinned; /* 72: the CPU's own queue may hold tasks */
	u8 reserved1[7];
	u64 lock_until; /* 80: ns, a frame waits for a lock of the running task */
	u64 overdue; /* 88: dsq whose head is to run here next; 0: none */
	u64 foreign; /* 96: dsq of another LLC, before the own's fair work; 0: none */
	u32 turn; /* 104: ns of each turn of a crowd that waits here; 0: none */
	u8 reserved2[20];
	/* line 2: the CPU itself */
	u64 source_until; /* 128: ns, end of the interrupt's stamp */
	u64 fair_served; /* 136: ns of CPU that fair tasks got */
	u32 source_context; /* 144: preempt count where the stamp was made */
	u8 source; /* 148: enum source of the stamp */
	u8 device; /* 149: enum device_class of an input stamp */
	u8 reserved3[2];
	s64 fair_pulls; /* 152: sum of fair_pull() */
	u32 lock_holder; /* 160: pid: who has the lock the frame task here wants */
	u32 changed; /* 164: pid whose stint goes on after a change of it; 0: none */
	u64 answered; /* 168: ns, the last `shared.hurry` it has given way to */
	u64 counted; /* 176: ns, up to when the running task's CPU time is accounted for */
	u64 answered_bound; /* 184: key of the last bound task it has given way to */
	/* line 3: the timer */
	u8 stranded; /* 192: nothing of ours ran at the last beat, and tasks wait */
	u8 reserved5[63];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct cpu_ctx) == 4 * CACHE_LINE, "cpu_ctx is 4 lines");

/* For probes that may not ask for the scheduler's clock; written by the timer. */
struct clock {
	u64 ahead; /* ns that scx_bpf_now() is ahead of CLOCK_MONOTONIC; wraps */
	u32 hardirq; /* where the preempt count counts hard interrupts */
	u32 reserved[29];
} __attribute__((aligned(128)));

/* Counters of one CPU; written by it alone, summed by the BPF timer. */
struct cpu_counters {
	u64 v[NR_COUNTERS];
} __attribute__((aligned(128)));

/* Wake-to-run delay of input-woken tasks; one writer each. */
struct cpu_delays {
	u32 bucket[HIST_BUCKETS];
	u64 max; /* ns */
} __attribute__((aligned(128)));

/* Sums over all CPUs. Consistent when seq is even and the same before and after. */
struct snapshot {
	u64 seq;
	u64 at; /* ns */
	u64 v[NR_COUNTERS];
};

enum lane_consts {
	LANE_EVENTS = 2048, /* power of two: 0.25 s of an 8 kHz mouse */
	/* Events between two wakeups of the daemon: 64 ms of an 8 kHz mouse. */
	LANE_BELL = 512,
};

/*
 * The events of one CPU: a ring with one writer, the CPU, and one reader, the
 * daemon, which maps it. The writer waits for nobody: it overwrites the oldest
 * event, and the reader finds by `head` exactly how many it has missed. See
 * probes/lane.bpf.h and lane.rs.
 */
struct lane {
	/* line 0: the CPU writes, the daemon reads */
	u64 head; /* 0: events written so far; publishes them */
	u64 reports[NR_DEVICE_CLASSES]; /* 8 */
	u64 reserved0; /* 56 */
	/* line 1: the CPU alone */
	u64 device; /* 64: address of the device that reported last ... */
	u64 at; /* 72: ns, the report being delivered; 0: none */
	u32 registered; /* 80: ... and how many had been registered then */
	u32 number; /* 84: of that device */
	u8 device_class; /* 88: and its class */
	u8 reserved1[39];
	/* from line 2 on */
	struct input_report slot[LANE_EVENTS];
} __attribute__((aligned(128)));

/*
 * Of programs of this name in this cgroup the daemon wants to hear no more, unless
 * what it tracks has started them. The names are the daemon's to choose.
 */
struct boring_program {
	u64 cgroup;
	char comm[16];
};

/* A program starts, or a process is moved; probes/exec.bpf.c. */
struct exec_event {
	u64 cgroup; /* number in the unified hierarchy */
	u32 pid;
	u32 parent;
	char comm[16];
	u8 moved; /* into the cgroup; 0: a program starts in it */
	u8 reserved[7];
};

#endif /* PHOTON_INTF_H */
