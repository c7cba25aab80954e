/* SPDX-License-Identifier: MPL-2.0 */
/* outage.c - see outage.h. */
#include "store/outage.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"

#define RETRY_MS 5000 /* between two attempts at a failing disk */

bool outage_is(int r)
{
	switch (r) {
	case -ENOMEM:
	case -EAGAIN:
	case -EBUSY:
	case -ESTALE:
	case -EMFILE:
	case -ENFILE:
		return false;
	default:
		return r < 0;
	}
}

bool outage_allows(struct outage *o)
{
	int64_t now = clock_ms(), due = atomic_load(&o->retry_ms);

	return !atomic_load(&o->down) ||
	       (now >= due && atomic_compare_exchange_strong(&o->retry_ms, &due, now + RETRY_MS));
}

bool outage_down(struct outage *o)
{
	return atomic_load(&o->down);
}

int outage_result(struct outage *o, int r)
{
	if (outage_is(r)) {
		atomic_store(&o->retry_ms, clock_ms() + RETRY_MS);
		if (!atomic_exchange(&o->down, true))
			(void)log_warn(r, "cache %s is bypassed", o->dir);
	} else if (r == 0 && atomic_exchange(&o->down, false)) {
		log_info("cache %s is used again", o->dir);
	}
	return r;
}
