/* SPDX-License-Identifier: MPL-2.0 */
/* zip_extra.h - the extra field of a central directory record (PKWARE APPNOTE 4.5; Info-ZIP
 * "extrafld.txt").  Unknown, short or misshapen fields are passed over: writers pad this
 * place with whatever they like.  Pure; threads: any.
 */
#ifndef ARCHIVE_ZIP_EXTRA_H
#define ARCHIVE_ZIP_EXTRA_H

#include "base/bytes.h"

static inline uint16_t zip_le16(const unsigned char *p)
{
	return (uint16_t)bytes_get_le(p, 2);
}

static inline uint32_t zip_le32(const unsigned char *p)
{
	return (uint32_t)bytes_get_le(p, 4);
}

static inline uint64_t zip_le64(const unsigned char *p)
{
	return bytes_get_le(p, 8);
}

struct zip_extra {
	const unsigned char *zip64; /* body of field 0x0001 or NULL; all bodies are borrowed */
	size_t n_zip64;
	const unsigned char *unicode; /* UTF-8 name of field 0x7075 or NULL */
	size_t n_unicode;
	uint32_t unicode_crc;		/* CRC-32 of the raw name that it stands for */
	bool has_ext, has_ntfs, has_ux; /* which of the three times are there */
	int64_t ext, ntfs, ux;		/* modification time: seconds since 1970 */
	uint32_t ntfs_ns;
	bool has_ids;
	uint64_t uid, gid;
	const unsigned char
		*unix_data; /* what PKWARE's Unix field has of a link or device, or NULL */
	size_t n_unix_data;
	bool has_aes;			  /* field 0x9901 (WinZip, "AES Encryption Information") */
	uint16_t aes_version, aes_method; /* 1 or 2; the method before encrypting */
	uint8_t aes_strength;
};

void zip_extra_parse(const unsigned char *p, size_t n, struct zip_extra *out);
/* The best modification time there is: extended (with NTFS's fraction when both name the same
 * second), NTFS, old Unix, else the record's DOS date and time, which are local time. */
void zip_extra_mtime(const struct zip_extra *x, uint16_t dos_date, uint16_t dos_time, int64_t *sec,
		     uint32_t *ns);
/* CRC-32 (ISO 3309) of a raw name, as field 0x7075 uses it. */
uint32_t zip_extra_crc(const unsigned char *p, size_t n);

#endif
