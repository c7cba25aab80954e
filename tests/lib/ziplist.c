/* SPDX-License-Identifier: MPL-2.0 */
/* ziplist.c - ziplist FILE [PIECE [ENCODING]]: one line per member of a local zip, for comparison.
 * The directory is fed in pieces of PIECE bytes (default 4096).
 *
 * Fields: mode (octal), size, packed size, CRC (hex), method, local header offset, bytes from
 * there to the data (- when no header is there), mtime, its nanoseconds, uid:gid or -, E
 * when encrypted or -, the path with control characters and '\' as \xNN.
 * Exit 0, 1 = damaged or a member that lies (the reason on stderr), 2 = cannot read.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/zip/zip.h"
#include "base/file.h"

static void print_path(const char *p)
{
	for (; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '\\')
			printf("\\x%02x", (unsigned char)*p);
		else
			putchar(*p);
	putchar('\n');
}

static bool lies;

static int print_member(void *arg, const struct zip_entry *e)
{
	unsigned char head[ZIP_LOCAL_HEADER];
	uint32_t skip;
	int *fd = arg;
	int r = e->lie ? -EBADMSG : file_read_at(*fd, head, sizeof(head), e->local);

	if (e->lie)
		fprintf(stderr, "ziplist: %s: %s\n", e->path, e->lie);
	lies |= e->lie != NULL;

	printf("%06o %" PRIu64 " %" PRIu64 " %08x %u %" PRIu64 " ", e->mode, e->size, e->packed,
	       e->crc, e->aes ? ZIP_AES : e->method, e->local);
	if (r == 0 && zip_local_size(head, &skip) == 0)
		printf("%u ", skip);
	else
		printf("- ");
	printf("%" PRId64 " %09u ", e->mtime, e->mtime_ns);
	if (e->has_ids)
		printf("%" PRIu64 ":%" PRIu64 " ", e->uid, e->gid);
	else
		printf("- ");
	printf("%c ", e->encrypted ? 'E' : '-');
	print_path(e->path);
	return 0;
}

static int read_range(int fd, struct range at, void **out)
{
	AUTO(auto_free) void *p = malloc(range_len(at) + 1);
	int r = p ? file_read_at(fd, p, range_len(at), at.from) : -ENOMEM;

	if (r < 0)
		return r;
	*out = steal(&p);
	return 0;
}

static int locate(int fd, uint64_t size, struct zip_directory *d)
{
	AUTO(auto_free) void *tail = NULL;
	AUTO(auto_free) void *front = NULL;
	uint64_t n = MIN(size, ZIP_TAIL);
	struct range need;
	const char *why = "";
	int r = read_range(fd, (struct range){ size - n, size }, &tail);

	if (r < 0)
		return r;
	r = zip_locate(tail, n, size, NULL, 0, d, &need, &why);
	if (r == -EAGAIN) {
		r = read_range(fd, need, &front);
		if (r < 0)
			return r;
		r = zip_locate(tail, n, size, front, range_len(need), d, &need, &why);
	}
	if (r == -EBADMSG)
		fprintf(stderr, "ziplist: %s\n", why);
	return r;
}

static int walk(int fd, uint64_t size, const struct zip_directory *d, size_t piece,
		const char *encoding)
{
	static const struct zip_ops ops = { print_member };
	AUTO(auto_free) char *buf = malloc(piece);
	struct zip_walk *w;
	int r = buf ? zip_walk_new(d, size, encoding, &ops, &fd, &w) : -ENOMEM;

	if (r < 0)
		return r;
	for (uint64_t at = d->at.from; at < d->at.to && r == 0;) {
		size_t n = MIN(piece, d->at.to - at);

		r = file_read_at(fd, buf, n, at);
		if (r == 0)
			r = zip_walk_feed(w, buf, n);
		at += n;
	}
	if (r == 0)
		r = zip_walk_end(w);
	if (r == -EBADMSG)
		fprintf(stderr, "ziplist: %s\n", zip_walk_error(w));
	zip_walk_free(w);
	return r;
}

int main(int argc, char **argv)
{
	size_t piece = argc > 2 ? strtoul(argv[2], NULL, 10) : 4096;
	AUTO(auto_close) int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct zip_directory d;
	struct stat st;
	int r;

	if (fd < 0 || piece == 0 || fstat(fd, &st) < 0) {
		fprintf(stderr, "usage: ziplist FILE [PIECE [ENCODING]]\n");
		return 2;
	}
	r = locate(fd, (uint64_t)st.st_size, &d);
	if (r == 0)
		r = walk(fd, (uint64_t)st.st_size, &d, piece, argc > 3 ? argv[3] : NULL);
	if (r < 0 && r != -EBADMSG)
		fprintf(stderr, "ziplist: %s\n", strerror(-r));
	return r == 0 && !lies ? 0 : r == 0 || r == -EBADMSG ? 1 : 2;
}
