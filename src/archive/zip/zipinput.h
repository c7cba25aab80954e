/* SPDX-License-Identifier: MPL-2.0 */
/* zipinput.h - a job's bytes of the archive, in order, fetched ahead in a few ranges as far as
 * they will be needed; private to the archive layer.  Threads: one owner, which parks.
 */
#ifndef ARCHIVE_ZIPINPUT_H
#define ARCHIVE_ZIPINPUT_H

#include "archive/state.h"

#define ZIPINPUT_RANGES 4u			     /* under way at once */
#define ZIPINPUT_RANGE ((uint64_t)(1u << 20) + 2048) /* bytes: 1 MiB of data and its local header */

struct zipinput {
	struct archive *a;
	struct waiter *w;
	bool demand;
	uint64_t target; /* bytes before this will be needed: the owner's guess */

	/* Private to zipinput.c */
	uint64_t at;			      /* the next byte to hand out */
	uint64_t ordered;		      /* the next range to order begins here */
	struct chunk *chunk[ZIPINPUT_RANGES]; /* in order, without gaps; at lies in the first */
	unsigned n;
};

void zipinput_init(struct zipinput *in, struct archive *a, struct waiter *w, bool demand);
void zipinput_free(struct zipinput *in);
/* Go on at this file offset; what was fetched there already is used. */
void zipinput_seek(struct zipinput *in, uint64_t at);
uint64_t zipinput_at(const struct zipinput *in);
/* Is the next byte fetched, or on its way? */
bool zipinput_ordered(const struct zipinput *in);
/* The bytes at the current offset, at least min of them (few); borrowed until the next call.  0;
 * PARKED; -ENODATA = the file ends before; -errno. */
int zipinput_get(struct zipinput *in, size_t min, const unsigned char **p, size_t *n) MUST_CHECK;
void zipinput_take(struct zipinput *in, size_t n);

#endif
