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
	unsigned depth;		 /* archives around that archive */
};

struct place node_place(struct fs *fs, uint64_t ino);
/* Is p about a version of a dataset that is not the newest any more?  What is open of it stays; names
 * in it are looked up and listed no more (-ESTALE), so that everybody comes to the new one. */
bool node_outdated(struct fs *fs, const struct place *p);
/* p is about a directory of an archive: make it say where the entries of that are.  For the root of
 * an archive inside another that is the inner one, which is opened.  0 or -errno. */
int node_enter(struct fs *fs, struct place *p) MUST_CHECK;
/* The same for a directory of another tree: the root of the archive that it is.  0, PARKED, -ENOTDIR: it
 * is none; -errno. */
int node_enter_branch(struct fs *fs, uint64_t dir, struct waiter *w, struct place *out) MUST_CHECK;
/* Which archive's listing is it?  Opens nothing; NULL: that of none, or of one not open yet. */
struct archive *node_listed(struct fs *fs, const struct place *p);

/* Attributes of a made-up thing; the times may be refined. */
void node_fill(struct fs *fs, struct node *n, uint64_t ino, mode_t mode, uint64_t size,
	       int64_t mtime);
/* Attributes of a member of p's archive.  constant: the archive was complete before m was asked
 * for, so nothing replaces it any more. */
void node_fill_member(struct fs *fs, struct node *n, const struct place *p, const struct member *m,
		      bool constant);

/* Attributes of the archive that m, whose name is in row, is: as of a directory beside it. */
void node_fill_nested(struct fs *fs, struct node *n, const struct place *p, uint64_t row,
		      const struct member *m, bool constant);
/* Are archives inside p's archive to be shown? */
bool node_shows_nested(struct fs *fs, const struct place *p);

/* What a name was before, in a directory NAME.versions that is found and not listed (-o versions):
 * its attributes, what is in it, and the directory itself as a name in dir.  0, -ENOENT, -errno. */
int node_stat_versions(struct fs *fs, const struct place *p, struct node *out) MUST_CHECK;
int node_lookup_version(struct fs *fs, const struct place *p, const char *name,
			struct node *out) MUST_CHECK;
int node_list_versions(struct fs *fs, const struct place *p, uint32_t after,
		       int (*fn)(void *arg, uint64_t cookie, const char *name,
				 const struct node *n),
		       void *arg) MUST_CHECK;
int node_lookup_versions(struct fs *fs, const struct place *dir, const char *name,
			 struct node *out) MUST_CHECK;

/* The functions of node.h for what is in another tree: node_branch.c. */
int node_branch_stat(struct fs *fs, uint64_t ino, struct node *out) MUST_CHECK;
int node_branch_lookup(struct fs *fs, uint64_t dir, const char *name, struct waiter *w,
		       struct node *out) MUST_CHECK;
int node_branch_list(struct fs *fs, uint64_t dir, uint64_t after, struct waiter *w,
		     branch_list_fn fn, void *arg) MUST_CHECK;
int node_branch_readlink(struct fs *fs, uint64_t ino, struct waiter *w, char **out) MUST_CHECK;
int64_t node_branch_read(struct fs *fs, uint64_t ino, uint64_t handle, void *buf, size_t len,
			 uint64_t off, struct waiter *w);
/* Where the entries of a directory that is an archive are.  0, PARKED, -ENOTDIR: it is none; -errno. */
int node_branch_enter(struct fs *fs, uint64_t dir, struct waiter *w,
		      struct nest_place *out) MUST_CHECK;
uint64_t node_branch_progress(void);
/* Their roots, as entries of the root. */
int node_branch_named(struct fs *fs, const char *name, struct node *out) MUST_CHECK;
void node_branch_list_all(struct fs *fs, uint64_t after, branch_list_fn fn, void *arg);

struct fixed_entry {
	const char *name; /* borrowed */
	uint64_t ino;
};

/* What is asked for when somebody looks (extras.h): its attributes; the two directories of the
 * sample; and what of it is in the dataset's own, behind the n entries that are there. */
int node_stat_extra(struct fs *fs, struct volume *v, uint64_t ino, struct node *out) MUST_CHECK;
int node_fixed_samples(struct volume *v, uint64_t ino, struct fixed_entry *e);
int node_fixed_extras(struct volume *v, struct fixed_entry *e, int n);

#define FIXED_MAX 6

/* Of what has to be asked for first (extras.h) wait for what is needed to look up a name in such a
 * directory, or with NULL to list it.  0, PARKED, -errno. */
int node_fixed_need(struct fs *fs, uint64_t ino, const char *name, struct waiter *w) MUST_CHECK;
/* Is all known that belongs to such a directory, so that its entries are for good? */
bool node_fixed_whole(struct fs *fs, uint64_t ino);
/* The entries of a directory that is not inside an archive, but for the root; how many, or -1: it
 * is no such directory. */
int node_fixed(struct fs *fs, uint64_t ino, struct fixed_entry e[static FIXED_MAX]);

#endif
