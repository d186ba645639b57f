/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The input probe: input_event() at the end of a report (EV_SYN, SYN_REPORT).
 *
 * On entry it stamps this CPU as being inside an input report, so that the
 * scheduler knows who is woken by it. On exit, when the readers have been woken,
 * it takes the stamp off and writes one event to the CPU's lane; the 16 rings
 * wake the daemon once for many events. It never reads a key code, a value or a
 * coordinate: the arguments that hold them are not touched, except that type and
 * code must both say SYN_REPORT (0).
 *
 * An object of its own: without it the scheduler runs and says so.
 */
#include <scx/common.bpf.h>
#include <scx/compat.bpf.h>

#include "../intf.h"
#include "lane.bpf.h"
#include "stamp.bpf.h"

char _license[] SEC("license") = "GPL";

enum {
	/*
	 * How long the stamp may cover wakeups if input_event() never returns to
	 * clear it: evdev wakes its readers within some microseconds.
	 */
	STAMP_NS = 100 * 1000,
	MAX_DEVICES = 256,
};

/*
 * The scheduler's own contexts: a section of the same name, whose map the loader
 * replaces by the scheduler's (libbpf matches them by this name).
 */
struct cpu_ctx cpus[MAX_CPUS] SEC(".bss.cpus");

/*
 * A lane a CPU; the loader makes as many as there are CPUs. The daemon maps
 * them: values of such a map begin on a page.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct lane);
} lanes SEC(".maps");

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	/* A page, the least there is; a record is the number of a CPU. */
	__uint(max_entries, 4096);
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
/* Devices registered since the probe is there. */
u32 registered;

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

/* Number and class of a device, from the map of known ones or found out now. */
static __noinline int look_up(struct lane *l, struct input_dev *dev)
{
	u64 address = (u64)dev;
	struct known_device d = {};
	struct known_device *known = bpf_map_lookup_elem(&devices, &address);

	read_bits(dev, &d.bits);
	if (!known || !same_bits(&known->bits, &d.bits)) {
		d.device_class = device_class(&d.bits);
		d.number = __sync_fetch_and_add(&next_device, 1);
		bpf_map_update_elem(&devices, &address, &d, BPF_ANY);
		known = &d;
	}
	l->number = known->number;
	l->device_class = known->device_class;
	l->device = address;
	return 0;
}

/*
 * Makes the lane's device that which reports now. Mostly it is the one that
 * reported last on this CPU; then there is nothing to find out, because another
 * one at the same address would have been registered first.
 */
static void recognise(struct lane *l, struct input_dev *dev)
{
	u32 now = READ_ONCE(registered);

	if (l->device == (u64)dev && l->registered == now)
		return;
	l->registered = now;
	look_up(l, dev);
}

SEC("fentry/input_register_device")
int BPF_PROG(on_register, struct input_dev *dev)
{
	__sync_fetch_and_add(&registered, 1);
	return 0;
}

/* The daemon sleeps until enough events wait to be worth a wakeup. */
static __noinline int ring_bell(u32 cpu)
{
	u32 group = cpu_ring[cpu & (MAX_CPUS - 1)] & (NR_RINGS - 1);
	void *ring = bpf_map_lookup_elem(&rings, &group);

	/* A full ring has a daemon that does not listen. */
	if (ring)
		bpf_ringbuf_output(ring, &cpu, sizeof(cpu),
				   BPF_RB_FORCE_WAKEUP);
	return 0;
}

static struct lane *lane_of(u32 cpu)
{
	return bpf_map_lookup_elem(&lanes, &cpu);
}

SEC("fentry/input_event")
int BPF_PROG(on_input_event, struct input_dev *dev, unsigned int type,
	     unsigned int code)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct lane *l;
	struct cpu_ctx *c;

	if (type || code)
		return 0;
	l = lane_of(cpu);
	if (!l)
		return 0;
	recognise(l, dev);
	l->at = scx_bpf_now();
	if (l->device_class == DEVICE_OTHER)
		return 0;
	c = &cpus[cpu & (MAX_CPUS - 1)];
	c->device = l->device_class;
	stamp_source(c, SRC_INPUT, l->at + STAMP_NS);
	return 0;
}

/*
 * Where the report began on another CPU, or another report came in between, its
 * beginning is not known here: then it happened now.
 */
static u64 report_time(struct lane *l, struct input_dev *dev)
{
	u64 at = l->at;

	l->at = 0;
	if (at && l->device == (u64)dev)
		return at;
	recognise(l, dev);
	return scx_bpf_now();
}

#ifdef PHOTON_SABOTAGE
const volatile u32 sabotage = SABOTAGE_NONE;

/*
 * What an index with a bit too many does: the memory past the end of a lane is the
 * next CPU's. Through the map, or the verifier would refuse it.
 */
static u64 put_past_the_end(struct lane *l, u32 cpu,
			    const struct input_report *report)
{
	u64 seq = l->head;
	struct lane *to = seq & LANE_EVENTS ? lane_of(cpu + 1) : l;

	if (to)
		to->slot[seq & (LANE_EVENTS - 1)] = *report;
	publish(&l->head, seq + 1);
	return seq + 1;
}
#endif

/* Events written to the lane so far. */
static u64 write_event(struct lane *l, u32 cpu,
		       const struct input_report *report)
{
#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_RING_BOUNDS)
		return put_past_the_end(l, cpu, report);
#endif
	return lane_put(l, *report);
}

/* The report is delivered: whoever is woken from here on has other reasons. */
SEC("fexit/input_event")
int BPF_PROG(after_input_event, struct input_dev *dev, unsigned int type,
	     unsigned int code)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct input_report report = { .cpu = cpu };
	struct lane *l;
	u32 class;

	if (type || code)
		return 0;
	cpus[cpu & (MAX_CPUS - 1)].source_until = 0;
	l = lane_of(cpu);
	if (!l)
		return 0;
	report.at = report_time(l, dev);
	report.device = l->number;
	class = l->device_class;
	if (class >= NR_DEVICE_CLASSES) /* never; for the verifier */
		return 0;
	report.device_class = class;
	l->reports[class]++;
	if (!(write_event(l, cpu, &report) & (LANE_BELL - 1)))
		ring_bell(cpu);
	return 0;
}
