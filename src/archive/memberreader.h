/* SPDX-License-Identifier: MPL-2.0 */
/* memberreader.h - a regular member of an archive as a reader: what an archive inside reads from.
 *
 * Reads go through archive_pread() of the outer archive, and so do chunks: each is a job that
 * copies what is there, parks and goes on.  No thread is ever held by one.
 * The identity is made of the outer archive's and of where in it the member's bytes are: so the inner
 * one's index and blocks can be kept, also when the outer one's index is made anew.
 * Threads: any, but memberreader_stop() and memberreader_free().
 */
#ifndef ARCHIVE_MEMBERREADER_H
#define ARCHIVE_MEMBERREADER_H

#include "archive/archive.h"

struct memberreader;

/* outer is borrowed and outlives it; m is copied.  0 or -ENOMEM. */
int memberreader_new(struct archive *outer, const struct member *m,
		     struct memberreader **out) MUST_CHECK;
struct reader *memberreader_reader(struct memberreader *r); /* borrowed */
/* The identity of what the outer archive is read from; borrowed. */
const char *memberreader_outer(const struct memberreader *r);
/* From now on everything fails with -ENOTCONN, also what is parked when it is woken. */
void memberreader_stop(struct memberreader *r);
/* Nothing parked, no job left; NULL ok; returns NULL. */
struct memberreader *memberreader_free(struct memberreader *r);

#endif
