/* SPDX-License-Identifier: MPL-2.0 */
/* tree.h - stored paths turned into rows of the index; private to the archive layer.
 *
 * As `tar xf` would lay them out: missing parents are made up, a later duplicate wins, a later
 * directory entry changes the attributes, a file is never a directory.  Threads: the pass.
 */
#ifndef ARCHIVE_TREE_H
#define ARCHIVE_TREE_H

#include "archive/index.h"

struct tree;

/* added: called for every name that appears, made-up parents too. */
int tree_new(struct index *x,
	     void (*added)(void *arg, uint64_t parent, const char *name, size_t len), void *arg,
	     struct tree **out) MUST_CHECK;
struct tree *tree_free(struct tree *t); /* NULL ok; returns NULL */
/* 0, or -errno when the index cannot be written.  Odd members are bent or left out and counted. */
int tree_add(struct tree *t, const char *path, const struct member *m) MUST_CHECK;
int tree_add_link(struct tree *t, const char *path, const char *target) MUST_CHECK;
/* Give the regular member at path, which has no data yet, the size and place of m. */
int tree_set_data(struct tree *t, const char *path, const struct member *m) MUST_CHECK;

#endif
