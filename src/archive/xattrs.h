/* SPDX-License-Identifier: MPL-2.0 */
/* xattrs.h - the extended attributes of one member, collected before they are stored (xattr(7)).
 *
 * Only what any user may see on any Linux file system is kept: names that begin with "user."; the
 * other namespaces are the system's own.  "user.mdcfs." is kept for what this program says itself.
 * Bounds: the kernel's for a name, a value and the list of names; XATTRS_BYTES_MAX bytes of values.
 * Threads: one owner.
 */
#ifndef ARCHIVE_XATTRS_H
#define ARCHIVE_XATTRS_H

#include "base/util.h"

#define XATTRS_NAME_MAX 255u         /* bytes of a name */
#define XATTRS_VALUE_MAX (64u << 10) /* ... of a value */
#define XATTRS_LIST_MAX (64u << 10)  /* ... of all names of one member, with their NULs */
#define XATTRS_BYTES_MAX (1u << 20)  /* ... of all its values */

struct xattr {
	char *name;  /* NUL-terminated */
	void *value; /* n bytes; never NULL */
	size_t n;
};

struct xattrs {
	struct xattr *at; /* ascending by name */
	size_t n, cap;
	size_t list;  /* bytes of all names with their NULs */
	size_t bytes; /* of all values */
	bool lost;    /* there was more than is kept, or something that cannot be */
};

/* Is it one that is kept? */
bool xattrs_shown(const char *name);
/* Set name, which is shown, to a copy of n bytes; what is beyond a bound is lost.  0 or -ENOMEM. */
int xattrs_set(struct xattrs *x, const char *name, const void *value, size_t n) MUST_CHECK;
void xattrs_free(struct xattrs *x); /* what it holds; it is empty and usable then */

#endif
