/* SPDX-License-Identifier: MPL-2.0 */
/* zipfill.c - see zipfill.h.  A fill is a job that parks for each range and decodes on when it has
 * come.  What of a member was not asked for is published too: its bytes were paid for.
 */
#include "archive/zip/zipfill.h"

#include <errno.h>
#include <string.h>

#include "archive/gzip/gzip_inflate.h"
#include "archive/zip/zip.h"
#include "archive/zip/zipinput.h"
#include "archive/zip/zipforeign.h"
#include "archive/zip/zipmember.h"
#include "archive/zip/zippull.h"
#include "archive/zip/zipspan.h"
#include "base/log.h"
#include "base/stats.h"

#define FILL_BLOCKS 16u			 /* for one job, so that cores share */
#define SMALL_BLOCKS 16u		 /* a member of at most 2 MiB is small */
#define SMALL_PACKED ((uint64_t)4 << 20) /* and has at most so much data */
#define RUN_MAX ((uint64_t)4 << 20)	 /* compressed bytes fetched for neighbours together */
#define GAP_MAX ((uint64_t)64 << 10)	 /* and what may lie between two of them */

struct zipfill {
	struct job job;
	struct waiter waiter;
	struct archive *a;
	bool demand, begun;
	int broken;	     /* what ended all reading of the archive: not this member's fault */
	uint64_t first, end; /* blocks asked for */
	struct member members[FILL_BLOCKS]; /* small ones */
	unsigned n, current;
	struct zipinput in;
	/* Of the current member: */
	bool header_read;
	struct gzip_span *gzip;		/* NULL: it is not deflated */
	struct foreign_member *foreign; /* what is decoded when all of its data is there */
	unsigned char *packed;
	size_t n_packed;
	bool packed_given; /* to the decoder */
	uint64_t data_end; /* file offset */
	struct block *part[SMALL_BLOCKS];
	uint64_t out; /* bytes decoded */
	uint32_t crc; /* and their CRC-32 */
};

static void fail_blocks(struct archive *a, uint64_t first, uint64_t end, int err)
{
	for (uint64_t blk = first; blk < end; blk++)
		blocks_fail(a->stream, blk, err);
}

/* What was asked for of a member. */
static struct range asked(const struct zipfill *s, const struct member *m)
{
	return (struct range){ MAX(s->first, m->off >> BLOCK_SHIFT),
			       MIN(s->end, zipmember_end(m)) };
}

/* ---- which members ---- */

static bool is_small(const struct member *m)
{
	return zipmember_end(m) - (m->off >> BLOCK_SHIFT) <= SMALL_BLOCKS &&
	       (!zipforeign_is(m) || m->packed <= SMALL_PACKED);
}

static void begin(struct zipfill *s)
{
	uint64_t next;

	s->begun = true;
	for (uint64_t blk = s->first; blk < s->end; blk = next) {
		struct member *m = &s->members[s->n];
		int r = zipmember_at(s->a, blk, m);

		next = r == 0 ? MIN(s->end, zipmember_end(m)) : blk + 1;
		if (r == 0)
			r = zipforeign_readable(s->a, m);
		if (r < 0)
			fail_blocks(s->a, blk, next, r);
		else if (is_small(m))
			s->n++;
		else if (zipforeign_is(m))
			zippull_want(s->a, m, blk, next);
		else
			zipspan_want(s->a, m, blk, next, s->demand);
	}
}

/* File offset up to which the current member and its neighbours in the file reach. */
static uint64_t run_end(const struct zipfill *s)
{
	uint64_t from = zipmember_local(&s->members[s->current]);
	uint64_t to = zipmember_reach(s->a, &s->members[s->current]);

	for (unsigned i = s->current + 1; i < s->n; i++) {
		uint64_t local = zipmember_local(&s->members[i]);
		uint64_t reach = zipmember_reach(s->a, &s->members[i]);

		if (local < from || local > to + GAP_MAX || reach > from + RUN_MAX)
			break;
		to = MAX(to, reach);
	}
	return to;
}

/* ---- one member ---- */

static void drop_member(struct zipfill *s)
{
	s->header_read = s->packed_given = false;
	s->gzip = gzip_span_free(s->gzip);
	s->foreign = foreign_member_free(s->foreign);
	free(steal(&s->packed));
	s->n_packed = 0;
	for (unsigned i = 0; i < SMALL_BLOCKS; i++) {
		block_unref(s->part[i]);
		s->part[i] = NULL;
	}
	s->out = 0;
	s->crc = 0;
}

