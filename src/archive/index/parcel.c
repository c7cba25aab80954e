/* SPDX-License-Identifier: MPL-2.0 */
/* parcel.c - see parcel.h. */
#include "archive/index/parcel.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/gzip/gzip_pipe.h"
#include "base/bytes.h"
#include "base/file.h"

#define MAGIC "mdcfs-index\0\0\0\0" /* and the literal's own NUL */
#define MAGIC_SIZE 16u
#define HEAD_SIZE 96u
#define TAIL_SIZE (8u + 64u)
#define STEP (128u << 10)
#define MAX_RATIO 1032u /* zlib cannot pack better */

static int bad(char why[static 256], const char *text)
{
	snprintf(why, 256, "%s", text);
	return -EBADMSG;
}

/* ---- packing ---- */

struct packing {
	int from, to;
	uint64_t off, end; /* of from */
	uint64_t written;  /* of the stream */
	struct digest *digest;
};

static void digest_freep(struct digest **d)
{
	digest_free(*d);
}

static int64_t read_from(void *arg, void *buf, size_t n)
{
	struct packing *k = arg;
	int r;

	n = (size_t)MIN(n, k->end - k->off);
	r = n > 0 ? file_read_at(k->from, buf, n, k->off) : 0;
	k->off += n;
	return r < 0 ? r : (int64_t)n;
}

static int write_to(void *arg, const void *p, size_t n)
{
	struct packing *k = arg;

	digest_add(k->digest, p, n);
	k->written += n;
	return file_write(k->to, p, n);
}

int parcel_pack(const struct parcel *p, int from, int to)
{
	AUTO(digest_freep) struct digest *digest = digest_new();
	struct packing k = { .from = from, .to = to, .end = p->size, .digest = digest };
	struct gzip_pipe io = { read_from, write_to, &k };
	unsigned char head[HEAD_SIZE] = MAGIC, tail[TAIL_SIZE + 1];
	int r;

	if (!digest)
		return -ENOMEM;
	bytes_put_be(head + 16, 4, PARCEL_VERSION);
	bytes_put_be(head + 20, 4, p->index_format);
	memcpy(head + 24, p->identity, 64);
	bytes_put_be(head + 88, 8, p->size);
	r = write_to(&k, head, sizeof(head));
	k.written = 0;
	if (r == 0)
		r = gzip_pipe_pack(&io);
	if (r < 0)
		return r;
	bytes_put_be(tail, 8, k.written);
	digest_add(digest, tail, 8);
	digest_end(steal(&digest), (char *)tail + 8);
	return file_write(to, tail, TAIL_SIZE);
}

/* ---- checking ---- */

static bool is_identity(const char *hex)
{
	return strspn(hex, "0123456789abcdef") == DIGEST_HEX - 1;
}

static int read_head(int fd, uint64_t size, struct parcel *out, char why[static 256])
{
	unsigned char head[HEAD_SIZE];
	int r;

	if (size < MAGIC_SIZE)
		return bad(why, "is no exported index");
	r = file_read_at(fd, head, MIN(size, HEAD_SIZE), 0);
	if (r < 0)
		return r;
	if (memcmp(head, MAGIC, MAGIC_SIZE) != 0)
		return bad(why, "is no exported index");
	if (size < HEAD_SIZE + TAIL_SIZE)
		return bad(why, "is cut off: copy it again");
	if (bytes_get_be(head + 16, 4) != PARCEL_VERSION) {
		snprintf(why, 256,
			 "is an export of version %u, this mdcfs reads version %u: export it with "
			 "the same version of mdcfs, or build the index here",
			 (unsigned)bytes_get_be(head + 16, 4), PARCEL_VERSION);
		return -EBADMSG;
	}
	out->index_format = (uint32_t)bytes_get_be(head + 20, 4);
	memcpy(out->identity, head + 24, 64);
	out->identity[64] = '\0';
	out->size = bytes_get_be(head + 88, 8);
	return 0;
}

/* The SHA-256 of the first size bytes. */
static int hash(int fd, uint64_t size, char hex[static DIGEST_HEX])
{
	AUTO(auto_free) unsigned char *buf = malloc(STEP);
	AUTO(digest_freep) struct digest *digest = digest_new();
	int r = buf && digest ? 0 : -ENOMEM;

	for (uint64_t off = 0; r == 0 && off < size;) {
		size_t n = (size_t)MIN(STEP, size - off);

		r = file_read_at(fd, buf, n, off);
		if (r == 0)
			digest_add(digest, buf, n);
		off += n;
	}
	if (r == 0)
		digest_end(steal(&digest), hex);
	return r;
}

static int check_sum(int fd, uint64_t size, char why[static 256])
{
	unsigned char tail[TAIL_SIZE];
	char hex[DIGEST_HEX];
	int r = file_read_at(fd, tail, TAIL_SIZE, size - TAIL_SIZE);

	if (r == 0 && bytes_get_be(tail, 8) != size - HEAD_SIZE - TAIL_SIZE)
		return bad(why, "is damaged or cut off: copy it again");
	if (r == 0)
		r = hash(fd, size - 64, hex);
	if (r < 0)
		return r;
	return memcmp(tail + 8, hex, 64) == 0
		       ? 0
		       : bad(why, "is damaged, its checksum is wrong: copy it again");
}

int parcel_check(int fd, struct parcel *out, char why[static 256])
{
	struct parcel p;
	struct stat st;
	uint64_t size;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return bad(why, "is no regular file");
	size = (uint64_t)st.st_size;
	r = read_head(fd, size, &p, why);
	if (r == 0)
		r = check_sum(fd, size, why);
	if (r < 0)
		return r;
	if (!is_identity(p.identity) || p.size == 0 || p.size / MAX_RATIO > size)
		return bad(why, "says of itself what cannot be");
	*out = p;
	return 0;
}

/* ---- unpacking ---- */

static int write_out(void *arg, const void *p, size_t n)
{
	struct packing *k = arg;

	k->written += n;
	return file_write(k->to, p, n);
}

int parcel_unpack(int fd, const struct parcel *p, int to, char why[static 256])
{
	struct packing k = { .from = fd, .to = to, .off = HEAD_SIZE };
	struct gzip_pipe io = { read_from, write_out, &k };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)(HEAD_SIZE + TAIL_SIZE))
		return bad(why, "is cut off: copy it again");
	k.end = (uint64_t)st.st_size - TAIL_SIZE;
	r = gzip_pipe_unpack(&io, p->size);
	if (r == -EBADMSG || r == -ENODATA || r == -EFBIG || (r == 0 && k.written != p->size))
		return bad(why, "holds other bytes than it says");
	return r;
}
