/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The search among the preferred CPUs, or among the rest. On a machine whose CPUs
 * are alike `asymmetric` is 0 and the verifier removes all of this.
 */
#ifndef PHOTON_PREFER_BPF_H
#define PHOTON_PREFER_BPF_H

/* Read-only after load. */
const volatile bool asymmetric;
/* A thread of a busy better core is no better than an idle core of the others. */
const volatile bool prefer_whole_cores;
const volatile u64 preferred[MAX_CPUS / BITS_PER_WORD];
/* By LLC: the CPU after which the circle comes to the LLC's preferred ones. */
const volatile u16 before_preferred[MAX_LLCS];

/*
 * As private() of scx/common.bpf.h: in a section that userspace does not map. Its
 * name is a keyword to a formatter that knows C++, which breaks the line.
 */
#define kptr_in(section) \
	SEC(".data." #section) __hidden __attribute__((aligned(8)))

/* The same as the kernel wants them. Written once, before the first task comes. */
kptr_in(PREFER) struct bpf_cpumask __kptr *preferred_mask;
kptr_in(PREFER) struct bpf_cpumask __kptr *rest_mask;

static __always_inline bool is_preferred(s32 cpu)
{
	cpu &= MAX_CPUS - 1;
	return has_bit(preferred[cpu / BITS_PER_WORD], cpu);
}

/*
 * Before 6.16 no search takes both a mask and the task's own. Tasks that may not
 * run on all CPUs of the mask then look everywhere at once.
 */
static s32 seek_by_mask(struct task_struct *p, s32 prev,
			const struct cpumask *mask, u64 flags)
{
	if (!bpf_cpumask_subset(mask, p->cpus_ptr))
		return -1;
	if (bpf_cpumask_test_cpu(prev, mask) &&
	    scx_bpf_test_and_clear_cpu_idle(prev))
		return prev;
	return scx_bpf_pick_idle_cpu(mask, flags);
}

/*
 * An idle CPU where this class looks first, claimed, or a negative number. The
 * previous one if it is among them, or by the kernel's order the next to it.
 */
__noinline s32 pick_idle_first(struct task_struct *p __arg_trusted, s32 prev,
			       u8 class)
{
	u8 seek = where_to_seek(class, READ_ONCE(shared.playing));
	struct bpf_cpumask *mask = NULL;
	u64 flags = 0;

	if (seek == SEEK_PREFERRED) {
		mask = preferred_mask;
		flags = prefer_whole_cores ? SCX_PICK_IDLE_CORE : 0;
	} else if (seek == SEEK_REST) {
		mask = rest_mask;
	}
	if (!mask)
		return -1;
	if (__COMPAT_HAS_scx_bpf_select_cpu_and)
		return scx_bpf_select_cpu_and(p, prev, 0, cast_mask(mask),
					      flags);
	return seek_by_mask(p, prev, cast_mask(mask), flags);
}

/* Where the walk for a victim begins: before the preferred CPUs of the LLC. */
static __always_inline s32 walk_from(s32 prev)
{
	if (is_preferred(prev))
		return prev;
	return before_preferred[cpu_llc[prev & (MAX_CPUS - 1)] &
				(MAX_LLCS - 1)];
}

/* The CPUs that are (or are not) preferred, as a mask of its own. */
static struct bpf_cpumask *mask_of(bool wanted)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	u32 cpu;

	if (!mask)
		return NULL;
	bpf_for(cpu, 0, nr_cpus) {
		if (is_preferred(cpu) == wanted)
			bpf_cpumask_set_cpu(cpu, mask);
	}
	return mask;
}

/* From ops.init. */
static s32 make_masks(void)
{
	struct bpf_cpumask *mask;

	mask = mask_of(true);
	if (!mask)
		return -ENOMEM;
	mask = bpf_kptr_xchg(&preferred_mask, mask);
	if (mask)
		bpf_cpumask_release(mask);
	mask = mask_of(false);
	if (!mask)
		return -ENOMEM;
	mask = bpf_kptr_xchg(&rest_mask, mask);
	if (mask)
		bpf_cpumask_release(mask);
	return 0;
}

#endif /* PHOTON_PREFER_BPF_H */
