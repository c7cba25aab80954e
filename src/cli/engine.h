/* SPDX-License-Identifier: MPL-2.0 */
/* engine.h - everything that reads datasets, but for the mount: what `mount` and `index` share.
 *
 *	struct engine e = { 0 };
 *	r = env_options(&e.env, optarg);   for every -o, and once with NULL
 *	r = env_resolve(&e.env);
 *	r = engine_open(&e);               after any fork: starts threads
 *	r = engine_add(&e, spec);          a dataset, with its archive
 *	r = engine_nest(&e);               only where archives inside those are wanted
 *	engine_close(&e);                  always; nobody may ask for anything any more
 *
 * Threads: one owner.  Errors are logged here.
 */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H

#include "cli/env.h"
#include "fs/automount.h"
#include "fs/nest.h"
#include "fs/refresh.h"
#include "fs/volumes.h"
#include "fs/warmer.h"

struct engine {
	struct env env;
	struct store st;
	struct volumes *volumes;
	struct errands *errands;     /* what blocks on the network while mounted */
	struct automount *automount; /* NULL without -o automount */
	struct branch **branches; /* portals */
	unsigned n_branches;
	struct nest *nest; /* archives inside the datasets'; NULL without -o nested */
	struct refresh *refresh; /* NULL until engine_refresh() */
	struct warmer *warmer;	 /* NULL without -o warm */
};

/* Options, paths, threads, memory and the cache (without which it goes on).  0 or -errno. */
int engine_open(struct engine *e) MUST_CHECK;
/* Open one more dataset, or portal; its directory gets a name that no other one has.  Of several
 * datasets only the first may cost a download session before it is read.  0 or -errno. */
int engine_add(struct engine *e, const char *spec) MUST_CHECK;
/* Archives inside archives may be entered, if the options say so.  0 or -errno. */
int engine_nest(struct engine *e) MUST_CHECK;
/* From now on new versions of the datasets take the place of the old ones.  0 or -errno. */
int engine_refresh(struct engine *e) MUST_CHECK;
/* Everything is brought to the cache from now on, if the options say so and there is one.  0 or -errno. */
int engine_warm(struct engine *e) MUST_CHECK;
/* Datasets may come by being looked up, if the options say so.  0 or -errno. */
int engine_automount(struct engine *e) MUST_CHECK;
/* The same without its archive, and so without asking for its bytes (volume_resolve). */
int engine_resolve(struct engine *e, const char *spec) MUST_CHECK;
/* Where the index of a volume that was resolved is, or would be; the caller frees.  0; -ENOENT:
 * there is no cache. */
int engine_index(const struct volume *v, char **path) MUST_CHECK;
/* The way back, also of an engine that is half open: first nothing new, then no I/O, then no
 * memory.  Passes end with their state kept. */
void engine_close(struct engine *e);

#endif
