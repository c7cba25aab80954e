/* SPDX-License-Identifier: MPL-2.0 */
/* meter.h - what an object's directory holds beside blocks (an index that grows) is counted for the
 * cache's limit while it grows.  Threads: one owner.
 */
#ifndef STORE_METER_H
#define STORE_METER_H

#include "store/cache.h"

struct meter;

/* What is in dir (an object's) now has been counted.  -ENOMEM. */
int meter_new(struct cache *c, const char *dir, struct meter **out) MUST_CHECK;
/* Count what has come since, and as much ahead as may come until the next call: more than what came
 * last.  Blocks make room for it, in the cache's own thread. */
void meter_update(struct meter *m); /* NULL ok */
/* The same with nothing ahead: it rests. */
void meter_rest(struct meter *m);	   /* NULL ok */
struct meter *meter_free(struct meter *m); /* NULL ok; returns NULL */

#endif
