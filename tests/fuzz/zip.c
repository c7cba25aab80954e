/* SPDX-License-Identifier: MPL-2.0 */
/* zip.c - fuzz target: a zip file's end records and central directory.
 *
 * What must agree: the directory fed in one go and in pieces.  What must hold: the directory lies
 * inside the file, and so does the header of every member that is not said to lie.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "archive/zip/zip.h"
#include "base/buf.h"
#include "fuzz.h"

#define OUT_MAX ((size_t)16 << 20) /* bytes of lines */

struct file {
	const uint8_t *p;
	size_t n;
	struct zip_directory d;
	struct buf out; /* a line a member */
};

static void check_local(const struct file *f, const struct zip_entry *e)
{
	AUTO(auto_free) void *copy = NULL;
	uint32_t skip;

	CHECK(e->local < f->n && f->n - e->local >= ZIP_LOCAL_HEADER);
	copy = fuzz_copy(f->p + e->local, ZIP_LOCAL_HEADER);
	if (zip_local_size(copy, &skip) == 0)
		CHECK(skip >= ZIP_LOCAL_HEADER && skip <= ZIP_LOCAL_HEADER + 2 * 65535);
}

static int on_member(void *arg, const struct zip_entry *e)
{
	struct file *f = arg;
	uint32_t type = e->mode & S_IFMT;

	if (!e->lie)
		check_local(f, e);
	CHECK(type == S_IFREG || type == S_IFDIR || type == S_IFLNK || type == S_IFIFO ||
	      type == S_IFCHR || type == S_IFBLK || type == S_IFSOCK);
	CHECK(e->mtime_ns < 1000000000);
	return buf_addf(&f->out,
			"%s %o %" PRIu64 ":%" PRIu64 " %d %" PRId64 ".%u %" PRIu64 " %" PRIu64
			" %" PRIu64 " %x %d %u %d %d %u %s %s\n",
			e->path, e->mode, e->uid, e->gid, e->has_ids, e->mtime, e->mtime_ns,
			e->size, e->packed, e->local, e->crc, e->has_crc, e->method, e->encrypted,
			e->strong, e->aes, e->link ? e->link : "", e->lie ? e->lie : "");
}

static int locate(struct file *f)
{
	size_t n = MIN(f->n, ZIP_TAIL);
	AUTO(auto_free) void *tail = fuzz_copy(f->p + (f->n - n), n);
	AUTO(auto_free) void *tail64 = NULL;
	struct range need;
	const char *why = NULL;
	int r = zip_locate(tail, n, f->n, NULL, 0, &f->d, &need, &why);

	if (r == -EAGAIN) {
		CHECK(need.from < need.to && need.to <= f->n);
		tail64 = fuzz_copy(f->p + need.from, range_len(need));
		r = zip_locate(tail, n, f->n, tail64, range_len(need), &f->d, &need, &why);
		CHECK(r != -EAGAIN);
	}
	CHECK(r == 0 || (r == -EBADMSG && why));
	if (r == 0)
		CHECK(f->d.at.from <= f->d.at.to && f->d.at.to <= f->n);
	return r;
}

/* The walk's result; f->out has the members. */
static int walk(struct file *f, const char *encoding, size_t piece)
{
	static const struct zip_ops ops = { on_member };
	struct zip_walk *w;
	int r = zip_walk_new(&f->d, f->n, encoding, &ops, f, &w);

	CHECK(r == 0 || r == -EINVAL);
	if (r < 0)
		return r;
	for (uint64_t at = f->d.at.from; at < f->d.at.to && r == 0;) {
		size_t n = MIN(piece, f->d.at.to - at);
		AUTO(auto_free) void *copy = fuzz_copy(f->p + at, n);

		r = zip_walk_feed(w, copy, n);
		at += n;
	}
	if (r == 0)
		r = zip_walk_end(w);
	CHECK(r == 0 || r == -EBADMSG || r == -EMSGSIZE);
	if (r == -EBADMSG)
		CHECK(zip_walk_error(w)[0]);
	zip_walk_free(w);
	return r;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const encodings[] = { NULL, "CP932", "UTF-8", "KOI8-R" };
	unsigned how = fuzz_how(p, n);
	struct file whole = { p, n, { .entries = 0 }, BUF_INIT(OUT_MAX) }, pieces;
	const char *encoding = encodings[how % ARRAY_SIZE(encodings)];
	int r;

	if (locate(&whole) < 0)
		return 0;
	pieces = (struct file){ p, n, whole.d, BUF_INIT(OUT_MAX) };
	r = walk(&whole, encoding, n);
	CHECK(walk(&pieces, encoding, 1 + how / 4) == r);
	CHECK(whole.out.len == pieces.out.len);
	if (whole.out.len > 0)
		CHECK(memcmp(whole.out.p, pieces.out.p, whole.out.len) == 0);
	buf_free(&whole.out);
	buf_free(&pieces.out);
	return 0;
}
