/* SPDX-License-Identifier: MPL-2.0 */
/* warm_list.h - the regular files at and below paths inside mounts of ours, one after the other.
 *
 * Directories are walked in the order in which they list, which is that of the archive.  Links are
 * followed where they are named, not on the walk; nor is another mount entered.  An archive's own
 * file is left out where its members are beside it, unless it is named.
 * Threads: one owner.  Errors are logged here.
 */
#ifndef CLI_WARM_LIST_H
#define CLI_WARM_LIST_H

#include "base/list.h"

/* A mount that paths are in. */
struct warm_site {
	char *mountpoint;
	uint64_t limit; /* of its cache; 0: none */
	uint64_t total; /* bytes of files in it: the user's */
};

struct warm_list {
	char **path;	   /* as they were given */
	unsigned *site_of; /* for each */
	size_t n;
	struct warm_site *site;
	unsigned n_sites;
	/* The walk: */
	size_t at;
	struct list levels;
	uint64_t dev;
};

struct warm_file {
	char *path; /* owned */
	uint64_t size;
	unsigned site;
	bool more; /* it was found on a walk: others follow */
};

void warm_list_init(struct warm_list *l);
void warm_list_free(struct warm_list *l);
int warm_list_add(struct warm_list *l, const char *path) MUST_CHECK;
/* Paths, one a line, from a file or ("-") standard input; one that is not there is looked for beside the file. */
int warm_list_read(struct warm_list *l, const char *from) MUST_CHECK;
/* Find the mounts; when all paths have been added.  From a process with one thread.  -EINVAL: a path is in none. */
int warm_list_locate(struct warm_list *l) MUST_CHECK;
/* Begin anew. */
void warm_list_rewind(struct warm_list *l);
/* The next file.  1; 0 = there is none any more; -errno: something cannot be looked at (logged); the
 * walk goes on behind it. */
int warm_list_next(struct warm_list *l, struct warm_file *out) MUST_CHECK;

#endif
