/* SPDX-License-Identifier: MPL-2.0 */
/* names.h - the safe components of a path that an archive stores.  Pure; threads: any.
 *
 * What a hostile or merely odd path means, decided here once for every format:
 *  - A leading '/', doubled '/', a '/' at the end and "." components say nothing: they are dropped.
 *  - ".." never climbs.  It is dropped and nothing before it is removed, so "a/../b" is "a/b" and
 *    "../../etc/passwd" is "etc/passwd"; the walk is marked hostile so that the caller can log it.
 *    Taking "a" back would let two members agree on a path only after a symlink was followed.
 *  - A component longer than NAMES_MAX bytes keeps its first bytes and ends in '~' and the 8 hex
 *    digits of the whole component's CRC-32C, NAMES_MAX bytes together: names that differ
 *    only far behind stay different, and the same member has the same name on every mount.
 *  - All other bytes are kept: names are bytes, neither UTF-8 nor control characters are looked at.
 *  - A path without any component left is the root itself.
 * The number of components is not bounded here; the caller bounds the depth.
 */
#ifndef ARCHIVE_NAMES_H
#define ARCHIVE_NAMES_H

#include "base/util.h"

#define NAMES_MAX 255u /* bytes, as Linux's NAME_MAX */

struct names {
	const char *rest; /* private: what is still to be split */
	char name[NAMES_MAX + 1]; /* the component, NUL-terminated, after names_next() was true */
	size_t len; /* its bytes, 1..NAMES_MAX */
	bool hostile; /* a ".." has been dropped so far */
};

/* Begin at the front of path, which must stay valid during the walk. */
void names_start(struct names *it, const char *path);
/* Go to the next component; false at the end (name and len are then meaningless). */
bool names_next(struct names *it);

#endif
