/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of the scheduler. Sections of their own, because the map behind a
 * section starts on a page: what the structs say about cache lines is then true
 * (values of hash, per-CPU and storage maps start anywhere).
 */
#ifndef PHOTON_STATE_BPF_H
#define PHOTON_STATE_BPF_H

/* Read-mostly: the daemon alone writes it, a whole value at a time. */
volatile struct tunables tun SEC(".data.tun") = {
#define TUNABLE(name, dfl, lo, hi, unit, help) .name = (dfl),
#include "../tunables.def.h"
#undef TUNABLE
};
/* Read-only after load. The verifier knows the values. */
const volatile u32 nr_cpus = 1; /* !0 for veristat; set before load */
const volatile u32 nr_llcs = 1;
const volatile u32 nr_online = 1; /* of the CPU ids; hotplug loads anew */
const volatile u8 cpu_llc[MAX_CPUS];
const volatile u16 llc_cpus[MAX_LLCS]; /* online ones */
/* The CPUs of an LLC as a circle, in the order they are tried. */
const volatile u16 next_in_llc[MAX_CPUS];
/* The CPU at the same place of the next LLC; the CPU itself if there is no other. */
const volatile u16 next_llc[MAX_CPUS];
/* The next thread of its core; the CPU itself if it is alone there. */
const volatile u16 sibling[MAX_CPUS];
#ifdef PHOTON_SABOTAGE
const volatile u32 sabotage = SABOTAGE_NONE;
#endif

struct task_ctx tasks[MAX_TASKS] SEC(".bss.tasks");
struct birth births[MAX_TASKS] SEC(".bss.births");
struct process_ctx processes[MAX_PROCESSES] SEC(".bss.processes");
struct cpu_ctx cpus[MAX_CPUS] SEC(".bss.cpus");
struct cpu_counters counters[MAX_CPUS] SEC(".bss.counters");
struct cpu_delays delays[MAX_CPUS] SEC(".bss.delays");

/*
 * Read-mostly: written by the timer or on idle transitions. The fair clock has
 * two copies; the timer fills the idle one, then publishes its index (release;
 * readers need no acquire: the address depends on the index).
 */
struct shared {
	struct fair_clock fair[2];
	u32 fair_index;
	u32 playing; /* a game is, and the player's input reaches it */
	u8 reserved0[FALSE_SHARING_RANGE - 2 * sizeof(struct fair_clock) - 8];
	u64 idle[MAX_CPUS / BITS_PER_WORD]; /* hint: CPUs in idle */
	u64 hurry; /* ns, when an input reader found no victim; 0: none waits */
	u64 urgent_llcs; /* hint: LLCs where urgent work waits, a bit each */
	u8 reserved1[FALSE_SHARING_RANGE - MAX_CPUS / 8 - 16];
	struct snapshot snap;
};
struct shared shared SEC(".bss.shared");
struct game game SEC(".bss.game");
struct clock clock SEC(".bss.clock");
struct kin kin[FAMILY_SLOTS] SEC(".bss.kin");

/* The table of who writes what, as far as the compiler can check it. */
#define LAYOUT(type, bytes, apart, padding)                        \
	_Static_assert(!(bytes) || sizeof(struct type) == (bytes), \
		       #type " changed its size");                 \
	_Static_assert(sizeof(struct type) % (apart) == 0,         \
		       "two " #type " share a line");
#define FIELD(type, field, line, writer, reader)                              \
	_Static_assert(__builtin_offsetof(struct type, field) / CACHE_LINE == \
			       (line),                                        \
		       #type "." #field " left its line");
#define LAYOUT_SCHEDULER
#include "../layout.def.h"
#undef LAYOUT
#undef FIELD

UEI_DEFINE(uei);

static __always_inline struct cpu_ctx *cpu_ctx(s32 cpu)
{
	return &cpus[cpu & (MAX_CPUS - 1)];
}

static __always_inline struct process_ctx *process_ctx(u32 tgid)
{
	return &processes[tgid & (MAX_PROCESSES - 1)];
}

static __always_inline s32 this_cpu(void)
{
	return bpf_get_smp_processor_id();
}

/* This CPU's own counter: no other writer, so no atomic. */
static __always_inline void count_on(s32 this, enum counter c)
{
#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_LOST_COUNTER && c == CNT_wakeups)
		return;
#endif
	counters[this & (MAX_CPUS - 1)].v[c]++;
}

static __always_inline void count(enum counter c)
{
	count_on(this_cpu(), c);
}

/* As the kernel's task_cpu(). */
static __always_inline s32 cpu_of(const struct task_struct *p)
{
	return p->thread_info.cpu;
}

static __always_inline const struct fair_clock *fair_clock(void)
{
	return &shared.fair[READ_ONCE(shared.fair_index) & 1];
}

static __always_inline u64 llc_dsq(s32 cpu)
{
	return DSQ_LLC_BASE + cpu_llc[cpu & (MAX_CPUS - 1)];
}

static __always_inline u64 urgent_dsq(s32 cpu)
{
	return DSQ_URGENT_BASE + cpu_llc[cpu & (MAX_CPUS - 1)];
}

static __always_inline u64 llc_bit(u32 llc)
{
	return 1ULL << (llc & (MAX_LLCS - 1));
}

static __always_inline u64 cpu_dsq(s32 cpu)
{
	return DSQ_CPU_BASE + cpu;
}

#endif /* PHOTON_STATE_BPF_H */