static int get_input(struct zipfill *s, size_t min, const unsigned char **p, size_t *n)
{
	int r = zipinput_get(&s->in, min, p, n);

	if (r == -ENODATA)
		return zipmember_damaged(s->a, &s->members[s->current],
					 "the file ends before its data");
	if (r < 0 && r != PARKED)
		s->broken = r;
	return r;
}

/* All of the data at once: by then it is there. */
static int64_t read_packed(void *arg, const void **p)
{
	struct zipfill *s = arg;

	*p = s->packed;
	if (s->packed_given)
		return 0;
	s->packed_given = true;
	return (int64_t)s->n_packed;
}

static int make_decoder(struct zipfill *s, const unsigned char *header, uint64_t data)
{
	const struct member *m = &s->members[s->current];
	struct gzip_point from = { .in_bit = data * 8, .out = m->off };

	if (!zipforeign_is(m))
		return gzip_span_new(GZIP_RAW_DEFLATE, &from, NULL, 0, &s->gzip);
	s->packed = malloc((size_t)m->packed);
	if (!s->packed)
		return -ENOMEM;
	return zipforeign_new(s->a, m, header, read_packed, s, &s->foreign);
}

static int read_header(struct zipfill *s)
{
	const struct member *m = &s->members[s->current];
	const unsigned char *p;
	uint32_t skip;
	size_t n;
	int r;

	zipinput_seek(&s->in, zipmember_local(m));
	if (!zipinput_ordered(&s->in))
		s->in.target = run_end(s);
	r = get_input(s, ZIP_LOCAL_HEADER, &p, &n);
	if (r < 0)
		return r;
	if (zip_local_size(p, &skip) < 0)
		return zipmember_damaged(s->a, m, "there is no local header where it should be");
	r = make_decoder(s, p, zipmember_local(m) + skip);
	if (r < 0)
		return r;
	s->header_read = true;
	s->data_end = zipmember_local(m) + skip + m->packed;
	zipinput_seek(&s->in, zipmember_local(m) + skip);
	return 0;
}

/* Where the next decoded bytes go; *spare when there should be none any more. */
static int find_room(struct zipfill *s, unsigned char *spare, unsigned char **to, size_t *room)
{
	const struct member *m = &s->members[s->current];
	size_t at = (size_t)(s->out & (BLOCK_SIZE - 1));
	struct block **b;

	if (s->out == m->size) {
		*to = spare;
		*room = 1;
		return 0;
	}
	b = &s->part[s->out >> BLOCK_SHIFT];
	if (!*b && !(*b = blocks_make(s->a->stream)))
		return -ENOMEM;
	*to = (*b)->data + at;
	*room = (size_t)MIN(BLOCK_SIZE - at, m->size - s->out);
	(*b)->len = (uint32_t)(at + *room);
	return 0;
}

/* Decode these bytes.  0 = all used up; 1 = the deflate stream has ended; -errno. */
static int decode(struct zipfill *s, const unsigned char *p, size_t n)
{
	const struct member *m = &s->members[s->current];
	size_t room = 0;
	int r = 0;

	while (r == 0 && (n > 0 || room == 0)) {
		unsigned char spare, *to, *from;

		r = find_room(s, &spare, &to, &room);
		if (r < 0)
			return r;
		from = to;
		r = gzip_span_run(s->gzip, &p, &n, &to, &room);
		if (to > from && s->out == m->size)
			return zipmember_damaged(s->a, m, "longer than the directory says");
		s->crc = gzip_crc(s->crc, from, (size_t)(to - from));
		s->out += (size_t)(to - from);
		stats_add(inflated_bytes, (size_t)(to - from));
	}
	return r == -EBADMSG ? zipmember_damaged(s->a, m, "its compressed data is damaged") : r;
}

/* Take what the foreign decoder has made.  There is room: it never makes more than m->size. */
static int take_decoded(struct zipfill *s, const unsigned char *p, size_t n)
{
	stats_add(inflated_bytes, n);
	s->crc = gzip_crc(s->crc, p, n);
	while (n > 0) {
		unsigned char spare, *to;
		size_t room;
		int r = find_room(s, &spare, &to, &room);

		if (r < 0)
			return r;
		room = MIN(room, n);
		memcpy(to, p, room);
		s->out += room;
		p += room;
		n -= room;
	}
	return 0;
}

