/* SPDX-License-Identifier: MPL-2.0 */
/* pass.h - the one reading of an archive from front to back; private to the archive layer.
 *
 * The pass thread opens a transaction, calls the format's pass(), and the format calls back
 * here: pass_member() for each member, pass_output() for decoded bytes, pass_checkpoint() between.
 * A checkpoint commits when it is due or somebody waits for something that has just been
 * added, rests while there is no demand, and ends the pass when there is none for long.
 */
#ifndef ARCHIVE_PASS_H
#define ARCHIVE_PASS_H

#include "archive/state.h"
#include "archive/tree.h"
#include "archive/verify.h"

struct pass {
	struct archive *a;
	struct tree *tree;
	/* Write what the format needs to go on from here: values of the index.  Set by the format;
	 * called in the transaction, just before it is committed.  May be NULL. */
	int (*save)(struct pass *p, void *arg);
	void (*done)(void *arg); /* frees arg after the last save; set by the format; may be NULL */
	void *arg;

	/* Private to pass.c */
	struct verify *verify; /* NULL: nobody has announced a checksum */
	bool commit_now;
	unsigned asked; /* archive.asked at the last commit */
	int64_t last_commit_ms;
	uint64_t foreseen;  /* bytes of the index that the cache has made room for */
	struct block *part; /* the stream block under construction */
	uint64_t out;	    /* stream bytes given to pass_output() so far */
	bool part_skipped;  /* its front is missing: the pass began inside it */
	bool out_ended;	    /* pass_output_end() was called */
};

/* Add a member at a stored path (hostile or not).  0, or -errno: the index cannot be written. */
int pass_member(struct pass *p, const char *path, const struct member *m) MUST_CHECK;
/* Another name for the member at path target; -ENOENT is not returned: a link to nothing is
 * counted as damage and left out. */
int pass_hard_link(struct pass *p, const char *path, const char *target) MUST_CHECK;
/* A later name of the member at path brought its data (cpio): size and place are taken from m, if
 * the member has none yet. */
int pass_late_data(struct pass *p, const char *path, const struct member *m) MUST_CHECK;
/* The stream goes on with these bytes; before the first ones of a pass that does not begin at 0:
 * pass_output_at().  Publishes whole blocks. */
void pass_output_at(struct pass *p, uint64_t off);
int pass_output(struct pass *p, const void *bytes, size_t n) MUST_CHECK;
/* The stream before off is not decoded by this pass: whoever wants it gets it from fill(), now that
 * its members are known.  off grows. */
void pass_output_skip(struct pass *p, uint64_t off);
/* The stream has ended: publishes the last, short block. */
int pass_output_end(struct pass *p) MUST_CHECK;
/* The archive's own bytes before this were read: for progress bars. */
void pass_progress(struct pass *p, uint64_t raw_position);
/* These of the archive's own bytes, from off on, were read.  A format that comes by all of them, in
 * order, gives them here... */
void pass_hash(struct pass *p, uint64_t off, const void *bytes, size_t n);
/* ... and calls this at the end of the file, before the last output: is it the file that was
 * announced?  The pass may have begun in the middle, when an earlier one came there. */
void pass_verify(struct pass *p);
/* 0 = go on; -ECANCELED = end now; -errno = the index cannot be written. */
int pass_checkpoint(struct pass *p) MUST_CHECK;
/* Say what is wrong with the archive; logged, shown in the status, kept in the index. */
void pass_trouble(struct pass *p, const char *fmt, ...) PRINTF(2, 3);

/* The body of the pass thread; arg is the archive. */
void *pass_thread(void *arg);

#endif
