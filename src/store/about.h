/* SPDX-License-Identifier: MPL-2.0 */
/* about.h - what an object's directory in the cache is of, and whether somebody uses it.
 *
 * objects/<identity>/about.json is for people and commands; its time is that of the last use.  Who uses
 * the object, or is about to put something into the directory, holds a shared flock on the directory.
 *
 * about.json is an object with strings `name` (what a person would call it: "mdc:SLUG", a URL without
 * its query, a path), `file`, `version` (checksum or ETag), `of` (SHA-256 of scheme and key: the same
 * for all versions of one file) and a number `size`; of an archive inside another one `outer` is the
 * identity of that one, and there is no `of`.  An archive inside another one is in use when the
 * outermost one is.  Nothing depends on the note: when it is lost the object has no name until it is
 * opened again.
 *
 * Errors are returned, not logged.  Threads: any.
 */
#ifndef STORE_ABOUT_H
#define STORE_ABOUT_H

#include "base/digest.h"

#define ABOUT_NAME 1024

struct about {
	char name[ABOUT_NAME], file[256], version[256];
	char of[DIGEST_HEX], outer[DIGEST_HEX]; /* "" when there is none */
	uint64_t size;
};

/* Begin to use dir, which is made when it is missing (somebody may have removed it just now), and
 * note what it is of, when a is not NULL.  *use is a descriptor that ends the use by being closed. */
int about_enter(const char *dir, const struct about *a, int *use) MUST_CHECK;
/* The note alone; the time of the last use becomes now. */
int about_note(const char *dir, const struct about *a) MUST_CHECK;
/* The use begun by about_enter() ends; its time is noted.  fd -1 is ok. */
void about_leave(const char *dir, int use);

/* 0, or -ENOENT when there is no (sound) note; *out is all "" then. */
int about_read(const char *dir, struct about *out) MUST_CHECK;
/* When it was last used, nanoseconds since 1970; 0: not known. */
int64_t about_used(const char *dir);
/* Does somebody use it, the archive around it left aside? */
bool about_in_use(const char *dir);
/* Keep others from using it until *fd is closed.  -EBUSY: it is in use; -ENOENT. */
int about_seize(const char *dir, int *fd) MUST_CHECK;
/* Remove the directory with what is in it, as far as that can be done.  Who begins to use it meanwhile
 * waits and makes it anew.  -EBUSY: it is in use. */
int about_remove(const char *dir) MUST_CHECK;

#endif
