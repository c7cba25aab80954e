/* SPDX-License-Identifier: MPL-2.0 */
/* outage.h - a disk that fails is left alone, and tried again every few seconds.
 * Threads: any.
 */
#ifndef STORE_OUTAGE_H
#define STORE_OUTAGE_H

#include <stdatomic.h>

#include "base/util.h"

struct outage {
	const char *dir;	  /* for the log; borrowed */
	atomic_bool down;	  /* the disk fails */
	_Atomic int64_t retry_ms; /* when it is tried again */
};

/* Is this error the disk's, and not of this one call? */
bool outage_is(int r);
/* May the disk be tried?  While it is down one caller may, every few seconds. */
bool outage_allows(struct outage *o);
bool outage_down(struct outage *o);
/* What came of trying.  Logged once per outage, at its begin and at its end.  Returns r. */
int outage_result(struct outage *o, int r);

#endif
