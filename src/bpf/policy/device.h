/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kind of device a report comes from, from the capability bits the device
 * itself declares (linux/input-event-codes.h). No vendor lists.
 */
#ifndef PHOTON_POLICY_DEVICE_H
#define PHOTON_POLICY_DEVICE_H

#include "base.h"

enum device_class {
	DEVICE_MOUSE = 0,
	DEVICE_KEYBOARD,
	DEVICE_PAD,
	DEVICE_TOUCH,
	DEVICE_TABLET,
	DEVICE_OTHER, /* lid switches, accelerometers, remote controls, ... */
	NR_DEVICE_CLASSES,
};

/* The words of the device's bitmaps that tell the classes apart. */
struct device_bits {
	u64 ev; /* evbit[0] */
	u64 rel; /* relbit[0] */
	u64 abs; /* absbit[0] */
	u64 key_typing; /* keybit[0]: KEY_ESC .. KEY_S */
	u64 key_buttons; /* keybit[4]: BTN_MISC .. BTN_GEAR_UP */
	u64 key_digi; /* keybit[5]: BTN_DIGI .. */
};

/* linux/input-event-codes.h: uapi, stable. */
enum {
	PHOTON_EV_ABS = 3,
	PHOTON_REL_X = 0,
	PHOTON_ABS_X = 0,
	PHOTON_ABS_MT_POSITION_X = 0x35,
	PHOTON_KEY_Q = 16,
	PHOTON_KEY_S = 31,
	PHOTON_BTN_LEFT = 0x110,
	PHOTON_BTN_JOYSTICK = 0x120,
	PHOTON_BTN_GAMEPAD = 0x130,
	PHOTON_BTN_TOOL_PEN = 0x140,
	PHOTON_BTN_TOUCH = 0x14a,
	BITS_PER_WORD = 64,
};

static inline bool has_bit(u64 word, u32 code)
{
	return word & (1ULL << (code % BITS_PER_WORD));
}

static inline u8 device_class(const struct device_bits *d)
{
	if (has_bit(d->ev, PHOTON_EV_ABS)) {
		if (has_bit(d->key_digi, PHOTON_BTN_TOOL_PEN))
			return DEVICE_TABLET;
		if (has_bit(d->key_digi, PHOTON_BTN_TOUCH) ||
		    has_bit(d->abs, PHOTON_ABS_MT_POSITION_X))
			return DEVICE_TOUCH;
		if (has_bit(d->key_buttons, PHOTON_BTN_GAMEPAD) ||
		    has_bit(d->key_buttons, PHOTON_BTN_JOYSTICK))
			return DEVICE_PAD;
	}
	if (has_bit(d->key_buttons, PHOTON_BTN_LEFT) &&
	    (has_bit(d->rel, PHOTON_REL_X) || has_bit(d->abs, PHOTON_ABS_X)))
		return DEVICE_MOUSE;
	if (has_bit(d->key_typing, PHOTON_KEY_Q) &&
	    has_bit(d->key_typing, PHOTON_KEY_S))
		return DEVICE_KEYBOARD;
	return DEVICE_OTHER;
}

#endif /* PHOTON_POLICY_DEVICE_H */
