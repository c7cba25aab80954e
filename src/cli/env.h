/* SPDX-License-Identifier: MPL-2.0 */
/* env.h - what commands that talk to the network start with, and how it is taken down.
 *
 *	AUTO(env_close) struct env e = { 0 };
 *	r = env_options(&e, optarg);  for every -o
 *	r = env_resolve(&e);          paths; before a daemon leaves its directory
 *	r = env_open(&e);             threads; after any fork
 *
 * Threads: one owner.  Errors are logged here.
 */
#ifndef CLI_ENV_H
#define CLI_ENV_H

#include "source/source.h"

struct env {
	struct options opt;
	bool loaded;     /* opt is */
	char *cache_dir; /* absolute; made (0700) unless its disk refused */
	char *state_dir; /* the same, NULL when nothing can be written there */
	char *lease_dir; /* absolute; NULL when nothing can be written there */
	struct servertime *time;
	struct http *http;
	struct pool *pool;
	_Atomic int64_t api_down_ms; /* see source.h */
	struct source_env src;
};

/* Load the options once, then read one -o list (NULL: none).  0 or -errno; -EINVAL: bad option. */
int env_options(struct env *e, const char *list) MUST_CHECK;
/* Debug areas, the password, cache_dir and lease_dir ("~/" and relative ones made absolute; the
 * defaults are mdcfs below $XDG_CACHE_HOME or ~/.cache, and below $XDG_STATE_HOME or ~/.local/state).
 * A directory that cannot be made is a warning, a password_file that cannot be read is not.
 * 0 or -errno. */
int env_resolve(struct env *e) MUST_CHECK;
/* Where leases and ledgers are, whether it is there or not; malloc'd, NULL: there is no such place. */
char *env_lease_dir(const struct options *opt);
/* Start pool and http (and env_resolve() when that was not done).  0 or -errno. */
int env_open(struct env *e) MUST_CHECK;
/* The way back; fine on a zeroed or half-open env, and twice. */
void env_close(struct env *e);

#endif
