/* SPDX-License-Identifier: GPL-2.0-only */
/* What a task is charged for the time it had a CPU, and the fair clock with it. */
#ifndef PHOTON_CHARGE_BPF_H
#define PHOTON_CHARGE_BPF_H

/* What p has run for since it was charged last, ns: charged. */
static __always_inline u64 charge(const struct task_struct *p,
				  struct task_ctx *t, struct cpu_ctx *c)
{
	u64 total = p->se.sum_exec_runtime;
	u64 ran = min_u64(sub_sat(total, t->sum_exec), STINT_MAX_NS);

	t->sum_exec = total;
	t->used = min_u64(t->used + ran, USED_MAX_NS);
	if (is_urgent(t->class)) {
		if (t->flags & TASK_LIFTED)
			fair_charge(t, ran, p->scx.weight);
		return ran;
	}
	if (t->class == CLASS_GAME) {
		fair_excuse(t, fair_now(fair_clock(), scx_bpf_now()));
	} else {
		fair_charge(t, ran, p->scx.weight);
		fair_forget(t, fair_clock());
	}
	/* The account of slot 0 is that of all who share it. */
	if (task_slot(p) && makes_the_clock(t)) {
		c->fair_served += ran;
		c->fair_pulls += fair_pull(t, fair_clock(), ran);
	}
	return ran;
}

#endif /* PHOTON_CHARGE_BPF_H */
