/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_photon: the kernel part.
 *
 * What it does
 * ------------
 * Every wakeup gets a deadline on the wall clock, `now + relative deadline of
 * its class`, and the earliest deadline runs. Classes follow from behaviour:
 *
 *   input   woken by an input report                       100 us
 *   kernel  kernel thread bound to one CPU                   2 ms
 *   frame   a link of a live chain, or learnt as one         4 ms
 *   game    other work of the game that is played           10 ms
 *   fair    everything else, by burst and share         6 - 70 ms
 *   batch   nice above 0, SCHED_BATCH, SCHED_IDLE           75 ms
 *
 * A chain is the path of wakeups from something a person can perceive through
 * (an input report, a vblank, a real-time compositor or audio server) to the
 * frame. policy/link.h follows it from waker to wakee.
 *
 * The first three classes preempt: the allowed CPU whose task has the latest
 * deadline, at once, by IPI (policy/preempt.h). Shares follow weights because a
 * task that has had more than its share gets a later deadline (policy/fair.h).
 *
 * A worked example. Four CPUs run hogs (deadline in 60 ms). A mouse moves: the
 * interrupt calls input_event(), the probe stamps this CPU for 100 us; evdev
 * wakes the compositor, select_cpu sees the stamp: class input, deadline in
 * 100 us. No CPU is idle; the interrupted one runs a hog with 40 ms to go; the
 * compositor is inserted there with SCX_ENQ_PREEMPT and the hog goes back to its
 * queue with the deadline it had. The compositor wakes the game: the waker is in
 * a live chain, so the game is a frame link at depth 1, and preempts another hog.
 *
 * When it is bad
 * --------------
 * A frame that needs more CPUs than there are gains nothing. Work that faces no
 * person but must answer in 5 ms (a local database) is fair work like any other.
 *
 * The rooms: policy/ decides on plain numbers, mech/ acts, probes/ observe.
 */
#include <scx/common.bpf.h>
#include <scx/compat.bpf.h>
#include <bpf_experimental.h>

#include "intf.h"
#include "policy/crowd.h"
#include "policy/deadline.h"
#include "policy/frequency.h"
#include "policy/link.h"
#include "policy/lock.h"
#include "policy/preempt.h"
#include "policy/prefer.h"
#include "policy/slice.h"

char _license[] SEC("license") = "GPL";

#include "mech/state.bpf.h"
#include "mech/slots.bpf.h"
#include "mech/game.bpf.h"
#include "mech/lock.bpf.h"
#include "mech/wake.bpf.h"
#include "mech/prefer.bpf.h"
#include "mech/place.bpf.h"
#include "mech/why.bpf.h"
#include "mech/enqueue.bpf.h"
#include "mech/frequency.bpf.h"
#include "mech/charge.bpf.h"
#include "mech/dispatch.bpf.h"
#include "mech/birth.bpf.h"
#include "mech/account.bpf.h"
#include "mech/rescue.bpf.h"
#include "mech/crowd.bpf.h"
#include "mech/balance.bpf.h"
#include "mech/snapshot.bpf.h"
#include "mech/heartbeat.bpf.h"
#include "mech/life.bpf.h"
#include "mech/dump.bpf.h"

/* clang-format off: one operation a line */
SCX_OPS_DEFINE(photon_ops, .select_cpu = (void *)photon_select_cpu,
	       .enqueue = (void *)photon_enqueue,
	       .dispatch = (void *)photon_dispatch, .tick = (void *)photon_tick,
	       .running = (void *)photon_running,
	       .stopping = (void *)photon_stopping,
	       .update_idle = (void *)photon_update_idle,
	       .init_task = (void *)photon_init_task,
	       .enable = (void *)photon_enable,
	       .disable = (void *)photon_disable,
	       .cpu_release = (void *)photon_cpu_release,
	       .dump = (void *)photon_dump, .dump_cpu = (void *)photon_dump_cpu,
	       .dump_task = (void *)photon_dump_task,
	       .init = (void *)photon_init, .exit = (void *)photon_exit,
	       .timeout_ms = 5000, /* a freeze of 5 s is already too long */
	       .name = "photon");
/* clang-format on */
