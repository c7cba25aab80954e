/* SPDX-License-Identifier: MPL-2.0 */
/* pace.h - a disk that is very slow to read from is left alone for a few seconds, then tried again.
 *
 * One read that is under way is watched, so that the others know before it ends.  A single hitch is no
 * reason: it takes two seconds of slow reads, without a quick one in between.
 * Threads: any.
 */
#ifndef STORE_PACE_H
#define STORE_PACE_H

#include <stdatomic.h>

#include "base/util.h"

struct pace {
	const char *dir;	  /* for the log; borrowed */
	atomic_bool slow;	  /* it was left alone, and no quick read has come since */
	_Atomic int64_t watched;  /* when the read that is watched began; 0: none is */
	_Atomic int64_t lost;	  /* milliseconds in slow reads since the last quick one */
	_Atomic int64_t until;	  /* it is left alone */
	_Atomic int64_t insisted; /* there was nothing else to read from */
};

/* May it be read?  Not while it is left alone. */
bool pace_allows(struct pace *p);
/* Around each read. */
int64_t pace_begin(struct pace *p);
void pace_end(struct pace *p, int64_t began);
/* It was left alone, but there is nothing else to read from.  True: for a while it may be read, however
 * long that takes.  False: that was not the reason. */
bool pace_insist(struct pace *p);

#endif
