/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a task goes: an idle CPU, the CPU of a victim, or a queue. The three
 * steps of select_cpu and enqueue; all thresholds are the policy's.
 */
#ifndef PHOTON_PLACE_BPF_H
#define PHOTON_PLACE_BPF_H

/* Does any CPU look idle? One load a 64 CPUs, so that a busy machine pays that. */
static __always_inline bool any_idle(void)
{
	u32 i;

	for (i = 0; i < MAX_CPUS / BITS_PER_WORD; i++) {
		if (i * BITS_PER_WORD >= nr_cpus)
			return false;
		if (READ_ONCE(shared.idle[i]))
			return true;
	}
	return false;
}

static __always_inline bool looks_idle(s32 cpu)
{
	cpu &= MAX_CPUS - 1;
	return has_bit(READ_ONCE(shared.idle[cpu / BITS_PER_WORD]), cpu);
}

static __always_inline void mark_idle(s32 cpu, bool idle)
{
	u64 *word = &shared.idle[(cpu & (MAX_CPUS - 1)) / BITS_PER_WORD];
	u64 bit = 1ULL << (cpu % BITS_PER_WORD);

	/* Atomic: a word has 64 writers. Relaxed: it is a hint, see pick_idle(). */
	if (idle)
		__sync_fetch_and_or(word, bit);
	else
		__sync_fetch_and_and(word, ~bit);
}

/*
 * The kernel's search prefers prev but for a CPU whose whole core is idle: if prev's
 * is, or if of two CPUs the other is no better, alone in its core or prev's sibling,
 * the answer is known and the search need not be called. Asks two threads of a core
 * that has more.
 */
static __always_inline bool is_prev_best(s32 prev)
{
	if (!looks_idle(prev))
		return false;
	return nr_cpus <= 2 || looks_idle(sibling[prev & (MAX_CPUS - 1)]);
}

/*
 * Where a CPU is looked for first. The one that an input report has interrupted is
 * awake already and needs no IPI; its reader is that much earlier, and at home there
 * from then on. Not in a strange LLC, nor on a slower core.
 */
static __always_inline s32 first_cpu(s32 prev, u8 class)
{
	s32 this = this_cpu() & (MAX_CPUS - 1);

	if (class != CLASS_INPUT ||
	    cpu_llc[this] != cpu_llc[prev & (MAX_CPUS - 1)])
		return prev;
	return asymmetric && !is_preferred(this) ? prev : this;
}

/*
 * An idle CPU for p, claimed, or a negative number. An input reader's first CPU; then
 * where its class looks first, if the machine's CPUs are not alike; then the previous
 * CPU; then the kernel's own search, which knows cores, LLCs and nodes. No
 * SCX_WAKE_SYNC: it may return the waker's CPU, which is not idle.
 */
static __always_inline s32 pick_idle(struct task_struct *p, s32 prev, u8 class,
				     bool in_select)
{
	bool found = false;
	s32 cpu;

	if (!any_idle())
		return -1;
	cpu = first_cpu(prev, class);
	if (cpu != prev && looks_idle(cpu) &&
	    bpf_cpumask_test_cpu(cpu, p->cpus_ptr) &&
	    scx_bpf_test_and_clear_cpu_idle(cpu))
		return cpu;
	if (asymmetric) {
		cpu = pick_idle_first(p, prev, class);
		if (cpu >= 0)
			return cpu;
	}
	/* A queued task may be where its new affinity does not let it run. */
	if (is_prev_best(prev) &&
	    (in_select || bpf_cpumask_test_cpu(prev, p->cpus_ptr)) &&
	    scx_bpf_test_and_clear_cpu_idle(prev))
		return prev;
	if (__COMPAT_HAS_scx_bpf_select_cpu_and)
		return scx_bpf_select_cpu_and(p, prev, 0, p->cpus_ptr, 0);
	if (in_select) {
		cpu = scx_bpf_select_cpu_dfl(p, prev, 0, &found);
		return found ? cpu : -1;
	}
	return scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
}

/*
 * The CPU's running task, judged now; 0 if there is nothing to preempt. Global,
 * like everything here that is called from several places: the verifier looks at
 * a global function once, at a static one once a path that leads to it.
 */
__noinline u64 victim_deadline(s32 cpu, u64 now, u8 newcomer)
{
	const struct cpu_ctx *c = cpu_ctx(cpu);
	struct running r = {
		.deadline = READ_ONCE(c->deadline),
		.started = READ_ONCE(c->started),
		.class = READ_ONCE(c->class),
	};

	if (is_claimed(READ_ONCE(c->claim), now, newcomer))
		return 0;
	return running_deadline(&tun, &r, now, newcomer);
}

struct victim {
	u64 deadline; /* of the best so far; at first, what it must be later than */
	s32 cpu;
	u8 newcomer; /* enum task_class of the task that looks for a CPU */
};

static __always_inline void try_victim(struct victim *best, s32 cpu,
				       const struct task_struct *p, u64 now)
{
	u64 deadline = victim_deadline(cpu, now, best->newcomer);

	if (deadline > best->deadline &&
	    bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) {
		best->deadline = deadline;
		best->cpu = cpu;
	}
}

static __always_inline bool is_good(const struct victim *best, u64 now)
{
	return best->cpu >= 0 && victim_is_good(&tun, best->deadline, now);
}

