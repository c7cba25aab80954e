/* SPDX-License-Identifier: MPL-2.0 */
/* extras.h - what is shown beside a dataset's file and has to be asked for: its Croissant description and
 * its sample.  Each is asked for by an errand, once somebody looks at it, and then stays.
 *
 * A sample is a volume with a number but without a place in the root (volumes.h).
 *
 * Threads: any, but extras_init() and extras_free().
 */
#ifndef FS_EXTRAS_H
#define FS_EXTRAS_H

#include <stdatomic.h>

#include "base/errand.h"

struct fs;
struct volume;

#define EXTRAS_HOLD_MS 30000 /* a failure stands so long */

struct extras {
	/* Private to extras.c */
	_Atomic(struct fs *) fs; /* NULL: nobody has asked for anything */
	struct volume *of;
	struct errand description, sample;
	char *text;		      /* set when description is done; NULL: there is none */
	struct volume *sample_volume; /* set when sample is done; NULL: there is none */
};

void extras_init(struct extras *x, struct volume *of);
void extras_free(struct extras *x);
/* Can there be any? */
bool extras_possible(const struct extras *x);

/* The description, borrowed; NULL: there is none.  0, PARKED, -errno (logged). */
int extras_description(struct fs *fs, struct extras *x, struct waiter *w,
		       const char **text) MUST_CHECK;
/* The sample; NULL: there is none.  0, PARKED, -errno (logged). */
int extras_sample(struct fs *fs, struct extras *x, struct waiter *w,
		  struct volume **out) MUST_CHECK;
/* The same if it is known already.  False: it is not. */
bool extras_known_description(struct extras *x, const char **text);
bool extras_known_sample(struct extras *x, struct volume **out);

#endif
