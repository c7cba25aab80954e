/* SPDX-License-Identifier: MPL-2.0 */
/* zipforeign.c - see zipforeign.h. */
#include "archive/zip/zipforeign.h"

#include <errno.h>

#include "archive/zip/zip.h"
#include "archive/zip/zip_extra.h"
#include "archive/zip/zipmember.h"

#define FLAG_ENCRYPTED 0x0001u /* APPNOTE 4.4.4 */
#define FLAG_SIZES_LATER 0x0008u

bool zipforeign_is(const struct member *m)
{
	return m->packed_off > 0 && (m->method != ZIP_DEFLATED || m->encrypted);
}

int zipforeign_readable(struct archive *a, const struct member *m)
{
	int r = verdict_of(&a->verdict, m->id);

	if (r < 0 || !zipforeign_is(m))
		return MIN(r, 0);
	if (!foreign_member_knows(m->method, m->encrypted))
		return -EOPNOTSUPP;
	return m->encrypted && !a->c.st->opt->password ? -EACCES : 0;
}

int zipforeign_allowed(struct archive *a, const struct member *m)
{
	int r = zipforeign_readable(a, m);
	char what[80];

	if (r == -EACCES)
		return zipmember_refused(a, m, r, "encrypted: it needs -o password_file=FILE");
	if (r != -EOPNOTSUPP)
		return r;
	snprintf(what, sizeof(what), "method %u (%s)%s is not supported", (unsigned)m->method,
		 zip_method_name(m->method), m->encrypted ? ", encrypted," : "");
	return zipmember_refused(a, m, r, what);
}

/* The byte that tells a wrong password: of the time when the CRC-32 was not known in time (APPNOTE
 * 6.1.6, and what Info-ZIP does). */
static uint8_t check_byte(const struct member *m, const unsigned char *header)
{
	bool later = zip_le16(header + 6) & FLAG_SIZES_LATER;

	return later ? header[11] : (uint8_t)(m->crc >> 24);
}

int zipforeign_new(struct archive *a, const struct member *m, const unsigned char *header,
		   int64_t (*read)(void *arg, const void **p), void *arg,
		   struct foreign_member **out)
{
	uint16_t flags = zip_le16(header + 6);
	struct foreign_member_config c = {
		.method = m->method,
		.flags = flags,
		.size = m->size,
		.packed = m->packed,
		.encrypted = m->encrypted,
		.aes = m->aes,
		.check = check_byte(m, header),
		.password = m->encrypted ? a->c.st->opt->password : NULL,
		.read = read,
		.arg = arg,
	};

	if ((flags & FLAG_ENCRYPTED) != m->encrypted ||
	    zip_le16(header + 8) != (m->aes ? ZIP_AES : m->method))
		return zipmember_damaged(a, m,
					 "its local header says other things than the directory");
	return foreign_member_new(&c, out);
}

/* Past the first check a wrong password looks like damage. */
static int wrong_or_damaged(struct archive *a, const struct member *m)
{
	return zipmember_refused(a, m, -EACCES, "the password is wrong, or its data is damaged");
}

int zipforeign_failed(struct archive *a, const struct member *m, const struct foreign_member *f,
		      int r)
{
	switch (r) {
	case -EACCES:
		return zipmember_refused(a, m, r, "the password is wrong");
	case -EOPNOTSUPP:
		return zipmember_refused(a, m, r, foreign_member_error(f));
	case -EBADMSG:
		return m->encrypted && !m->aes ? wrong_or_damaged(a, m)
					       : zipmember_damaged(a, m, foreign_member_error(f));
	default:
		return r;
	}
}

int zipforeign_check(struct archive *a, const struct member *m, uint64_t n, uint32_t crc)
{
	if (m->encrypted && !m->aes && (n != m->size || (m->has_crc && crc != m->crc)))
		return wrong_or_damaged(a, m);
	if (n != m->size)
		return zipmember_damaged(a, m, "shorter than the directory says");
	return zipmember_check(a, m, crc);
}
