/* SPDX-License-Identifier: MPL-2.0 */
/* xxh32.h - the 32-bit xxHash with seed 0, of lz4 frames (xxHash fast digest algorithm, section 2). */
#ifndef ARCHIVE_XXH32_H
#define ARCHIVE_XXH32_H

#include "base/util.h"

struct xxh32 {
	uint64_t total;
	uint32_t lane[4];
	unsigned char rest[16]; /* total % 16 bytes of an unfinished stripe */
};

void xxh32_init(struct xxh32 *x);
void xxh32_add(struct xxh32 *x, const void *p, size_t n);
uint32_t xxh32_end(const struct xxh32 *x);
uint32_t xxh32_of(const void *p, size_t n);

#endif
