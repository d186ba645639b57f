/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The input probe: input_event() at the end of a report (EV_SYN, SYN_REPORT).
 *
 * It stamps this CPU as being inside an input report, so that the scheduler
 * knows who is woken by it, and writes one event to the ring of the CPU's group.
 * It never reads a key code, a value or a coordinate: the arguments that hold
 * them are not touched, except that type and code must both say SYN_REPORT (0).
 *
 * An object of its own: without it the scheduler runs and says so.
 */
#include <scx/common.bpf.h>
#include <scx/compat.bpf.h>
#include <bpf_experimental.h>

#include "../intf.h"

char _license[] SEC("license") = "GPL";

enum {
	/*
	 * How long the stamp may cover wakeups if input_event() never returns to
	 * clear it: evdev wakes its readers within some microseconds.
	 */
	STAMP_NS = 100 * 1000,
	MAX_DEVICES = 256,
	/* A power of two: kernels before 7 lose track of x % 6. */
	CLASS_SLOTS = 8,
	WAKEUP_BYTES = 8 * 1024, /* 341 events: 43 ms of an 8 kHz mouse */
};

_Static_assert((int)NR_DEVICE_CLASSES <= (int)CLASS_SLOTS, "a slot a class");

/*
 * The scheduler's own contexts: a section of the same name, whose map the loader
 * replaces by the scheduler's (libbpf matches them by this name).
 */
struct cpu_ctx cpus[MAX_CPUS] SEC(".bss.cpus");

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	/* 2,730 events: 0.3 s of an 8 kHz mouse. */
	__uint(max_entries, 64 * 1024);
};

#define RING(n) struct ring ring_##n SEC(".maps")
RING(0);
RING(1);
RING(2);
RING(3);
RING(4);
RING(5);
RING(6);
RING(7);
RING(8);
RING(9);
RING(10);
RING(11);
RING(12);
RING(13);
RING(14);
RING(15);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, NR_RINGS);
	__type(key, u32);
	__array(values, struct ring);
} rings SEC(".maps") = {
	.values = { &ring_0, &ring_1, &ring_2, &ring_3, &ring_4, &ring_5,
		    &ring_6, &ring_7, &ring_8, &ring_9, &ring_10, &ring_11,
		    &ring_12, &ring_13, &ring_14, &ring_15 },
};

/* CPUs that share a cache share a ring before strangers do. */
const volatile u8 cpu_ring[MAX_CPUS];

/* Reports by device class, per CPU: one writer each. */
struct cpu_reports {
	u64 v[CLASS_SLOTS];
} __attribute__((aligned(128)));
struct cpu_reports reports[MAX_CPUS] SEC(".bss.reports");

/*
 * Per ring; CPUs of a group may report at once, so the counts are atomic
 * (relaxed: nobody orders anything by them).
 */
struct ring_count ring_counts[NR_RINGS] SEC(".bss.rings");

/*
 * A device's number and class, found out once. LRU: unplugged devices leave. The
 * capabilities are kept, because the address of an unplugged device is soon that
 * of another one.
 */
struct known_device {
	struct device_bits bits;
	u32 number;
	u8 device_class;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_DEVICES);
	__type(key, u64);
	__type(value, struct known_device);
} devices SEC(".maps");

u32 next_device = 1;

static void read_bits(struct input_dev *dev, struct device_bits *d)
{
	d->ev = dev->evbit[0];
	d->rel = dev->relbit[0];
	d->abs = dev->absbit[0];
	d->key_typing = dev->keybit[0];
	d->key_buttons = dev->keybit[PHOTON_BTN_LEFT / BITS_PER_WORD];
	d->key_digi = dev->keybit[PHOTON_BTN_TOOL_PEN / BITS_PER_WORD];
}

static bool same_bits(const struct device_bits *a, const struct device_bits *b)
{
	return !((a->ev ^ b->ev) | (a->rel ^ b->rel) | (a->abs ^ b->abs) |
		 (a->key_typing ^ b->key_typing) |
		 (a->key_buttons ^ b->key_buttons) |
		 (a->key_digi ^ b->key_digi));
}

static struct known_device *device_of(struct input_dev *dev)
{
	u64 key = (u64)dev;
	struct known_device d = {};
	struct known_device *known = bpf_map_lookup_elem(&devices, &key);

	read_bits(dev, &d.bits);
	if (known && same_bits(&known->bits, &d.bits))
		return known;
	d.device_class = device_class(&d.bits);
	d.number = __sync_fetch_and_add(&next_device, 1);
	bpf_map_update_elem(&devices, &key, &d, BPF_ANY);
	return bpf_map_lookup_elem(&devices, &key);
}

/*
 * The event is in the ring at once; the reader is woken when enough of them wait
 * to be worth a wakeup. It also reads once a second by itself.
 */
static u64 wakeup_flag(void *ring)
{
	u64 waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	return waiting >= WAKEUP_BYTES ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static void emit(const struct known_device *d, s32 cpu, u64 now)
{
	u32 group = cpu_ring[cpu & (MAX_CPUS - 1)] & (NR_RINGS - 1);
	struct ring_count *rc = &ring_counts[group];
	void *ring = bpf_map_lookup_elem(&rings, &group);
	struct input_report *r;

	if (!ring)
		return;
	r = bpf_ringbuf_reserve(ring, sizeof(*r), 0);
	if (!r) {
		__sync_fetch_and_add(&rc->drops, 1);
		return;
	}
	*r = (struct input_report){
		.at = now,
		.device = d->number,
		.cpu = cpu,
		.device_class = d->device_class,
	};
	bpf_ringbuf_submit(r, wakeup_flag(ring));
	__sync_fetch_and_add(&rc->events, 1);
}

SEC("fentry/input_event")
int BPF_PROG(on_input_event, struct input_dev *dev, unsigned int type,
	     unsigned int code)
{
	s32 cpu = bpf_get_smp_processor_id();
	struct cpu_ctx *c;
	struct known_device *d;
	u64 now;

	if (type || code)
		return 0;
	d = device_of(dev);
	if (!d)
		return 0;
	c = &cpus[cpu & (MAX_CPUS - 1)];
	now = scx_bpf_now();
	reports[cpu & (MAX_CPUS - 1)].v[d->device_class & (CLASS_SLOTS - 1)]++;
	if (d->device_class != DEVICE_OTHER) {
		c->source = SRC_INPUT;
		c->device = d->device_class;
		c->source_context = get_preempt_count();
		c->source_until = now + STAMP_NS;
	}
	emit(d, cpu, now);
	return 0;
}

/* The report is delivered: whoever is woken from here on has other reasons. */
SEC("fexit/input_event")
int BPF_PROG(after_input_event, struct input_dev *dev, unsigned int type,
	     unsigned int code)
{
	s32 cpu = bpf_get_smp_processor_id();

	if (!type && !code)
		cpus[cpu & (MAX_CPUS - 1)].source_until = 0;
	return 0;
}
