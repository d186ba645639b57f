/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lock probe: for whom does a frame task wait?
 *
 * futex_wait() is entered when a lock is held by another thread, never otherwise.
 * A mutex of glibc has its owner's number two words behind the futex, and the
 * value 2 says that it is contended; what else is waited for this way (condition
 * variables, semaphores, mutexes of other libraries) has other values there, or
 * no thread of the same process, and is left alone. So are owners that sleep: one that
 * runs keeps its CPU, one that waits for a CPU runs in the waiter's stead.
 *
 * One word of the waiter's own memory is read, four bytes.
 */
#include <scx/common.bpf.h>
#include <scx/compat.bpf.h>

#include "../intf.h"
#include "../policy/lock.h"

char _license[] SEC("license") = "GPL";

enum {
	/* nptl/lowlevellock.h: taken, and somebody waits. */
	GLIBC_CONTENDED = 2,
	/* struct __pthread_mutex_s: __lock, __count, __owner. */
	GLIBC_OWNER_OFFSET = 8,
};

/* The scheduler's own, see probes/input.bpf.c. */
struct cpu_ctx cpus[MAX_CPUS] SEC(".bss.cpus");
volatile struct tunables tun SEC(".data.tun") = {};

/* As it is on 6.16 and 6.18; since then both have become bytes. */
struct task_struct___int {
	int on_cpu;
	int on_rq;
} __attribute__((preserve_access_index));

/* A task's on_cpu or on_rq. */
#define FLAG_OF(p, field)                                         \
	(bpf_core_field_size((p)->field) == sizeof(int) ?         \
		 ((const struct task_struct___int *)(p))->field : \
		 (p)->field)

/* By a number of the caller's own namespace: games run in containers. From 6.14 on. */
struct task_struct *bpf_task_from_vpid(s32 vpid) __ksym __weak;

static struct task_struct *thread(s32 number)
{
	if (bpf_ksym_exists(bpf_task_from_vpid))
		return bpf_task_from_vpid(number);
	return bpf_task_from_pid(number);
}

/*
 * Who runs is left to run: nobody preempts a CPU that has just been preempted, and
 * until then this one looks so; nor does its slice end. A holder that waits is named
 * to our own CPU, which is about to look for its next task.
 */
static void help(struct cpu_ctx *own, const struct task_struct *holder)
{
	struct cpu_ctx *its = &cpus[holder->thread_info.cpu & (MAX_CPUS - 1)];
	u64 now = scx_bpf_now();

	if (FLAG_OF(holder, on_cpu)) {
		if (!lock_may_begin(READ_ONCE(its->lock_until)))
			return;
		WRITE_ONCE(its->claim, lock_claim(&tun, now));
		WRITE_ONCE(its->lock_until, now + us_to_ns(tun.lock_lift_us));
	} else if (FLAG_OF(holder, on_rq)) {
		own->lock_holder = holder->pid;
	}
}

SEC("fentry/futex_wait")
int BPF_PROG(on_futex_wait, const u32 *word, u32 flags, u32 value)
{
	const struct task_struct *waiter = bpf_get_current_task_btf();
	struct cpu_ctx *c;
	struct task_struct *holder;
	u32 owner = 0;

	c = &cpus[bpf_get_smp_processor_id() & (MAX_CPUS - 1)];
	if (c->class != CLASS_FRAME || value != GLIBC_CONTENDED ||
	    !tun.lock_lift_us)
		return 0;
	if (bpf_probe_read_user(&owner, sizeof(owner),
				(const void *)word + GLIBC_OWNER_OFFSET) ||
	    !owner)
		return 0;
	holder = thread(owner);
	if (!holder)
		return 0;
	if (holder->tgid == waiter->tgid)
		help(c, holder);
	bpf_task_release(holder);
	return 0;
}
