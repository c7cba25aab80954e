/* SPDX-License-Identifier: MPL-2.0 */
/* zipstored.h - stored zip members: their bytes as they lie in the file, and their CRC-32; private to
 * the archive layer.
 *
 * A member of at most ZIPSTORED_WHOLE bytes is read whole and checked before its first byte is
 * served: that costs no request, and at most one block beside those that were asked for.
 * A larger one is checked as it is read: the CRC-32s of its pieces are put together in whatever
 * order they come, and once every byte has been read somewhere the last read of them fails if
 * the whole is wrong, as do all that follow.  Nothing is fetched for that; what is read in parts alone
 * is not checked.  For as long as the mount lives each member is checked once.
 * Threads: any.
 */
#ifndef ARCHIVE_ZIPSTORED_H
#define ARCHIVE_ZIPSTORED_H

#include "archive/state.h"

#define ZIPSTORED_WHOLE BLOCK_SIZE

/* Bytes [off, off + len), len > 0, which lie inside the member.  len, PARKED, -errno. */
int64_t zipstored_pread(struct archive *a, const struct member *m, void *buf, size_t len,
			uint64_t off, struct waiter *w);

/* Large members of which a part has been read. */
struct zipstored *zipstored_free(struct zipstored *z); /* NULL ok; returns NULL */

#endif
