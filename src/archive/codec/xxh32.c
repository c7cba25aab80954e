/* SPDX-License-Identifier: MPL-2.0 */
/* xxh32.c - see xxh32.h. */
#include "archive/codec/xxh32.h"

#include <string.h>

static const uint32_t P1 = 0x9e3779b1u, P2 = 0x85ebca77u, P3 = 0xc2b2ae3du, P4 = 0x27d4eb2fu,
		      P5 = 0x165667b1u;

static uint32_t rotate(uint32_t v, unsigned by)
{
	return v << by | v >> (32 - by);
}

static uint32_t le32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void add_stripe(struct xxh32 *x, const unsigned char *p)
{
	for (unsigned i = 0; i < 4; i++)
		x->lane[i] = rotate(x->lane[i] + le32(p + (size_t)4 * i) * P2, 13) * P1;
}

void xxh32_init(struct xxh32 *x)
{
	*x = (struct xxh32){ .lane = { P1 + P2, P2, 0, 0u - P1 } };
}

void xxh32_add(struct xxh32 *x, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	size_t have = (size_t)(x->total % 16), k = MIN(n, 16 - have);

	x->total += n;
	if (have > 0) {
		memcpy(x->rest + have, p, k);
		if (have + k < 16)
			return;
		add_stripe(x, x->rest);
		p += k;
		n -= k;
	}
	for (; n >= 16; p += 16, n -= 16)
		add_stripe(x, p);
	if (n > 0)
		memcpy(x->rest, p, n);
}

uint32_t xxh32_end(const struct xxh32 *x)
{
	size_t n = (size_t)(x->total % 16), i = 0;
	uint32_t h = P5;

	if (x->total >= 16)
		h = rotate(x->lane[0], 1) + rotate(x->lane[1], 7) + rotate(x->lane[2], 12) +
		    rotate(x->lane[3], 18);
	h += (uint32_t)x->total;
	for (; i + 4 <= n; i += 4)
		h = rotate(h + le32(x->rest + i) * P3, 17) * P4;
	for (; i < n; i++)
		h = rotate(h + x->rest[i] * P5, 11) * P1;
	h = (h ^ h >> 15) * P2;
	h = (h ^ h >> 13) * P3;
	return h ^ h >> 16;
}

uint32_t xxh32_of(const void *p, size_t n)
{
	struct xxh32 x;

	xxh32_init(&x);
	xxh32_add(&x, p, n);
	return xxh32_end(&x);
}
