/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sums of all CPUs' counters, for the daemon. Each counter has one writer,
 * its CPU; nothing is ever set back to zero. The reading side is src/snapshot.rs.
 */
#ifndef PHOTON_SNAPSHOT_BPF_H
#define PHOTON_SNAPSHOT_BPF_H

/* Sequence lock: odd while the sums change. The barriers are for the reader. */
static void take_snapshot(struct snapshot *s, u64 now)
{
	u32 c, i;

	__sync_fetch_and_add(&s->seq, 1);
	for (c = 0; c < NR_COUNTERS; c++)
		s->v[c] = 0;
	/* A CPU's counters are a few lines: all of them while they are at hand. */
	bpf_for(i, 0, nr_cpus)
		for (c = 0; c < NR_COUNTERS; c++)
			s->v[c] += counters[i & (MAX_CPUS - 1)].v[c];
	s->at = now;
	__sync_fetch_and_add(&s->seq, 1);
}

#endif /* PHOTON_SNAPSHOT_BPF_H */
