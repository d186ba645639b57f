// SPDX-License-Identifier: GPL-2.0-only
/* policy/link.h: how long an input report of each class of device counts. */
#include "check.h"

static struct tunables tun;
static const u64 T0 = 1000 * NSEC_PER_SEC;

/* The window of a device's class is its own, and never longer than that of all. */
static void windows_by_device(void)
{
	struct tunables own = tun;

	own.mouse_window_us = 1000;
	own.keyboard_window_us = 2000;
	own.pad_window_us = 3000;
	own.touch_window_us = 0;
	const struct {
		u8 device;
		u64 window_ns; /* 0: no boost */
	} cases[] = {
		{ DEVICE_MOUSE, 1 * MS }, { DEVICE_KEYBOARD, 2 * MS }, { DEVICE_PAD, 3 * MS },
		{ DEVICE_TOUCH, 0 },	  { DEVICE_TABLET, 0 },	       { DEVICE_OTHER, us_to_ns(tun.input_window_us) },
	};

	for (u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct task_ctx t = { .class = CLASS_FAIR };
		struct wake w = { .now = T0, .weight = WEIGHT_NICE0, .source = SRC_INPUT };

		check_case = i;
		w.device = cases[i].device;
		link_wake(&own, &t, &w);
		CHECK_EQ(t.chain_until, T0 + cases[i].window_ns);
		CHECK_EQ(t.class, cases[i].window_ns ? CLASS_INPUT : CLASS_FAIR);
		own.input_window_us = 500;
		t = (struct task_ctx){ .class = CLASS_FAIR };
		link_wake(&own, &t, &w);
		CHECK_LE(t.chain_until, T0 + MS / 2);
		own.input_window_us = tun.input_window_us;
	}
	check_case = 0;
}

int main(void)
{
	tun = default_tunables();
	windows_by_device();
	return check_done();
}
