/* SPDX-License-Identifier: MPL-2.0 */
/* chunkfill.c - see chunkfill.h. */
#include "store/chunkfill.h"

#include <errno.h>

#include "store/blocks.h"

#define RUN ((uint64_t)4 << 20) /* ordered at once; then taken block by block as it comes */

/* A chunk on its way. */
struct filling {
	struct job job;
	struct waiter waiter;
	struct pool *pool;
	struct reader *r;
	struct chunk *chunk;
	_Atomic enum job_class class;
	uint64_t next;	  /* byte that is copied next */
	uint64_t ordered; /* everything before this has been asked for */
};

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
	return reader_pread(f->r, f->chunk->data + (f->next - f->chunk->at.from), (size_t)len,
			    f->next, &f->waiter);
}

static void filling_run(struct job *j)
{
	struct filling *f = container_of(j, struct filling, job);
	int64_t n = waiter_take_error(&f->waiter);

	while (n >= 0 && f->next < f->chunk->at.to) {
		if (chunk_abandoned(f->chunk))
			n = -ECANCELED;
		else
			n = take_piece(f);
		if (n == PARKED)
			return; /* it may be running again by now */
		if (n == 0)
			n = -EIO; /* it is shorter than its size */
		if (n > 0)
			f->next += (uint64_t)n;
	}
	chunk_end(f->chunk, (int)MIN(n, 0));
	free(f);
}

static void wake_filling(struct waiter *w)
{
	struct filling *f = container_of(w, struct filling, waiter);

	pool_submit(f->pool, &f->job, f->class);
}

static void filling_hurry(struct chunk *c)
{
	struct filling *f = c->maker;

	f->class = JOB_DEMAND;
	pool_raise(f->pool, &f->job, JOB_DEMAND);
}

int chunk_by_pread(struct pool *pool, struct reader *r, struct range at, bool demand,
		   struct chunk **out)
{
	AUTO(auto_free) struct filling *f = calloc(1, sizeof(*f));

	if (!f || !(f->chunk = chunk_new(r->memory, at)))
		return -ENOMEM;
	*out = f->chunk;
	f->chunk->maker = f;
	f->chunk->hurry = filling_hurry;
	f->r = r;
	f->pool = pool;
	f->class = demand ? JOB_DEMAND : JOB_IDLE;
	f->next = f->ordered = at.from;
	f->job.run = filling_run;
	waiter_init(&f->waiter, wake_filling);
	pool_submit(pool, &steal(&f)->job, demand ? JOB_DEMAND : JOB_IDLE);
	return 0;
}
