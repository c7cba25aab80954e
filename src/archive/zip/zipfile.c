/* SPDX-License-Identifier: MPL-2.0 */
/* zipfile.c - a zip: the pass reads its central directory alone and gives every packed member a
 * place of its own in the stream.  Two or three requests list any number of members.
 *
 * Deflated ones, those of other methods and encrypted ones all have such a place: how one
 * is decoded matters only when somebody reads it (zipfill.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "archive/feed.h"
#include "archive/format.h"
#include "archive/zip/zip.h"
#include "archive/zip/zipfill.h"
#include "archive/zip/ziplinks.h"
#include "base/log.h"

#define ONE_RANGE ((uint64_t)4 << 20) /* of a directory: more comes in parallel ranges */
#define FEED_BYTES ((uint64_t)32 << 20)
#define CHECKPOINT_EVERY 256u /* members */
#define DEFLATE_RATIO 1032u   /* 258 bytes of two bits is the best that deflate can do */
#define STREAM_MAX ((uint64_t)1 << 60)

struct zipfile {
	struct pass *p;
	struct zip_walk *walk;
	struct zip_directory dir;
	unsigned char *tail; /* the file's last bytes, from a whole block on */
	size_t n_tail;
	uint64_t tail_from; /* file offset */
	uint64_t out;	    /* stream offset of the next packed member */
	uint64_t members;
	uint64_t reach; /* no member so far goes beyond this file offset */
	bool disorder;	/* one began before that: do some overlap? */
	uint64_t lies;	/* members that cannot be where the directory says */
	char lie[160];	/* the first of them */
	struct ziplinks links;
	char damage[200]; /* what ended the walk, said last: it matters most */
};

static bool zip_match(const unsigned char *head, size_t n, const char *filename)
{
	size_t len = strlen(filename);

	if (n >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0))
		return true;
	/* APPNOTE 8.5.4: the first volume of several, and an only one */
	if (n >= 8 && (memcmp(head, "PK\7\10PK\3\4", 8) == 0 || memcmp(head, "PK00PK\3\4", 8) == 0))
		return true;
	return len > 4 && strcasecmp(filename + len - 4, ".zip") == 0; /* after a self-extractor */
}

/* ---- members ---- */

static void cannot_be_read(struct member *m, uint64_t why)
{
	m->layer = LAYER_NONE;
	m->off = why;
}

/* Only the first is named: there may be millions. */
static void refuse(struct zipfile *z, const struct zip_entry *e, struct member *m, const char *why)
{
	if (z->lies++ == 0)
		snprintf(z->lie, sizeof(z->lie), "%.100s: %s", e->path, why);
	cannot_be_read(m, MEMBER_IMPOSSIBLE);
}

static void place_packed(struct zipfile *z, const struct zip_entry *e, struct member *m)
{
	if (m->size > STREAM_MAX - z->out ||
	    (e->method == ZIP_DEFLATED && m->size / DEFLATE_RATIO > e->packed)) {
		refuse(z, e, m, "no data of this length can become so large");
		return;
	}
	m->layer = LAYER_STREAM;
	m->off = z->out;
	m->packed_off = e->local + 1;
	m->packed = e->packed;
	m->method = e->method;
	m->encrypted = e->encrypted;
	m->aes = e->aes;
	z->out = (z->out + m->size + BLOCK_SIZE - 1) & ~(uint64_t)(BLOCK_SIZE - 1);
}

/* Directories are nearly always in the order of the file; then nothing overlaps that does not
 * begin before the end of what came before it. */
static void see_order(struct zipfile *z, const struct zip_entry *e)
{
	z->disorder |= e->local < z->reach;
	z->reach = MAX(z->reach, e->local + ZIP_LOCAL_HEADER + e->packed);
}

