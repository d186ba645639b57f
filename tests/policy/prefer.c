/* SPDX-License-Identifier: GPL-2.0-only */
/* Which classes look among the better CPUs first, and which leave them alone. */
#include "check.h"
#include "policy/prefer.h"

int main(void)
{
	for (u8 c = CLASS_NONE; c < NR_CLASSES; c++) {
		bool frames = c == CLASS_INPUT || c == CLASS_FRAME || c == CLASS_GAME;
		bool batch = c == CLASS_BATCH;

		CHECK_EQ(where_to_seek(c, false), frames ? SEEK_PREFERRED : SEEK_ANYWHERE);
		CHECK_EQ(where_to_seek(c, true), frames ? SEEK_PREFERRED : batch ? SEEK_REST : SEEK_ANYWHERE);
	}
	return check_done();
}
