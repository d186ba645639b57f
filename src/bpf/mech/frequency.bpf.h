/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells schedutil how fast each CPU shall be. Where no CPU has that governor when the
 * scheduler starts, `governed` is 0 and the verifier removes all of this.
 *
 * A CPU asks for itself, because schedutil looks at once only if the CPU that asks
 * may also change the frequency. Every window asks again, so that what the timer says
 * of an idle CPU cannot stand for long if that one begins to run meanwhile.
 */
#ifndef PHOTON_FREQUENCY_BPF_H
#define PHOTON_FREQUENCY_BPF_H

/* Read-only after load. */
const volatile bool governed;

struct cpu_load loads[MAX_CPUS] SEC(".bss.loads");

static __always_inline struct cpu_load *cpu_load(s32 cpu)
{
	return &loads[cpu & (MAX_CPUS - 1)];
}

static void frequency_ask(s32 cpu, const struct cpu_load *l, u64 now)
{
	count(CNT_frequency_asked);
	scx_bpf_cpuperf_set(cpu, frequency_wanted(&tun, l, now));
}

/* A stint begins. The longest ends after a slice, so no window waits for a tick. */
static __always_inline void frequency_running(s32 cpu, u8 class, u64 now)
{
	struct cpu_load *l = cpu_load(cpu);
	bool ask;

	if (!governed)
		return;
	ask = draws_frames(class, READ_ONCE(shared.playing)) &&
	      load_frame(l, now);
	if (load_is_due(l, now)) {
		load_close(l, l->busy, scx_bpf_cpuperf_cur(cpu), now);
		ask = true;
	}
	if (ask)
		frequency_ask(cpu, l, now);
}

/* A stint is over, also where the same task goes on with another. */
static __always_inline void frequency_stopping(s32 cpu, u64 started)
{
	struct cpu_load *l = cpu_load(cpu);

	if (governed)
		l->busy += load_stint(l, started, scx_bpf_now());
}

/*
 * From the timer. CPUs that share a clock run at the highest that one of them asked
 * for, and one that is idle asks no more.
 */
static void frequency_rest(u64 now)
{
	u32 i;

	if (!governed || !tun.load_frequency)
		return;
	/* Before 6.15 it takes no lock of the other CPU; this came with 6.16. */
	if (!__COMPAT_HAS_scx_bpf_select_cpu_and)
		return;
	bpf_for(i, 0, nr_cpus) {
		struct cpu_load *l = cpu_load(i);
		u64 since = READ_ONCE(l->since);

		if (READ_ONCE(cpu_ctx(i)->class) != CLASS_NONE ||
		    l->rested == since || !load_is_old(l, now))
			continue;
		l->rested = since;
		scx_bpf_cpuperf_set(i, 0);
	}
}

#endif /* PHOTON_FREQUENCY_BPF_H */
