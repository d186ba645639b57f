/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where to look for an idle CPU first on a machine whose CPUs are not alike: cores
 * of two kinds, or a cache that only some of them have. Which CPUs are the better
 * ones is the daemon's to say (src/topology/prefer.rs); whoever finds none among
 * the first looks everywhere, so nothing waits for a better CPU.
 *
 * When it is bad: frame work that leaves an idle CPU whose cache is warm for a
 * better one pays for the move, once: there it stays.
 */
#ifndef PHOTON_POLICY_PREFER_H
#define PHOTON_POLICY_PREFER_H

#include "task.h"

enum seek {
	SEEK_ANYWHERE = 0,
	SEEK_PREFERRED, /* among the better CPUs, then everywhere */
	SEEK_REST, /* among the others, then everywhere */
};

/*
 * A task bound to one CPU has nothing to choose. Batch work leaves the better
 * CPUs alone only for a game: without one they would be idle.
 */
static inline u8 where_to_seek(u8 class, bool playing)
{
	switch (class) {
	case CLASS_INPUT:
	case CLASS_FRAME:
	case CLASS_GAME:
		return SEEK_PREFERRED;
	case CLASS_BATCH:
		return playing ? SEEK_REST : SEEK_ANYWHERE;
	default:
		return SEEK_ANYWHERE;
	}
}

#endif /* PHOTON_POLICY_PREFER_H */