/* The own LLC runs frames and readers alone; the next may compile: see seeks_far(). */
static __always_inline void try_next_llc(struct victim *best, s32 prev,
					 const struct task_struct *p, u64 now)
{
	s32 cpu = next_llc[prev & (MAX_CPUS - 1)];
	u32 i;

	bpf_for(i, 0, VICTIM_SCAN_FAR) {
		if (is_good(best, now))
			break;
		try_victim(best, cpu, p, now);
		cpu = next_in_llc[cpu & (MAX_CPUS - 1)];
	}
}

static __always_inline bool yields_here(s32 cpu, u64 now, u8 newcomer)
{
	const struct cpu_ctx *c = cpu_ctx(cpu);

	return READ_ONCE(c->class) == CLASS_FRAME && READ_ONCE(c->is_long) &&
	       yields_to_short(READ_ONCE(c->deadline), now) &&
	       !is_claimed(READ_ONCE(c->claim), now, newcomer);
}

/*
 * A CPU of the own LLC whose frame has just begun and is long, if the other LLC had none
 * either: see yields_to_short().
 */
static __always_inline void try_long_frames(struct victim *best, s32 prev,
					    const struct task_struct *p,
					    u64 now)
{
	s32 cpu = prev;
	u32 i;

	bpf_for(i, 0, VICTIM_SCAN_FAR) {
		if (yields_here(cpu, now, best->newcomer) &&
		    bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) {
			best->cpu = cpu;
			break;
		}
		cpu = next_in_llc[cpu & (MAX_CPUS - 1)];
		if (cpu == prev)
			break;
	}
}

/*
 * The CPU whose running task has the latest deadline, late enough to be preempted: of
 * the previous and the waking one, then of a bounded walk around the LLC, from its
 * preferred CPUs on if it has any; then of some of the next LLC.
 * Stops at the first that is clearly good, so on a loaded machine it looks at one CPU
 * however many there are.
 */
__noinline s32 find_victim(struct task_struct *p __arg_trusted, s32 prev,
			   u64 now)
{
	const struct task_ctx *t = task_ctx(p);
	struct victim best = {
		.deadline = preempts_from(&tun, t->deadline),
		.cpu = -1,
		.newcomer = t->class,
	};
	s32 cpu = asymmetric ? walk_from(prev) : prev;
	s32 first = first_cpu(prev, best.newcomer);
	s32 second = first == prev ? this_cpu() : prev;
	u32 i;

	try_victim(&best, first, p, now);
	if (is_good(&best, now))
		return best.cpu;
	if (second != first)
		try_victim(&best, second, p, now);
	bpf_for(i, 0, VICTIM_SCAN) {
		if (is_good(&best, now))
			break;
		cpu = next_in_llc[cpu & (MAX_CPUS - 1)];
		if (cpu == prev && !asymmetric)
			break;
		if (cpu == first || cpu == second)
			continue;
		try_victim(&best, cpu, p, now);
	}
#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_OWN_LLC)
		return best.cpu;
#endif
	if (nr_llcs > 1 && best.cpu < 0 && seeks_far(t)) {
		try_next_llc(&best, prev, p, now);
		if (best.cpu < 0 && is_short(t))
			try_long_frames(&best, prev, p, now);
	}
	/*
	 * Not a test of best.deadline: the verifier would then have to know it
	 * exactly, and find a new lower bound in every turn of the loop.
	 */
	return best.cpu;
}

/* One claimant a victim. */
static __always_inline bool claim_cpu(s32 cpu, u64 now, u8 newcomer)
{
	struct cpu_ctx *c = cpu_ctx(cpu);
	u64 old = READ_ONCE(c->claim);

	if (is_claimed(old, now, newcomer))
		return false;
	return __sync_bool_compare_and_swap(&c->claim, old, claim_from(now));
}

static __always_inline void count_preempt(s32 cpu, s32 prev)
{
	if (cpu == prev)
		count(CNT_preempt_prev);
	else if (cpu == this_cpu())
		count(CNT_preempt_this);
	else
		count(CNT_preempt_other);
}

/*
 * The best victim, claimed, or -1. Once more if somebody else was quicker: to find_victim()
 * a claimed CPU is none, and beside hogs there is another.
 */
static __always_inline s32 claim_victim(struct task_struct *p, u8 class,
					s32 prev, u64 now)
{
	s32 cpu = find_victim(p, prev, now);

	if (cpu < 0 || claim_cpu(cpu, now, class))
		return cpu;
	cpu = find_victim(p, prev, now);
	return cpu >= 0 && claim_cpu(cpu, now, class) ? cpu : -1;
}

/* A CPU to preempt for a task with this deadline, claimed, or -1. */
static __always_inline s32 pick_victim(struct task_struct *p,
				       const struct task_ctx *t, s32 prev,
				       u64 now)
{
	s32 cpu;

	if (!is_urgent(t->class))
		return -1;
#ifdef PHOTON_SABOTAGE
	if (sabotage == SABOTAGE_NO_PREEMPT)
		return -1;
#endif
	cpu = claim_victim(p, t->class, prev, now);
	if (cpu >= 0) {
		count_preempt(cpu, prev);
		return cpu;
	}
	if (t->class == CLASS_INPUT)
		WRITE_ONCE(shared.hurry, now);
	count(CNT_preempt_none);
	return -1;
}

#endif /* PHOTON_PLACE_BPF_H */
