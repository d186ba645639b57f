/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs for the kernel's test-run facility: each does one thing that the
 * product does on a hot path, or one that it could do instead. Not shipped.
 */
#include <scx/common.bpf.h>
#include <bpf_arena_common.bpf.h>

#include "intf.h"
#include "policy/deadline.h"
#include "policy/link.h"
#include "probes/lane.bpf.h"

char _license[] SEC("license") = "GPL";

enum {
	BENCH_CPUS = 2,
	BENCH_PASS = 2, /* what a program returns that did what it is for */
	RING_BYTES = 64 * 1024,
	PAIR = 128 / sizeof(u64), /* words in a line and its neighbour */
	LINE = 64 / sizeof(u64),
};

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
};
struct ring shared_ring SEC(".maps");
struct ring ring_0 SEC(".maps");
struct ring ring_1 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, NR_RINGS);
	__type(key, u32);
	__array(values, struct ring);
} rings SEC(".maps") = {
	.values = { &ring_0, &ring_1 },
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BENCH_CPUS);
	__type(key, u32);
	__type(value, struct lane);
} lanes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 64); /* pages */
	__ulong(map_extra, 1ull << 44); /* where the daemon would map it */
} arena SEC(".maps");

struct lane __arena arena_lanes[BENCH_CPUS];

/* Words that the two CPUs write, each its own. */
u64 words[4 * PAIR] SEC(".bss.words");
struct task_ctx tasks[BENCH_CPUS] SEC(".bss.tasks"); /* one line each */
const volatile struct tunables tun = {
#define TUNABLE(name, dfl, lo, hi, unit, help) .name = (dfl),
#include "tunables.def.h"
#undef TUNABLE
};

/* What the product's summing needs. */
const volatile u32 nr_cpus = BENCH_CPUS;
struct cpu_counters counters[MAX_CPUS] SEC(".bss.counters");
struct snapshot snap SEC(".bss.snap");
#include "mech/snapshot.bpf.h"

/* The two CPUs that are measured on are 0 and 1. */
static __always_inline u32 this_cpu(void)
{
	return bpf_get_smp_processor_id() & (BENCH_CPUS - 1);
}

/* Whose fields tell a reader whether they belong together. */
static __always_inline struct input_report report(u32 cpu, u64 n)
{
	return (struct input_report){ .at = n, .device = (u32)n, .cpu = cpu };
}

SEC("tc")
int empty(struct __sk_buff *ctx)
{
	return BENCH_PASS;
}

SEC("tc")
int clock(struct __sk_buff *ctx)
{
	bpf_ktime_get_ns();
	return BENCH_PASS;
}

static __always_inline int to_ring(void *ring, u64 flags)
{
	struct input_report *r = bpf_ringbuf_reserve(ring, sizeof(*r), 0);

	if (!r)
		return 0;
	*r = report(0, bpf_ringbuf_query(ring, BPF_RB_PROD_POS));
	bpf_ringbuf_submit(r, flags);
	return BENCH_PASS;
}

SEC("tc")
int ring_shared(struct __sk_buff *ctx)
{
	return to_ring(&shared_ring, BPF_RB_NO_WAKEUP);
}

SEC("tc")
int ring_own(struct __sk_buff *ctx)
{
	u32 group = this_cpu();
	void *ring = bpf_map_lookup_elem(&rings, &group);

	return ring ? to_ring(ring, BPF_RB_NO_WAKEUP) : 0;
}

SEC("tc")
int lane_array(struct __sk_buff *ctx)
{
	u32 cpu = this_cpu();
	struct lane *l = bpf_map_lookup_elem(&lanes, &cpu);

	if (!l)
		return 0;
	lane_put(l, report(cpu, l->head));
	return BENCH_PASS;
}

SEC("tc")
int lane_arena(struct __sk_buff *ctx)
{
	u32 cpu = this_cpu();
	struct lane __arena *l = &arena_lanes[cpu];

	lane_put(l, report(cpu, l->head));
	return BENCH_PASS;
}

SEC("tc")
int decide(struct __sk_buff *ctx)
{
	struct task_ctx *t = &tasks[this_cpu()];
	struct fair_clock fc = {};
	struct wake w = {
		.now = t->woken_at + 1000,
		.weight = 100,
		.source = SRC_TASK,
		.waker_source = SRC_INPUT,
		.waker_until = t->woken_at + 100000,
	};

	link_wake(&tun, t, &w);
	t->deadline = w.now + relative_deadline(&tun, t, &fc, w.now);
	return BENCH_PASS;
}

#define COUNTS(name, stride)                    \
	SEC("tc")                               \
	int name(struct __sk_buff *ctx)         \
	{                                       \
		words[this_cpu() * (stride)]++; \
		return BENCH_PASS;              \
	}
COUNTS(count_one_line, 1)
COUNTS(count_next_line, LINE)
COUNTS(count_apart, PAIR)

SEC("tc")
int count_atomic(struct __sk_buff *ctx)
{
	__sync_fetch_and_add(&words[0], 1);
	return BENCH_PASS;
}

/* Every counter has had n; so every sum of a whole snapshot is n, as its time. */
SEC("tc")
int snapshot_of_equals(struct __sk_buff *ctx)
{
	u64 n = snap.at + 1;
	u32 i;

	bpf_for(i, 0, NR_COUNTERS)
		counters[0].v[i % NR_COUNTERS] = n;
	take_snapshot(&snap, n);
	return BENCH_PASS;
}

/* Each CPU counts for itself, as count() of mech/state.bpf.h does. */
SEC("tc")
int count_all(struct __sk_buff *ctx)
{
	u32 i;

	bpf_for(i, 0, NR_COUNTERS)
		counters[this_cpu()].v[i % NR_COUNTERS]++;
	return BENCH_PASS;
}

SEC("tc")
int snapshot_now(struct __sk_buff *ctx)
{
	take_snapshot(&snap, snap.at + 1);
	return BENCH_PASS;
}

/* One event that wakes the reader at once, stamped for its delay. */
SEC("tc")
int event_with_bell(struct __sk_buff *ctx)
{
	u32 cpu = this_cpu();
	struct lane *l = bpf_map_lookup_elem(&lanes, &cpu);

	if (!l)
		return 0;
	lane_put(l, report(cpu, bpf_ktime_get_ns()));
	bpf_ringbuf_output(&ring_0, &cpu, sizeof(cpu), BPF_RB_FORCE_WAKEUP);
	return BENCH_PASS;
}
