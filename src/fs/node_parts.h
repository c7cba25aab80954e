/* SPDX-License-Identifier: MPL-2.0 */
/* node_parts.h - private to node.c and node_list.c. */
#ifndef FS_NODE_PARTS_H
#define FS_NODE_PARTS_H

#include "fs/inode.h"
#include "fs/node.h"

/* What an inode number is about. */
struct place {
	unsigned number; /* of the archive; 0: the root and the control directory */
	enum ino_kind kind;
	struct volume *volume;	 /* NULL: no such number */
	struct archive *archive; /* NULL: there is none */
	uint64_t row;		 /* in that archive; 0: about none */
};

struct place node_place(struct fs *fs, uint64_t ino);

/* Attributes of a member of p's archive.  constant: the archive was complete before m was asked
 * for, so nothing replaces it any more. */
void node_fill_member(struct fs *fs, struct node *n, const struct place *p, const struct member *m,
		      bool constant);

struct fixed_entry {
	const char *name; /* borrowed */
	uint64_t ino;
};

#define FIXED_MAX 4

/* The entries of a directory that is not inside an archive, but for the root; how many, or -1: it
 * is no such directory. */
int node_fixed(struct fs *fs, uint64_t ino, struct fixed_entry e[static FIXED_MAX]);

#endif
