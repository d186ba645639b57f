/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who made a task: what a task leaves at its end is its maker's account, and a new
 * one begins with that. Touched when tasks are born and when they end.
 *
 * When it is bad: a program that starts one job after the other, each on a CPU of
 * its own, begins the next with what the last has had too much.
 */
#ifndef PHOTON_BIRTH_BPF_H
#define PHOTON_BIRTH_BPF_H

enum {
	TASK_DEAD_ = 0x80, /* include/linux/sched.h: it will not run again */
};

static __always_inline struct birth *birth_of(u32 slot)
{
	return &births[slot & (MAX_TASKS - 1)];
}

static __always_inline bool is_root(const struct task_struct *p)
{
	return !p->cred->uid.val;
}

/*
 * Its maker is there, and is no daemon of root's that starts the work of users: else what
 * one of them has had too much were owed by all for whom it does that.
 */
static __always_inline bool owes_its_maker(const struct task_struct *p,
					   const struct birth *b)
{
	return b->maker && READ_ONCE(birth_of(b->maker)->pid) == b->maker_pid &&
	       (!b->maker_is_root || is_root(p));
}

/*
 * Whose account a new task goes on with. The current task is the maker. One that has
 * hardly run itself stands for who made it, or work would have an account anew by a process
 * in between that ends at once.
 */
static const struct task_ctx *note_birth(const struct task_struct *p, u32 slot)
{
	const struct task_struct *maker = bpf_get_current_task_btf();
	const struct birth *line = birth_of(task_slot(maker));
	struct birth *b = birth_of(slot);

	if (!is_grown(maker->se.sum_exec_runtime) &&
	    owes_its_maker(maker, line)) {
		b->maker_pid = line->maker_pid;
		b->maker_weight = line->maker_weight;
		b->maker_is_root = line->maker_is_root;
		b->maker = line->maker;
	} else {
		/* As in its entry: an exec may have changed its number since. */
		b->maker_pid = line->pid;
		b->maker_weight = maker->scx.weight;
		b->maker_is_root = is_root(maker);
		b->maker = task_slot(maker);
	}
	WRITE_ONCE(b->pid, p->pid);
	return &tasks[b->maker & (MAX_TASKS - 1)];
}

/* Of one that has come from another class nobody is told. */
static __always_inline void note_arrival(const struct task_struct *p, u32 slot)
{
	birth_of(slot)->maker = 0;
	WRITE_ONCE(birth_of(slot)->pid, p->pid);
}

/*
 * p stops for the last time. Its maker may run elsewhere and be charged at this moment:
 * then one of both is lost.
 */
static __always_inline void bequeath(const struct task_struct *p,
				     const struct task_ctx *t, u64 now)
{
	const struct birth *b = birth_of(task_slot(p));
	struct task_ctx *maker = &tasks[b->maker & (MAX_TASKS - 1)];
	u64 had, owes;

	if (!owes_its_maker(p, b) || !takes_bequests(maker))
		return;
	had = READ_ONCE(maker->vtime);
	owes = fair_bequeathed(t, p->scx.weight, had, b->maker_weight,
			       fair_clock(), now);
	if (owes != had)
		WRITE_ONCE(maker->vtime, owes);
}

#endif /* PHOTON_BIRTH_BPF_H */
