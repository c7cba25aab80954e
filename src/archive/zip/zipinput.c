/* SPDX-License-Identifier: MPL-2.0 */
/* zipinput.c - see zipinput.h. */
#include "archive/zip/zipinput.h"

#include <errno.h>
#include <string.h>

#define BEYOND ((uint64_t)256 << 10) /* fetched at once when the guess was too low */
#define LEAST ((uint64_t)64 << 10)   /* a guess that grows by less is no reason for a request */

void zipinput_init(struct zipinput *in, struct archive *a, struct waiter *w, bool demand)
{
	*in = (struct zipinput){ .a = a, .w = w, .demand = demand };
}

void zipinput_free(struct zipinput *in)
{
	while (in->n > 0)
		chunk_free(in->chunk[--in->n]);
}

static void drop_first(struct zipinput *in)
{
	chunk_free(in->chunk[0]);
	in->n--;
	memmove(in->chunk, in->chunk + 1, in->n * sizeof(in->chunk[0]));
}

void zipinput_seek(struct zipinput *in, uint64_t at)
{
	if (in->n > 0 && (at < in->chunk[0]->at.from || at >= in->ordered))
		zipinput_free(in);
	while (in->n > 0 && at >= in->chunk[0]->at.to)
		drop_first(in);
	if (in->n == 0)
		in->ordered = at;
	in->at = at;
}

uint64_t zipinput_at(const struct zipinput *in)
{
	return in->at;
}

bool zipinput_ordered(const struct zipinput *in)
{
	return in->n > 0;
}

/* The end of the next range to order; where it begins: none now. */
static uint64_t next_end(const struct zipinput *in)
{
	uint64_t target = MIN(in->target, in->a->c.raw->size);

	if (in->n == ZIPINPUT_RANGES || in->ordered >= target)
		return in->ordered;
	if (in->n > 0 && target - in->ordered < LEAST)
		return in->ordered;
	return target - in->ordered <= ZIPINPUT_RANGE + LEAST ? target
							      : in->ordered + ZIPINPUT_RANGE;
}

static int order(struct zipinput *in, size_t min)
{
	struct reader *raw = in->a->c.raw;
	uint64_t to;

	if (in->at > raw->size || min > raw->size - in->at)
		return -ENODATA;
	if (in->n == 0 && in->target < in->at + min)
		in->target = in->at + MAX(min, BEYOND);
	while ((to = next_end(in)) > in->ordered) {
		int r = reader_chunk(raw, (struct range){ in->ordered, to }, in->demand,
				     &in->chunk[in->n]);

		if (r < 0)
			return r;
		in->n++;
		in->ordered = to;
	}
	return 0;
}

int zipinput_get(struct zipinput *in, size_t min, const unsigned char **p, size_t *n)
{
	struct chunk *c;
	int r;

	if (in->n > 0 && in->chunk[0]->at.to - in->at < min) { /* across two ranges: rare */
		zipinput_free(in);
		in->ordered = in->at;
	}
	r = order(in, min);
	if (r < 0)
		return r;
	c = in->chunk[0];
	r = chunk_wait(c, in->w);
	if (r < 0)
		return r;
	*p = c->data + (in->at - c->at.from);
	*n = (size_t)(c->at.to - in->at);
	return 0;
}

void zipinput_take(struct zipinput *in, size_t n)
{
	zipinput_seek(in, in->at + n);
}
