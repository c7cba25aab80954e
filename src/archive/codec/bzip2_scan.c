/* SPDX-License-Identifier: MPL-2.0 */
/* bzip2_scan.c - see bzip2_scan.h.
 *
 * At each byte there are eight places where something may end.  One byte of the window lies inside the
 * 48 bits whatever the place: a table of 256 says which places it leaves, mostly none.
 */
#include "archive/codec/bzip2_scan.h"

#define MASK48 (((uint64_t)1 << 48) - 1)
#define BEHIND 57u /* bits behind a block's magic: CRC 32, randomised 1, pointer 24 */
#define POINTER_MAX 900000u

void bzip2_scan_init(struct bzip2_scan *s)
{
	*s = (struct bzip2_scan){ 0 };
	for (unsigned k = 0; k < 8; k++) {
		/* Of a block: bits 64 to 71 of the two windows, the magic's last bit being at
		 * BEHIND + k.  Of an end: bits 16 to 23, its last bit being at k. */
		s->at_block[(uint64_t)BZIP2_BLOCK >> (64 - BEHIND - k) & 0xff] |=
			(uint8_t)(1u << k);
		s->at_end[(uint64_t)BZIP2_END >> (16 - k) & 0xff] |= (uint8_t)(1u << k);
	}
}

static bool is_block(const struct bzip2_scan *s, unsigned k)
{
	uint64_t magic = s->before << (64 - BEHIND - k);

	if (k < 64 - BEHIND) /* the last one lies in `before` alone */
		magic |= s->window >> (BEHIND + k);
	return (magic & MASK48) == BZIP2_BLOCK && (s->window >> k & 0xffffff) < POINTER_MAX;
}

/* At the byte gone through last. */
static enum bzip2_event look(const struct bzip2_scan *s, uint64_t *at)
{
	unsigned blocks = s->at_block[s->before & 0xff], ends = s->at_end[s->window >> 16 & 0xff];

	for (unsigned k = 8; k-- > 0 && (blocks | ends) != 0;) {
		if (blocks >> k & 1 && s->bytes * 8 >= 48 + BEHIND + k && is_block(s, k)) {
			*at = s->bytes * 8 - 48 - BEHIND - k;
			return BZIP2_AT_BLOCK;
		}
		if (ends >> k & 1 && (s->window >> k & MASK48) == BZIP2_END &&
		    s->bytes * 8 >= 48 + k) {
			*at = s->bytes * 8 - 48 - k;
			return BZIP2_AT_END;
		}
	}
	return BZIP2_NONE;
}

enum bzip2_event bzip2_scan_run(struct bzip2_scan *s, const unsigned char **in, size_t *n_in,
				uint64_t *at)
{
	enum bzip2_event r = BZIP2_NONE;

	while (r == BZIP2_NONE && *n_in > 0) {
		s->before = s->before << 8 | s->window >> 56;
		s->window = s->window << 8 | *(*in)++;
		(*n_in)--;
		s->bytes++;
		if (s->at_block[s->before & 0xff] | s->at_end[s->window >> 16 & 0xff])
			r = look(s, at);
	}
	return r;
}

uint32_t bzip2_scan_crc(const struct bzip2_scan *s, uint64_t at)
{
	unsigned k = (unsigned)(s->bytes * 8 - 48 - BEHIND - at);

	return (uint32_t)(s->window >> k >> 25);
}
