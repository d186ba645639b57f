/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every field that more than one CPU touches: where it lies and who writes it.
 * state.bpf.h makes assertions of it; tests/layout.rs compares it with the types
 * in the built objects and fails if fields with different writers share a cache
 * line, if one leaves its line, if one is missing here, or if padding grew.
 *
 * LAYOUT(struct, bytes, apart, padding)
 *   bytes    of one, 0 if it grows with a list; elements of an array have
 *            different writers, so this is a multiple of
 *   apart    64, or 128 where the adjacent-line prefetcher would couple writers
 *   padding  reserved and unused bytes
 *
 * FIELD(struct, field, line, writer, reader)
 *   OWN     the CPU that the element belongs to
 *   ANY     any CPU: by compare-and-swap, by an atomic, or under a lock
 *   HOLDER  who has the task: the waker while it sleeps (pi_lock), else the
 *           holder of the lock of its run queue, or the running task itself
 *   TIMER   the BPF timer: one at a time
 *   WAKERS  any CPU that wakes or queues a task
 *   DAEMON  user space
 */
LAYOUT(task_ctx, 64, 64, 0)
FIELD(task_ctx, deadline, 0, HOLDER, HOLDER)
FIELD(task_ctx, vtime, 0, HOLDER, HOLDER)
FIELD(task_ctx, sum_exec, 0, HOLDER, HOLDER)
FIELD(task_ctx, woken_at, 0, HOLDER, HOLDER)
FIELD(task_ctx, chain_until, 0, HOLDER, HOLDER)
FIELD(task_ctx, waker, 0, HOLDER, HOLDER)
FIELD(task_ctx, request_end, 0, HOLDER, HOLDER)
FIELD(task_ctx, used, 0, HOLDER, HOLDER)
FIELD(task_ctx, burst, 0, HOLDER, HOLDER)
FIELD(task_ctx, score, 0, HOLDER, HOLDER)
FIELD(task_ctx, class, 0, HOLDER, HOLDER)
FIELD(task_ctx, source, 0, HOLDER, HOLDER)
FIELD(task_ctx, depth, 0, HOLDER, HOLDER)
FIELD(task_ctx, flags, 0, HOLDER, HOLDER)
FIELD(task_ctx, submits, 0, HOLDER, HOLDER)
FIELD(task_ctx, submitted, 0, HOLDER, HOLDER)

LAYOUT(cpu_ctx, 256, 128, 130)
FIELD(cpu_ctx, deadline, 0, OWN, WAKERS)
FIELD(cpu_ctx, started, 0, OWN, WAKERS)
FIELD(cpu_ctx, class, 0, OWN, WAKERS)
FIELD(cpu_ctx, last, 0, OWN, TIMER)
FIELD(cpu_ctx, is_long, 0, OWN, WAKERS)
FIELD(cpu_ctx, turn_began, 0, OWN, OWN)
FIELD(cpu_ctx, claim, 1, ANY, WAKERS)
FIELD(cpu_ctx, pinned, 1, ANY, TIMER)
FIELD(cpu_ctx, lock_until, 1, ANY, OWN)
FIELD(cpu_ctx, overdue, 1, ANY, OWN)
FIELD(cpu_ctx, foreign, 1, ANY, OWN)
FIELD(cpu_ctx, turn, 1, ANY, OWN)
FIELD(cpu_ctx, source_until, 2, OWN, OWN)
FIELD(cpu_ctx, fair_served, 2, OWN, TIMER)
FIELD(cpu_ctx, source_context, 2, OWN, OWN)
FIELD(cpu_ctx, source, 2, OWN, OWN)
FIELD(cpu_ctx, device, 2, OWN, OWN)
FIELD(cpu_ctx, fair_pulls, 2, OWN, TIMER)
FIELD(cpu_ctx, lock_holder, 2, OWN, OWN)
FIELD(cpu_ctx, changed, 2, OWN, OWN)
FIELD(cpu_ctx, answered, 2, OWN, OWN)
FIELD(cpu_ctx, answered_bound, 2, OWN, OWN)
FIELD(cpu_ctx, counted, 2, OWN, OWN)
FIELD(cpu_ctx, stranded, 3, TIMER, TIMER)

