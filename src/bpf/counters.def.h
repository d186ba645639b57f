/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every counter, once. The list makes the enum that indexes them, the field of
 * the statistics and its description. A decision of the policy is named by the
 * counter it increments: one enum for reasons and counters.
 *
 * COUNTER(name, help)
 */
COUNTER(wakeups, "Wakeups seen by select_cpu or, for pinned tasks, by enqueue")
COUNTER(wake_input, "Wakeups by an input report")
COUNTER(wake_display, "Wakeups by a vblank or a GPU fence")
COUNTER(wake_chain, "Wakeups that pass a live chain on")
COUNTER(wake_rt, "Wakeups by a real-time task, which count as a source")
COUNTER(wake_irq, "Wakeups from a hard or soft interrupt")
COUNTER(wake_submitter, "Wakeups of a thread that gives the GPU work")
COUNTER(class_input, "Wakeups placed in class input")
COUNTER(class_kernel,
	"Wakeups placed in class kernel: threads bound to one CPU")
COUNTER(class_frame, "Wakeups placed in class frame")
COUNTER(class_game,
	"Wakeups placed in class game: other work of the game that is played")
COUNTER(class_fair, "Wakeups placed in class fair")
COUNTER(class_batch, "Wakeups placed in class batch")
COUNTER(idle_prev,
	"Wakeups placed on their previous CPU, which was idle; not those of tasks bound to it")
COUNTER(idle_other, "Wakeups placed on another idle CPU")
COUNTER(preempt_prev, "Preempted the running task of its previous CPU")
COUNTER(preempt_this, "Preempted the running task of the waking CPU")
COUNTER(preempt_other, "Preempted the running task of another CPU")
COUNTER(preempt_none,
	"Wanted to preempt, but every candidate was as urgent, or claimed by another")
COUNTER(give_way,
	"Gave its CPU back before it ran: input waits that found no victim, or input or a kernel thread bound here")
COUNTER(queue_llc,
	"Queued by deadline for the CPUs of its LLC: woken, preempted or expired")
COUNTER(queue_urgent,
	"Queued by deadline for the CPUs of its LLC, before fair work")
COUNTER(queue_cpu, "Queued by deadline for one CPU: pinned or kept there")
COUNTER(requeue_preempted,
	"Requeued with its old deadline, or the earlier of two: preempted, or changed while it waited")
COUNTER(requeue_expired, "Requeued with a new deadline after a full slice")
COUNTER(dispatch_llc, "Took the earliest task of the own LLC")
COUNTER(dispatch_urgent, "Took the earliest urgent task of the own LLC")
COUNTER(dispatch_turn,
	"Took overdue work before urgent work, after a stint of urgent work")
COUNTER(dispatch_cpu, "Took the earliest task of the own CPU's queue")
COUNTER(dispatch_steal,
	"Took a task of another LLC: an urgent one that was overdue, or because the own was empty")
COUNTER(turn_ended,
	"Turns ended by the timer: hundreds of tasks wait for that CPU")
COUNTER(balance_llc,
	"A CPU was told to take a task of the LLC whose queue is the longest")
COUNTER(dispatch_keep, "Let the running task continue: nobody else waits")
COUNTER(lock_lift,
	"Ran, or kept on its CPU, the holder of a lock on behalf of the frame task that waits")
COUNTER(kick_idle, "Woke an idle CPU for a task that was just queued")
COUNTER(kick_late,
	"Went idle just when work was queued, and looked again at once")
COUNTER(rt_rescue, "Moved tasks off a CPU that a real-time task has taken")
COUNTER(rescue_overdue,
	"Told a CPU to run a task that had waited past its bound: a defect, overload or a real-time hog")
COUNTER(tick_yield,
	"Ended a long slice at the tick because a task waits that is bound to this CPU, or in its local queue")
COUNTER(game_demoted,
	"Stints of heavy work beside a game, which count as batch work")
COUNTER(frequency_asked,
	"Told the governor schedutil how fast a CPU shall be; taking it back when it idles is not counted")
COUNTER(ctx_missing, "Wakeups of tasks without a context: the pool was empty")
COUNTER(context_alloc, "Task contexts handed out")
COUNTER(context_free, "Task contexts taken back")
COUNTER(why_waits, "Waits of frame threads that `scx_photon why` was told of")
COUNTER(why_turns, "Turns of frame threads that `scx_photon why` was told of")
COUNTER(why_dropped, "Such records lost: too many a second, or the ring full")
