/* SPDX-License-Identifier: MPL-2.0 */
/* tar_header.c - see tar_header.h. */
#include "archive/tar/tar_header.h"

#include <string.h>

/* Offsets and lengths of the fields. */
enum {
	NAME = 0,
	NAME_LEN = 100,
	MODE = 100,
	UID = 108,
	GID = 116,
	ID_LEN = 8,
	SIZE = 124,
	MTIME = 136,
	LONG_LEN = 12,
	CHECKSUM = 148,
	CHECKSUM_LEN = 8,
	TYPE = 156,
	LINK = 157,
	MAGIC = 257,
	DEV_MAJOR = 329,
	DEV_MINOR = 337,
	PREFIX = 345,
	PREFIX_LEN = 155,
	STAR_PREFIX_LEN = 131,
	STAR_ATIME = 476,
	STAR_CTIME = 488,
	STAR_MAGIC = 508
};

static bool binary_number(const unsigned char *p, size_t n, int64_t *out)
{
	int64_t v = p[0] & 0x7f;

	if (v & 0x40)
		v -= 0x80;
	for (size_t i = 1; i < n; i++)
		if (__builtin_mul_overflow(v, 256, &v) || __builtin_add_overflow(v, p[i], &v))
			return false;
	*out = v;
	return true;
}

static bool octal_number(const unsigned char *p, size_t n, int64_t *out)
{
	size_t i = n > 0 && p[0] == '\0'; /* where an overlong neighbour put its terminator */
	int64_t v = 0;
	bool negative;

	while (i < n && p[i] == ' ')
		i++;
	negative = i < n && p[i] == '-';
	for (i += negative; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v * 8 + (p[i] - '0'); /* at most 12 digits: 36 bits */
	if (i < n && p[i] != ' ' && p[i] != '\0')
		return false;
	*out = negative ? -v : v;
	return true;
}

bool tar_header_number(const unsigned char *field, size_t n, int64_t *out)
{
	return field[0] & 0x80 ? binary_number(field, n, out) : octal_number(field, n, out);
}

static bool all_zero(const unsigned char *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

enum tar_block tar_header_check(const unsigned char block[static TAR_BLOCK])
{
	int64_t want, sum = 0, sum_signed = 0;

	if (all_zero(block, TAR_BLOCK))
		return TAR_BLOCK_ZERO;
	if (!octal_number(block + CHECKSUM, CHECKSUM_LEN, &want))
		return TAR_BLOCK_OTHER;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		bool blank = i >= CHECKSUM && i < CHECKSUM + CHECKSUM_LEN;

		sum += blank ? ' ' : block[i];
		sum_signed += blank ? ' ' : (signed char)block[i];
	}
	return want == sum || want == sum_signed ? TAR_BLOCK_HEADER : TAR_BLOCK_OTHER;
}

/* An octal time that fills its field but for the terminator, as star and node-tar write it. */
static bool looks_like_time(const unsigned char *p)
{
	for (int i = 0; i < LONG_LEN - 1; i++)
		if (p[i] < '0' || p[i] > '7')
			return false;
	return p[LONG_LEN - 1] == ' ' || p[LONG_LEN - 1] == '\0';
}

static enum tar_magic magic_of(const unsigned char *b)
{
	if (memcmp(b + MAGIC, "ustar  ", 8) == 0)
		return TAR_GNU;
	if (memcmp(b + MAGIC, "ustar", 5) != 0)
		return TAR_V7;
	return memcmp(b + STAR_MAGIC, "tar", 4) == 0 ? TAR_STAR : TAR_USTAR;
}

/* star and node-tar keep atime and ctime where a long prefix would end.  Both leave a NUL before
 * them, so that byte and the look of the times tell them from a prefix of all 155 bytes. */
static size_t prefix_max(const unsigned char *b, enum tar_magic magic)
{
	bool times = looks_like_time(b + STAR_ATIME) || looks_like_time(b + STAR_CTIME);

	if (magic != TAR_USTAR && magic != TAR_STAR)
		return 0; /* GNU keeps other things there, v7 nothing at all */
	if (magic == TAR_STAR || (b[STAR_ATIME - 1] == '\0' && times))
		return STAR_PREFIX_LEN - 1;
	return PREFIX_LEN;
}

static size_t copy_text(char *to, const unsigned char *from, size_t max)
{
	size_t n = strnlen((const char *)from, max);

	memcpy(to, from, n);
	to[n] = '\0';
	return n;
}

static void read_path(const unsigned char *b, struct tar_header *out)
{
	size_t n = copy_text(out->path, b + PREFIX, prefix_max(b, out->magic));

	if (n > 0 && out->path[n - 1] != '/')
		out->path[n++] = '/';
	copy_text(out->path + n, b + NAME, NAME_LEN);
}

/* Owners and devices are 32 bits wide; some programs store "nobody" as a negative number. */
static uint64_t read_id(const unsigned char *field)
{
	int64_t v;

	if (!tar_header_number(field, ID_LEN, &v) || v < INT32_MIN)
		return 0;
	return v < 0 ? (uint32_t)v : (uint64_t)v;
}

void tar_header_read(const unsigned char block[static TAR_BLOCK], struct tar_header *out)
{
	int64_t v;

	out->magic = magic_of(block);
	out->type = (char)block[TYPE];
	read_path(block, out);
	copy_text(out->link, block + LINK, NAME_LEN);
	out->size_ok = tar_header_number(block + SIZE, LONG_LEN, &v) && v >= 0;
	out->size = out->size_ok ? (uint64_t)v : 0;
	out->mode = tar_header_number(block + MODE, ID_LEN, &v) ? (uint32_t)v & 07777 : 0;
	out->uid = read_id(block + UID);
	out->gid = read_id(block + GID);
	out->mtime = tar_header_number(block + MTIME, LONG_LEN, &v) ? v : 0;
	out->dev_major = (uint32_t)read_id(block + DEV_MAJOR);
	out->dev_minor = (uint32_t)read_id(block + DEV_MINOR);
}
