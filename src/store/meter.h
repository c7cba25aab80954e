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
/* Count what has come since, and so much ahead as may come until the next call.  Blocks have made room
 * for it when this returns, as far as they can. */
void meter_expect(struct meter *m, uint64_t ahead); /* NULL ok */
/* The same with nothing ahead: it rests. */
void meter_rest(struct meter *m);	   /* NULL ok */
struct meter *meter_free(struct meter *m); /* NULL ok; returns NULL */

#endif
