/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exec probe: tells the daemon which programs start and which processes are
 * moved into another cgroup, so that it looks for a game then and at no other time.
 * A process that a game forks has the same parents as a program it starts, so forks
 * need no event; the end of the game is what a process descriptor tells.
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
	__uint(max_entries,
	       64 * 1024); /* 1,365 events: 2.7 s of 500 a second */
} execs SEC(".maps");

/*
 * What the daemon has looked at and does not want to be woken for: a build starts
 * a few programs thousands of times. The least recently started is forgotten.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024); /* names by cgroups: a desktop's day */
	__type(key, struct boring_program);
	__type(value, u8);
} boring SEC(".maps");

/* Processes whose children are interesting whatever they are called. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096); /* ten times those of all games */
	__type(key, u32);
	__type(value, u8);
} tracked SEC(".maps");

/* Events lost because the ring was full; atomic, relaxed: every CPU writes it. */
u64 execs_lost;

/*
 * Flags 0: the kernel wakes the daemon when that has read all before this event, and
 * then only; it lets more come for a moment before it reads. Asked here whether the
 * ring is empty, an event could come unheard while the daemon ends its reading, and
 * after it none would ever be heard.
 */
static __always_inline void tell(const struct task_struct *p, u64 cgroup,
				 bool moved)
{
	struct exec_event *e = bpf_ringbuf_reserve(&execs, sizeof(*e), 0);

	if (!e) {
		__sync_fetch_and_add(&execs_lost, 1);
		return;
	}
	e->cgroup = cgroup;
	e->pid = p->tgid;
	e->parent = p->real_parent->tgid;
	bpf_probe_read_kernel(e->comm, sizeof(e->comm), p->comm);
	e->moved = moved;
	bpf_ringbuf_submit(e, 0);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *p)
{
	struct boring_program program = {
		.cgroup = bpf_get_current_cgroup_id(),
	};
	u32 parent = p->real_parent->tgid;

	bpf_get_current_comm(program.comm, sizeof(program.comm));
	if (bpf_map_lookup_elem(&boring, &program) &&
	    !bpf_map_lookup_elem(&tracked, &parent))
		return 0;
	tell(p, program.cgroup, false);
	return 0;
}

/*
 * GNOME's shell starts a program in its own cgroup, where nothing is new, and has it
 * moved into one of the program's own afterwards: only that names the desktop entry.
 * Moves are few, so none of them bores.
 */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_move, struct cgroup *to, const char *path,
	     struct task_struct *p, bool whole)
{
	/* Not a thread alone, and in the unified hierarchy: that is number 0. */
	if (whole && !to->root->hierarchy_id)
		tell(p, to->kn->id, true);
	return 0;
}
