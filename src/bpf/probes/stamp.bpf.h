/* SPDX-License-Identifier: GPL-2.0-only */
/* What a probe tells the scheduler about the wakeups that follow on this CPU. */
#ifndef PHOTON_STAMP_BPF_H
#define PHOTON_STAMP_BPF_H

#include <bpf_experimental.h>

#include "../intf.h"

/*
 * The context is kept, because an interrupt may come in between and wake whom it
 * likes. `source_until` is stored last: it makes the rest valid.
 */
static __always_inline void stamp_source(struct cpu_ctx *c, u8 source,
					 u64 until)
{
	c->source = source;
	c->source_context = get_preempt_count();
	barrier(); /* read on this CPU only: an interrupt must not see half of it */
	WRITE_ONCE(c->source_until, until);
}

#endif /* PHOTON_STAMP_BPF_H */
