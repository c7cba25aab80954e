/* SPDX-License-Identifier: MPL-2.0 */
/* doctor_checks.h - what mdcfs doctor looks at, one function each, one table.
 * Threads: one owner.  Blocks.
 */
#ifndef CLI_DOCTOR_CHECKS_H
#define CLI_DOCTOR_CHECKS_H

#include "cli/env.h"

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
	enum doctor_state state;
	char text[512];	  /* what is so, one line */
	char advice[512]; /* what to do about it; "" when there is nothing to do */
};

struct doctor_check {
	const char *name;
	bool network; /* it asks a service */
	void (*look)(struct env *e, struct doctor_finding *f);
};

extern const struct doctor_check doctor_checks[];
extern const size_t doctor_n_checks;

#endif
