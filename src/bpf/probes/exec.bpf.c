/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exec probe: tells the daemon which programs start, so that it looks for a
 * game then and at no other time. A process that a game forks has the same
 * parents as a program it starts, so forks need no event; the end of the game
 * is what a process descriptor tells.
 *
 * Nothing of a process is read but its name, its parent and the number of its
 * cgroup.
 */
#include <scx/common.bpf.h>
#include <scx/compat.bpf.h>

#include "../intf.h"

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024); /* 1,365 events: 2 s of 500 a second */
} execs SEC(".maps");

/* Events lost because the ring was full; atomic, relaxed: every CPU writes it. */
u64 execs_lost;

/*
 * The first event in an empty ring wakes the daemon, which lets more come for a
 * moment before it reads.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *p)
{
	u64 waiting = bpf_ringbuf_query(&execs, BPF_RB_AVAIL_DATA);
	struct exec_event *e = bpf_ringbuf_reserve(&execs, sizeof(*e), 0);

	if (!e) {
		__sync_fetch_and_add(&execs_lost, 1);
		return 0;
	}
	e->cgroup = bpf_get_current_cgroup_id();
	e->pid = p->tgid;
	e->parent = p->real_parent->tgid;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, waiting ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
	return 0;
}
