/* SPDX-License-Identifier: MPL-2.0 */
/* memberreader.c - see memberreader.h. */
#include "archive/memberreader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "archive/state.h"
#include "base/digest.h"

#define AHEAD_MAX (4u << 20)	/* the outer archive's blocks are read ahead besides */
#define RUN ((uint64_t)4 << 20) /* ordered at once; then taken block by block as it comes */

struct memberreader {
	struct reader reader;
	struct archive *outer;
	struct member m;
	char identity[DIGEST_HEX];
	_Atomic bool stop;
};

/* A chunk on its way. */
struct filling {
	struct job job;
	struct waiter waiter;
	struct memberreader *r;
	struct chunk *chunk;
	_Atomic enum job_class class;
	uint64_t next;	  /* byte of the member that is copied next */
	uint64_t ordered; /* everything before this has been asked for */
};

static struct memberreader *memberreader_of(struct reader *r)
{
	return container_of(r, struct memberreader, reader);
}

static int64_t member_pread(struct reader *reader, void *buf, size_t len, uint64_t off,
			    struct waiter *w)
{
	struct memberreader *r = memberreader_of(reader);

	if (atomic_load(&r->stop))
		return -ENOTCONN;
	return archive_pread(r->outer, &r->m, buf, len, off, w);
}

/* The next piece.  A large read asks for all of its blocks and waits for the first, and would copy
 * those that are there anew each time one more has come: so it is made once for each run, and what
 * it has brought about is then copied in pieces of a block. */
static int64_t take_piece(struct filling *f)
{
	uint64_t left = f->chunk->at.to - f->next, len = MIN(left, BLOCK_SIZE);

	if (f->next >= f->ordered) {
		len = MIN(left, RUN);
		f->ordered = f->next + len;
	}
	return archive_pread(f->r->outer, &f->r->m, f->chunk->data + (f->next - f->chunk->at.from),
			     (size_t)len, f->next, &f->waiter);
}

static void filling_run(struct job *j)
{
	struct filling *f = container_of(j, struct filling, job);
	int64_t n = waiter_take_error(&f->waiter);

	while (n >= 0 && f->next < f->chunk->at.to) {
		if (atomic_load(&f->r->stop))
			n = -ENOTCONN;
		else if (chunk_abandoned(f->chunk))
			n = -ECANCELED;
		else
			n = take_piece(f);
		if (n == PARKED)
			return; /* it may be running again by now */
		if (n == 0)
			n = -EIO; /* the member is shorter than its size */
		if (n > 0)
			f->next += (uint64_t)n;
	}
	chunk_end(f->chunk, (int)MIN(n, 0));
	free(f);
}

static void wake_filling(struct waiter *w)
{
	struct filling *f = container_of(w, struct filling, waiter);

	pool_submit(f->r->outer->c.st->pool, &f->job, f->class);
}

static void filling_hurry(struct chunk *c)
{
	struct filling *f = c->maker;

	f->class = JOB_DEMAND;
	pool_raise(f->r->outer->c.st->pool, &f->job, JOB_DEMAND);
}

static int member_chunk(struct reader *reader, struct range at, bool demand, struct chunk **out)
{
	struct memberreader *r = memberreader_of(reader);
	AUTO(auto_free) struct filling *f = calloc(1, sizeof(*f));

	if (atomic_load(&r->stop))
		return -ENOTCONN;
	if (!f || !(f->chunk = chunk_new(reader->memory, at)))
		return -ENOMEM;
	*out = f->chunk;
	f->chunk->maker = f;
	f->chunk->hurry = filling_hurry;
	f->r = r;
	f->class = demand ? JOB_DEMAND : JOB_IDLE;
	f->next = f->ordered = at.from;
	f->job.run = filling_run;
	waiter_init(&f->waiter, wake_filling);
	pool_submit(r->outer->c.st->pool, &steal(&f)->job, demand ? JOB_DEMAND : JOB_IDLE);
	return 0;
}

static const struct reader_ops member_ops = { member_pread, member_chunk };

/* The extents are read-only and few; a copy of its own makes the member independent of its row. */
static int copy_member(struct member *to, const struct member *m)
{
	size_t n = m->n_extents * sizeof(*m->extents);

	*to = *m;
	to->link = NULL;
	to->extents = NULL;
	if (n == 0)
		return 0;
	to->extents = malloc(n);
	if (!to->extents)
		return -ENOMEM;
	memcpy(to->extents, m->extents, n);
	return 0;
}

/* By where the bytes are, and in which layout of the stream: the row may be another's when the outer
 * index was made anew, with names read differently. */
static int identify(struct memberreader *r)
{
	const struct member *m = &r->m;
	uint32_t map = crc32c(0, m->extents, m->n_extents * sizeof(*m->extents));
	char place[200];

	snprintf(place, sizeof(place),
		 "%d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d %" PRIu32
		 " %" PRIu32,
		 (int)m->layer, m->off, m->stored, m->packed_off, m->packed, m->size, m->sparse,
		 m->n_extents, map);
	return digest_strings(r->identity, "member", r->outer->c.raw->identity, r->outer->layer,
			      place, NULL);
}

int memberreader_new(struct archive *outer, const struct member *m, struct memberreader **out)
{
	struct memberreader *r = calloc(1, sizeof(*r));
	int e = r ? copy_member(&r->m, m) : -ENOMEM;

	if (e == 0) {
		r->outer = outer;
		e = identify(r);
	}
	if (e < 0) {
		memberreader_free(r);
		return e;
	}
	r->reader = (struct reader){ .ops = &member_ops,
				     .size = m->size,
				     .identity = r->identity,
				     .ahead_max = AHEAD_MAX,
				     .memory = outer->c.st->memory };
	*out = r;
	return 0;
}

const char *memberreader_outer(const struct memberreader *r)
{
	return r->outer->c.raw->identity;
}

struct reader *memberreader_reader(struct memberreader *r)
{
	return &r->reader;
}

void memberreader_stop(struct memberreader *r)
{
	atomic_store(&r->stop, true);
}

struct memberreader *memberreader_free(struct memberreader *r)
{
	if (r)
		member_free(&r->m);
	free(r);
	return NULL;
}
