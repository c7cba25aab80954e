/* SPDX-License-Identifier: MPL-2.0 */
/* foreign_member.c - see foreign_member.h.  libarchive has a struct archive of its own: nothing of
 * archive.h or state.h may be included here.
 */
#include "archive/foreign/foreign_member.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#define LOCAL_SIZE 30u /* APPNOTE 4.3.7 */
#define ZIP64_SIZE 20u /* 4.5.3: two numbers */
#define AES_SIZE 11u
#define HEADER_MAX (LOCAL_SIZE + 1 + ZIP64_SIZE + AES_SIZE)
#define EMPTY_MAX 10000u /* pieces without a byte in a row, then the member is damaged */

enum { STORED = 0, DEFLATED = 8, BZIP2 = 12, LZMA = 14, ZSTD = 93, XZ = 95, PPMD = 98, AES = 99 };

struct foreign_member {
	struct foreign_member_config c;
	struct archive *la;
	unsigned char header[HEADER_MAX];
	size_t n_header;
	bool header_read;
	uint64_t left;		       /* bytes of data that libarchive has not got */
	uint64_t given;		       /* bytes of content handed out */
	int error;		       /* of the read callback */
	bool broken, encrypted_so_far; /* the latter: nothing has been decoded yet */
	char text[160];
};

bool foreign_member_knows(unsigned method, bool encrypted)
{
	switch (method) {
	case STORED:
	case DEFLATED:
		return true;
	case BZIP2:
	case LZMA:
	case ZSTD:
	case XZ:
	case PPMD:
		return !encrypted; /* libarchive would decode the bytes as they are */
	default:
		return false;
	}
}

/* ---- the zip that libarchive sees ---- */

static unsigned char *put(unsigned char *p, uint64_t v, size_t n)
{
	for (; n > 0; n--, v >>= 8)
		*p++ = (unsigned char)v;
	return p;
}

/* What traditional encryption compares with is the CRC's highest byte where the sizes are known. */
static void make_header(struct foreign_member *f)
{
	const struct foreign_member_config *c = &f->c;
	unsigned char *p = f->header;

	p = put(p, 0x04034b50, 4);
	p = put(p, 20, 2);
	p = put(p, (c->flags & FOREIGN_MEMBER_FLAGS) | c->encrypted, 2);
	p = put(p, c->aes ? AES : c->method, 2);
	p = put(p, 0x00210000, 4); /* time and date */
	p = put(p, (uint64_t)c->check << 24, 4);
	p = put(p, UINT32_MAX, 4);
	p = put(p, UINT32_MAX, 4);
	p = put(p, 1, 2);
	p = put(p, ZIP64_SIZE + (c->aes ? AES_SIZE : 0), 2);
	p = put(p, 'm', 1);
	p = put(p, 1 | 16 << 16, 4);
	p = put(p, c->size, 8);
	p = put(p, c->packed, 8);
	if (c->aes) {
		p = put(p, 0x9901 | 7 << 16, 4);
		p = put(p, 2, 2); /* AE-2: the CRC-32 does not count */
		p = put(p, 'A' | 'E' << 8, 2);
		p = put(p, c->aes, 1);
		p = put(p, c->method, 2);
	}
	f->n_header = (size_t)(p - f->header);
}

static la_ssize_t on_read(struct archive *la, void *arg, const void **p)
{
	struct foreign_member *f = arg;
	int64_t n;

	if (!f->header_read) {
		f->header_read = true;
		*p = f->header;
		return (la_ssize_t)f->n_header;
	}
	n = f->left > 0 ? f->c.read(f->c.arg, p) : 0;
	if (n < 0) {
		f->error = (int)n;
		archive_set_error(la, (int)-n, "cannot be read");
		return ARCHIVE_FATAL;
	}
	n = (int64_t)MIN((uint64_t)n, f->left);
	f->left -= (uint64_t)n;
	return (la_ssize_t)n;
}

/* ---- open and close ---- */

static int open_zip(struct foreign_member *f)
{
	f->la = archive_read_new();
	if (!f->la)
		return -ENOMEM;
	archive_read_support_format_zip_streamable(f->la);
	archive_read_set_option(f->la, "zip", "ignorecrc32", "1");
	if (f->c.password)
		archive_read_add_passphrase(f->la, f->c.password);
	archive_read_set_read_callback(f->la, on_read);
	archive_read_set_callback_data(f->la, f);
	return 0;
}

int foreign_member_new(const struct foreign_member_config *c, struct foreign_member **out)
{
	struct foreign_member *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->c = *c;
	f->left = c->packed;
	f->encrypted_so_far = c->encrypted;
	make_header(f);
	r = open_zip(f);
	f->c.password = NULL; /* libarchive has a copy */
	if (r < 0)
		foreign_member_free(f);
	else
		*out = f;
	return r;
}

struct foreign_member *foreign_member_free(struct foreign_member *f)
{
	if (f)
		archive_read_free(f->la);
	free(f);
	return NULL;
}

/* ---- data ---- */

/* libarchive gives up.  Its numbers do not tell why, its words do. */
static int give_up(struct foreign_member *f)
{
	const char *text = archive_error_string(f->la);

	f->broken = true;
	if (f->error < 0)
		return f->error;
	snprintf(f->text, sizeof(f->text), "%s", text ? text : "its data is damaged");
	if (f->encrypted_so_far && strcasestr(f->text, "passphrase"))
		return -EACCES;
	return strcasestr(f->text, "unsupported") ? -EOPNOTSUPP : -EBADMSG;
}

static int begin(struct foreign_member *f)
{
	struct archive_entry *entry;
	int r = archive_read_open1(f->la);

	if (r >= ARCHIVE_WARN)
		r = archive_read_next_header(f->la, &entry);
	return r < ARCHIVE_WARN || r == ARCHIVE_EOF ? give_up(f) : 0;
}

/* No member has more content than the directory says, whatever its data decodes to. */
static int too_long(struct foreign_member *f)
{
	f->broken = true;
	snprintf(f->text, sizeof(f->text), "longer than the directory says");
	return -EBADMSG;
}

int foreign_member_data(struct foreign_member *f, const void **p, size_t *n)
{
	la_int64_t off;
	int r = f->broken ? -EBADMSG : f->header_read ? 0 : begin(f);

	for (unsigned empty = 0; r == 0 && empty < EMPTY_MAX; empty++) {
		int e = archive_read_data_block(f->la, p, n, &off);

		if (e == ARCHIVE_EOF)
			return 0;
		if (e != ARCHIVE_OK)
			return give_up(f);
		f->encrypted_so_far = false;
		if (*n == 0)
			continue;
		f->given += *n;
		return f->given > f->c.size ? too_long(f) : 1;
	}
	return r < 0 ? r : give_up(f);
}

const char *foreign_member_error(const struct foreign_member *f)
{
	return f->text;
}
