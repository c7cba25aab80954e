/* SPDX-License-Identifier: MPL-2.0 */
/* memberreader.c - see memberreader.h. */
#include "archive/memberreader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "archive/state.h"
#include "base/digest.h"
#include "store/chunkfill.h"

#define AHEAD_MAX (4u << 20) /* the outer archive's blocks are read ahead besides */

struct memberreader {
	struct reader reader;
	struct archive *outer;
	struct member m;
	char identity[DIGEST_HEX];
	_Atomic bool stop;
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

static int member_chunk(struct reader *reader, struct range at, bool demand, struct chunk **out)
{
	struct memberreader *r = memberreader_of(reader);

	if (atomic_load(&r->stop))
		return -ENOTCONN;
	return chunk_by_pread(r->outer->c.st->pool, reader, at, demand, out);
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
