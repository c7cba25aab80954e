/* SPDX-License-Identifier: MPL-2.0 */
/* tar.h - the headers of a tar stream, parsed as its bytes go by (POSIX.1-2017 pax "ustar
 * Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar Format").
 *
 * A push parser: it is fed the stream in order and reports each member as soon as its header
 * (and, for GNU sparse 1.0, its map) has passed.  It never holds member data.  Dialects: v7, ustar,
 * pax (local and global), GNU long names and links, GNU sparse (old, 0.0, 0.1, 1.0), base-256
 * numbers, star, node-tar's 130-byte prefix, concatenated archives (zero blocks inside are
 * skipped). Bounds: 64 KiB a GNU long name, 1 MiB a pax value (unknown ones are passed over at any
 * length), 1 M extents; beyond them it is damage.  Archives are looked for at multiples of 512 bytes.
 * Threads: one owner.
 */
#ifndef ARCHIVE_TAR_H
#define ARCHIVE_TAR_H

#include "archive/xattrs.h"
#include "base/util.h"

struct tar_extent {
	uint64_t off; /* in the file */
	uint64_t len; /* that many bytes are there, holes between are zeros */
};

struct tar_entry {
	const char *path; /* bytes as stored, no NUL inside, may be hostile; borrowed */
	const char *link; /* target of a symbolic or hard link, else NULL; borrowed */
	bool hard_link;
	uint32_t mode; /* S_IFREG, S_IFDIR, ... and permissions; a hard link has S_IFREG */
	uint64_t uid, gid;
	uint32_t dev_major, dev_minor;
	int64_t mtime; /* seconds since 1970, may be negative */
	uint32_t mtime_ns;
	uint64_t size;	 /* of the file as a reader sees it; only regular files have one, and
				   hard links that carry the file's data along */
	uint64_t header; /* stream offset of the first header block of this member (its pax
				   or GNU long-name blocks, if any, included) */
	uint64_t data;	 /* stream offset of its first data byte (after a sparse 1.0 map) */
	uint64_t stored; /* bytes of data in the stream */
	const struct tar_extent *extents; /* sparse map, ascending, or NULL: stored as it is;
					     not NULL but empty: nothing but a hole */
	size_t n_extents;
	const struct xattrs *xattrs; /* its own, or NULL: none, and none lost */
};

struct tar_ops {
	/* 0 to go on; anything else is returned by tar_feed() or tar_end().  The parser then stands
	 * behind this member's headers: tar_state() leads to the next one, here already. */
	int (*member)(void *arg, const struct tar_entry *e);
	/* A damaged place has been skipped, the header or block at this stream offset.  NULL ok. */
	void (*damage)(void *arg, uint64_t off);
};

struct tar;

/* state: what tar_state() gave (n bytes), to go on with the byte at its offset; NULL and 0: a new
 * archive.  0, -ENOMEM, -EBADMSG: not such a state. */
int tar_new(const struct tar_ops *ops, void *arg, const void *state, size_t n,
	    struct tar **out) MUST_CHECK;
struct tar *tar_free(struct tar *t); /* NULL ok; returns NULL */
/* The stream's next n bytes.  0, what member() returned, -ENOMEM, or -EBADMSG: no tar archive at
 * all (its first block that is not zeros is not a header).  Damage further in is skipped to the
 * next valid header and counted. */
int tar_feed(struct tar *t, const void *p, size_t n) MUST_CHECK;
/* The stream offset from which on bytes are needed: data before it may be left out with
 * tar_skip() (a plain .tar is then listed without reading its data). */
uint64_t tar_wants(const struct tar *t);
/* Go to off without feeding the bytes before it; no further than tar_wants(). */
void tar_skip(struct tar *t, uint64_t off);
/* End of the stream: 0 = the archive ended where it should (zero blocks at its end may be missing,
 * or the last padding); -ENODATA = inside a header or data; -EBADMSG = less than a block, and no
 * tar archive.  May report a last member. */
int tar_end(struct tar *t) MUST_CHECK;
uint64_t tar_damage(const struct tar *t); /* number of damaged places skipped so far */
/* Where a later parser may resume: the stream offset of a header block not begun yet (in the
 * middle of a member's headers: of their first; in data: behind it), and the state it needs: that
 * offset, the damage so far, global pax records (malloc'd, never NULL, caller frees).  The offset
 * lies beyond the end of a stream that is cut off in data or padding. */
int tar_state(const struct tar *t, uint64_t *off, void **state, size_t *n) MUST_CHECK;

#endif
