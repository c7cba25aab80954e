/* SPDX-License-Identifier: MPL-2.0 */
/* indexsums.h - for tests that change an index by other hands: its pages get the checksums that they
 * should have (archive/index/sums.h), so that what was changed is found by nothing but what it says. */
#ifndef TESTS_INDEXSUMS_H
#define TESTS_INDEXSUMS_H

#include "base/bytes.h"
#include "base/digest.h"

/* A database of n bytes. */
static inline void index_seal(unsigned char *db, size_t n)
{
	size_t size = n >= 100 ? (size_t)bytes_get_be(db + 16, 2) : 0;

	size = size == 1 ? 65536 : size;
	if (size < 512 || (size & (size - 1)) != 0 || db[20] != 8)
		return;
	for (size_t at = 0; at + size <= n; at += size) {
		unsigned char number[4];
		uint32_t crc = crc32c(0, db + at, size - 8);

		bytes_put_le(number, 4, at / size + 1);
		bytes_put_le(db + at + size - 8, 8, crc32c(crc, number, 4));
	}
}

#endif