LAYOUT(lane, 32896, 128, 47)
FIELD(lane, head, 0, OWN, DAEMON)
FIELD(lane, reports, 0, OWN, DAEMON)
FIELD(lane, device, 1, OWN, OWN)
FIELD(lane, at, 1, OWN, OWN)
FIELD(lane, registered, 1, OWN, OWN)
FIELD(lane, number, 1, OWN, OWN)
FIELD(lane, device_class, 1, OWN, OWN)
FIELD(lane, slot, 2, OWN, DAEMON)

LAYOUT(cpu_counters, 0, 128, 127)
FIELD(cpu_counters, v, 0, OWN, TIMER)

LAYOUT(cpu_delays, 0, 128, 127)
FIELD(cpu_delays, bucket, 0, OWN, DAEMON)
FIELD(cpu_delays, max, 8, OWN, DAEMON)

LAYOUT(shared, 0, 8, 123)
FIELD(shared, fair, 0, TIMER, WAKERS)
FIELD(shared, fair_index, 1, TIMER, WAKERS)
FIELD(shared, playing, 1, TIMER, WAKERS)
FIELD(shared, idle, 2, ANY, WAKERS)
FIELD(shared, hurry, 3, ANY, WAKERS)
FIELD(shared, urgent_llcs, 3, ANY, WAKERS)
FIELD(shared, snap, 4, TIMER, DAEMON)

LAYOUT(clock, 128, 128, 116)
FIELD(clock, ahead, 0, TIMER, WAKERS)
FIELD(clock, hardirq, 0, TIMER, WAKERS)

LAYOUT(cpu_load, 256, 128, 220)
FIELD(cpu_load, since, 0, OWN, TIMER)
FIELD(cpu_load, busy, 0, OWN, OWN)
FIELD(cpu_load, frames_until, 0, OWN, OWN)
FIELD(cpu_load, load, 0, OWN, OWN)
FIELD(cpu_load, rested, 2, TIMER, TIMER)

LAYOUT(game, 4160, 64, 52)
FIELD(game, beat, 0, DAEMON, TIMER)
FIELD(game, main, 0, DAEMON, TIMER)
FIELD(game, look, 0, DAEMON, WAKERS)
FIELD(game, family, 1, DAEMON, WAKERS)

/* Four to a line: stored to a few times a second, and only in a chain. */
LAYOUT(process_ctx, 16, 16, 4)
FIELD(process_ctx, tgid, 0, ANY, WAKERS)
FIELD(process_ctx, facing_until, 0, ANY, WAKERS)
FIELD(process_ctx, faces, 0, ANY, WAKERS)

/* Four to a line: stored to when tasks are born and end. */
LAYOUT(birth, 16, 16, 1)
FIELD(birth, pid, 0, ANY, ANY)
FIELD(birth, maker, 0, ANY, ANY)
FIELD(birth, maker_pid, 0, ANY, ANY)
FIELD(birth, maker_weight, 0, ANY, ANY)
FIELD(birth, maker_is_root, 0, ANY, ANY)

/* Four to a line: stored to when a game forks. */
LAYOUT(kin, 16, 16, 4)
FIELD(kin, tgid, 0, ANY, WAKERS)
FIELD(kin, look, 0, ANY, WAKERS)
FIELD(kin, execs, 0, ANY, WAKERS)

#ifndef LAYOUT_SCHEDULER /* of the probes alone */
LAYOUT(display_counts, 128, 128, 104)
FIELD(display_counts, vblanks, 0, OWN, DAEMON)
FIELD(display_counts, fences, 0, OWN, DAEMON)
FIELD(display_counts, submits, 0, OWN, DAEMON)

LAYOUT(pipe_clock, 64, 64, 44)
FIELD(pipe_clock, at, 0, ANY, DAEMON)
FIELD(pipe_clock, period, 0, ANY, DAEMON)
FIELD(pipe_clock, sequence, 0, ANY, DAEMON)
#endif
