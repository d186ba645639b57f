/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a task to its context without a map lookup. p->scx.dsq_vtime belongs to
 * the scheduler; the kernel only compares it. So it holds both the deadline, by
 * which the queues are ordered, and the number of the task's slot:
 *
 *   63                                   16 15            0
 *  +---------------------------------------+---------------+
 *  |          deadline, ns, 48 bits        |     slot      |
 *  +---------------------------------------+---------------+
 *
 * The kernel compares modulo 2^64, so deadlines may wrap (every 78 hours) as
 * long as they lie within 39 hours of each other; ours lie within seconds. Equal
 * deadlines are ordered by slot, which is arbitrary and harmless.
 *
 * Slots live from ops.enable to ops.disable; before it the number is 0, by
 * ops.init_task. Slot 0 is nobody's: tasks that found the pool empty
 * share it, are scheduled as ordinary work, and are counted.
 */
#ifndef PHOTON_SLOTS_BPF_H
#define PHOTON_SLOTS_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, MAX_TASKS);
	__type(value, u32);
} free_slots SEC(".maps");

/* Slots never handed out yet start here; 0 is reserved. */
u32 next_slot = 1;

static __always_inline u32 task_slot(const struct task_struct *p)
{
	return p->scx.dsq_vtime & (MAX_TASKS - 1);
}

static __always_inline struct task_ctx *task_ctx(const struct task_struct *p)
{
	return &tasks[task_slot(p)];
}

static __always_inline u64 queue_key(u32 slot, u64 deadline)
{
	return (deadline << SLOT_BITS) | slot;
}

static u32 slot_alloc(void)
{
	u32 slot;

	if (!bpf_map_pop_elem(&free_slots, &slot))
		return slot & (MAX_TASKS - 1);
	if (READ_ONCE(next_slot) >= MAX_TASKS)
		return 0;
	slot = __sync_fetch_and_add(&next_slot, 1);
	return slot < MAX_TASKS ? slot : 0;
}

static void slot_free(u32 slot)
{
	if (!slot)
		return;
#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_LEAK_CONTEXT)
		return;
#endif
	if (!bpf_map_push_elem(&free_slots, &slot, BPF_ANY))
		count(CNT_context_free);
}

#endif /* PHOTON_SLOTS_BPF_H */
