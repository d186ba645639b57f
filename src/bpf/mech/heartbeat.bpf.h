/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF timer: advances the fair clock, sums the counters into a snapshot, says
 * whether a game is played, looks for tasks stranded by real-time work, evens out the
 * queues of the LLCs, looks for crowds, and lets the frequency of idle CPUs go.
 */
#ifndef PHOTON_HEARTBEAT_BPF_H
#define PHOTON_HEARTBEAT_BPF_H

struct heartbeat {
	struct bpf_timer timer;
	u64 served; /* ns, sum over CPUs at the last beat */
	s64 pulls; /* likewise */
	/*
	 * Sums while they grow. In memory, because the verifier follows a sum in a
	 * register through every value it could have.
	 */
	u64 served_now;
	s64 pulls_now;
	u64 runnable;
	u64 running; /* CPUs that run anything of ours, or a frame lately */
	struct game_lease lease;
	struct llc_loads loads;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct heartbeat);
} heartbeat SEC(".maps");

/* Fair and batch tasks that run or wait; bound frame tasks count too: rare. */
static void count_runnable(struct heartbeat *hb, u64 now)
{
	u32 i;

	hb->runnable = 0;
	hb->running = 0;
	hb->served_now = 0;
	hb->pulls_now = 0;
	bpf_for(i, 0, nr_cpus) {
		const struct cpu_ctx *c = cpu_ctx(i);

		hb->served_now += READ_ONCE(c->fair_served);
		hb->pulls_now += READ_ONCE(c->fair_pulls);
		if (READ_ONCE(c->class) >= CLASS_GAME)
			hb->runnable++;
		if (READ_ONCE(c->class) != CLASS_NONE ||
		    faced_lately(READ_ONCE(c->last), READ_ONCE(c->started),
				 now))
			hb->running++;
		if (READ_ONCE(c->pinned))
			hb->runnable += scx_bpf_dsq_nr_queued(cpu_dsq(i));
	}
	bpf_for(i, 0, nr_llcs)
		hb->runnable += scx_bpf_dsq_nr_queued(DSQ_LLC_BASE + i);
}

static void advance_fair_clock(struct heartbeat *hb, u64 now)
{
	u32 next = (shared.fair_index + 1) & 1;
	struct fair_clock fc = shared.fair[shared.fair_index & 1];

	count_runnable(hb, now);
	fair_step(&fc, now, hb->served_now - hb->served,
		  hb->pulls_now - hb->pulls);
	fair_count(&tun, &fc, hb->runnable, nr_online);
	hb->served = hb->served_now;
	hb->pulls = hb->pulls_now;
	shared.fair[next] = fc;
	/* Publishes the copy: an atomic with a result is a full barrier in BPF. */
	__sync_lock_test_and_set(&shared.fair_index, next);
}

enum {
	/*
	 * What cannot leave comes back each time, and newer kernels end a scheduler
	 * that asks 256 times for one task: so after 10 s.
	 */
	RESCUE_BEATS = 4,
};

/*
 * A CPU that runs nothing of ours at two beats while its local queue holds
 * something has been taken by a real-time task: its tasks go back to enqueue.
 */
static void rescue_stranded(struct heartbeat *hb)
{
	u32 i;

	if (!__COMPAT_has_generic_reenq())
		return;
	bpf_for(i, 0, nr_cpus) {
		struct cpu_ctx *c = cpu_ctx(i);
		bool stranded = READ_ONCE(c->class) == CLASS_NONE &&
				scx_bpf_dsq_nr_queued(SCX_DSQ_LOCAL_ON | i);

		if (!stranded) {
			c->stranded = 0;
			continue;
		}
		if (c->stranded++ % RESCUE_BEATS == 1) {
			count(CNT_rt_rescue);
			scx_bpf_dsq_reenq(SCX_DSQ_LOCAL_ON | i, 0);
		}
		hb->runnable++;
	}
}

/*
 * While the kernel passes the scheduler by, at a suspend, CPUs go idle and nobody is
 * told: no task would be sent to them until they have run one.
 */
static void refresh_idle(void)
{
	const struct cpumask *idle = scx_bpf_get_idle_cpumask();
	u32 i;

	bpf_for(i, 0, nr_cpus)
		if (!looks_idle(i) && bpf_cpumask_test_cpu(i, idle))
			mark_idle(i, true);
	scx_bpf_put_idle_cpumask(idle);
}

/*
 * Of LLCs where nothing urgent waits any more. Here, and not by who finds the queue empty:
 * the kernel queues what has been marked a moment later, and each look in between took the
 * mark away.
 */
static void unmark_urgent(void)
{
	u32 i;

	bpf_for(i, 0, nr_llcs)
		if (READ_ONCE(shared.urgent_llcs) & llc_bit(i) &&
		    scx_bpf_dsq_nr_queued(DSQ_URGENT_BASE + i) <= 0)
			__sync_fetch_and_and(&shared.urgent_llcs, ~llc_bit(i));
}

static void set_clock(u64 now)
{
	WRITE_ONCE(clock.ahead, now - bpf_ktime_get_ns());
	WRITE_ONCE(clock.hardirq, hardirq_bits);
}

static int on_heartbeat(void *map, u32 *key, struct heartbeat *hb)
{
	u64 now = scx_bpf_now();

	/* It has ended; the machine may be another scheduler's, and the timer is not. */
	if (READ_ONCE(uei.kind))
		return 0;
	set_clock(now);
	advance_fair_clock(hb, now);
	game_beat(&hb->lease, now);
	refresh_idle();
	rescue_stranded(hb);
	rescue_overdue(now);
	find_crowds(hb->runnable, now);
	if (nr_llcs > 1) {
		unmark_urgent();
		balance_llcs(&hb->loads);
	}
	frequency_rest(now);
	if (sub_sat(now, shared.snap.at) >= SNAPSHOT_NS)
		take_snapshot(&shared.snap, now);
	/*
	 * An idle machine stays idle. One that runs frames alone does not count as
	 * that: a real-time hog may take the CPU of one of them.
	 */
	bpf_timer_start(
		&hb->timer,
		hb->runnable || hb->running ? HEARTBEAT_NS : SNAPSHOT_NS, 0);
	return 0;
}

static int start_heartbeat(void)
{
	u32 key = 0;
	struct heartbeat *hb = bpf_map_lookup_elem(&heartbeat, &key);
	int err;

	if (!hb)
		return -ENOENT;
	set_clock(scx_bpf_now());
	err = bpf_timer_init(&hb->timer, &heartbeat, CLOCK_MONOTONIC);
	if (!err)
		err = bpf_timer_set_callback(&hb->timer, on_heartbeat);
	err = err ?: prepare_turns();
	return err ?: bpf_timer_start(&hb->timer, HEARTBEAT_NS, 0);
}

#endif /* PHOTON_HEARTBEAT_BPF_H */