/* Where the member's bytes are. */
static void place(struct zipfile *z, const struct zip_entry *e, struct member *m)
{
	if (!S_ISREG(m->mode) && !S_ISLNK(m->mode))
		return;
	m->size = m->stored = MIN(e->size, INT64_MAX);
	m->link_inside = S_ISLNK(m->mode) && !e->link;
	m->crc = e->crc;
	m->has_crc = e->has_crc;
	if (e->lie)
		refuse(z, e, m, e->lie);
	if (e->lie || m->size == 0)
		return;
	see_order(z, e);
	if (e->strong) {
		cannot_be_read(m, MEMBER_ENCRYPTED);
	} else if (e->method == ZIP_STORED && !e->encrypted) {
		m->layer = LAYER_ZIP;
		m->off = e->local;
	} else {
		place_packed(z, e, m);
	}
}

static int on_member(void *arg, const struct zip_entry *e)
{
	struct zipfile *z = arg;
	struct member m = {
		.mode = e->mode,
		.nlink = 1,
		.uid = e->uid,
		.gid = e->gid,
		.mtime = e->mtime,
		.mtime_ns = e->mtime_ns,
		.layer = LAYER_RAW,
		.dev_major = e->dev_major,
		.dev_minor = e->dev_minor,
		.link = S_ISLNK(e->mode) ? (char *)(uintptr_t)e->link : NULL,
	};
	int r;

	place(z, e, &m);
	if (e->link && S_ISREG(e->mode))
		return ziplinks_add(&z->links, e->path, e->link);
	r = pass_member(z->p, e->path, &m);
	return r == 0 && ++z->members % CHECKPOINT_EVERY == 0 ? pass_checkpoint(z->p) : r;
}

/* ---- the directory ---- */

/* The tail, from a whole block on: what is fetched anyway may hold the directory. */
static int read_tail(struct zipfile *z)
{
	struct archive *a = z->p->a;
	uint64_t size = a->c.raw->size;
	int64_t n;

	z->tail_from = (size - MIN(size, ZIP_TAIL)) & ~(uint64_t)(BLOCK_SIZE - 1);
	z->tail = malloc((size_t)(size - z->tail_from) + 1);
	if (!z->tail)
		return -ENOMEM;
	n = reader_pread_wait(a->c.raw, z->tail, (size_t)(size - z->tail_from), z->tail_from,
			      &a->stop);
	if (n < 0)
		return (int)n;
	z->n_tail = (size_t)n;
	return (uint64_t)n == size - z->tail_from ? 0 : -EIO;
}

/* zip_locate() with the bytes before the tail that it asks for. */
static int locate_before(struct zipfile *z, struct range need, const char **why)
{
	struct archive *a = z->p->a;
	AUTO(auto_free) unsigned char *front = malloc(range_len(need));
	int64_t n;

	if (!front)
		return -ENOMEM;
	n = reader_pread_wait(a->c.raw, front, range_len(need), need.from, &a->stop);
	if (n < 0)
		return (int)n;
	return zip_locate(z->tail, z->n_tail, a->c.raw->size, front, (size_t)n, &z->dir, &need,
			  why);
}

static int locate(struct zipfile *z)
{
	const char *why = "";
	struct range need;
	int r = read_tail(z);

	if (r < 0)
		return r;
	r = zip_locate(z->tail, z->n_tail, z->p->a->c.raw->size, NULL, 0, &z->dir, &need, &why);
	if (r == -EAGAIN)
		r = locate_before(z, need, &why);
	if (r == -EBADMSG)
		snprintf(z->damage, sizeof(z->damage), "is no sound zip: %s", why);
	return r;
}

static int walk_feed(struct zip_walk *w, struct feed *f)
{
	const unsigned char *piece;
	size_t n;
	int r;

	while ((r = feed_next(f, &piece, &n)) == 1) {
		r = zip_walk_feed(w, piece, n);
		if (r < 0)
			break;
	}
	return r;
}

