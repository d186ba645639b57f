/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The display probe: vblank events and GPU fences.
 *
 * Both are moments a person sees through. The tracepoints fire just before the
 * kernel wakes who waits for them, so the CPU is stamped there; for vblanks the
 * stamp is cleared behind the last event, for fences it lapses.
 *
 * Raw tracepoints, found by name: they need no BTF of the module they are in, which
 * may be read with CAP_SYS_ADMIN alone. A
 * driver that is not loaded, or that tells the kernel nothing (the proprietary
 * NVIDIA driver submits without entering it), is a program that stays detached.
 *
 * Fences are counted for the process that makes them, one or two a submission, and
 * noted at the thread, see policy/submit.h. On the work queues of the kernel nobody
 * is noted, so what a driver makes there is not mistaken for somebody's.
 * Nothing of what is drawn is looked at.
 */
#include <scx/common.bpf.h>
#include <scx/compat.bpf.h>
#include <bpf_experimental.h>

#include "../intf.h"
#include "stamp.bpf.h"

char _license[] SEC("license") = "GPL";

enum {
	/*
	 * How long a stamp may cover wakeups: a fence runs its callbacks within
	 * some microseconds, and has no end that could be seen.
	 */
	STAMP_NS = 20 * 1000,
	MAX_PIPES = 8, /* displays; a power of two */
	/* Frames that may be missed between two vblanks of one sequence. */
	SEQUENCE_GAP_MAX = 4,
	PERIOD_SHIFT = 3, /* average over 8 vblanks */
	MAX_SUBMITTERS = 1024,
	MAX_FENCES = 4096,
};

/* The scheduler's own contexts, see probes/input.bpf.c. */
struct cpu_ctx cpus[MAX_CPUS] SEC(".bss.cpus");
struct task_ctx tasks[MAX_TASKS] SEC(".bss.tasks");

struct clock clock SEC(".bss.clock");

/*
 * The scheduler's clock. On 6.16 and 6.18 a raw tracepoint may call no kfunc, not
 * scx_bpf_now() either. Between two beats the other clock runs at another speed by as much
 * as it is disciplined: some ppm, so nanoseconds while a game is played.
 */
static u64 clock_now(void)
{
	return bpf_ktime_get_ns() + READ_ONCE(clock.ahead);
}

/* Per CPU: one writer each. */
struct display_counts {
	u64 vblanks;
	u64 fences; /* signalled */
	u64 submits; /* fences made by processes */
	u64 reserved[13];
} __attribute__((aligned(128)));
struct display_counts display_counts[MAX_CPUS] SEC(".bss.display");

/* From the making of a fence to its signal; one writer each. */
struct cpu_delays fence_delays[MAX_CPUS] SEC(".bss.fences");

/* The clock of a display; written by the CPU that gets its interrupt. */
struct pipe_clock {
	u64 at; /* ns, of the last vblank */
	u64 period; /* ns, average */
	u32 sequence;
	u32 reserved[11];
};
struct pipe_clock pipes[MAX_PIPES] SEC(".bss.pipes");

/* Fences made, by process. LRU: who ended leaves. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_SUBMITTERS);
	__type(key, u32);
	__type(value, u64);
} submitters SEC(".maps");

/* When a fence that is not signalled yet was made. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_FENCES);
	__type(key, u64);
	__type(value, u64);
} fences SEC(".maps");

static s32 this_cpu(void)
{
	return bpf_get_smp_processor_id() & (MAX_CPUS - 1);
}

/* An input report that is being delivered here is the better reason. */
static void stamp(u64 now)
{
	struct cpu_ctx *c = &cpus[this_cpu()];

	if (c->source == SRC_INPUT && before_u64(now, c->source_until))
		return;
	stamp_source(c, SRC_DISPLAY, now + STAMP_NS);
}

static void advance(struct pipe_clock *p, u32 sequence, u64 at)
{
	u32 frames = sequence - p->sequence;

	if (p->at && frames && frames <= SEQUENCE_GAP_MAX) {
		u64 period = sub_sat(at, p->at) / frames;

		p->period = p->period ? ewma(p->period, period, PERIOD_SHIFT) :
					period;
	}
	p->at = at;
	p->sequence = sequence;
}

SEC("raw_tp/drm_vblank_event_delivered")
int BPF_PROG(on_vblank_event, void *file, int pipe, unsigned int sequence)
{
	stamp(clock_now());
	return 0;
}

/* Behind the last event of an interrupt. */
SEC("raw_tp/drm_vblank_event")
int BPF_PROG(on_vblank, int pipe, unsigned int sequence, s64 at)
{
	struct cpu_ctx *c = &cpus[this_cpu()];

	if (c->source == SRC_DISPLAY)
		c->source_until = 0;
	display_counts[this_cpu()].vblanks++;
	advance(&pipes[pipe & (MAX_PIPES - 1)], sequence, at);
	return 0;
}

/*
 * The thread's context is found as in mech/slots.bpf.h. It runs, so no waker writes
 * there. Who leaves the scheduler at this moment may leave one moment to the next
 * owner of his slot.
 */
static void note_thread(const struct task_struct *p, u64 now)
{
	u32 slot = p->scx.dsq_vtime & (MAX_TASKS - 1);

	if (slot)
		submit_note(&tasks[slot], now);
}

SEC("raw_tp/dma_fence_init")
int BPF_PROG(on_fence_init, void *fence)
{
	struct task_struct *p = bpf_get_current_task_btf();
	u64 key = (u64)fence, now = clock_now(), one = 1, *submits;
	u32 tgid = p->tgid;

	if (p->flags & PF_KTHREAD)
		return 0;
	display_counts[this_cpu()].submits++;
	note_thread(p, now);
	bpf_map_update_elem(&fences, &key, &now, BPF_ANY);
	submits = bpf_map_lookup_elem(&submitters, &tgid);
	if (submits)
		__sync_fetch_and_add(submits, 1);
	else
		bpf_map_update_elem(&submitters, &tgid, &one, BPF_NOEXIST);
	return 0;
}

static void note_delay(u64 delay)
{
	struct cpu_delays *d = &fence_delays[this_cpu()];

	d->bucket[hist_bucket(delay) & (HIST_BUCKETS - 1)]++;
	if (delay > d->max)
		d->max = delay;
}

/*
 * Signalled by an interrupt or a thread of the kernel. Any process with a render node
 * can signal one by a call, and would be the display itself to whom it wakes next.
 */
static bool is_of_device(void)
{
	const struct task_struct *p = bpf_get_current_task_btf();
	u32 interrupt = READ_ONCE(clock.hardirq) | SOFTIRQ_OFFSET;

	return (get_preempt_count() & interrupt) || (p->flags & PF_KTHREAD);
}

SEC("raw_tp/dma_fence_signaled")
int BPF_PROG(on_fence_signaled, void *fence)
{
	u64 key = (u64)fence, now = clock_now();
	u64 *made = bpf_map_lookup_elem(&fences, &key);

	if (is_of_device())
		stamp(now);
	display_counts[this_cpu()].fences++;
	if (made) {
		note_delay(sub_sat(now, *made));
		bpf_map_delete_elem(&fences, &key);
	}
	return 0;
}
