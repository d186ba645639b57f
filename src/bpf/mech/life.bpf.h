/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of tasks, CPUs and the scheduler itself. */
#ifndef PHOTON_LIFE_BPF_H
#define PHOTON_LIFE_BPF_H

/*
 * The vtime a task begins with. At a fork the current task is its maker; a task that
 * comes from another class has run before, and has nobody's debt.
 */
static __always_inline u64 first_vtime(const struct task_struct *p, u32 slot,
				       u64 now)
{
	const struct task_struct *maker = bpf_get_current_task_btf();
	u64 clock = fair_now(fair_clock(), now);
	u64 ran = sub_sat(now, cpu_ctx(this_cpu())->counted);
	u64 born;

	if (p->se.sum_exec_runtime || !task_slot(maker)) {
		note_arrival(p, slot);
		return clock;
	}
	born = fair_born(clock, task_ctx(maker), min_u64(ran, STINT_MAX_NS),
			 maker->scx.weight);
	return fair_born(born, note_birth(p, slot), 0, WEIGHT_NICE0);
}

/*
 * Any task, also one of a higher class, at a fork and when the scheduler begins. What an
 * earlier scheduler left there is no slot of ours, and before 7.1 the kernel keeps it.
 */
s32 BPF_STRUCT_OPS_SLEEPABLE(photon_init_task, struct task_struct *p,
			     struct scx_init_task_args *args)
{
	p->scx.dsq_vtime = 0;
	return 0;
}

/* A task joins: a fresh slot, no history, an honest start for its account. */
void BPF_STRUCT_OPS(photon_enable, struct task_struct *p)
{
	u64 now = scx_bpf_now();
	u32 slot = slot_alloc();
	struct task_ctx *t = &tasks[slot & (MAX_TASKS - 1)];

	p->scx.dsq_vtime = slot;
	if (READ_ONCE(shared.playing))
		inherit_family(p);
	if (!slot)
		return;
	count(CNT_context_alloc);
	__builtin_memset(t, 0, sizeof(*t));
	t->class = CLASS_FAIR;
	t->flags = p->flags & PF_KTHREAD ? TASK_KTHREAD : 0;
	t->vtime = first_vtime(p, slot, now);
	t->sum_exec = p->se.sum_exec_runtime;
	t->woken_at = now;
}

void BPF_STRUCT_OPS(photon_disable, struct task_struct *p)
{
	u32 slot = task_slot(p);

	WRITE_ONCE(birth_of(slot)->pid, 0);
	slot_free(slot);
	p->scx.dsq_vtime = 0;
}

/*
 * Kernels before 7.1: a higher class took the CPU. Whoever was sent here and has
 * not run goes back to enqueue; see leave_cpu() for the task that ran. From 7.1
 * on: SCX_ENQ_IMMED and the heartbeat.
 */
void BPF_STRUCT_OPS(photon_cpu_release, s32 cpu,
		    struct scx_cpu_release_args *args)
{
	if (!READ_ONCE(cpu_ctx(cpu)->claim) &&
	    !scx_bpf_dsq_nr_queued(SCX_DSQ_LOCAL_ON | cpu))
		return;
	count(CNT_rt_rescue);
	scx_bpf_reenqueue_local();
}

static s32 create_queues(void)
{
	s32 err = 0;
	u32 i;

	bpf_for(i, 0, nr_llcs) {
		err = scx_bpf_create_dsq(DSQ_LLC_BASE + i, -1);
		if (!err)
			err = scx_bpf_create_dsq(DSQ_URGENT_BASE + i, -1);
		if (err)
			return err;
	}
	bpf_for(i, 0, nr_cpus) {
		err = scx_bpf_create_dsq(DSQ_CPU_BASE + i, -1);
		if (err)
			return err;
	}
#ifdef PHOTON_SABOTAGE
	err = scx_bpf_create_dsq(DSQ_CPU_BASE + MAX_CPUS, -1);
#endif
	return err;
}

/*
 * A CPU that idles now says so only after its next task: until then nothing would
 * be sent to it. Who is taken for idle and is not corrects it in ops.running. Not
 * CPUs that are off: they would look idle for ever, to the rescue as well.
 */
static void assume_idle(void)
{
	const struct cpumask *online = scx_bpf_get_online_cpumask();
	u32 i;

	bpf_for(i, 0, nr_cpus)
		if (bpf_cpumask_test_cpu(i, online))
			mark_idle(i, true);
	scx_bpf_put_cpumask(online);
}

s32 BPF_STRUCT_OPS_SLEEPABLE(photon_init)
{
	s32 err = create_queues();

#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_FAIL_INIT)
		return -ENOMEM;
#endif
	if (!err && asymmetric)
		err = make_masks();
	if (err)
		return err;
	assume_idle();
	shared.fair[0].rate = FAIR_RATE_ONE;
	shared.fair[0].inverse = FAIR_RATE_ONE;
	shared.fair[0].at = scx_bpf_now();
	return start_heartbeat();
}

/*
 * Where the kernel really put the hot structs, modulo a cache line. A pointer
 * becomes a number by a trip through memory; run once, by the loader.
 */
volatile u64 layout_address;
u64 task_ctx_mod64, cpu_ctx_mod64;

SEC("syscall")
int photon_layout(void *ctx)
{
	layout_address = (u64)&tasks[0];
	task_ctx_mod64 = layout_address % CACHE_LINE;
	layout_address = (u64)&cpus[0];
	cpu_ctx_mod64 = layout_address % CACHE_LINE;
	layout_address = 0;
	return 0;
}

/* Wakes the daemon when the scheduler ends; the kernel has nothing to wait on. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* the smallest there is: a page */
} exits SEC(".maps");

void BPF_STRUCT_OPS(photon_exit, struct scx_exit_info *ei)
{
	u32 word = 0;

	UEI_RECORD(uei, ei);
	bpf_ringbuf_output(&exits, &word, sizeof(word), BPF_RB_FORCE_WAKEUP);
}

#endif /* PHOTON_LIFE_BPF_H */
