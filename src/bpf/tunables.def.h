/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every tunable of the kernel part, once. This list makes the rodata the BPF
 * code reads, the command line flag, its range check and its help text.
 *
 * TUNABLE(name, default, min, max, unit, help)
 *
 * The flag is the name with dashes. All values are u64; `unit` is the unit of
 * the flag and of the constant, so nothing is converted on the way.
 */
/* Under 4 ms: a slice that starts just after a tick of HZ=250 ends at the next. */
TUNABLE(slice_us, 3000, 500, 20000, "us",
	"CPU time a task gets before the queue is asked again. Shorter rotates "
	"background work faster and switches more often")
TUNABLE(input_deadline_us, 100, 10, 2000, "us",
	"Relative deadline of a task woken by an input report")
TUNABLE(frame_deadline_us, 4000, 500, 20000, "us",
	"Relative deadline of a task on the way from a source to the screen")
TUNABLE(fair_deadline_us, 60000, 10000, 70000, "us",
	"Longest relative deadline of normal work, before the lead of who is "
	"ahead of its share: up to 70 ms in all")
TUNABLE(batch_deadline_us, 75000, 10000, 80000, "us",
	"Relative deadline of batch work (nice above 0, SCHED_BATCH, SCHED_IDLE, "
	"and heavy work beside a game), before that lead: up to 80 ms in all")
TUNABLE(input_window_us, 8000, 0, 100000, "us",
	"How long a chain that starts at an input report stays alive; 0 turns "
	"the input boost off")
TUNABLE(mouse_window_us, 8000, 0, 100000, "us",
	"The same for mice, if that is shorter; 0 turns their boost off")
TUNABLE(keyboard_window_us, 8000, 0, 100000, "us",
	"The same for keyboards, if that is shorter; 0 turns their boost off")
TUNABLE(pad_window_us, 8000, 0, 100000, "us",
	"The same for game pads and joysticks, if that is shorter; 0 turns their "
	"boost off")
TUNABLE(touch_window_us, 8000, 0, 100000, "us",
	"The same for touch screens and tablets, if that is shorter; 0 turns "
	"their boost off")
TUNABLE(frame_window_us, 20000, 0, 100000, "us",
	"How long a chain that starts at any other source stays alive; 0 turns "
	"these chains off")
TUNABLE(display_window_us, 20000, 0, 100000, "us",
	"How long a chain that starts at a vblank or a GPU fence stays alive; 0 "
	"turns the display boost off, and that of threads that submit to the GPU")
TUNABLE(frame_budget_us, 14000, 1000, 50000, "us",
	"CPU time a frame task may use per wakeup before it counts as normal work")
TUNABLE(chain_depth, 32, 1, 64, "links",
	"How many tasks a chain passes through before it ends")
TUNABLE(lock_lift_us, 4000, 0, 10000, "us",
	"CPU time the holder of a lock gets on behalf of a frame task that "
	"waits for it; 0 turns this off")
TUNABLE(game_class, 1, 0, 1, "bool",
	"While a game is played, its work that no frame waits for comes "
	"before that of others; 0 turns this off")
TUNABLE(game_deadline_us, 10000, 6000, 60000, "us",
	"Longest relative deadline of such work")
TUNABLE(batch_demotion, 1, 0, 1, "bool",
	"While a game is played, what computes for over 10 ms without a sleep and "
	"has nothing to do with the game counts as batch work; 0 turns this off")
TUNABLE(load_frequency, 1, 0, 1, "bool",
	"Where the governor is schedutil, the frequency of a CPU follows its load; "
	"0 asks for the highest at all times")
TUNABLE(frame_frequency, 100, 0, 100, "%",
	"Where the governor is schedutil and while a game is played, the least "
	"that a CPU which runs frame or input tasks asks for, of its highest "
	"frequency")
TUNABLE(preempt_margin_us, 500, 0, 20000, "us",
	"A running task is preempted only if its deadline is later than the "
	"newcomer's by more than this")
TUNABLE(min_run_us, 1000, 500, 10000, "us",
	"How long a frame task, or a task that got its CPU after its deadline, "
	"runs before a frame may preempt it; with several LLCs a short frame "
	"may end the stint of a long one before that")
TUNABLE(facing_ms, 4000, 100, 60000, "ms",
	"How long a process counts as facing the player after the last of at "
	"least 16 chains (input, display, real-time) has reached it")