/* The part of the directory before the tail, when it is large. */
static int walk_ranges(struct zipfile *z, struct range at)
{
	struct archive *a = z->p->a;
	const struct options *opt = a->c.st->opt;
	struct feed *f;
	int r = feed_new(a->c.raw, at.from, opt->connections, MIN(FEED_BYTES, opt->memory / 4),
			 &a->stop, &f);

	if (r < 0)
		return r;
	feed_set_end(f, at.to);
	r = walk_feed(z->walk, f);
	feed_free(f);
	return r;
}

static int walk_range(struct zipfile *z, struct range at)
{
	AUTO(auto_chunk_free) struct chunk *c = NULL;
	struct archive *a = z->p->a;
	int r;

	if (range_len(at) > ONE_RANGE)
		return walk_ranges(z, at);
	r = reader_chunk(a->c.raw, at, true, &c);
	if (r == 0)
		r = chunk_wait_thread(c, &a->stop);
	return r < 0 ? r : zip_walk_feed(z->walk, c->data, range_len(at));
}

static int walk(struct zipfile *z)
{
	struct range at = z->dir.at;
	uint64_t split = MIN(MAX(at.from, z->tail_from), at.to);
	int r = 0;

	pass_progress(z->p, at.from);
	if (at.from < split)
		r = walk_range(z, (struct range){ at.from, split });
	if (r == 0 && split < at.to)
		r = zip_walk_feed(z->walk, z->tail + (split - z->tail_from), at.to - split);
	if (r == 0)
		r = zip_walk_end(z->walk);
	if (r == -EBADMSG)
		snprintf(z->damage, sizeof(z->damage), "%s", zip_walk_error(z->walk));
	if (zip_walk_cut(z->walk) > 0)
		(void)log_warn(0, "%s: %" PRIu64 " names with a NUL inside were cut there",
			       z->p->a->filename, zip_walk_cut(z->walk));
	return r;
}

/* ---- the pass ---- */

/* What is wrong with single members; the rest of the archive is as it should be. */
static int name_lies(struct zipfile *z)
{
	uint64_t overlaps = 0;
	int r = z->disorder ? index_refuse_overlaps(z->p->a->index, &overlaps) : 0;

	if (r < 0)
		return r;
	if (overlaps > 0)
		pass_trouble(z->p, "%" PRIu64 " members overlap others and cannot be read",
			     overlaps);
	if (z->lies > 0)
		pass_trouble(z->p,
			     "%" PRIu64 " members are not where the directory says and "
			     "cannot be read, the first is %s",
			     z->lies, z->lie);
	return 0;
}

/* All places in the stream are given out: any of its blocks may be asked for. */
static int end_stream(struct zipfile *z)
{
	struct archive *a = z->p->a;

	pass_output_at(z->p, z->out);
	pthread_mutex_lock(&a->lock);
	a->position = MAX(a->position, z->out);
	pthread_mutex_unlock(&a->lock);
	return pass_output_end(z->p);
}

static int read_directory(struct zipfile *z)
{
	static const struct zip_ops ops = { .member = on_member };
	struct archive *a = z->p->a;
	int r = locate(z), e;

	if (r == 0)
		r = zip_walk_new(&z->dir, a->c.raw->size, a->c.st->opt->encoding, &ops, z,
				 &z->walk);
	if (r == 0)
		r = walk(z);
	if (r < 0 && r != -EBADMSG)
		return r;
	e = ziplinks_resolve(&z->links, z->p);
	if (e == 0)
		e = name_lies(z);
	if (e == 0)
		e = end_stream(z); /* what came before the damage can be read */
	if (e == 0 && r < 0)
		pass_trouble(z->p, "%s", z->damage);
	return e < 0 ? e : r;
}

static int zip_pass(struct pass *p)
{
	struct zipfile z = { .p = p, .links = ZIPLINKS_INIT };
	int r = read_directory(&z);

	zip_walk_free(z.walk);
	ziplinks_free(&z.links);
	free(z.tail);
	return r;
}

const struct format format_zip = {
	.name = "zip",
	.match = zip_match,
	.pass = zip_pass,
	.fill = zipfill_start,
	.anywhere = true,
};
