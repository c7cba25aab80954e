/* SPDX-License-Identifier: MPL-2.0 */
/* zip_extra.c - see zip_extra.h. */
#include "archive/zip/zip_extra.h"

#include <time.h>

#define NTFS_SECOND 10000000u		/* its ticks are 100 ns */
#define NTFS_EPOCH INT64_C(11644473600) /* seconds from 1601 to 1970 */

static void zip64(struct zip_extra *x, const unsigned char *p, size_t n)
{
	if (x->zip64)
		return;
	x->zip64 = p;
	x->n_zip64 = n;
}

static void unicode_path(struct zip_extra *x, const unsigned char *p, size_t n)
{
	if (n <= 5 || p[0] != 1)
		return;
	x->unicode_crc = zip_le32(p + 1);
	x->unicode = p + 5;
	x->n_unicode = n - 5;
}

/* The central copy holds the modification time alone, whatever its flags say about others. */
static void extended_time(struct zip_extra *x, const unsigned char *p, size_t n)
{
	if (n < 5 || !(p[0] & 1))
		return;
	x->has_ext = true;
	x->ext = (int32_t)zip_le32(p + 1);
}

static void ntfs_times(struct zip_extra *x, const unsigned char *p, size_t n)
{
	for (size_t at = 4, size; at + 4 <= n; at += 4 + size) {
		uint64_t ticks;

		size = zip_le16(p + at + 2);
		if (size > n - at - 4)
			return;
		if (zip_le16(p + at) != 1 || size < 8)
			continue;
		ticks = zip_le64(p + at + 4);
		x->has_ntfs = ticks != 0;
		x->ntfs = (int64_t)(ticks / NTFS_SECOND) - NTFS_EPOCH;
		x->ntfs_ns = (uint32_t)(ticks % NTFS_SECOND) * 100;
		return;
	}
}

static void old_unix(struct zip_extra *x, const unsigned char *p, size_t n)
{
	if (n < 8)
		return;
	x->has_ux = true;
	x->ux = (int32_t)zip_le32(p + 4);
	if (n < 12 || x->has_ids)
		return;
	x->has_ids = true;
	x->uid = zip_le16(p + 8);
	x->gid = zip_le16(p + 10);
}

/* 4.5.7: four fixed fields, then a link's target or a device's two numbers. */
static void pkware_unix(struct zip_extra *x, const unsigned char *p, size_t n)
{
	if (n < 12)
		return;
	old_unix(x, p, n);
	x->n_unix_data = n - 12;
	x->unix_data = n > 12 ? p + 12 : NULL;
}

static void new_unix(struct zip_extra *x, const unsigned char *p, size_t n)
{
	unsigned n_uid, n_gid;

	if (n < 3 || p[0] != 1)
		return;
	n_uid = p[1];
	if (n_uid > 8 || 3 + n_uid > n)
		return;
	n_gid = p[2 + n_uid];
	if (n_gid > 8 || 3 + n_uid + n_gid > n)
		return;
	x->has_ids = true;
	x->uid = bytes_get_le(p + 2, n_uid);
	x->gid = bytes_get_le(p + 3 + n_uid, n_gid);
}

static void aes(struct zip_extra *x, const unsigned char *p, size_t n)
{
	if (n < 7 || p[2] != 'A' || p[3] != 'E' || p[4] < 1 || p[4] > 3)
		return;
	x->has_aes = true;
	x->aes_version = zip_le16(p);
	x->aes_strength = p[4];
	x->aes_method = zip_le16(p + 5);
}

static const struct {
	uint16_t id;
	void (*parse)(struct zip_extra *x, const unsigned char *p, size_t n);
} fields[] = {
	{ 0x0001, zip64 },	   { 0x000a, ntfs_times }, { 0x000d, pkware_unix },
	{ 0x5455, extended_time }, { 0x5855, old_unix },   { 0x7075, unicode_path },
	{ 0x7875, new_unix },	   { 0x9901, aes },
};

void zip_extra_parse(const unsigned char *p, size_t n, struct zip_extra *out)
{
	*out = (struct zip_extra){ 0 };
	while (n >= 4) {
		uint16_t id = zip_le16(p);
		size_t size = zip_le16(p + 2);

		p += 4;
		n -= 4;
		if (size > n)
			return;
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
			if (fields[i].id == id)
				fields[i].parse(out, p, size);
		p += size;
		n -= size;
	}
}

/* Fields out of range are brought into it: a date of zero means "unknown", not 1979. */
static int64_t dos_seconds(uint16_t date, uint16_t clock)
{
	int month = date >> 5 & 15, day = date & 31;
	struct tm tm = {
		.tm_year = 80 + (date >> 9),
		.tm_mon = MAX(1, MIN(12, month)) - 1,
		.tm_mday = MAX(1, day),
		.tm_hour = MIN(23, clock >> 11),
		.tm_min = MIN(59, clock >> 5 & 63),
		.tm_sec = MIN(59, (clock & 31) * 2),
		.tm_isdst = -1,
	};
	time_t t = mktime(&tm);

	return t == (time_t)-1 ? 0 : t;
}

void zip_extra_mtime(const struct zip_extra *x, uint16_t dos_date, uint16_t dos_time, int64_t *sec,
		     uint32_t *ns)
{
	*ns = 0;
	if (x->has_ext)
		*sec = x->ext;
	else if (x->has_ntfs)
		*sec = x->ntfs;
	else if (x->has_ux)
		*sec = x->ux;
	else
		*sec = dos_seconds(dos_date, dos_time);
	if (x->has_ntfs && *sec == x->ntfs)
		*ns = x->ntfs_ns;
}

uint32_t zip_extra_crc(const unsigned char *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	while (n-- > 0) {
		crc ^= *p++;
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	return ~crc;
}
