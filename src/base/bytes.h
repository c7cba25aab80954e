/* SPDX-License-Identifier: MPL-2.0 */
/* bytes.h - numbers as formats store them: n bytes (1 to 8), the lowest (le) or the highest (be)
 * first, at any address.  Pure; threads: any.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/util.h"

static inline uint64_t bytes_get_le(const unsigned char *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static inline void bytes_put_le(unsigned char *p, unsigned n, uint64_t v)
{
	for (unsigned i = 0; i < n; i++, v >>= 8)
		p[i] = (unsigned char)v;
}

static inline uint64_t bytes_get_be(const unsigned char *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline void bytes_put_be(unsigned char *p, unsigned n, uint64_t v)
{
	for (; n-- > 0; v >>= 8)
		p[n] = (unsigned char)v;
}

#endif