/* Gather the packed data; when it is whole, decode it.  0 = more is needed; 1; -errno. */
static int decode_foreign(struct zipfill *s, const unsigned char *p, size_t n)
{
	const struct member *m = &s->members[s->current];
	const void *piece;
	int r = 0;

	memcpy(s->packed + s->n_packed, p, n);
	s->n_packed += n;
	if (s->n_packed < m->packed)
		return 0;
	while (r == 0) {
		r = foreign_member_data(s->foreign, &piece, &n);
		if (r == 0)
			return 1;
		r = r < 0 ? zipforeign_failed(s->a, m, s->foreign, r) : take_decoded(s, piece, n);
	}
	return r;
}

static int check(struct zipfill *s)
{
	const struct member *m = &s->members[s->current];

	if (s->foreign)
		return zipforeign_check(s->a, m, s->out, s->crc);
	if (s->out < m->size)
		return zipmember_damaged(s->a, m, "shorter than the directory says");
	return zipmember_check(s->a, m, s->crc);
}

static void publish(struct zipfill *s)
{
	const struct member *m = &s->members[s->current];
	struct range want = asked(s, m);
	uint64_t end = zipmember_end(m), first = m->off >> BLOCK_SHIFT;

	for (uint64_t blk = first; blk < end; blk++) {
		struct block *b = steal(&s->part[blk - first]);

		if ((blk >= want.from && blk < want.to) || !blocks_has(s->a->stream, blk))
			blocks_put(s->a->stream, blk, b);
		else
			block_unref(b);
	}
}

/* Get on with the current member.  0 = call again; 1 = it is decoded; PARKED; -errno. */
static int step(struct zipfill *s)
{
	const struct member *m = &s->members[s->current];
	const unsigned char *p;
	size_t n;
	int r;

	if (!s->header_read)
		return read_header(s);
	if (zipinput_at(&s->in) >= s->data_end)
		return zipmember_damaged(s->a, m, "its compressed data ends too early");
	r = get_input(s, 1, &p, &n);
	if (r < 0)
		return r;
	n = (size_t)MIN(n, s->data_end - zipinput_at(&s->in));
	r = s->foreign ? decode_foreign(s, p, n) : decode(s, p, n);
	if (r == 0)
		zipinput_take(&s->in, n);
	return r;
}

/* ---- the job ---- */

/* Is it the member's fault, so that trying again is of no use? */
static bool refused(int r)
{
	return r == -EIO || r == -EACCES || r == -EOPNOTSUPP;
}

/* The current member is done with, well or not. */
static void next_member(struct zipfill *s, int err)
{
	struct range want = asked(s, &s->members[s->current]);

	if (s->broken == 0 && refused(err))
		verdict_bad(&s->a->verdict, s->members[s->current].id, err);
	if (err < 0)
		fail_blocks(s->a, want.from, want.to, err);
	else
		publish(s);
	drop_member(s);
	s->current++;
}

static void fill_run(struct job *j)
{
	struct zipfill *s = container_of(j, struct zipfill, job);

	s->broken = waiter_take_error(&s->waiter);
	if (!s->begun)
		begin(s);
	while (s->current < s->n) {
		int r = s->broken < 0 ? s->broken : step(s);

		if (r == PARKED)
			return;
		if (r != 0)
			next_member(s, r == 1 ? check(s) : r);
	}
	for (unsigned i = 0; i < s->n; i++)
		member_free(&s->members[i]);
	zipinput_free(&s->in);
	free(s);
}

static void wake_fill(struct waiter *w)
{
	struct zipfill *s = container_of(w, struct zipfill, waiter);

	pool_submit(s->a->c.st->pool, &s->job, s->demand ? JOB_DEMAND : JOB_IDLE);
}

static void start(struct archive *a, uint64_t first, uint64_t end, bool demand)
{
	struct zipfill *s = calloc(1, sizeof(*s));

	if (!s) {
		fail_blocks(a, first, end, -ENOMEM);
		return;
	}
	s->a = a;
	s->first = first;
	s->end = end;
	s->demand = demand;
	s->job.run = fill_run;
	waiter_init(&s->waiter, wake_fill);
	zipinput_init(&s->in, a, &s->waiter, demand);
	pool_submit(a->c.st->pool, &s->job, demand ? JOB_DEMAND : JOB_IDLE);
}

void zipfill_start(struct archive *a, uint64_t first, uint32_t n, bool demand)
{
	for (uint64_t end = first + n; first < end; first += FILL_BLOCKS)
		start(a, first, MIN(first + FILL_BLOCKS, end), demand);
}
