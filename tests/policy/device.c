// SPDX-License-Identifier: GPL-2.0-only
/*
 * policy/device.h: the capability bitmaps of devices people own. The words are
 * what /proc/bus/input/devices shows (B: EV=, KEY=, REL=, ABS=), of the drivers
 * named beside them.
 */
#include "check.h"

struct device_case {
	const char *name;
	u64 ev, rel, abs;
	u64 key[6]; /* words 0 to 5 */
	u8 class;
};

#define NO_KEYS { 0 }
/* Modifiers, letters, digits and the keypad of a PC keyboard. */
#define PC_KEYS 0xfffffffffffffffeULL
#define PC_KEYS_1 0xf8000000ffffffULL

static const struct device_case cases[] = {
	/* usbhid */
	{ "USB mouse, 5 buttons", 0x17, 0x903, 0, { [4] = 0x1f0000 }, DEVICE_MOUSE },
	{ "USB gaming mouse, 8 buttons, hi-res wheels", 0x17, 0x1943, 0, { [4] = 0xff0000 }, DEVICE_MOUSE },
	{ "trackpoint (psmouse)", 0x7, 0x3, 0, { [4] = 0x70000 }, DEVICE_MOUSE },
	{ "QEMU USB tablet: an absolute mouse", 0x1f, 0x900, 0x3, { [4] = 0x70000 }, DEVICE_MOUSE },
	{ "VMware virtual mouse, absolute", 0xb, 0, 0x3, { [4] = 0x70000 }, DEVICE_MOUSE },
	{ "test mouse made with uinput", 0x7, 0x3, 0, { [4] = 0x10000 }, DEVICE_MOUSE },
	/* atkbd, usbhid */
	{ "AT keyboard", 0x120013, 0, 0, { 0xfffffffffffffffeULL, 0xf02000000000ULL }, DEVICE_KEYBOARD },
	{ "USB keyboard", 0x120013, 0, 0, { PC_KEYS, PC_KEYS_1, 0, 0x1000000000007ULL }, DEVICE_KEYBOARD },
	{ "keyboard with media keys, a wheel and an absolute volume",
	  0x12001f,
	  0x1040,
	  0x100000000ULL,
	  { PC_KEYS, 0xe080ffdf01cfffffULL, 0xff8000ff, 0x1000000000007ULL, 0 },
	  DEVICE_KEYBOARD },
	{ "media keys alone (Consumer Control)", 0x13, 0, 0, { 0, 0x3000000000ULL, 0x10cd800000000ULL }, DEVICE_OTHER },
	{ "mouse half of a wireless combo with keyboard keys",
	  0x17,
	  0x1943,
	  0,
	  { PC_KEYS, PC_KEYS_1, 0, 0, 0xff0000 },
	  DEVICE_MOUSE },
	/* xpad, hid-playstation, hid-nintendo, usbhid */
	{ "Xbox 360 pad", 0x20000b, 0, 0x3003f, { [4] = 0x7cdb000000000000ULL }, DEVICE_PAD },
	{ "Xbox Series pad with share button",
	  0x20000b,
	  0,
	  0x3003f,
	  { [2] = 0x8000000000ULL, [4] = 0x7cdb000000000000ULL },
	  DEVICE_PAD },
	{ "DualShock 4 pad", 0x20000b, 0, 0x3003f, { [4] = 0x7fdb000000000000ULL }, DEVICE_PAD },
	{ "DualShock 4 touchpad", 0xb, 0, 0x260800000000003ULL, { [4] = 0x10000, [5] = 0x2420 }, DEVICE_TOUCH },
	{ "DualShock 4 motion sensors", 0x19, 0, 0x3f, NO_KEYS, DEVICE_OTHER },
	{ "Switch Pro pad", 0x20000b, 0, 0x3001b, { [4] = 0x7fdb000000000000ULL }, DEVICE_PAD },
	{ "flight stick: joystick buttons, throttle, hat", 0x1b, 0, 0x30067, { [4] = 0xfff00000000ULL }, DEVICE_PAD },
	{ "steering wheel", 0x20001b, 0, 0x30027, { [4] = 0x1fff00000000ULL, [5] = 0 }, DEVICE_PAD },
	/* hid-multitouch, wacom, i2c-hid */
	{ "touchscreen", 0xb, 0, 0x273800000000003ULL, { [5] = 0x400 }, DEVICE_TOUCH },
	{ "touchpad of a laptop (clickpad)",
	  0xb,
	  0,
	  0x2e0800000000003ULL,
	  { [4] = 0x10000, [5] = 0xe520 },
	  DEVICE_TOUCH },
	{ "touchscreen, multi-touch axes only", 0xb, 0, 0x260800000000000ULL, NO_KEYS, DEVICE_TOUCH },
	{ "Wacom pen", 0xb, 0, 0x1000d000003ULL, { [5] = 0x1c03 }, DEVICE_TABLET },
	{ "Wacom pad of buttons beside the pen: no way to tell it from a pad",
	  0xb,
	  0,
	  0x100000000ULL,
	  { [4] = 0x3ff },
	  DEVICE_OTHER },
	/* button, hp_accel, rc-core */
	{ "lid switch", 0x21, 0, 0, NO_KEYS, DEVICE_OTHER },
	{ "power button", 0x3, 0, 0, { [1] = 0x10000000000000ULL }, DEVICE_OTHER },
	{ "accelerometer", 0x9, 0, 0x7, NO_KEYS, DEVICE_OTHER },
	{ "PC speaker", 0x40001, 0, 0, NO_KEYS, DEVICE_OTHER },
	{ "HDMI audio jack", 0x21, 0, 0, NO_KEYS, DEVICE_OTHER },
	{ "video bus hotkeys", 0x3, 0, 0, { [3] = 0x3e000b00000000ULL }, DEVICE_OTHER },
	{ "no capability at all", 0, 0, 0, NO_KEYS, DEVICE_OTHER },
};

int main(void)
{
	for (u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct device_case *c = &cases[i];
		const struct device_bits bits = {
			.ev = c->ev,
			.rel = c->rel,
			.abs = c->abs,
			.key_typing = c->key[0],
			.key_buttons = c->key[PHOTON_BTN_LEFT / BITS_PER_WORD],
			.key_digi = c->key[PHOTON_BTN_TOOL_PEN / BITS_PER_WORD],
		};

		check_case = i;
		if (device_class(&bits) != c->class)
			fprintf(stderr, "%s:\n", c->name);
		CHECK_EQ(device_class(&bits), c->class);
	}
	return check_done();
}
