/* SPDX-License-Identifier: MPL-2.0 */
/* tree.h - stored paths turned into rows of the index; private to the archive layer.
 *
 * As `tar xf` would lay them out: missing parents are made up, a later duplicate wins, a later
 * directory entry changes the attributes, a file is never a directory.  Extended attributes are
 * kept of files and directories, the only ones that can have such on Linux; hard links bring none.
 * The cost of a member is that of its path's bytes and of the directories on it that the member
 * before was not in.
 * Threads: the pass; tree_damage() and tree_damage_text(): any.
 */
#ifndef ARCHIVE_TREE_H
#define ARCHIVE_TREE_H

#include "archive/index/index.h"

/* What can be wrong with a member's place.  All but CLIMBS and XATTRS: it is left out. */
#define TREE_DAMAGE(X) \
	X(CLIMBS, "climbs out with \"..\", kept inside") \
	X(UNDER_FILE, "a file is used as a directory, left out") \
	X(THROUGH_LINK, "a symbolic link is used as a directory, left out") \
	X(OVER_DIRECTORY, "a directory with members has this name, left out") \
	X(LINK_TO_NOTHING, "a hard link to nothing, left out") \
	X(NO_NAME, "no name but dots and slashes, left out") \
	X(TOO_DEEP, "too many levels of directories, left out") \
	X(MADE_UP, "too many directories that are not in the archive, left out") \
	X(XATTRS, "extended attributes that are too long or too many, they are left out")

enum tree_damage {
#define TREE_DAMAGE_ENUM(name, text) TREE_##name,
	TREE_DAMAGE(TREE_DAMAGE_ENUM)
#undef TREE_DAMAGE_ENUM
		TREE_DAMAGES
};

struct tree;

/* How many members of the archive are so; kept in the index. */
uint64_t tree_damage(struct index *x, enum tree_damage kind);
const char *tree_damage_text(enum tree_damage kind);

/* added: called for every name that appears, made-up parents too.  xattr_max: bytes of extended
 * attributes that the whole index may hold, the rest is left out. */
int tree_new(struct index *x,
	     void (*added)(void *arg, uint64_t parent, const char *name, size_t len), void *arg,
	     uint64_t xattr_max, struct tree **out) MUST_CHECK;
struct tree *tree_free(struct tree *t); /* NULL ok; returns NULL */
/* Say in the log what was counted of the archive called filename. */
void tree_report(const struct tree *t, const char *filename);
/* Write what was counted; in the transaction, just before it is committed. */
int tree_save(struct tree *t) MUST_CHECK;
/* 0, or -errno when the index cannot be written.  Odd members are bent or left out and counted. */
int tree_add(struct tree *t, const char *path, const struct member *m) MUST_CHECK;
/* Is there a member at this path, so far? */
bool tree_has(struct tree *t, const char *path);
int tree_add_link(struct tree *t, const char *path, const char *target) MUST_CHECK;
/* Give the regular member at path, which has no data yet, the size and place of m. */
int tree_set_data(struct tree *t, const char *path, const struct member *m) MUST_CHECK;

#endif
