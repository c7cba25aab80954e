/* SPDX-License-Identifier: MPL-2.0 */
/* xz_index.h - where the blocks of an xz file are, from the index at the end of each of its streams (The
 * .xz File Format 1.1.0, sections 2 and 4); private to the codec.
 * Threads: one owner.
 */
#ifndef ARCHIVE_XZ_INDEX_H
#define ARCHIVE_XZ_INDEX_H

#include "store/reader.h"

struct xz_block {
	uint64_t offset; /* in the file, of its header */
	uint64_t packed; /* bytes, with all that belongs to it */
	uint64_t out;	 /* decoded bytes before it, in the whole file */
	uint64_t size;	 /* of its own */
	uint32_t check;	 /* its stream's, section 2.1.1.2 */
	uint32_t stream; /* differs from one stream to the next */
};

struct xz_index {
	struct xz_block *blocks; /* in the file's order */
	size_t n, cap;
};

/* -EBADMSG: a stream has none (it is cut off, or something else follows), or a damaged one, or there are
 * more blocks or streams than are kept; or what the reader says.  Blocks. */
int xz_index_load(struct reader *raw, const _Atomic bool *stop, struct xz_index *out) MUST_CHECK;
void xz_index_free(struct xz_index *x); /* what it holds; zeroed is fine */

#endif
