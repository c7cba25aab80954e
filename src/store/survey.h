/* SPDX-License-Identifier: MPL-2.0 */
/* survey.h - the layers of a cache directory as they are, without opening them for use: for commands
 * that look at a cache as a whole.
 * Threads: any.  Errors are returned, not logged.
 */
#ifndef STORE_SURVEY_H
#define STORE_SURVEY_H

#include "store/objects.h"

struct survey_layer {
	const char *identity, *name;
	uint64_t blocks;  /* recorded */
	uint64_t bytes;	  /* in them */
	uint64_t on_disk; /* what the data file takes; the map takes more */
	int map;	  /* 0; -ENOENT: there is none, -EILSEQ: of another format; -errno */
};

/* Call fn for each layer of each object, in no order; not 0 ends the walk and is returned. */
int survey_layers(struct objects *o, int (*fn)(void *arg, const struct survey_layer *l),
		  void *arg) MUST_CHECK;

#endif
