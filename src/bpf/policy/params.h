/* SPDX-License-Identifier: GPL-2.0-only */
/* The tunables as the policy sees them: one plain struct, passed by pointer. */
#ifndef PHOTON_POLICY_PARAMS_H
#define PHOTON_POLICY_PARAMS_H

#include "base.h"

struct tunables {
#define TUNABLE(name, dfl, lo, hi, unit, help) u64 name;
#include "../tunables.def.h"
#undef TUNABLE
};

static inline u64 us_to_ns(u64 us)
{
	return us * NSEC_PER_USEC_;
}

#endif /* PHOTON_POLICY_PARAMS_H */
