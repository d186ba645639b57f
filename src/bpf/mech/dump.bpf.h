/* SPDX-License-Identifier: GPL-2.0-only */
/* What a stall report shows of our state (SysRq-D, or an ejection). */
#ifndef PHOTON_DUMP_BPF_H
#define PHOTON_DUMP_BPF_H

void BPF_STRUCT_OPS(photon_dump, struct scx_dump_ctx *dctx)
{
	const struct fair_clock *fc = fair_clock();
	u32 i;

	scx_bpf_dump("fair clock: vtime=%llu rate=%u/1024\n", fc->vtime,
		     fc->rate);
	bpf_for(i, 0, nr_llcs)
		scx_bpf_dump("llc %u: %d urgent, %d queued\n", i,
			     scx_bpf_dsq_nr_queued(DSQ_URGENT_BASE + i),
			     scx_bpf_dsq_nr_queued(DSQ_LLC_BASE + i));
}

void BPF_STRUCT_OPS(photon_dump_cpu, struct scx_dump_ctx *dctx, s32 cpu,
		    bool idle)
{
	const struct cpu_ctx *c = cpu_ctx(cpu);

	if (idle)
		return;
	scx_bpf_dump(
		"class=%u started=%lluns ago deadline=%lld claim=%llu own=%d",
		c->class, dctx->at_ns - c->started, c->deadline - dctx->at_ns,
		c->claim, scx_bpf_dsq_nr_queued(cpu_dsq(cpu)));
}

void BPF_STRUCT_OPS(photon_dump_task, struct scx_dump_ctx *dctx,
		    struct task_struct *p)
{
	const struct task_ctx *t = task_ctx(p);

	scx_bpf_dump("slot=%u class=%u source=%u depth=%u score=%u ",
		     task_slot(p), t->class, t->source, t->depth, t->score);
	scx_bpf_dump("submits=%u used=%u burst=%u deadline=%lld", t->submits,
		     t->used, t->burst, t->deadline - dctx->at_ns);
}

#endif /* PHOTON_DUMP_BPF_H */
